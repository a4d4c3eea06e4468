package epoch_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/epoch"
	"pgregory.net/rapid"
)

var (
	production = epoch.Lengths{PocExchange: 60, PocValidationExchange: 60, ModelLoading: 120, Inference: 15_000}
	testnet    = epoch.Lengths{PocExchange: 8, PocValidationExchange: 8, ModelLoading: 4, Inference: 35}
)

// legalLengths draws any lengths that governance could set, short ones often.
func legalLengths() *rapid.Generator[epoch.Lengths] {
	return rapid.Custom(func(t *rapid.T) epoch.Lengths {
		l := epoch.Lengths{
			PocExchange:           blocks(2).Draw(t, "poc_exchange_blocks"),
			PocValidationExchange: blocks(4).Draw(t, "poc_validation_exchange_blocks"),
			ModelLoading:          blocks(3).Draw(t, "model_loading_blocks"),
		}
		l.Inference = l.PocPeriod() + blocks(0).Draw(t, "inference_blocks beyond P")
		return l
	})
}

func blocks(least uint64) *rapid.Generator[uint64] {
	return rapid.OneOf(rapid.Uint64Range(least, least+6), rapid.Uint64Range(least, 1_000_000))
}

func TestPeriodsCountTheirStages(t *testing.T) {
	cases := []struct {
		name         string
		l            epoch.Lengths
		p, g, cycles uint64
	}{
		{"production", production, 245, 61, 15_245},
		{"testnet", testnet, 25, 9, 60},
		{"the shortest legal epoch", epoch.Lengths{PocExchange: 2, PocValidationExchange: 4, ModelLoading: 3, Inference: 14}, 14, 3, 28},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.p, tc.l.PocPeriod())
			require.Equal(t, tc.g, tc.l.Generation())
			require.Equal(t, tc.cycles, tc.l.Cycle())
		})
	}
}

func TestTheTestnetsFirstRoundHasTheseHeights(t *testing.T) {
	genesis, err := epoch.Genesis(1, testnet)
	require.NoError(t, err)
	require.Equal(t, epoch.Heights{SetNewValidators: 0, NextPocStart: 36}, genesis)

	round, err := epoch.Open(36, testnet)
	require.NoError(t, err)
	require.Equal(t, epoch.Heights{
		PocStart: 36, PocEnd: 45, PocValidationStart: 46, PocValidationEnd: 55,
		SetNewValidators: 60, NextPocStart: 96,
	}, round)
	require.Equal(t, epoch.Window{First: 37, Last: 45}, round.Batches())
	require.Equal(t, epoch.Window{First: 47, Last: 55}, round.Verdicts())
	require.Equal(t, int64(61), round.EffectiveFrom())
	require.Equal(t, int64(62), round.SignedFrom())
	require.Equal(t, epoch.Window{First: 92, Last: 95}, round.Allocation(4))
}

func TestStageChangesExactlyAtItsBoundary(t *testing.T) {
	round, err := epoch.Open(36, testnet)
	require.NoError(t, err)
	cases := []struct {
		height int64
		want   epoch.Stage
	}{
		{36, epoch.PocStart},
		{37, epoch.PocExchange},
		{44, epoch.PocExchange},
		{45, epoch.PocEnd},
		{46, epoch.PocValidationStart},
		{47, epoch.PocValidationExchange},
		{54, epoch.PocValidationExchange},
		{55, epoch.PocValidationEnd},
		{56, epoch.ModelLoading},
		{59, epoch.ModelLoading},
		{60, epoch.SetNewValidators},
		{61, epoch.Inference},
		{95, epoch.Inference},
	}
	for _, tc := range cases {
		got, err := round.StageAt(tc.height)
		require.NoError(t, err)
		require.Equal(t, tc.want, got, "height %d", tc.height)
	}
	for _, height := range []int64{0, -1, 35, 96, math.MaxInt64, math.MinInt64} {
		_, err := round.StageAt(height)
		require.ErrorIs(t, err, epoch.ErrOutside, "height %d", height)
	}
}

func TestGenesisIsInferenceAndNothingElse(t *testing.T) {
	genesis, err := epoch.Genesis(100, testnet)
	require.NoError(t, err)
	require.True(t, genesis.IsGenesis())
	for height := int64(100); height < 135; height++ {
		stage, err := genesis.StageAt(height)
		require.NoError(t, err)
		require.Equal(t, epoch.Inference, stage)
	}
	for _, height := range []int64{0, 1, 99, 135} {
		_, err := genesis.StageAt(height)
		require.ErrorIs(t, err, epoch.ErrOutside, "height %d", height)
	}
	for _, height := range []int64{0, 1, 99, 100, 134} {
		require.False(t, genesis.Batches().Contains(height))
		require.False(t, genesis.Verdicts().Contains(height))
	}
	require.Equal(t, epoch.Window{First: 131, Last: 134}, genesis.Allocation(4))
}

