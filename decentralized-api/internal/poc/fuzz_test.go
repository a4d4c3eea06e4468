package poc

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/x/inference/types"
)

// FuzzOpenings judges whatever a host may answer: it never panics, and always
// ends with a verdict that is consistent in itself.
func FuzzOpenings(f *testing.F) {
	positions := make([]uint64, 300)
	for i := range positions {
		positions[i] = uint64(2 * i)
	}
	tree, err := commit.NewTree(positions)
	require.NoError(f, err)
	claims := &dossier{host: judgedRaw, lanes: lanes, nodes: 1, batches: []dossierBatch{{
		node: "a", id: 1, claim: commit.Claim{Count: 300, Root: tree.Root(), Next: []uint64{600, 0, 0, 0}},
	}}}
	sample, err := claims.sample(seed, judgeRaw, sampleSize)
	require.NoError(f, err)
	var index []uint64
	for _, leaf := range sample {
		index = append(index, leaf.Index)
	}
	opening, err := tree.Open(index)
	require.NoError(f, err)
	honestAnswer, err := (&types.Openings{Batches: []types.BatchOpening{toWire(claims.batches[0], opening)}}).Marshal()
	require.NoError(f, err)
	f.Add(honestAnswer)
	f.Add([]byte{})
	f.Add(honestAnswer[:len(honestAnswer)/2])
	tr := trial{epoch: 5, holder: judgeRaw, name: judged, claims: claims, sample: sample}
	f.Fuzz(func(t *testing.T, answer []byte) {
		var o types.Openings
		if o.Unmarshal(answer) != nil {
			return
		}
		v, err := tr.judge(t.Context(), o, func(_ context.Context, _ plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
			for _, nonce := range nonces {
				require.Less(t, nonce, uint64(lanes*600), "only committed positions are recomputed")
			}
			return make([]mlnode.Decision, len(nonces)), nil
		})
		require.NoError(t, err)
		require.NoError(t, v.Finding().Validate(sampleSize))
	})
}
