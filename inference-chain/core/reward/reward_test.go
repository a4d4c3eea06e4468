package reward_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	"ninefold.dev/inference-chain/core/reward"
	"pgregory.net/rapid"
)

const (
	most  = math.MaxUint64
	tenth = fixed.One / 10
)

func TestTheEpochRewardLeavesRoomForEveryBonus(t *testing.T) {
	cases := []struct {
		name string
		e    reward.Emission
		want uint64
	}{
		{"far from the cap", reward.Emission{251_084_150_938, 0, 1e15, tenth}, 251_084_150_938},
		{"exactly enough room", reward.Emission{1_000, 8_900, 10_000, tenth}, 1_000},
		{"one unine too little room", reward.Emission{1_000, 8_901, 10_000, tenth}, 999},
		{"no bonus", reward.Emission{1_000, 9_000, 10_000, 0}, 1_000},
		{"a bonus as large as the share", reward.Emission{1_000, 9_001, 10_000, fixed.One}, 499},
		{"one unine left", reward.Emission{1_000, 9_999, 10_000, tenth}, 0},
		{"nothing left", reward.Emission{1_000, 10_000, 10_000, tenth}, 0},
		{"a cap lowered below what is minted", reward.Emission{1_000, 10_001, 10_000, tenth}, 0},
		{"the subsidy has decayed away", reward.Emission{0, 0, 10_000, tenth}, 0},
		{"2^63 − 1 to mint", reward.Emission{most, 0, math.MaxInt64, 0}, math.MaxInt64},
		{"2^64 − 1 to mint at the full bonus", reward.Emission{most, 0, most, fixed.One}, math.MaxInt64},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.e.EpochReward()
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err := reward.Emission{Subsidy: 1, MaxSupply: 1, CoverageBonus: most}.EpochReward()
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestTheSubsidyDecaysToNothingWithinItsPool(t *testing.T) {
	p := params.Default()
	decay, err := fixed.Parse(p.DecayFactor)
	require.NoError(t, err)
	var minted, epochs uint64
	for subsidy := p.InitialEpochSubsidy; subsidy > 0; epochs++ {
		minted += subsidy
		next, err := reward.NextSubsidy(subsidy, decay)
		require.NoError(t, err)
		require.Less(t, next, subsidy)
		subsidy = next
	}
	// Both numbers come from an independent script; 6·10¹⁴ unine is 60 % of 10⁹ NINE.
	require.Equal(t, uint64(599_999_945_603_355), minted)
	require.Equal(t, uint64(45_507), epochs)
}

func TestASettlementShowsEveryStep(t *testing.T) {
	whole := reward.Epoch{Reward: 1_000, TotalWeight: 300, Blocks: 60, CoverageBonus: tenth}
	cases := []struct {
		name string
		host reward.Host
		want reward.Settlement
	}{
		{
			"a third, with everything done",
			reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 32, UnjailedBlocks: 60},
			reward.Settlement{ByWeight: 333, ByDuty: 333, ByPresence: 333, Share: 333, Total: 333, Reason: reward.ReasonPaid},
		},
		{
			"the same covering every model",
			reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 32, UnjailedBlocks: 60, Covers: true},
			reward.Settlement{ByWeight: 333, ByDuty: 333, ByPresence: 333, Share: 333, Bonus: 33, Total: 366, Reason: reward.ReasonCovered},
		},
		{
			"no seat was drawn",
			reward.Host{Weight: 100, UnjailedBlocks: 60},
			reward.Settlement{ByWeight: 333, ByDuty: 333, ByPresence: 333, Share: 333, Total: 333, Reason: reward.ReasonPaid},
		},
		{
			"half of the duty, two thirds of the time, rounded after each",
			reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 16, UnjailedBlocks: 40, Covers: true},
			reward.Settlement{ByWeight: 333, ByDuty: 166, ByPresence: 110, Share: 110, Bonus: 11, Total: 121, Reason: reward.ReasonReduced},
		},
		{
			"fraud",
			reward.Host{Weight: 100, SeatsDrawn: 1, SeatsCast: 1, UnjailedBlocks: 60, Covers: true, Forfeited: reward.ForfeitedFraud},
			reward.Settlement{ByWeight: 333, ByDuty: 333, ByPresence: 333, Forfeited: reward.ForfeitedFraud, Reason: reward.ReasonFraud},
		},
		{
			"a double sign",
			reward.Host{Weight: 300, UnjailedBlocks: 60, Forfeited: reward.ForfeitedDoubleSign},
			reward.Settlement{
				ByWeight: 1_000, ByDuty: 1_000, ByPresence: 1_000,
				Forfeited: reward.ForfeitedDoubleSign, Reason: reward.ReasonDoubleSign,
			},
		},
		{"no weight", reward.Host{UnjailedBlocks: 60, Covers: true}, reward.Settlement{Reason: reward.ReasonNoWeight}},
		{
			"no verdict cast",
			reward.Host{Weight: 100, SeatsDrawn: 3, UnjailedBlocks: 60},
			reward.Settlement{ByWeight: 333, Reason: reward.ReasonNoDuty},
		},
		{
			"the only seat without a verdict",
			reward.Host{Weight: 100, SeatsDrawn: 1, UnjailedBlocks: 60},
			reward.Settlement{ByWeight: 333, Reason: reward.ReasonNoDuty},
		},
		{
			"jailed from the first block",
			reward.Host{Weight: 100, SeatsDrawn: 3, SeatsCast: 3},
			reward.Settlement{ByWeight: 333, ByDuty: 333, Reason: reward.ReasonJailed},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := reward.GetSettleAmount(whole, tc.host)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	got, err := reward.GetSettleAmount(reward.Epoch{Reward: 2, TotalWeight: 300, Blocks: 1}, reward.Host{Weight: 149, UnjailedBlocks: 1})
	require.NoError(t, err)
	require.Equal(t, reward.Settlement{Reason: reward.ReasonRounded}, got)
}

func TestAHostCannotHaveMoreThanItsEpoch(t *testing.T) {
	whole := reward.Epoch{Reward: 10, TotalWeight: 3, Blocks: 4}
	cases := []struct {
		name  string
		epoch reward.Epoch
		host  reward.Host
		want  error
	}{
		{"an epoch without weight", reward.Epoch{Reward: 10, Blocks: 4}, reward.Host{}, reward.ErrEpoch},
		{"an epoch without blocks", reward.Epoch{Reward: 10, TotalWeight: 3}, reward.Host{}, reward.ErrEpoch},
		{"weight", whole, reward.Host{Weight: 4}, reward.ErrHost},
		{"seats", whole, reward.Host{Weight: 3, SeatsDrawn: 1, SeatsCast: 2}, reward.ErrHost},
		{"a seat that was never drawn", whole, reward.Host{Weight: 3, SeatsCast: 1}, reward.ErrHost},
		{"blocks", whole, reward.Host{Weight: 3, UnjailedBlocks: 5}, reward.ErrHost},
		{
			"a bonus beyond 64 bits",
			reward.Epoch{Reward: most, TotalWeight: 1, Blocks: 1, CoverageBonus: tenth},
			reward.Host{Weight: 1, UnjailedBlocks: 1, Covers: true},
			fixed.ErrOverflow,
		},
		{
			"a bonus factor beyond 64 bits",
			reward.Epoch{Reward: most, TotalWeight: 1, Blocks: 1, CoverageBonus: 2 * fixed.One},
			reward.Host{Weight: 1, UnjailedBlocks: 1, Covers: true},
			fixed.ErrOverflow,
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := reward.GetSettleAmount(tc.epoch, tc.host)
			require.ErrorIs(t, err, tc.want)
			_, err = reward.GetSettleAmounts(tc.epoch, []reward.Host{tc.host})
			require.ErrorIs(t, err, tc.want)
			require.ErrorContains(t, err, "host 0")
		})
	}
}