func TestWindowsOfTheStagesTileTheCycle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, err := epoch.Open(rapid.Int64Range(1, 1<<40).Draw(t, "a"), legalLengths().Draw(t, "lengths"))
		require.NoError(t, err)
		next := h.PocStart
		for _, stage := range epoch.Stages() {
			window := h.Window(stage)
			require.Equal(t, next, window.First, "%s", stage)
			require.NotZero(t, window.Blocks(), "%s", stage)
			for _, height := range []int64{window.First, window.Last} {
				got, err := h.StageAt(height)
				require.NoError(t, err)
				require.Equal(t, stage, got)
			}
			next = window.Last + 1
		}
		require.Equal(t, h.NextPocStart, next)
		require.Equal(t, nothing, h.Window(epoch.StageUnspecified))
	})
}

var nothing = epoch.Window{First: 0, Last: -1}

func TestMessagesAreAcceptedOnlyAfterTheHashTheyDependOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := legalLengths().Draw(t, "lengths")
		h, err := epoch.Open(rapid.Int64Range(1, 1<<40).Draw(t, "a"), l)
		require.NoError(t, err)
		require.Equal(t, l.Generation(), h.Batches().Blocks())
		require.False(t, h.Batches().Contains(h.PocStart))
		require.False(t, h.Verdicts().Contains(h.PocValidationStart))
		require.False(t, h.Batches().Contains(h.PocValidationStart), "the seed must be younger than the last commitment")
		require.Equal(t, l.PocValidationExchange+1, h.Verdicts().Blocks())
		require.Equal(t, l.PocPeriod(), uint64(h.SetNewValidators-h.PocStart)+1)
		require.Equal(t, l.Inference, h.Window(epoch.Inference).Blocks())
	})
}

func TestAllocationIsTheEndOfInference(t *testing.T) {
	h, err := epoch.Open(36, testnet)
	require.NoError(t, err)
	require.Equal(t, uint64(0), h.Allocation(0).Blocks())
	require.Equal(t, epoch.Window{First: 95, Last: 95}, h.Allocation(1))
	require.Equal(t, h.Window(epoch.Inference), h.Allocation(35))
	require.Equal(t, h.Window(epoch.Inference), h.Allocation(math.MaxUint64))
}

func TestFormationFinishesTwoBlocksBeforeLoadingEnds(t *testing.T) {
	cases := []struct {
		name                      string
		loading, parameter, hosts uint64
		want                      uint64
	}{
		{"the parameter suffices", 120, 200, 10_000, 200},
		{"the parameter is exactly enough", 120, 200, 23_600, 200},
		{"one host more", 120, 200, 23_601, 201},
		{"the shortest loading forms all at once", 3, 1, 17, 17},
		{"lengths that no parameters give still form", 0, 1, 17, 17},
		{"no hosts", 120, 200, 0, 200},
		{"the most hosts", 4, 1, math.MaxUint64, 1 << 63},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, epoch.FormedPerBlock(tc.loading, tc.parameter, tc.hosts))
		})
	}
}

func TestHeightsRefuseWhatDoesNotFit(t *testing.T) {
	cases := []struct {
		name string
		from int64
		l    epoch.Lengths
		fits bool
	}{
		{"before the first block", 0, testnet, false},
		{"negative", math.MinInt64, testnet, false},
		{"the first block", 1, testnet, true},
		{"the last cycle there is", math.MaxInt64 - 60, testnet, true},
		{"one block too far", math.MaxInt64 - 59, testnet, false},
		{"a stage that would wrap around", 1, epoch.Lengths{PocExchange: math.MaxUint64}, false},
		{"an inference that would wrap around", 1, epoch.Lengths{Inference: math.MaxUint64 - 4}, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, openErr := epoch.Open(tc.from, tc.l)
			_, genesisErr := epoch.Genesis(tc.from, tc.l)
			if tc.fits {
				require.NoError(t, openErr)
				require.NoError(t, genesisErr)
				return
			}
			require.ErrorIs(t, openErr, epoch.ErrHeight)
			require.ErrorIs(t, genesisErr, epoch.ErrHeight)
		})
	}
}

func TestStagesHaveTheirNames(t *testing.T) {
	var names []string
	for _, stage := range epoch.Stages() {
		names = append(names, stage.String())
		require.Equal(t, stage != epoch.Inference, stage.InPocPeriod())
	}
	require.Equal(t, []string{
		"POC_START", "POC_EXCHANGE", "POC_END", "POC_VALIDATION_START", "POC_VALIDATION_EXCHANGE",
		"POC_VALIDATION_END", "MODEL_LOADING", "SET_NEW_VALIDATORS", "INFERENCE",
	}, names)
	require.Equal(t, "STAGE_UNSPECIFIED", epoch.StageUnspecified.String())
	require.Equal(t, "STAGE_10", epoch.Stage(10).String())
	require.False(t, epoch.StageUnspecified.InPocPeriod())
}
