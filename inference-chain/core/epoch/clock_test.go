package epoch_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/epoch"
	"pgregory.net/rapid"
)

// TestEveryHeightHasExactlyOneStage walks a chain block by block while governance
// changes the lengths at random heights, and checks that stages follow each other
// in order and last what was frozen for their epoch.
func TestEveryHeightHasExactlyOneStage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		short := rapid.Custom(func(t *rapid.T) epoch.Lengths {
			l := epoch.Lengths{
				PocExchange:           rapid.Uint64Range(2, 5).Draw(t, "exchange"),
				PocValidationExchange: rapid.Uint64Range(4, 7).Draw(t, "validation"),
				ModelLoading:          rapid.Uint64Range(3, 6).Draw(t, "loading"),
			}
			l.Inference = l.PocPeriod() + rapid.Uint64Range(0, 5).Draw(t, "more inference")
			return l
		})
		live := short.Draw(t, "genesis lengths")
		initial := rapid.Int64Range(1, 50).Draw(t, "initial height")
		clock, err := epoch.Start(initial, live)
		require.NoError(t, err)

		// liveAt[n] is what was in force when epoch n opened; genesis counts as 0.
		liveAt := []epoch.Lengths{live}
		counts := map[epoch.Stage]uint64{}
		previous := epoch.Inference
		for height := initial; height < initial+300; height++ {
			if rapid.IntRange(0, 9).Draw(t, "change?") == 0 {
				live = short.Draw(t, "changed lengths")
			}
			if clock.Due(height) {
				requireLengths(t, counts, clock, liveAt)
				counts = map[epoch.Stage]uint64{}
				clock, err = clock.Open(height, live)
				require.NoError(t, err)
				liveAt = append(liveAt, live)
				require.Equal(t, uint64(len(liveAt)-1), clock.Opened)
			}
			stage, err := clock.Heights.StageAt(height)
			require.NoError(t, err)
			require.Equal(t, 1, stagesHolding(clock.Heights, height))
			require.True(t, stage == previous || stage == previous%epoch.Inference+1,
				"%s follows %s at %d", stage, previous, height)
			counts[stage]++
			previous = stage
		}
	})
}

// requireLengths checks a finished cycle against the parameters that were in force
// one opening earlier.
func requireLengths(t *rapid.T, counts map[epoch.Stage]uint64, clock epoch.Clock, liveAt []epoch.Lengths) {
	if clock.Opened == 0 {
		require.Equal(t, map[epoch.Stage]uint64{epoch.Inference: liveAt[0].Inference}, counts)
		return
	}
	want := liveAt[clock.Opened-1]
	require.Equal(t, map[epoch.Stage]uint64{
		epoch.PocStart:              1,
		epoch.PocExchange:           want.PocExchange,
		epoch.PocEnd:                1,
		epoch.PocValidationStart:    1,
		epoch.PocValidationExchange: want.PocValidationExchange,
		epoch.PocValidationEnd:      1,
		epoch.ModelLoading:          want.ModelLoading,
		epoch.SetNewValidators:      1,
		epoch.Inference:             want.Inference,
	}, counts)
}

func stagesHolding(h epoch.Heights, height int64) int {
	holding := 0
	for _, stage := range epoch.Stages() {
		if h.Window(stage).Contains(height) {
			holding++
		}
	}
	return holding
}

func TestAChangeActsFromThePocStartAfterNext(t *testing.T) {
	changed := testnet
	changed.PocExchange = 20

	clock, err := epoch.Start(1, testnet)
	require.NoError(t, err)
	clock, err = clock.Open(36, changed) // governance changed it before this block's end
	require.NoError(t, err)
	require.Equal(t, int64(45), clock.Heights.PocEnd, "epoch 1 runs on genesis")
	clock, err = clock.Open(96, changed)
	require.NoError(t, err)
	require.Equal(t, uint64(2), clock.Opened)
	require.Equal(t, int64(117), clock.Heights.PocEnd, "epoch 2 runs on what was frozen at 36")
}

func TestAClockOpensOnlyWhenDue(t *testing.T) {
	clock, err := epoch.Start(1, testnet)
	require.NoError(t, err)
	for _, height := range []int64{1, 35, 37} {
		require.False(t, clock.Due(height))
		_, err = clock.Open(height, testnet)
		require.ErrorIs(t, err, epoch.ErrNotPocStart)
	}
	require.True(t, clock.Due(36))
	_, err = epoch.Start(0, testnet)
	require.ErrorIs(t, err, epoch.ErrHeight)
}

func TestAClockReportsLengthsThatDoNotFit(t *testing.T) {
	clock, err := epoch.Start(1, testnet)
	require.NoError(t, err)
	clock, err = clock.Open(36, epoch.Lengths{PocExchange: 1 << 63})
	require.NoError(t, err, "they are frozen, not yet used")
	_, err = clock.Open(96, testnet)
	require.ErrorIs(t, err, epoch.ErrHeight)
}
