package rtarget_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/cmd/internal/rtarget"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
)

// The expected radii come from 40-digit arithmetic (mpmath's betainc), rounded to
// doubles.
func TestRadiiEqualFortyDigitArithmetic(t *testing.T) {
	cases := []struct {
		name string
		p    float64
		n    uint64
		want float64
	}{
		{"p = 10 % at n = 256", 0.1, 256, 1.35631624669872989},
		{"p = 10 % at n = 1024", 0.1, 1024, 1.38559607450829004},
		{"p = 10 % at n = 8192", 0.1, 8192, 1.40416532873108992},
		{"p = 10 % at n = 8196", 0.1, 8196, 1.40416778999109505},
		{"p = 10 % at n = 131072", 0.1, 131_072, 1.41170830648048449},
		{"p = 1.478 % at n = 8196", 0.01478, 8196, 1.39711574965071438},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := rtarget.FromFraction(tc.p, tc.n)
			require.NoError(t, err)
			require.InDelta(t, tc.want, got, 1e-14)
		})
	}
}

// In three dimensions the distance's square is uniform (Archimedes), and in two
// more the tail is a polynomial: closed forms that need no other software.
func TestRadiiEqualClosedForms(t *testing.T) {
	for _, p := range []float64{0.001, 0.1, 0.25, 0.49} {
		got, err := rtarget.FromFraction(p, 3)
		require.NoError(t, err)
		require.InDelta(t, 2*math.Sqrt(p), got, 1e-14)

		got, err = rtarget.FromFraction(p, 5)
		require.NoError(t, err)
		x := got * got / 4
		require.InDelta(t, p, x*x*(3-2*x), 1e-14)
	}
}

func TestThePublishedRadiusHasThePublishedFraction(t *testing.T) {
	// 1.3971164020989417 at n = 8196 is p = 1.4783087094774 %, to forty digits.
	got, err := rtarget.FromFraction(0.014783087094774234, 8196)
	require.NoError(t, err)
	require.InDelta(t, 1.3971164020989417, got, 1e-13)
}

func TestPresetsHoldTheDerivedRadiusAndItsCq(t *testing.T) {
	for name, p := range map[string]params.Params{"default": params.Default(), "testnet": params.Testnet()} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, rtarget.Check(p.ValidFraction, p.RTarget, p.PocModel.VocabSize))
			r, err := rtarget.FromFraction(0.1, p.PocModel.VocabSize)
			require.NoError(t, err)
			cq, err := fixed.CqFromRTarget(rtarget.Decimal(r))
			require.NoError(t, err)
			require.Equal(t, p.Cq, cq)
		})
	}
}

func TestRadiiGrowWithTheFraction(t *testing.T) {
	for _, n := range []uint64{256, 1024, 8196} {
		last := 0.0
		for p := 0.001; p < 0.49; p += 0.007 {
			r, err := rtarget.FromFraction(p, n)
			require.NoError(t, err)
			require.Greater(t, r, last)
			require.Less(t, r, math.Sqrt2)
			last = r
		}
	}
}

func TestAPairIsRefusedBeyondTheTolerance(t *testing.T) {
	cases := []struct {
		name, fraction, radius string
		want                   error
	}{
		{"as derived", "0.1", "1.4041677899910951", nil},
		{"within the tolerance", "0.1", "1.40416779050", nil},
		{"just beyond it", "0.1", "1.40416779101", rtarget.ErrPair},
		{"below it", "0.1", "1.40416778898", rtarget.ErrPair},
		{"of another width", "0.1", "1.4041653287310899", rtarget.ErrPair},
		{"no number", "0.1", "NaN", rtarget.ErrPair},
		{"half of all nonces", "0.5", "1.414", rtarget.ErrFraction},
		{"a fraction in percent", "10%", "1.4041677899910951", rtarget.ErrFraction},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			require.ErrorIs(t, rtarget.Check(tc.fraction, tc.radius, 8196), tc.want)
		})
	}
	require.Error(t, rtarget.Check("0.1", "wide", 8196))
	require.ErrorIs(t, rtarget.Check("0.1", "1.4", 2), rtarget.ErrOutputs)
	for _, p := range []float64{0, -0.1, 0.5, math.NaN()} {
		_, err := rtarget.FromFraction(p, 8196)
		require.ErrorIs(t, err, rtarget.ErrFraction)
	}
}
