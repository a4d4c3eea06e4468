package fixed_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

const most = math.MaxUint64

func TestQuotientsOfProductsAreExact(t *testing.T) {
	cases := []struct {
		name        string
		a, b, c     uint64
		floor, ceil uint64
	}{
		{"an exact quotient rounds nowhere", 6, 4, 8, 3, 3},
		{"one below a multiple", 23, 1, 8, 2, 3},
		{"one above a multiple", 25, 1, 8, 3, 4},
		{"zero", 0, most, 7, 0, 0},
		{"a product of 2^63", 1 << 62, 2, 1, 1 << 63, 1 << 63},
		{"a product beyond 64 bits", most, most, most, most, most},
		{"the largest quotient that fits, with a remainder", most, 2, 2, most, most},
		{"2^61 scaled by a third", 1 << 61, 1, 3, 768614336404564650, 768614336404564651},
		{"2^63 times 2^63 over 2^63", 1 << 63, 1 << 63, 1 << 63, 1 << 63, 1 << 63},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			floor, err := fixed.MulDivFloor(tc.a, tc.b, tc.c)
			require.NoError(t, err)
			require.Equal(t, tc.floor, floor)
			ceil, err := fixed.MulDivCeil(tc.a, tc.b, tc.c)
			require.NoError(t, err)
			require.Equal(t, tc.ceil, ceil)
		})
	}
}

func TestQuotientsReportWhatHasNoResult(t *testing.T) {
	for _, divide := range []func(a, b, c uint64) (uint64, error){fixed.MulDivFloor, fixed.MulDivCeil} {
		_, err := divide(1, 1, 0)
		require.ErrorIs(t, err, fixed.ErrDivideByZero)
		_, err = divide(0, 0, 0)
		require.ErrorIs(t, err, fixed.ErrDivideByZero)
		_, err = divide(1<<63, 2, 1)
		require.ErrorIs(t, err, fixed.ErrOverflow)
		_, err = divide(most, most, most-1)
		require.ErrorIs(t, err, fixed.ErrOverflow)
	}
}

func TestCeilReportsAQuotientThatRoundsBeyond64Bits(t *testing.T) {
	// 31·a = 2^65−1, so a·31/2 = 2^64−1 and a half.
	const a = 1190112520884487201
	floor, err := fixed.MulDivFloor(a, 31, 2)
	require.NoError(t, err)
	require.Equal(t, uint64(most), floor)
	_, err = fixed.MulDivCeil(a, 31, 2)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestQuotientsEqualBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := rapid.Uint64().Draw(t, "a"), rapid.Uint64().Draw(t, "b"), rapid.Uint64Min(1).Draw(t, "c")
		product := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		want, rest := new(big.Int).QuoRem(product, new(big.Int).SetUint64(c), new(big.Int))
		requireEqualBig(t, want, a, b, c, fixed.MulDivFloor)
		if rest.Sign() != 0 {
			want.Add(want, big.NewInt(1))
		}
		requireEqualBig(t, want, a, b, c, fixed.MulDivCeil)
	})
}

func requireEqualBig(t *rapid.T, want *big.Int, a, b, c uint64, divide func(a, b, c uint64) (uint64, error)) {
	got, err := divide(a, b, c)
	if !want.IsUint64() {
		require.ErrorIs(t, err, fixed.ErrOverflow)
		return
	}
	require.NoError(t, err)
	require.Equal(t, want.Uint64(), got)
}

func TestSumsAndProductsReportOverflow(t *testing.T) {
	sum, err := fixed.Add(most-1, 1)
	require.NoError(t, err)
	require.Equal(t, uint64(most), sum)
	_, err = fixed.Add(most, 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)

	product, err := fixed.Mul(1<<32-1, 1<<32+1)
	require.NoError(t, err)
	require.Equal(t, uint64(most), product)
	_, err = fixed.Mul(1<<32, 1<<32)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestProductsCompareExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64())
		a, b := side.Draw(t, "a"), side.Draw(t, "b")
		c, d := side.Draw(t, "c"), side.Draw(t, "d")
		left := new(big.Int).Mul(new(big.Int).SetUint64(a), new(big.Int).SetUint64(b))
		right := new(big.Int).Mul(new(big.Int).SetUint64(c), new(big.Int).SetUint64(d))
		require.Equal(t, left.Cmp(right), fixed.CmpProducts(a, b, c, d))
	})
}
