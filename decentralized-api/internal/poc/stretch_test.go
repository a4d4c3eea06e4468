package poc

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
)

const lanes = 4

var stride = commit.Stride{NodeIndex: 1, NodeCount: 3, Lanes: lanes}

// drawWalk draws what a node walked after previous: lanes at different speeds,
// some of the nonces valid.
func drawWalk(r *rapid.T, previous []uint64) (laneNext, nonces []uint64) {
	laneNext = slices.Clone(previous)
	for lane := range laneNext {
		for range rapid.IntRange(0, 12).Draw(r, "walked") {
			if rapid.Bool().Draw(r, "valid") {
				nonce, err := stride.Nonce(uint64(lane), laneNext[lane])
				require.NoError(r, err)
				nonces = append(nonces, nonce)
			}
			laneNext[lane]++
		}
	}
	slices.Sort(nonces)
	return laneNext, nonces
}

func TestSplittingLosesNothingAndSeparatesWhatWasWalked(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		previous := rapid.SliceOfN(rapid.Uint64Range(0, 9), lanes, lanes).Draw(r, "previous")
		laneNext, nonces := drawWalk(r, previous)
		whole, err := takeIn(stride, previous, laneNext, nonces)
		require.NoError(r, err)
		require.Len(r, whole.positions, len(nonces))

		limit := rapid.IntRange(1, 20).Draw(r, "limit")
		head, rest := whole.split(previous, limit)
		require.Len(r, head.positions, min(limit, len(nonces)))
		require.Equal(r, laneNext, rest.laneNext)
		require.Equal(r, whole.positions, head.join(rest).positions)
		require.True(r, slices.IsSorted(head.positions))
		for lane := range head.laneNext {
			require.GreaterOrEqual(r, head.laneNext[lane], previous[lane])
			require.LessOrEqual(r, head.laneNext[lane], laneNext[lane])
		}
		for _, x := range head.positions {
			lane, k := commit.SplitPosition(x)
			require.Less(r, k, head.laneNext[lane])
			require.GreaterOrEqual(r, k, previous[lane])
		}
		for _, x := range rest.positions {
			lane, k := commit.SplitPosition(x)
			require.GreaterOrEqual(r, k, head.laneNext[lane])
		}
	})
}

func TestWhatNoCorrectNodeSendsIsRefused(t *testing.T) {
	previous, next := []uint64{5, 5, 5, 5}, []uint64{9, 9, 9, 9}
	nonce := func(lane, k uint64) uint64 {
		n, err := stride.Nonce(lane, k)
		require.NoError(t, err)
		return n
	}
	for name, tc := range map[string]struct {
		laneNext []uint64
		nonces   []uint64
	}{
		"too few lanes":              {next[1:], nil},
		"too many lanes":             {append(slices.Clone(next), 9), nil},
		"a lane that falls":          {[]uint64{9, 4, 9, 9}, nil},
		"a lane beyond its bound":    {[]uint64{9, 9, 9, commit.MaxLaneNext}, nil},
		"a nonce of another node":    {next, []uint64{nonce(0, 6) + 1}},
		"a nonce that was counted":   {next, []uint64{nonce(0, 4)}},
		"a nonce that is to come":    {next, []uint64{nonce(0, 9)}},
		"a nonce that is repeated":   {next, []uint64{nonce(0, 6), nonce(0, 6)}},
		"a nonce of a lane at rest":  {[]uint64{5, 9, 9, 9}, []uint64{nonce(0, 5)}},
		"a nonce one below its lane": {next, []uint64{nonce(3, 4)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := takeIn(stride, previous, tc.laneNext, tc.nonces)
			require.ErrorIs(t, err, ErrBadProof)
		})
	}
	_, err := takeIn(stride, previous, next, []uint64{nonce(0, 5), nonce(3, 8)})
	require.NoError(t, err, "both ends of what was walked")
}

func TestPackedNumbersComeBack(t *testing.T) {
	for _, values := range [][]uint64{{}, {0}, {1, 1 << 63}} {
		require.Equal(t, values, unpack(pack(values)))
	}
}

func TestWhenProofsAreCut(t *testing.T) {
	window := epoch.Window{First: 101, Last: 109}
	base := pace{window: window, maxBatches: 64, maxNonces: 100_000, pending: 10}
	for name, tc := range map[string]struct {
		change         func(*pace)
		partial, final bool
	}{
		"at the first block of the window":        {func(p *pace) { p.height = 101 }, true, false},
		"not twice at one height":                 {func(p *pace) { p.height, p.lastCut = 103, 103 }, false, false},
		"again a block later":                     {func(p *pace) { p.height, p.lastCut = 104, 103 }, true, false},
		"not in the block before the final cut":   {func(p *pace) { p.height = 106 }, false, false},
		"finally two blocks before the last":      {func(p *pace) { p.height = 107 }, true, true},
		"finally although just cut":               {func(p *pace) { p.height, p.lastCut = 107, 107 }, true, true},
		"finally in the last block but one":       {func(p *pace) { p.height = 108 }, true, true},
		"not when the batches would run out":      {func(p *pace) { p.height, p.batches = 103, 62 }, false, false},
		"as long as two batches stay":             {func(p *pace) { p.height, p.batches = 103, 61 }, true, false},
		"not when a fast node needs full batches": {func(p *pace) { p.height, p.maxNonces, p.pending, p.batches = 103, 1<<22, 1<<20, 14 }, false, false},
		"as long as full batches stay":            {func(p *pace) { p.height, p.maxNonces, p.pending, p.batches = 103, 1<<22, 1<<20, 13 }, true, false},
		"finally whatever was used":               {func(p *pace) { p.height, p.batches = 107, 63 }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := base
			tc.change(&p)
			require.Equal(t, tc.partial, p.partial())
			require.Equal(t, tc.final, p.final())
			require.False(t, p.over())
		})
	}
	last := base
	last.height = 109
	require.True(t, last.over())
	require.False(t, last.final(), "a transaction cannot be included any more")
}

func TestTheSmallestWindowIsClosedInItsFirstBlock(t *testing.T) {
	require.EqualValues(t, 101, finalHeight(epoch.Window{First: 101, Last: 103}))
	require.EqualValues(t, 101, finalHeight(epoch.Window{First: 101, Last: 102}))
}
