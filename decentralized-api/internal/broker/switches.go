package broker

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"ninefold.dev/decentralized-api/internal/config"
)

// nodeSwitch is the stored row of a node: the operator's switch and, for a
// node that was added while the broker ran, the node itself.
type nodeSwitch struct {
	spec    *config.Node
	enabled bool
}

// nodeSwitches are the stored rows by id.
type nodeSwitches map[string]nodeSwitch

// enabled says how a node of the file stands: on, unless the operator switched it off.
func (s nodeSwitches) enabled(id string) bool {
	row, known := s[id]
	return !known || row.enabled
}

func (b *Broker) loadSwitches(ctx context.Context) (nodeSwitches, error) {
	rows, err := b.store.Read().QueryContext(ctx, `SELECT id, spec, enabled FROM nodes`)
	if err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	defer rows.Close()
	switches := nodeSwitches{}
	for rows.Next() {
		var id string
		var spec sql.NullString
		var s nodeSwitch
		if err := rows.Scan(&id, &spec, &s.enabled); err != nil {
			return nil, fmt.Errorf("broker: %w", err)
		}
		if spec.Valid {
			s.spec = &config.Node{}
			if err := json.Unmarshal([]byte(spec.String), s.spec); err != nil {
				return nil, fmt.Errorf("broker: node %s: %w", id, err)
			}
		}
		switches[id] = s
	}
	return switches, rows.Err()
}

// saveNodes keeps all nodes, or none.
func (b *Broker) saveNodes(ctx context.Context, specs []config.Node) error {
	return b.store.Write(ctx, func(tx *sql.Tx) error {
		for _, spec := range specs {
			raw, err := json.Marshal(spec)
			if err != nil {
				return fmt.Errorf("broker: node %s: %w", spec.ID, err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO nodes (id, spec) VALUES (?, ?)
				ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, enabled = 1`, spec.ID, string(raw)); err != nil {
				return fmt.Errorf("broker: %w", err)
			}
		}
		return nil
	})
}

// saveSpec keeps a changed node; its switch stays.
func (b *Broker) saveSpec(ctx context.Context, spec config.Node) error {
	raw, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("broker: node %s: %w", spec.ID, err)
	}
	return b.exec(ctx, `UPDATE nodes SET spec = ? WHERE id = ?`, string(raw), spec.ID)
}

// forgetSpec leaves nothing of a node but its switch.
func (b *Broker) forgetSpec(ctx context.Context, id string) error {
	return b.exec(ctx, `UPDATE nodes SET spec = NULL WHERE id = ?`, id)
}

func (b *Broker) saveSwitch(ctx context.Context, id string, enabled bool) error {
	return b.exec(ctx, `INSERT INTO nodes (id, enabled) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled`, id, enabled)
}

func (b *Broker) deleteNode(ctx context.Context, id string) error {
	return b.exec(ctx, `DELETE FROM nodes WHERE id = ?`, id)
}

func (b *Broker) exec(ctx context.Context, query string, args ...any) error {
	return b.store.Write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("broker: %w", err)
		}
		return nil
	})
}
