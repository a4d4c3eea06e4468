package price_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/price"
	"pgregory.net/rapid"
)

const most = math.MaxUint64

func TestThePriceFollowsTheLoad(t *testing.T) {
	cases := []struct {
		name string
		p    uint64
		load price.Load
		want uint64
	}{
		{"just above 0.6 it rises", 1_000_000, price.Load{Real: 601, Expected: 1_000}, 1_020_000},
		{"at 0.6 it stays", 1_000_000, price.Load{Real: 600, Expected: 1_000}, 1_000_000},
		{"at 0.4 it stays", 1_000_000, price.Load{Real: 400, Expected: 1_000}, 1_000_000},
		{"just below 0.4 it falls", 1_000_000, price.Load{Real: 399, Expected: 1_000}, 980_000},
		{"a rise rounds up", 49, price.Load{Real: 1, Expected: 1}, 50},
		{"a rise of 50", 50, price.Load{Real: 1, Expected: 1}, 51},
		{"a rise of 51", 51, price.Load{Real: 1, Expected: 1}, 53},
		{"a fall rounds down", 49, price.Load{Expected: 1}, 49},
		{"a fall of 50", 50, price.Load{Expected: 1}, 49},
		{"the least price rises", 1, price.Load{Real: 1, Expected: 1}, 2},
		{"the least price falls to itself", 1, price.Load{Expected: 1}, 1},
		{"nothing expected, nothing served", 100, price.Load{}, 100},
		{"nothing expected, something served", 100, price.Load{Real: 1}, 102},
		{"the highest price stays", price.Max, price.Load{Real: 1, Expected: 1}, price.Max},
		{"a rise stops at the highest price", price.Max - 1, price.Load{Real: 1, Expected: 1}, price.Max},
		{"loads of 2^64 - 1", 100, price.Load{Real: most, Expected: most}, 102},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := price.Next(tc.p, tc.load)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	for _, p := range []uint64{0, price.Max + 1, most} {
		_, err := price.Next(p, price.Load{})
		require.ErrorIs(t, err, price.ErrPrice)
	}
}

func TestEveryPriceCanRiseAndNoFallIsLargerThanTheRiseBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.Uint64Range(1, 200), rapid.Uint64Range(1, price.Max-1)).Draw(t, "p")
		up, err := price.Next(p, price.Load{Real: 1, Expected: 1})
		require.NoError(t, err)
		require.Greater(t, up, p)
		require.LessOrEqual(t, up-p, p/50+1)
		down, err := price.Next(p, price.Load{Expected: 1})
		require.NoError(t, err)
		require.LessOrEqual(t, down, p)
		require.Positive(t, down)
		require.LessOrEqual(t, p-down, p/50)
	})
}

func TestAChargeRoundsUpAndStopsAtTheSignedMaximum(t *testing.T) {
	cases := []struct {
		name  string
		usage price.Usage
		p     uint64
		want  uint64
	}{
		{"one unine a unit", price.Usage{PromptTokens: 30, CompletionTokens: 12, UnitsPerToken: 2, MaxCost: 1_000}, 1_000_000, 84},
		{"a part of a unine is one", price.Usage{PromptTokens: 1, UnitsPerToken: 1, MaxCost: 1_000}, 1, 1},
		{"just above a unine is two", price.Usage{PromptTokens: 1, UnitsPerToken: 1, MaxCost: 1_000}, 1_000_001, 2},
		{"exactly the maximum", price.Usage{PromptTokens: 84, UnitsPerToken: 1, MaxCost: 84}, 1_000_000, 84},
		{"above the maximum", price.Usage{PromptTokens: 85, UnitsPerToken: 1, MaxCost: 84}, 1_000_000, 84},
		{"no tokens", price.Usage{UnitsPerToken: 1, MaxCost: 84}, 1_000_000, 0},
		{"no units", price.Usage{PromptTokens: 1, MaxCost: 84}, 1_000_000, 0},
		{"a product beyond 64 bits, below the maximum", price.Usage{PromptTokens: 1 << 40, UnitsPerToken: 1 << 30, MaxCost: most}, 1, 1_180_591_620_717_412},
		{"tokens beyond 64 bits", price.Usage{PromptTokens: most, CompletionTokens: 1, UnitsPerToken: 1, MaxCost: 84}, 1, 84},
		{"units beyond 64 bits", price.Usage{PromptTokens: most, UnitsPerToken: 2, MaxCost: 84}, 1, 84},
		{"a cost beyond 64 bits", price.Usage{PromptTokens: most, UnitsPerToken: 1, MaxCost: 84}, price.Max, 84},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, price.Charge(tc.usage, tc.p))
		})
	}
}

func TestAChargeEqualsUnboundedIntegers(t *testing.T) {
	any64 := rapid.OneOf(rapid.Uint64Range(0, 1_000), rapid.Uint64Range(0, 1<<32), rapid.Uint64())
	rapid.Check(t, func(t *rapid.T) {
		u := price.Usage{
			PromptTokens: any64.Draw(t, "prompt"), CompletionTokens: any64.Draw(t, "completion"),
			UnitsPerToken: any64.Draw(t, "units"), MaxCost: any64.Draw(t, "max_cost"),
		}
		p := rapid.Uint64Range(1, price.Max).Draw(t, "p")
		want := new(big.Int).SetUint64(u.PromptTokens)
		want.Add(want, new(big.Int).SetUint64(u.CompletionTokens))
		want.Mul(want, new(big.Int).SetUint64(u.UnitsPerToken)).Mul(want, new(big.Int).SetUint64(p))
		want.Add(want, big.NewInt(price.PerUnine-1)).Quo(want, big.NewInt(price.PerUnine))
		if limit := new(big.Int).SetUint64(u.MaxCost); want.Cmp(limit) > 0 {
			want = limit
		}
		require.Equal(t, want.Uint64(), price.Charge(u, p))
	})
}

func TestCuttingARequestNeverLowersWhatIsPaidOrBurned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.Uint64Range(0, 1<<20).Draw(t, "tokens")
		part := rapid.Uint64Range(0, tokens).Draw(t, "part")
		p := rapid.Uint64Range(1, 1<<30).Draw(t, "p")
		burn := fixed.Dec(rapid.Uint64Range(0, uint64(fixed.One)).Draw(t, "burn"))
		var charges, burns [3]uint64
		for i, n := range [3]uint64{tokens, part, tokens - part} {
			charges[i] = price.Charge(price.Usage{PromptTokens: n, UnitsPerToken: 3, MaxCost: most}, p)
			division, err := price.Divide(charges[i], burn)
			require.NoError(t, err)
			require.Equal(t, charges[i], division.Burned+division.Paid)
			burns[i] = division.Burned
		}
		require.GreaterOrEqual(t, charges[1]+charges[2], charges[0])
		require.GreaterOrEqual(t, burns[1]+burns[2], burns[0])
	})
}

func TestAChargeIsDividedWithoutLoss(t *testing.T) {
	for _, tc := range []struct {
		charge uint64
		burn   fixed.Dec
		burned uint64
	}{
		{0, fixed.One / 20, 0},
		{1, fixed.One / 20, 1},
		{20, fixed.One / 20, 1},
		{21, fixed.One / 20, 2},
		{most, fixed.One, most},
		{most, 0, 0},
	} {
		got, err := price.Divide(tc.charge, tc.burn)
		require.NoError(t, err)
		require.Equal(t, price.Division{Burned: tc.burned, Paid: tc.charge - tc.burned}, got)
	}
	_, err := price.Divide(1, fixed.One+1)
	require.ErrorIs(t, err, price.ErrBurn)
}
