package fixed_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

// The radii for p = 10 % and all values of cq come from rationals and 40-digit
// arithmetic in Python, not from the code under test.
func TestCqFollowsFromTheRadius(t *testing.T) {
	cases := []struct {
		name, rTarget string
		want          uint64
	}{
		{"p = 10 % at n = 1024", "1.38559607450829", 172_063_945},
		{"p = 10 % at n = 8192", "1.40416532873109", 60_816_156},
		{"p = 10 % at n = 8196", "1.4041677899910951", 60_801_312},
		{"p = 1.478 % at n = 8196", "1.3971164020989417", 103_220_431},
		{"a radius of one", "1", 1 << 31},
		{"the smallest radius", "0.000000000000000001", 1<<32 - 1},
		{"the last radius with a positive cq", "1.4142135622084324", 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := fixed.CqFromRTarget(tc.rTarget)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestCqRefusesRadiiWithoutATest(t *testing.T) {
	for _, text := range []string{"0", "1.4142135623", "1.4142135623730951", "1.414213562373095048", "1.5", "2", "2.5", "5"} {
		_, err := fixed.CqFromRTarget(text)
		require.ErrorIs(t, err, fixed.ErrRTarget, text)
	}
	_, err := fixed.CqFromRTarget("1.4e0")
	require.ErrorIs(t, err, fixed.ErrDecimal)
}

func TestCqIsTheFloorOfTheRational(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := fixed.Dec(rapid.Uint64Range(1, 1_414_213_562_000_000_000).Draw(t, "r"))
		got, err := fixed.CqFromRTarget(r.String())
		require.NoError(t, err)

		ratio := new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(r)), new(big.Int).SetUint64(uint64(fixed.One)))
		exact := new(big.Rat).Mul(ratio, ratio)
		exact.Quo(exact, big.NewRat(2, 1)).Sub(big.NewRat(1, 1), exact).Mul(exact, big.NewRat(1<<32, 1))
		low := new(big.Rat).SetInt(new(big.Int).SetUint64(got))
		high := new(big.Rat).Add(low, big.NewRat(1, 1))
		require.LessOrEqual(t, low.Cmp(exact), 0)
		require.Equal(t, -1, exact.Cmp(high))
	})
}
