package reward_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/reward"
	"pgregory.net/rapid"
)

// anyHosts draws hosts of one epoch, with duty and presence of their own.
func anyHosts(t *rapid.T, blocks uint64) []reward.Host {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) reward.Host {
		drawn := rapid.Uint64Range(0, 40).Draw(t, "drawn")
		return reward.Host{
			Weight:         rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(0, 1<<56)).Draw(t, "w"),
			SeatsDrawn:     drawn,
			SeatsCast:      rapid.Uint64Range(0, drawn).Draw(t, "cast"),
			UnjailedBlocks: rapid.Uint64Range(0, blocks).Draw(t, "unjailed"),
			Covers:         rapid.Bool().Draw(t, "covers"),
			Forfeited:      reward.Forfeiture(rapid.IntRange(0, 2).Draw(t, "forfeited")),
		}
	}), 1, 20).Draw(t, "hosts")
}

func anyBonus(t *rapid.T) fixed.Dec {
	return fixed.Dec(rapid.Uint64Range(0, uint64(fixed.One)).Draw(t, "bonus"))
}

func weightOf(hosts []reward.Host) uint64 {
	var total uint64
	for _, host := range hosts {
		total += host.Weight
	}
	return total
}

// TestMintingNeverPassesTheCap also bounds an epoch: Σ share ≤ R, Σ total ≤ R(1+bonus).
func TestMintingNeverPassesTheCap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.Uint64Range(1, 50), rapid.Uint64Range(1, 1<<63-1)).Draw(t, "max_supply")
		emission := reward.Emission{
			Subsidy:       rapid.Uint64Range(0, 1<<63-1).Draw(t, "subsidy"),
			MintedTotal:   rapid.Uint64Range(0, limit).Draw(t, "minted_total"),
			MaxSupply:     limit,
			CoverageBonus: anyBonus(t),
		}
		r, err := emission.EpochReward()
		require.NoError(t, err)
		blocks := rapid.Uint64Range(1, 1<<40).Draw(t, "blocks")
		hosts := anyHosts(t, blocks)
		epoch := reward.Epoch{
			Reward: r, TotalWeight: max(1, weightOf(hosts)), Blocks: blocks, CoverageBonus: emission.CoverageBonus,
		}
		settlements, err := reward.GetSettleAmounts(epoch, hosts)
		require.NoError(t, err)
		var shares, totals uint64
		for _, s := range settlements {
			shares += s.Share
			totals += s.Total
		}
		bonus, err := emission.CoverageBonus.MulFloor(r)
		require.NoError(t, err)
		require.LessOrEqual(t, shares, r)
		require.LessOrEqual(t, totals, r+bonus)
		require.LessOrEqual(t, totals, limit-emission.MintedTotal)
	})
}

func TestACursorSettlesWhatOneCallSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := anyHosts(t, 60)
		epoch := reward.Epoch{
			Reward: rapid.Uint64Range(0, 1<<62).Draw(t, "R"), TotalWeight: max(1, weightOf(hosts)),
			Blocks: 60, CoverageBonus: anyBonus(t),
		}
		atOnce, err := reward.GetSettleAmounts(epoch, hosts)
		require.NoError(t, err)
		step := rapid.IntRange(1, 7).Draw(t, "hosts a block")
		var byCursor []reward.Settlement
		for start := 0; start < len(hosts); start += step {
			some, err := reward.GetSettleAmounts(epoch, hosts[start:min(start+step, len(hosts))])
			require.NoError(t, err)
			byCursor = append(byCursor, some...)
		}
		require.Equal(t, atOnce, byCursor)
	})
}

