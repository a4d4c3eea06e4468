package poc

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
	corepoc "ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

const sampleSize = 40

var (
	judgedRaw = [20]byte{7}
	judged    = chain.FormatAddress(judgedRaw)
	judgeRaw  = [20]byte{8}
	judgeName = chain.FormatAddress(judgeRaw)
	seed      = make([]byte, 32)
)

// exhibit is a host's round as the chain has it, with the broker's own store
// behind it.
type exhibit struct {
	*proofBench
	batches []types.PocBatch
	round   types.Round
	jury    []string
	err     error
}

func (e *exhibit) Fleet(context.Context, uint64, string) ([]chain.FleetNode, error) {
	// node "b" has the lower index, so claims are not numbered by node id
	return []chain.FleetNode{{ID: "z", Index: 0}, {ID: "b", Index: 1}, {ID: "a", Index: 2}}, nil
}

func (e *exhibit) Batches(context.Context, uint64, string) ([]types.PocBatch, error) {
	return e.batches, e.err
}

func (e *exhibit) Epoch(context.Context, uint64) (types.Epoch, error) {
	return types.Epoch{Params: types.Params{Lanes: lanes, SampleSize: sampleSize}}, nil
}

func (e *exhibit) Round(context.Context, uint64) (types.Round, error) { return e.round, nil }
func (e *exhibit) Jury(context.Context, uint64) ([]string, error)     { return e.jury, nil }

// newExhibit lets two nodes prove and commit two batches each.
func newExhibit(t *testing.T) *exhibit {
	t.Helper()
	e := &exhibit{proofBench: newProofBench(t), round: types.Round{SamplingSeed: seed}, jury: []string{judgeName, host20(9)}}
	for height := int64(101); height <= 102; height++ {
		for _, node := range []string{"a", "b"} {
			require.NoError(t, e.walk(node, 20))
		}
		e.commit(height)
		for _, in := range e.open() {
			e.batches = append(e.batches, in.message.Batches...)
			e.deliver(in)
		}
	}
	require.Len(t, e.batches, 4)
	return e
}

func host20(b byte) string { return chain.FormatAddress([20]byte{b}) }

func (e *exhibit) opener() *Opener {
	return NewOpener(e, e, e.proofs, judged, slog.New(slog.DiscardHandler))
}

func (e *exhibit) openings(t *testing.T) types.Openings {
	t.Helper()
	raw, err := e.opener().Openings(t.Context(), 5, judgeName)
	require.NoError(t, err)
	var o types.Openings
	require.NoError(t, o.Unmarshal(raw))
	return o
}

func (e *exhibit) trial(t *testing.T) trial {
	t.Helper()
	d, err := openDossier(t.Context(), e, 5, judged, lanes)
	require.NoError(t, err)
	sample, err := d.sample(seed, judgeRaw, sampleSize)
	require.NoError(t, err)
	require.Len(t, sample, sampleSize)
	return trial{epoch: 5, round: plan.Round{PublicKey: judgedRaw}, holder: judgeRaw, name: judged, claims: d, sample: sample}
}

// honest recomputes every nonce as valid with a digest of its own.
func honest(_ context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
	if round.PublicKey != judgedRaw {
		return nil, errors.New("another host's key")
	}
	decisions := make([]mlnode.Decision, len(nonces))
	for i, nonce := range nonces {
		decisions[i] = mlnode.Decision{Valid: true, Digest: [32]byte{byte(nonce), byte(nonce >> 8), 1}}
	}
	return decisions, nil
}

func TestHonestOpeningsLeadToAnHonestVerdictWithItsWork(t *testing.T) {
	e := newExhibit(t)
	tr := e.trial(t)
	v, err := tr.judge(t.Context(), e.openings(t), honest)
	require.NoError(t, err)
	require.Equal(t, types.Verdict{Participant: judged, Sampled: sampleSize, WorkProof: v.WorkProof}, v)
	require.NoError(t, v.Finding().Validate(sampleSize))

	found, err := tr.check(e.openings(t))
	require.NoError(t, err)
	decisions, err := honest(t.Context(), tr.round, found.nonces)
	require.NoError(t, err)
	digests := make([][32]byte, sampleSize)
	for i, d := range decisions {
		digests[i] = d.Digest
	}
	proof := corepoc.WorkProof(judgeRaw[:], judgedRaw[:], 5, digests)
	require.Equal(t, proof[:], v.WorkProof)
}