// exactly computes a settlement's total from the formula in unbounded integers.
func exactly(e reward.Epoch, h reward.Host) *big.Int {
	big64 := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	value := new(big.Int).Mul(big64(e.Reward), big64(h.Weight))
	value.Quo(value, big64(e.TotalWeight))
	if h.SeatsDrawn > 0 {
		value.Mul(value, big64(h.SeatsCast)).Quo(value, big64(h.SeatsDrawn))
	}
	value.Mul(value, big64(h.UnjailedBlocks)).Quo(value, big64(e.Blocks))
	if h.Forfeited != reward.ForfeitedNothing {
		return new(big.Int)
	}
	if h.Covers {
		bonus := new(big.Int).Mul(value, big64(uint64(e.CoverageBonus)))
		value.Add(value, bonus.Quo(bonus, big64(uint64(fixed.One))))
	}
	return value
}

func FuzzASettlementEqualsUnboundedIntegers(f *testing.F) {
	f.Add(uint64(1_000), uint64(300), uint64(60), uint64(tenth), uint64(100), uint64(32), uint64(31), uint64(59), true, uint8(0))
	f.Add(uint64(most), uint64(most), uint64(most), uint64(fixed.One), uint64(most), uint64(most), uint64(most), uint64(most), true, uint8(0))
	f.Add(uint64(1)<<63, uint64(1)<<61, uint64(1), uint64(0), uint64(1)<<61-1, uint64(0), uint64(0), uint64(1), false, uint8(1))
	f.Add(uint64(1)<<61, uint64(1)<<63, uint64(3), uint64(1), uint64(1)<<63-1, uint64(7), uint64(3), uint64(2), true, uint8(2))
	f.Fuzz(func(t *testing.T, r, total, blocks, bonus, weight, drawn, cast, unjailed uint64, covers bool, forfeited uint8) {
		e := reward.Epoch{Reward: r, TotalWeight: total, Blocks: blocks, CoverageBonus: fixed.Dec(bonus)}
		h := reward.Host{
			Weight: weight, SeatsDrawn: drawn, SeatsCast: cast, UnjailedBlocks: unjailed,
			Covers: covers, Forfeited: reward.Forfeiture(forfeited % 3),
		}
		requireExact(t, e, h)
	})
}

