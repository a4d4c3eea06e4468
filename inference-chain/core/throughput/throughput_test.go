package throughput_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/throughput"
	"pgregory.net/rapid"
)

const most = math.MaxUint64

var testnet = epoch.Lengths{PocExchange: 8, PocValidationExchange: 8, ModelLoading: 4, Inference: 35}

func ringOf(t require.TestingT, blocks uint64, tokens ...uint64) throughput.Ring {
	ring, err := throughput.NewRing(blocks)
	require.NoError(t, err)
	for i, n := range tokens {
		ring, err = ring.Advance(int64(i) + 1)
		require.NoError(t, err)
		ring, err = ring.Credit(int64(i)+1, n)
		require.NoError(t, err)
	}
	return ring
}

func TestAWindowIsScaledToAPeriod(t *testing.T) {
	ring := ringOf(t, 8, 1, 10, 100, 1_000)
	cases := []struct {
		name   string
		window epoch.Window
		period uint64
		want   uint64
	}{
		{"a whole period", epoch.Window{First: 2, Last: 4}, 3, 1_110},
		{"a shorter window, rounded down", epoch.Window{First: 1, Last: 3}, 7, 259},
		{"a longer window", epoch.Window{First: 1, Last: 4}, 2, 555},
		{"before the first block nothing was served", epoch.Window{First: -1, Last: 2}, 4, 11},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := throughput.MeasureModelThroughputForBlocks(ring, tc.window, tc.period)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err := throughput.MeasureModelThroughputForBlocks(ring, epoch.Window{First: 3, Last: 2}, 3)
	require.ErrorIs(t, err, throughput.ErrBlocks)
	_, err = throughput.MeasureModelThroughputForBlocks(ring, epoch.Window{First: 4, Last: 5}, 3)
	require.ErrorIs(t, err, throughput.ErrRing, "a block that has not come")
	full := ringOf(t, 4, 1, most, 1)
	_, err = throughput.MeasureModelThroughputForBlocks(full, epoch.Window{First: 1, Last: 2}, 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)
	_, err = full.Credit(2, 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestTheWindowsOfBothSlots(t *testing.T) {
	heights, err := epoch.Open(36, testnet)
	require.NoError(t, err)
	require.Equal(t, epoch.Window{First: 36, Last: 55}, throughput.PocWindow(heights), "stages 1 to 6")
	require.Equal(t, heights.PocValidationEnd, throughput.PocWindow(heights).Last)
	pre := throughput.PrePocWindow(heights, testnet.PocPeriod())
	require.Equal(t, epoch.Window{First: 71, Last: 95}, pre)
	require.Equal(t, testnet.PocPeriod(), pre.Blocks())
	require.Equal(t, heights.NextPocStart-1, pre.Last)
	require.Equal(t, heights.Window(epoch.Inference), throughput.PrePocWindow(heights, 36))
	genesis, err := epoch.Genesis(1, testnet)
	require.NoError(t, err)
	require.Zero(t, throughput.PocWindow(genesis).Blocks())
}

func TestARingKeepsItsNewestBlocksAlone(t *testing.T) {
	ring := ringOf(t, 3, 1, 10, 100, 1_000)
	require.False(t, ring.Holds(1))
	require.True(t, ring.Holds(2))
	require.False(t, ring.Holds(5))
	require.False(t, ring.Holds(0))
	_, err := ring.Credit(1, 5)
	require.ErrorIs(t, err, throughput.ErrRing)
	_, err = ring.Sum(epoch.Window{First: 1, Last: 4})
	require.ErrorIs(t, err, throughput.ErrRing, "never a partial sum")
	_, err = ring.Advance(3)
	require.ErrorIs(t, err, throughput.ErrBackwards)
	far, err := ring.Advance(1_000_000_000)
	require.NoError(t, err)
	sum, err := far.Sum(epoch.Window{First: 999_999_998, Last: 1_000_000_000})
	require.NoError(t, err)
	require.Zero(t, sum, "what fell out is forgotten, however far the ring moved")
	same, err := ring.Advance(4)
	require.NoError(t, err)
	require.Equal(t, ring, same, "advancing to the running block changes nothing")
	_, err = throughput.NewRing(0)
	require.ErrorIs(t, err, throughput.ErrRing)
}

func TestARingEqualsAListOfAllBlocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Uint64Range(1, 12).Draw(t, "blocks")
		ring, err := throughput.NewRing(size)
		require.NoError(t, err)
		all := map[int64]uint64{}
		var newest int64
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			newest += rapid.Int64Range(1, 5).Draw(t, "by")
			ring, err = ring.Advance(newest)
			require.NoError(t, err)
			height := newest - rapid.Int64Range(-1, 14).Draw(t, "back")
			tokens := rapid.Uint64Range(0, 1_000).Draw(t, "tokens")
			next, err := ring.Credit(height, tokens)
			require.Equal(t, ring.Holds(height), err == nil)
			if err == nil {
				ring, all[height] = next, all[height]+tokens
			}
		}
		first := newest - int64(rapid.Uint64Range(1, size).Draw(t, "window")) + 1
		var want uint64
		for h := first; h <= newest; h++ {
			want += all[h]
		}
		got, err := ring.Sum(epoch.Window{First: first, Last: newest})
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestTwoPeriodsHoldBothMeasurements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lengths := epoch.Lengths{
			PocExchange:           rapid.Uint64Range(2, 80).Draw(t, "exchange"),
			PocValidationExchange: rapid.Uint64Range(4, 80).Draw(t, "validation"),
			ModelLoading:          rapid.Uint64Range(3, 80).Draw(t, "loading"),
		}
		period := lengths.PocPeriod()
		lengths.Inference = period + rapid.Uint64Range(0, 80).Draw(t, "inference")
		heights, err := epoch.Open(1, lengths)
		require.NoError(t, err)
		ring, err := throughput.NewRing(throughput.RingBlocks(period))
		require.NoError(t, err)
		atStage6, err := ring.Advance(heights.PocValidationEnd)
		require.NoError(t, err)
		require.True(t, atStage6.Holds(throughput.PocWindow(heights).First))
		atTheEnd, err := ring.Advance(heights.NextPocStart - 1)
		require.NoError(t, err)
		require.True(t, atTheEnd.Holds(throughput.PrePocWindow(heights, period).First))
	})
}

func TestExpectationStartsFromWhatWasServed(t *testing.T) {
	require.Equal(t, uint64(0), throughput.Expected(throughput.Measured{Known: true}, 9))
	require.Equal(t, uint64(7), throughput.Expected(throughput.Measured{Tokens: 7, Known: true}, 9))
	require.Equal(t, uint64(9), throughput.Expected(throughput.Measured{}, 9))
}

func TestAPreservedNodeKeepsTheServedPart(t *testing.T) {
	cases := []struct {
		name                   string
		weight, real, expected uint64
		want                   uint64
	}{
		{"all of it", 100, 50, 50, 100},
		{"more than expected", 100, 51, 50, 100},
		{"a third, rounded down", 100, 1, 3, 33},
		{"nothing", 100, 0, 3, 0},
		{"nothing expected", 100, 0, 0, 100},
		{"the largest values", most, most - 1, most, most - 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, throughput.ValidateThroughputPerformance(tc.weight, tc.real, tc.expected))
		})
	}
}
