// Package poc carries a host through proof of compute: it keeps what the
// nodes prove, commits it, opens it to the judges, judges others, and says
// what every node should be doing.
package poc

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/inference-chain/core/commit"
)

// Proofs keeps the valid nonces of a round from the moment a node reports them
// until nobody can ask for them any more. What is in it is acknowledged, and
// what is acknowledged is in it.
type Proofs struct {
	store *store.Store
	cheat bool // testing only: see RepeatNonces
}

// NewProofs makes the keeper over a store.
func NewProofs(s *store.Store) *Proofs { return &Proofs{store: s} }

// Progress is how far a node has come in a round.
type Progress struct {
	LaneNext []uint64 // acknowledged
	Received uint64   // valid nonces acknowledged
	Closed   bool     // nothing more is taken in this round
}

// Begin returns from where a node has to go on in a round.
func (p *Proofs) Begin(ctx context.Context, node string, round plan.Round) (Progress, error) {
	var progress Progress
	err := p.store.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO poc_nodes (epoch, node_id, node_index, node_count, lane_next)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			round.Epoch, node, round.NodeIndex, round.NodeCount, pack(make([]uint64, round.Lanes)))
		if err != nil {
			return fmt.Errorf("proofs: %w", err)
		}
		progress, err = readProgress(ctx, tx, round.Epoch, node)
		return err
	})
	return progress, err
}

func readProgress(ctx context.Context, r store.Reader, epoch uint64, node string) (Progress, error) {
	var p Progress
	var laneNext []byte
	err := r.QueryRowContext(ctx, `SELECT lane_next, received, EXISTS (SELECT 1 FROM poc_closed WHERE epoch = ?1)
		FROM poc_nodes WHERE epoch = ?1 AND node_id = ?2`, epoch, node).Scan(&laneNext, &p.Received, &p.Closed)
	if err != nil {
		return Progress{}, fmt.Errorf("proofs of %s in epoch %d: %w", node, epoch, err)
	}
	p.LaneNext = unpack(laneNext)
	return p, nil
}

// Accept stores a batch of a node; it is then safe and may be acknowledged. It
// says whether the node may prove more. It returns mlnode.ErrClosed when the
// round is closed or the node had its maximum before, and ErrBadProof for what
// no correct node sends. Of a batch that passes the maximum, exactly what still
// fits is kept.
func (p *Proofs) Accept(ctx context.Context, node string, round plan.Round, batch mlnode.Batch) (more bool, err error) {
	if batch.Challenge != round.Challenge || batch.NodeIndex != round.NodeIndex ||
		!bytes.Equal(batch.PublicKey, round.PublicKey[:]) {
		return false, fmt.Errorf("%w: it belongs to another round", ErrBadProof)
	}
	stride := commit.Stride{NodeIndex: round.NodeIndex, NodeCount: round.NodeCount, Lanes: round.Lanes}
	err = p.store.Write(ctx, func(tx *sql.Tx) error {
		progress, err := readProgress(ctx, tx, round.Epoch, node)
		if err != nil {
			return err
		}
		if progress.Closed || progress.Received >= round.MaxNonces {
			return mlnode.ErrClosed
		}
		walked, err := takeIn(stride, progress.LaneNext, batch.LaneNext, batch.Nonces)
		if err != nil {
			return err
		}
		room := round.MaxNonces - progress.Received
		if p.cheat {
			repeatEachSecond(walked.positions)
		}
		kept, _ := walked.split(progress.LaneNext, int(min(room, 1<<31)))
		more = uint64(len(kept.positions)) < room
		return keep(ctx, tx, round.Epoch, node, kept)
	})
	return more, err
}

// keep appends a stretch to what is not in a batch yet.
func keep(ctx context.Context, tx *sql.Tx, epoch uint64, node string, s stretch) error {
	if err := insertChunk(ctx, tx, epoch, node, s); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE poc_nodes SET lane_next = ?, received = received + ? WHERE epoch = ? AND node_id = ?`,
		pack(s.laneNext), len(s.positions), epoch, node)
	if err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	return nil
}

func insertChunk(ctx context.Context, tx *sql.Tx, epoch uint64, node string, s stretch) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO poc_chunks (epoch, node_id, positions, lane_next) VALUES (?, ?, ?, ?)`,
		epoch, node, pack(s.positions), pack(s.laneNext))
	if err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	return nil
}