func requireExact(t require.TestingT, e reward.Epoch, h reward.Host) {
	got, err := reward.GetSettleAmount(e, h)
	if e.TotalWeight == 0 || e.Blocks == 0 || h.Weight > e.TotalWeight ||
		h.SeatsCast > h.SeatsDrawn || h.UnjailedBlocks > e.Blocks {
		require.Error(t, err)
		return
	}
	want := exactly(e, h)
	if err != nil {
		require.ErrorIs(t, err, fixed.ErrOverflow)
		require.False(t, want.IsUint64(), "an overflow was reported for %s", want)
		return
	}
	require.True(t, want.IsUint64())
	require.Equal(t, want.Uint64(), got.Total)
	require.GreaterOrEqual(t, got.ByWeight, got.ByDuty)
	require.GreaterOrEqual(t, got.ByDuty, got.ByPresence)
	require.GreaterOrEqual(t, got.ByPresence, got.Share)
	require.NotEqual(t, reward.ReasonUnspecified, got.Reason)
}

func TestSettlementsEqualUnboundedIntegersAtTheEdges(t *testing.T) {
	edge := rapid.OneOf(
		rapid.Uint64Range(0, 5), rapid.Uint64Range(1<<61-2, 1<<61+2),
		rapid.Uint64Range(1<<63-2, 1<<63+2), rapid.Uint64Range(most-3, most), rapid.Uint64(),
	)
	rapid.Check(t, func(t *rapid.T) {
		requireExact(t, reward.Epoch{
			Reward: edge.Draw(t, "R"), TotalWeight: edge.Draw(t, "T"), Blocks: edge.Draw(t, "blocks"),
			CoverageBonus: fixed.Dec(rapid.Uint64Range(0, uint64(fixed.One)).Draw(t, "bonus")),
		}, reward.Host{
			Weight: edge.Draw(t, "w"), SeatsDrawn: edge.Draw(t, "drawn"), SeatsCast: edge.Draw(t, "cast"),
			UnjailedBlocks: edge.Draw(t, "unjailed"), Covers: rapid.Bool().Draw(t, "covers"),
			Forfeited: reward.Forfeiture(rapid.IntRange(0, 2).Draw(t, "forfeited")),
		})
	})
}

func TestNamesAreStable(t *testing.T) {
	require.Equal(t, "covered", reward.ReasonCovered.String())
	require.Equal(t, "double_sign", reward.ReasonDoubleSign.String())
	require.Equal(t, "reason_10", (reward.ReasonDoubleSign + 1).String())
	require.Empty(t, reward.ForfeitedNothing.String())
	require.Equal(t, "fraud", reward.ForfeitedFraud.String())
	require.Equal(t, "double_sign", reward.ForfeitedDoubleSign.String())
	require.Equal(t, "forfeiture_9", reward.Forfeiture(9).String())
}
