package poc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Terms are what an epoch's parameters say about commitments.
type Terms struct {
	Epoch  uint64
	Window epoch.Window // in which batches are accepted
	Limits commit.Limits
}

// TermsOf reads the terms from an epoch's record.
func TermsOf(record types.Epoch) (Terms, error) {
	p, err := fixed.Parse(record.Params.ValidFraction)
	if err != nil {
		return Terms{}, fmt.Errorf("epoch %d: valid_fraction: %w", record.Index, err)
	}
	h := record.Heights
	return Terms{
		Epoch:  record.Index,
		Window: epoch.Heights{PocStart: h.PocStart, PocEnd: h.PocEnd}.Batches(),
		Limits: commit.Limits{
			Lanes: record.Params.Lanes, MaxBatches: record.Params.MaxBatchesPerNode,
			MaxNonces: record.Params.MaxNoncesPerNode, ValidFraction: p,
		},
	}, nil
}

// cutAll turns a round's proofs into batches as its pace allows, closes the
// round when it is time, and returns how many batches are new. Every batch it
// cuts is one that the chain accepts after those before it.
func (p *Proofs) cutAll(ctx context.Context, tx *sql.Tx, terms Terms, height int64) (int, error) {
	beat := pace{window: terms.Window, height: height}
	if beat.over() {
		return 0, nil
	}
	if beat.final() {
		if err := closeRound(ctx, tx, terms.Epoch); err != nil {
			return 0, err
		}
	}
	nodes, err := nodesOf(ctx, tx, terms.Epoch)
	if err != nil {
		return 0, err
	}
	total := 0
	for _, node := range nodes {
		cut, err := p.cutNode(ctx, tx, terms, node, height)
		if err != nil {
			return 0, fmt.Errorf("node %s: %w", node, err)
		}
		total += cut
	}
	return total, nil
}

func nodesOf(ctx context.Context, tx *sql.Tx, epoch uint64) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT node_id FROM poc_nodes WHERE epoch = ? ORDER BY node_id`, epoch)
	if err != nil {
		return nil, fmt.Errorf("proofs: %w", err)
	}
	defer rows.Close()
	var nodes []string
	for rows.Next() {
		var node string
		if err := rows.Scan(&node); err != nil {
			return nil, fmt.Errorf("proofs: %w", err)
		}
		nodes = append(nodes, node)
	}
	return nodes, rows.Err()
}

// cutNode cuts full batches, and a partial one where the pace allows it. What is left
// of a node that has used all of its batches is lost, and nothing of the others.
func (p *Proofs) cutNode(ctx context.Context, tx *sql.Tx, terms Terms, node string, height int64) (int, error) {
	state, lastCut, err := committed(ctx, tx, terms.Epoch, node)
	if err != nil {
		return 0, err
	}
	walked, err := pending(ctx, tx, terms.Epoch, node)
	if err != nil {
		return 0, err
	}
	beat := pace{
		window: terms.Window, height: height, lastCut: lastCut,
		batches: state.LastID, maxBatches: terms.Limits.MaxBatches,
		claimed: state.Claimed, maxNonces: terms.Limits.MaxNonces, pending: uint64(len(walked.positions)),
	}
	cut := 0
	for state.LastID < terms.Limits.MaxBatches &&
		(len(walked.positions) >= commit.MaxCount || len(walked.positions) > 0 && beat.partial()) {
		head, rest := walked.split(state.LaneNext, commit.MaxCount)
		batch, err := p.batchOf(state.LastID+1, head)
		if err != nil {
			return 0, err
		}
		next, err := commit.AcceptBatch(state, batch, terms.Limits)
		if errors.Is(err, commit.ErrSparseClaims) {
			break // it passes together with what comes next
		}
		if err != nil {
			return 0, err
		}
		if err := insertBatch(ctx, tx, terms.Epoch, node, batch, head, height); err != nil {
			return 0, err
		}
		state, walked = next, rest
		cut++
	}
	if cut == 0 {
		return 0, nil
	}
	return cut, replacePending(ctx, tx, terms.Epoch, node, walked)
}

func (p *Proofs) batchOf(id uint64, s stretch) (commit.Batch, error) {
	tree, err := p.tree(s.positions)
	if err != nil {
		return commit.Batch{}, err
	}
	root := tree.Root()
	return commit.Batch{ID: id, Count: tree.Count(), Root: root[:], LaneNext: s.laneNext}, nil
}

func insertBatch(ctx context.Context, tx *sql.Tx, epoch uint64, node string, b commit.Batch, s stretch, height int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO poc_batches
		(epoch, node_id, batch_id, count, root, lane_next, positions, height) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		epoch, node, b.ID, b.Count, b.Root, pack(b.LaneNext), pack(s.positions), height)
	if err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	return nil
}

// committed is a node's state after all batches that were cut, and the height
// at which the last one was.
func committed(ctx context.Context, tx *sql.Tx, epoch uint64, node string) (commit.State, int64, error) {
	var state commit.State
	var lastCut int64
	var laneNext []byte
	err := tx.QueryRowContext(ctx, `SELECT batch_id, lane_next, height,
			(SELECT sum(count) FROM poc_batches WHERE epoch = ?1 AND node_id = ?2)
		FROM poc_batches WHERE epoch = ?1 AND node_id = ?2 ORDER BY batch_id DESC LIMIT 1`,
		epoch, node).Scan(&state.LastID, &laneNext, &lastCut, &state.Claimed)
	if errors.Is(err, sql.ErrNoRows) {
		return commit.State{}, 0, nil
	}
	if err != nil {
		return commit.State{}, 0, fmt.Errorf("proofs: %w", err)
	}
	state.LaneNext = unpack(laneNext)
	return state, lastCut, nil
}

// uncut takes back the batches of an intent that the chain refused as sparse,
// and those cut after them: their proofs go into the next batch, together with
// what has come since.
func uncut(ctx context.Context, tx *sql.Tx, epoch uint64, node string, from uint64) error {
	whole, err := readStretch(ctx, tx, `SELECT positions, lane_next FROM poc_batches
		WHERE epoch = ? AND node_id = ? AND batch_id >= ? ORDER BY batch_id`, epoch, node, from)
	if err != nil {
		return err
	}
	later, err := pending(ctx, tx, epoch, node)
	if err != nil {
		return err
	}
	if len(later.laneNext) > 0 {
		whole = whole.join(later)
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM poc_batches WHERE epoch = ? AND node_id = ? AND batch_id >= ?`, epoch, node, from)
	if err != nil {
		return fmt.Errorf("proofs: %w", err)
	}
	return replacePending(ctx, tx, epoch, node, whole)
}

// RoundOf is the round of one node of a host in an epoch.
func RoundOf(record types.Epoch, round types.Round, host [20]byte, index, count uint64) plan.Round {
	p, m := record.Params, record.Params.PocModel
	r := plan.Round{
		Epoch: record.Index, Challenge: fmt.Sprintf("%x", round.Challenge), Height: round.ChallengeHeight,
		PublicKey: host, NodeIndex: index, NodeCount: count,
		PocVersion: p.PocVersion, Lanes: p.Lanes,
		ValidFraction: p.ValidFraction, RTarget: p.RTarget, Cq: p.Cq, MaxNonces: p.MaxNoncesPerNode,
	}
	if m != nil {
		r.Network = plan.Network{
			Dim: m.Dim, Layers: m.NLayers, Heads: m.NHeads, KVHeads: m.NKvHeads, Vocab: m.VocabSize,
			FFNMultiplier: m.FfnDimMultiplier, MultipleOf: m.MultipleOf, SeqLen: m.SeqLen,
		}
	}
	return r
}