// closeRound takes nothing more from any node in an epoch.
func closeRound(ctx context.Context, tx *sql.Tx, epoch uint64) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO poc_closed (epoch) VALUES (?) ON CONFLICT DO NOTHING`, epoch); err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	return nil
}

// pending joins what a node has proven and is in no batch yet.
func pending(ctx context.Context, tx *sql.Tx, epoch uint64, node string) (stretch, error) {
	return readStretch(ctx, tx,
		`SELECT positions, lane_next FROM poc_chunks WHERE epoch = ? AND node_id = ? ORDER BY seq`, epoch, node)
}

// readStretch joins stretches that are selected in the order they were walked.
func readStretch(ctx context.Context, tx *sql.Tx, query string, args ...any) (stretch, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return stretch{}, fmt.Errorf("proofs: %w", err)
	}
	defer rows.Close()
	var whole stretch
	for rows.Next() {
		var positions, laneNext []byte
		if err := rows.Scan(&positions, &laneNext); err != nil {
			return stretch{}, fmt.Errorf("proofs: %w", err)
		}
		whole.positions = append(whole.positions, unpack(positions)...)
		whole.laneNext = unpack(laneNext)
	}
	slices.Sort(whole.positions)
	return whole, rows.Err()
}

// replacePending makes a stretch everything that is in no batch yet.
func replacePending(ctx context.Context, tx *sql.Tx, epoch uint64, node string, s stretch) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM poc_chunks WHERE epoch = ? AND node_id = ?`, epoch, node); err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	if len(s.positions) == 0 && len(s.laneNext) == 0 {
		return nil
	}
	return insertChunk(ctx, tx, epoch, node, s)
}

// Tally counts a node's proofs in a round.
type Tally struct {
	Received  uint64 `json:"received"`  // acknowledged
	Committed uint64 `json:"committed"` // accepted by the chain
	Batches   uint64 `json:"batches"`   // cut
}

// Tallies counts the proofs of every node in an epoch.
func (p *Proofs) Tallies(ctx context.Context, epoch uint64) (map[string]Tally, error) {
	rows, err := p.store.Read().QueryContext(ctx, `SELECT n.node_id, n.received,
			coalesce(sum(iif(o.state = 'committed', b.count, 0)), 0), count(b.batch_id)
		FROM poc_nodes n LEFT JOIN poc_batches b ON b.epoch = n.epoch AND b.node_id = n.node_id
			LEFT JOIN outbox o ON o.id = b.outbox_id
		WHERE n.epoch = ? GROUP BY n.node_id`, epoch)
	if err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	defer rows.Close()
	tallies := map[string]Tally{}
	for rows.Next() {
		var node string
		var t Tally
		if err := rows.Scan(&node, &t.Received, &t.Committed, &t.Batches); err != nil {
			return nil, fmt.Errorf("proofs: %w", err)
		}
		tallies[node] = t
	}
	return tallies, rows.Err()
}

// keptIntents is for how many epochs ended intents are kept for people.
const keptIntents = 10

// Forget drops the nonces and verdicts of epochs before one, and intents that
// ended long ago.
func (p *Proofs) Forget(ctx context.Context, before uint64) error {
	return p.store.Write(ctx, func(tx *sql.Tx) error {
		for _, forget := range []string{
			`DELETE FROM poc_chunks WHERE epoch < ?`, `DELETE FROM poc_batches WHERE epoch < ?`,
			`DELETE FROM poc_nodes WHERE epoch < ?`, `DELETE FROM poc_closed WHERE epoch < ?`,
			`DELETE FROM poc_verdicts WHERE epoch < ?`,
		} {
			if _, err := tx.ExecContext(ctx, forget, before); err != nil {
				return fmt.Errorf("proofs: %w", err)
			}
		}
		return outbox.Prune(ctx, tx, before-min(before, keptIntents))
	})
}

// positions returns the leaves of a batch, or nil when it is not there.
func (p *Proofs) positions(ctx context.Context, epoch uint64, node string, batch uint64) ([]uint64, error) {
	var raw []byte
	err := p.store.Read().QueryRowContext(ctx,
		`SELECT positions FROM poc_batches WHERE epoch = ? AND node_id = ? AND batch_id = ?`,
		epoch, node, batch).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	return unpack(raw), nil
}
