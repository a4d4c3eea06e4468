package poc

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	errorsmod "cosmossdk.io/errors"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

const host = "nine1host"

var (
	theRound = plan.Round{
		Epoch: 5, Challenge: "aa", PublicKey: [20]byte{9}, NodeIndex: 1, NodeCount: 3, Lanes: lanes, MaxNonces: 1000,
	}
	theTerms = Terms{
		Epoch: 5, Window: epoch.Window{First: 101, Last: 121},
		Limits: commit.Limits{Lanes: lanes, MaxBatches: 64, MaxNonces: 1000, ValidFraction: fixed.One / 2},
	}
)

// proofBench is a broker's proofs and what the chain has of them.
type proofBench struct {
	t      testing.TB
	store  *store.Store
	proofs *Proofs
	chain  map[string]commit.State
	claims map[string][]uint64 // positions that the chain accepted
}

func newProofBench(t testing.TB) *proofBench {
	t.Helper()
	s, err := store.OpenUnsynced(context.Background(), t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return &proofBench{t: t, store: s, proofs: NewProofs(s), chain: map[string]commit.State{}, claims: map[string][]uint64{}}
}

func (b *proofBench) begin(node string) Progress {
	b.t.Helper()
	p, err := b.proofs.Begin(context.Background(), node, theRound)
	require.NoError(b.t, err)
	return p
}

func batchFrom(laneNext, nonces []uint64) mlnode.Batch {
	return mlnode.Batch{
		PublicKey: theRound.PublicKey[:], Challenge: theRound.Challenge, NodeIndex: theRound.NodeIndex,
		Nonces: nonces, LaneNext: laneNext,
	}
}

// walk lets a node walk steps in every lane with every second nonce valid.
func (b *proofBench) walk(node string, steps uint64) error {
	previous := b.begin(node).LaneNext
	next := slices.Clone(previous)
	var nonces []uint64
	for lane := range next {
		for range steps {
			if next[lane]%2 == 0 {
				nonce, err := stride.Nonce(uint64(lane), next[lane])
				require.NoError(b.t, err)
				nonces = append(nonces, nonce)
			}
			next[lane]++
		}
	}
	slices.Sort(nonces)
	_, err := b.proofs.Accept(context.Background(), node, theRound, batchFrom(next, nonces))
	return err
}

func (b *proofBench) commit(height int64) int {
	b.t.Helper()
	intents, err := b.proofs.Commit(context.Background(), host, theTerms, height)
	require.NoError(b.t, err)
	return intents
}

type openIntent struct {
	id      int64
	message types.MsgSubmitPocBatch
}

func (b *proofBench) open() []openIntent {
	b.t.Helper()
	rows, err := b.store.Read().QueryContext(context.Background(),
		`SELECT id, message FROM outbox WHERE state IN ('pending', 'signed') ORDER BY priority, id`)
	require.NoError(b.t, err)
	defer rows.Close()
	var open []openIntent
	for rows.Next() {
		var in openIntent
		var raw []byte
		require.NoError(b.t, rows.Scan(&in.id, &raw))
		var packed codectypes.Any
		require.NoError(b.t, packed.Unmarshal(raw))
		require.NoError(b.t, in.message.Unmarshal(packed.Value))
		open = append(open, in)
	}
	require.NoError(b.t, rows.Err())
	return open
}

func (b *proofBench) end(id int64, state string, code uint32) {
	b.t.Helper()
	require.NoError(b.t, b.store.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET state = ?, codespace = ?, code = ? WHERE id = ?`, state, types.ModuleName, code, id)
		return err
	}))
}

// refuse ends an intent with an error: in the block of a height, or at a chain node's
// door, which is height 0.
func (b *proofBench) refuse(id int64, err *errorsmod.Error, height int64) {
	b.t.Helper()
	require.NoError(b.t, b.store.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`UPDATE outbox SET state = 'rejected', codespace = ?, code = ?, height = ? WHERE id = ?`,
			err.Codespace(), err.ABCICode(), height, id)
		return err
	}))
}

// deliver lets the chain execute a message: all of it or nothing.
func (b *proofBench) deliver(in openIntent) {
	b.t.Helper()
	after := map[string]commit.State{}
	for _, batch := range in.message.Batches {
		state, seen := after[batch.NodeId]
		if !seen {
			state = b.chain[batch.NodeId]
		}
		next, err := commit.AcceptBatch(state, batch.Commitment(), theTerms.Limits)
		if err != nil {
			b.end(in.id, "rejected", types.ErrBatchGap.ABCICode())
			return
		}
		after[batch.NodeId] = next
	}
	for node, state := range after {
		b.chain[node] = state
	}
	for _, batch := range in.message.Batches {
		positions, err := b.proofs.positions(context.Background(), theRound.Epoch, batch.NodeId, batch.BatchId)
		require.NoError(b.t, err)
		tree, err := commit.NewTree(positions)
		require.NoError(b.t, err)
		root := tree.Root()
		require.Equal(b.t, batch.Root, root[:], "what is opened must be what was committed")
		b.claims[batch.NodeId] = append(b.claims[batch.NodeId], positions...)
	}
	b.end(in.id, "committed", 0)
}

func TestWhatWasAcknowledgedIsCommittedInOrder(t *testing.T) {
	b := newProofBench(t)
	for height := int64(101); height <= 121; height++ {
		if err := b.walk("a", 6); err != nil {
			require.ErrorIs(t, err, mlnode.ErrClosed)
		}
		b.commit(height)
		for _, in := range b.open() {
			b.deliver(in)
		}
	}
	progress := b.begin("a")
	require.True(t, progress.Closed)
	require.EqualValues(t, 19*lanes*3, progress.Received, "heights 101 to 119")
	require.Equal(t, progress.Received, b.chain["a"].Claimed)
	require.Equal(t, progress.LaneNext, b.chain["a"].LaneNext)
	require.Greater(t, b.chain["a"].LastID, uint64(5), "spread over the window")
	tallies, err := b.proofs.Tallies(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, Tally{Received: progress.Received, Committed: progress.Received, Batches: b.chain["a"].LastID}, tallies["a"])
}

func TestANodeIsCutAtExactlyItsMaximum(t *testing.T) {
	b := newProofBench(t)
	for range 3 {
		require.NoError(t, b.walk("a", 150)) // 300 valid each
	}
	require.NoError(t, b.walk("a", 150), "the batch that passes the maximum is taken in part")
	require.EqualValues(t, 1000, b.begin("a").Received)
	require.ErrorIs(t, b.walk("a", 150), mlnode.ErrClosed)
	b.commit(119)
	b.deliver(b.open()[0])
	require.EqualValues(t, 1000, b.chain["a"].Claimed)
}

func TestNothingIsTakenAfterTheFinalCut(t *testing.T) {
	b := newProofBench(t)
	require.NoError(t, b.walk("a", 6))
	require.Equal(t, 1, b.commit(119))
	require.ErrorIs(t, b.walk("a", 6), mlnode.ErrClosed)
	require.ErrorIs(t, b.walk("late", 6), mlnode.ErrClosed, "nor from a node that is new to the round")
	require.Zero(t, b.commit(120))
	require.Zero(t, b.commit(121))
}

func TestBatchesOfOneMessageWaitForTheNextInOneMessage(t *testing.T) {
	b := newProofBench(t)
	require.NoError(t, b.walk("a", 6))
	b.commit(101)
	first := b.open()[0]
	b.end(first.id, "signed", 0)
	require.NoError(t, b.walk("a", 6))
	b.commit(102)
	require.NoError(t, b.walk("a", 6))
	require.NoError(t, b.walk("b", 6))
	b.commit(103)
	open := b.open()
	require.Len(t, open, 2, "one under way, one that waits")
	var ids []string
	for _, batch := range open[1].message.Batches {
		ids = append(ids, fmt.Sprintf("%s%d", batch.NodeId, batch.BatchId))
	}
	require.Equal(t, []string{"a2", "a3", "b1"}, ids)
}

func TestARefusedGapBringsTheMissingBatchesFirst(t *testing.T) {
	b := newProofBench(t)
	require.NoError(t, b.walk("a", 6))
	b.commit(101)
	b.end(b.open()[0].id, "expired", 0)
	require.NoError(t, b.walk("a", 6))
	b.commit(102)
	require.Len(t, b.open()[0].message.Batches, 2)
	b.deliver(b.open()[0])
	require.EqualValues(t, 2, b.chain["a"].LastID)
}

func TestClaimsThatAreTooSparseWaitForTheNextBatch(t *testing.T) {
	b := newProofBench(t)
	next := []uint64{50, 50, 50, 50}
	b.begin("a")
	more, err := b.proofs.Accept(t.Context(), "a", theRound, batchFrom(next, []uint64{1}))
	require.NoError(t, err)
	require.True(t, more)
	require.Zero(t, b.commit(101), "one claim of 200 walked nonces would be refused")
	require.NoError(t, b.walk("a", 300))
	require.Equal(t, 1, b.commit(102))
	b.deliver(b.open()[0])
	require.EqualValues(t, 601, b.chain["a"].Claimed)
}

func TestBatchesThatTheChainFoundSparseAreMerged(t *testing.T) {
	b := newProofBench(t)
	require.NoError(t, b.walk("a", 6))
	b.commit(101)
	b.end(b.open()[0].id, "rejected", types.ErrSparseClaims.ABCICode())
	require.NoError(t, b.walk("a", 6))
	b.commit(102)
	in := b.open()[0]
	require.Len(t, in.message.Batches, 1)
	require.EqualValues(t, 1, in.message.Batches[0].BatchId)
	require.EqualValues(t, 2*lanes*3, in.message.Batches[0].Count)
	b.deliver(in)
	require.EqualValues(t, 2*lanes*3, b.chain["a"].Claimed)
}

func TestANodeWithoutBatchesLeftHoldsUpNoOther(t *testing.T) {
	b := newProofBench(t)
	terms := theTerms
	terms.Limits.MaxBatches = 1
	require.NoError(t, b.walk("a", 6))
	require.NoError(t, b.store.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := b.proofs.cutNode(t.Context(), tx, theTerms, "a", 103)
		return err
	}))
	require.NoError(t, b.walk("a", 6))
	require.NoError(t, b.walk("b", 6))
	_, err := b.proofs.Commit(t.Context(), host, terms, 119)
	require.NoError(t, err)
	for _, in := range b.open() {
		b.deliver(in)
	}
	require.EqualValues(t, 1, b.chain["a"].LastID)
	require.EqualValues(t, 3*lanes, b.chain["b"].Claimed)
}

func TestABatchOfAnotherRoundIsRefused(t *testing.T) {
	b := newProofBench(t)
	b.begin("a")
	for name, spoil := range map[string]func(*mlnode.Batch){
		"challenge": func(m *mlnode.Batch) { m.Challenge = "bb" },
		"node":      func(m *mlnode.Batch) { m.NodeIndex++ },
		"host":      func(m *mlnode.Batch) { m.PublicKey = []byte{1} },
	} {
		t.Run(name, func(t *testing.T) {
			batch := batchFrom([]uint64{1, 1, 1, 1}, nil)
			spoil(&batch)
			_, err := b.proofs.Accept(t.Context(), "a", theRound, batch)
			require.ErrorIs(t, err, ErrBadProof)
		})
	}
	require.Zero(t, b.begin("a").Received)
}

func TestForgottenEpochsLeaveNothing(t *testing.T) {
	b := newProofBench(t)
	require.NoError(t, b.walk("a", 6))
	b.commit(101)
	require.NoError(t, b.proofs.Forget(t.Context(), 5))
	require.EqualValues(t, 12, b.begin("a").Received)
	require.NoError(t, b.proofs.Forget(t.Context(), 6))
	require.Zero(t, b.begin("a").Received)
	positions, err := b.proofs.positions(t.Context(), 5, "a", 1)
	require.NoError(t, err)
	require.Nil(t, positions)
}

// TestWhateverTheChainDoesClaimsAreAcknowledgedNoncesEachOnce plays windows in
// which messages are accepted, lost, delayed or refused.
func TestWhateverTheChainDoesClaimsAreAcknowledgedNoncesEachOnce(t *testing.T) {
	b := newProofBench(t)
	rapid.Check(t, func(r *rapid.T) {
		b.chain, b.claims = map[string]commit.State{}, map[string][]uint64{}
		require.NoError(r, b.store.Write(context.Background(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`DELETE FROM poc_chunks; DELETE FROM poc_batches; DELETE FROM poc_nodes; DELETE FROM poc_closed; DELETE FROM outbox`)
			return err
		}))
		acknowledged := map[string]uint64{}
		for height := int64(111); height <= 120; height++ {
			node := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "node")
			steps := rapid.Uint64Range(0, 40).Draw(r, "steps")
			if b.walk(node, steps) == nil {
				acknowledged[node] = b.begin(node).Received
			}
			b.commit(height)
			fate := rapid.SampledFrom([]string{"deliver", "deliver", "lose", "sign", "sparse"}).Draw(r, "fate")
			if height >= 119 {
				fate = "deliver" // the last word is the chain's
			}
			for i, in := range b.open() {
				switch fate {
				case "deliver":
					b.deliver(in)
				case "lose":
					b.end(in.id, "expired", 0)
				case "sparse":
					b.end(in.id, "rejected", types.ErrSparseClaims.ABCICode())
				case "sign":
					if i == 0 {
						b.end(in.id, "signed", 0)
					}
				}
			}
		}
		for node, received := range acknowledged {
			require.Equal(r, received, b.chain[node].Claimed, node)
			positions := slices.Sorted(slices.Values(b.claims[node]))
			require.Len(r, slices.Compact(positions), int(received))
		}
	})
}
