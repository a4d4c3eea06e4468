package poc

import (
	"context"
	"database/sql"
	"fmt"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
)

// KindBatch is the kind of intents that commit batches.
const KindBatch = "poc_batch"

// priorities of intents: proofs before verdicts before everything else.
const (
	priorityBatch   = 0
	priorityVerdict = 1
)

// Commit cuts what is due at a height and sees to it that every batch is on
// the chain or on its way there. Calling it again changes nothing until
// something has. It returns how many intents it wrote.
func (p *Proofs) Commit(ctx context.Context, host string, terms Terms, height int64) (int, error) {
	intents := 0
	err := p.store.Write(ctx, func(tx *sql.Tx) (err error) {
		if height >= terms.Window.Last {
			return nil
		}
		if err := takeBack(ctx, tx, terms.Epoch); err != nil {
			return err
		}
		if _, err := p.cutAll(ctx, tx, terms, height); err != nil {
			return err
		}
		intents, err = submit(ctx, tx, host, terms)
		return err
	})
	return intents, err
}

// submit writes the intents for every batch that is neither on the chain nor
// on its way.
func submit(ctx context.Context, tx *sql.Tx, host string, terms Terms) (int, error) {
	loose, err := looseBatches(ctx, tx, terms.Epoch)
	if err != nil || len(loose) == 0 {
		return 0, err
	}
	// One message can carry the batches that wait and the new ones.
	if err := outbox.SupersedeKind(ctx, tx, KindBatch); err != nil {
		return 0, err
	}
	if loose, err = looseBatches(ctx, tx, terms.Epoch); err != nil {
		return 0, err
	}
	intents := 0
	for len(loose) > 0 {
		part := loose[:min(len(loose), types.MaxBatchesPerMessage)]
		loose = loose[len(part):]
		if err := enqueueBatches(ctx, tx, host, terms, part); err != nil {
			return 0, err
		}
		intents++
	}
	return intents, nil
}

// looseBatches returns the batches that no intent carries which is open or was
// accepted, by node and number.
func looseBatches(ctx context.Context, tx *sql.Tx, epoch uint64) ([]types.PocBatch, error) {
	rows, err := tx.QueryContext(ctx, `SELECT b.node_id, b.batch_id, b.count, b.root, b.lane_next
		FROM poc_batches b LEFT JOIN outbox o ON o.id = b.outbox_id
		WHERE b.epoch = ? AND (o.state IS NULL OR o.state IN ('rejected', 'expired', 'superseded'))
		ORDER BY b.node_id, b.batch_id`, epoch)
	if err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	defer rows.Close()
	var batches []types.PocBatch
	for rows.Next() {
		var b types.PocBatch
		var laneNext []byte
		if err := rows.Scan(&b.NodeId, &b.BatchId, &b.Count, &b.Root, &laneNext); err != nil {
			return nil, fmt.Errorf("proofs: %w", err)
		}
		b.LaneNext = unpack(laneNext)
		batches = append(batches, b)
	}
	return batches, rows.Err()
}

func enqueueBatches(ctx context.Context, tx *sql.Tx, host string, terms Terms, batches []types.PocBatch) error {
	key, err := nextKey(ctx, tx, KindBatch, terms.Epoch)
	if err != nil {
		return err
	}
	id, err := outbox.Enqueue(ctx, tx, outbox.Intent{
		Kind: KindBatch, Key: key, Epoch: terms.Epoch, Priority: priorityBatch, Deadline: terms.Window.Last,
		Message: &types.MsgSubmitPocBatch{Creator: host, EpochIndex: terms.Epoch, Batches: batches},
	})
	if err != nil {
		return err
	}
	for _, b := range batches {
		_, err := tx.ExecContext(ctx, `UPDATE poc_batches SET outbox_id = ? WHERE epoch = ? AND node_id = ? AND batch_id = ?`,
			id, terms.Epoch, b.NodeId, b.BatchId)
		if err != nil {
			return fmt.Errorf("proofs: %w", err)
		}
	}
	return nil
}

// nextKey numbers the intents of a kind within an epoch.
func nextKey(ctx context.Context, tx *sql.Tx, kind string, epoch uint64) (string, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE kind = ? AND epoch = ?`, kind, epoch).Scan(&n)
	if err != nil {
		return "", fmt.Errorf("proofs: %w", err)
	}
	return fmt.Sprintf("%s/%d/%d", kind, epoch, n+1), nil
}

// takeBack merges batches that the chain refused as sparser than chance with
// what has come since. A refused gap needs nothing: the batches before it are
// loose again and go first.
func takeBack(ctx context.Context, tx *sql.Tx, epoch uint64) error {
	rows, err := tx.QueryContext(ctx, `SELECT b.node_id, min(b.batch_id) FROM poc_batches b JOIN outbox o ON o.id = b.outbox_id
		WHERE b.epoch = ? AND o.state = 'rejected' AND o.codespace = ? AND o.code = ? GROUP BY b.node_id`,
		epoch, types.ErrSparseClaims.Codespace(), types.ErrSparseClaims.ABCICode())
	if err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	defer rows.Close()
	from := map[string]uint64{}
	for rows.Next() {
		var node string
		var batch uint64
		if err := rows.Scan(&node, &batch); err != nil {
			return fmt.Errorf("proofs: %w", err)
		}
		from[node] = batch
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	for node, batch := range from {
		if err := uncut(ctx, tx, epoch, node, batch); err != nil {
			return err
		}
	}
	return nil
}