func TestWhatIsWrongWithOpeningsIsCountedLeafByLeaf(t *testing.T) {
	e := newExhibit(t)
	leaves := func(o types.Openings, i int) uint64 { return uint64(len(o.Batches[i].Index)) }
	for name, tc := range map[string]struct {
		spoil   func(*types.Openings) (invalid uint64)
		invalid uint64
	}{
		"nothing at all is opened": {spoil: func(o *types.Openings) uint64 { o.Batches = nil; return sampleSize }},
		"a batch is missing": {spoil: func(o *types.Openings) uint64 {
			n := leaves(*o, 1)
			o.Batches = append(o.Batches[:1], o.Batches[2:]...)
			return n
		}},
		"a batch has another name": {spoil: func(o *types.Openings) uint64 { o.Batches[0].NodeId = "x"; return leaves(*o, 0) }},
		"a position is changed":    {spoil: func(o *types.Openings) uint64 { o.Batches[0].X[0]++; return leaves(*o, 0) }},
		"a hash is cut short": {spoil: func(o *types.Openings) uint64 {
			o.Batches[0].Siblings[0].Hash = []byte{1}
			return leaves(*o, 0)
		}},
		"a sibling is too many": {spoil: func(o *types.Openings) uint64 {
			o.Batches[2].Siblings = append(o.Batches[2].Siblings, o.Batches[2].Siblings[0])
			return leaves(*o, 2)
		}},
		"batches of strangers do no harm": {spoil: func(o *types.Openings) uint64 {
			o.Batches = append(o.Batches, types.BatchOpening{NodeId: "q", BatchId: 9, Index: []uint64{1}, X: []uint64{1}})
			return 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := e.openings(t)
			invalid := tc.spoil(&o)
			v, err := e.trial(t).judge(t.Context(), o, honest)
			require.NoError(t, err)
			require.Equal(t, invalid, v.Invalid)
			require.False(t, v.Structural)
			require.Len(t, v.WorkProof, 32)
		})
	}
}

func TestANonceThatRecomputesAsNotValidIsInvalid(t *testing.T) {
	e := newExhibit(t)
	v, err := e.trial(t).judge(t.Context(), e.openings(t), func(ctx context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
		decisions, err := honest(ctx, round, nonces)
		for i := range 3 {
			decisions[i].Valid = false
		}
		return decisions, err
	})
	require.NoError(t, err)
	require.EqualValues(t, 3, v.Invalid)
}

func TestLeavesOutsideTheirRangeAreStructuralFraud(t *testing.T) {
	e := newExhibit(t)
	// The second batch of node b now claims to begin where it did not.
	for i := range e.batches {
		if e.batches[i].NodeId == "b" && e.batches[i].BatchId == 1 {
			e.batches[i].LaneNext = []uint64{40, 40, 40, 40}
		}
	}
	v, err := e.trial(t).judge(t.Context(), e.openings(t), honest)
	require.NoError(t, err)
	require.True(t, v.Structural)
	require.NotZero(t, v.Invalid)
	kind, err := corepoc.VerdictKind(v.Finding(), table(t))
	require.NoError(t, err)
	require.Equal(t, corepoc.Fraudulent, kind)
}

func table(t *testing.T) *corepoc.FraudTable {
	t.Helper()
	made, err := corepoc.NewFraudTable(fixed.One/2000, fixed.One/10_000_000)
	require.NoError(t, err)
	return made
}

func TestARecomputationThatFailsIsNoVerdict(t *testing.T) {
	e := newExhibit(t)
	for name, recompute := range map[string]Recompute{
		"an error":        func(context.Context, plan.Round, []uint64) ([]mlnode.Decision, error) { return nil, errors.New("no") },
		"too few answers": func(context.Context, plan.Round, []uint64) ([]mlnode.Decision, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := e.trial(t).judge(t.Context(), e.openings(t), recompute)
			require.Error(t, err)
		})
	}
}