// TestSplittingAHostNeverPays divides a host's weight at random. Parts do their duty
// as the whole does. When the whole covers every model, or no part does, the parts
// earn no more; in any case no more than the whole's share with the bonus on it.
func TestSplittingAHostNeverPays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.OneOf(rapid.Uint64Range(1, 40), rapid.Uint64Range(1, 1<<61)).Draw(t, "w")
		epoch := reward.Epoch{
			Reward:      rapid.OneOf(rapid.Uint64Range(0, 200), rapid.Uint64Range(0, 1<<61)).Draw(t, "R"),
			TotalWeight: weight + rapid.Uint64Range(0, 1<<61).Draw(t, "others"),
			Blocks:      60, CoverageBonus: anyBonus(t),
		}
		drawn := rapid.Uint64Range(0, 9).Draw(t, "drawn")
		whole := reward.Host{
			Weight: weight, SeatsDrawn: drawn, SeatsCast: rapid.Uint64Range(0, drawn).Draw(t, "cast"),
			UnjailedBlocks: rapid.Uint64Range(0, 60).Draw(t, "unjailed"), Covers: rapid.Bool().Draw(t, "covers"),
		}
		one, err := reward.GetSettleAmount(epoch, whole)
		require.NoError(t, err)
		parts, anyCovers := split(t, whole)
		several, err := reward.GetSettleAmounts(epoch, parts)
		require.NoError(t, err)
		var shares, totals uint64
		for _, s := range several {
			shares += s.Share
			totals += s.Total
		}
		require.LessOrEqual(t, shares, one.Share)
		bonus, err := epoch.CoverageBonus.MulFloor(one.Share)
		require.NoError(t, err)
		require.LessOrEqual(t, totals, one.Share+bonus)
		if whole.Covers || !anyCovers {
			require.LessOrEqual(t, totals, one.Total)
		}
	})
}

func split(t *rapid.T, whole reward.Host) (parts []reward.Host, anyCovers bool) {
	left := whole.Weight
	for count := rapid.IntRange(2, 8).Draw(t, "parts"); count > 0; count-- {
		part := whole
		part.Weight = rapid.Uint64Range(0, left).Draw(t, "part")
		if count == 1 {
			part.Weight = left
		}
		left -= part.Weight
		part.Covers = rapid.Bool().Draw(t, "part covers")
		anyCovers = anyCovers || part.Covers
		parts = append(parts, part)
	}
	return parts, anyCovers
}

func TestAModelIsCoveredFromItsThreshold(t *testing.T) {
	cases := []struct {
		name    string
		root    uint64
		weights []uint64
		spread  uint64
		covered []bool
		covers  bool
	}{
		{"two models, an eighth of 800 in each", 800, []uint64{700, 100}, 4, []bool{true, true}, true},
		{"one below", 800, []uint64{701, 99}, 4, []bool{true, false}, false},
		{"the threshold is not an integer: 801/8", 801, []uint64{700, 101}, 4, []bool{true, true}, true},
		{"just below 801/8", 801, []uint64{701, 100}, 4, []bool{true, false}, false},
		{"one model, nodes without any model", 100, []uint64{25}, 4, []bool{true}, true},
		{"one model, too many nodes without any", 100, []uint64{24}, 4, []bool{false}, false},
		{"a spread of one needs an even share", 10, []uint64{5, 5}, 1, []bool{true, true}, true},
		{"no models at all", 10, nil, 4, nil, false},
		{"a host without weight covers nothing", 0, []uint64{0, 0}, 4, []bool{false, false}, false},
		{"the largest weights", most, []uint64{most, most / 8, most/8 + 1}, 3, []bool{true, true, true}, true},
		{"the largest weights at the threshold", 1 << 63, []uint64{1 << 60, 1<<60 - 1}, 4, []bool{true, false}, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := reward.GetParticipantModelCoverage(tc.root, tc.weights, tc.spread)
			require.NoError(t, err)
			require.Equal(t, reward.Coverage{Covered: tc.covered, Covers: tc.covers}, got)
		})
	}
	for _, spread := range []uint64{0, 1 << 63} {
		_, err := reward.GetParticipantModelCoverage(1, []uint64{1, 1}, spread)
		require.ErrorIs(t, err, reward.ErrSpread)
	}
}

func TestCoverageEqualsTheRationalThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := rapid.OneOf(rapid.Uint64Range(1, 100), rapid.Uint64Min(1)).Draw(t, "root")
		spread := rapid.Uint64Range(1, 1_000_000).Draw(t, "spread")
		weights := rapid.SliceOfN(rapid.Uint64Range(0, root), 1, 64).Draw(t, "weights")
		got, err := reward.GetParticipantModelCoverage(root, weights, spread)
		require.NoError(t, err)
		threshold := new(big.Rat).SetFrac(
			new(big.Int).SetUint64(root), new(big.Int).SetUint64(spread*uint64(len(weights))),
		)
		all := true
		for i, weight := range weights {
			want := new(big.Rat).SetInt(new(big.Int).SetUint64(weight)).Cmp(threshold) >= 0
			require.Equal(t, want, got.Covered[i])
			all = all && want
		}
		require.Equal(t, all, got.Covers)
	})
}