func TestEveryJudgeGetsItsOwnSample(t *testing.T) {
	e := newExhibit(t)
	o := e.opener()
	first, err := o.Openings(t.Context(), 5, judgeName)
	require.NoError(t, err)
	second, err := o.Openings(t.Context(), 5, host20(9))
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	_, err = o.Openings(t.Context(), 5, host20(10))
	require.ErrorIs(t, err, ErrNoSeat)
}

func TestOpeningsWaitForTheSeedAndAreMadeOnce(t *testing.T) {
	e := newExhibit(t)
	o := e.opener()
	e.round.SamplingSeed = nil
	_, err := o.Openings(t.Context(), 5, judgeName)
	require.ErrorIs(t, err, ErrNotOpen)
	e.round.SamplingSeed = seed
	_, err = o.Openings(t.Context(), 5, judgeName)
	require.NoError(t, err)
	e.err = errors.New("the chain is gone")
	_, err = o.Openings(t.Context(), 5, judgeName)
	require.NoError(t, err, "the answers are kept")
	_, err = o.Openings(t.Context(), 6, judgeName)
	require.ErrorIs(t, err, e.err, "those of another epoch are not")
}

func TestABatchThatTheStoreLostHarmsNoOther(t *testing.T) {
	e := newExhibit(t)
	lost := e.batches[0]
	lost.NodeId, lost.BatchId = "z", 1
	e.batches = append(e.batches, lost)
	v, err := e.trial(t).judge(t.Context(), e.openings(t), honest)
	require.NoError(t, err)
	require.NotZero(t, v.Invalid)
	require.Less(t, v.Invalid, uint64(sampleSize))
}

// TestABatchWhoseContentIsDamagedStaysClosedAndTheOthersOpen: what is within a row no
// check of SQLite's sees.
func TestABatchWhoseContentIsDamagedStaysClosedAndTheOthersOpen(t *testing.T) {
	for name, damage := range map[string]string{
		"out of order":       `X'FFFFFFFFFFFFFFFF' || substr(positions, 9)`,
		"of another content": `substr(positions, 1, length(positions) - 1) || X'FF'`,
		"too short":          `substr(positions, 1, 8)`,
		"no whole positions": `substr(positions, 1, 11)`,
		"empty":              `X''`,
	} {
		t.Run(name, func(t *testing.T) {
			e := newExhibit(t)
			require.NoError(t, e.store.Write(t.Context(), func(tx *sql.Tx) error {
				_, err := tx.Exec(`UPDATE poc_batches SET positions = CAST(` + damage + ` AS BLOB)
					WHERE node_id = 'a' AND batch_id = 1`)
				return err
			}))
			o := e.openings(t)
			opened := map[string]bool{}
			for _, b := range o.Batches {
				opened[fmt.Sprintf("%s/%d", b.NodeId, b.BatchId)] = true
			}
			require.Equal(t, map[string]bool{"a/2": true, "b/1": true, "b/2": true}, opened)
		})
	}
}

func TestADossierThatDoesNotFitIsAnError(t *testing.T) {
	e := newExhibit(t)
	for name, spoil := range map[string]func(*types.PocBatch){
		"a node outside the fleet": func(b *types.PocBatch) { b.NodeId = "q" },
		"a root of no hash":        func(b *types.PocBatch) { b.Root = nil },
	} {
		t.Run(name, func(t *testing.T) {
			batches := append([]types.PocBatch(nil), e.batches...)
			spoil(&batches[0])
			_, err := openDossier(t.Context(), &exhibit{proofBench: e.proofBench, batches: batches}, 5, judged, lanes)
			require.Error(t, err)
		})
	}
}

func TestAnAnswerOfTheLargestSampleStaysFarBelowItsLimit(t *testing.T) {
	positions := make([]uint64, commit.MaxCount)
	for i := range positions {
		positions[i] = uint64(3 * i)
	}
	tree, err := commit.NewTree(positions)
	require.NoError(t, err)
	o := types.Openings{Participant: judged, Holder: judgeName}
	for batch := range 64 { // 1,000 leaves, spread as badly as they can be
		var index []uint64
		for i := range uint64(16) {
			index = append(index, i*4096+uint64(batch))
		}
		opening, err := tree.Open(index)
		require.NoError(t, err)
		o.Batches = append(o.Batches, toWire(dossierBatch{node: fmt.Sprint(batch), id: 1}, opening))
	}
	require.Less(t, o.Size(), MaxOpenings)
}
