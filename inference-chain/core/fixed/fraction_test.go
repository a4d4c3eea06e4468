package fixed_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

func dec(t require.TestingT, text string) fixed.Dec {
	value, err := fixed.Parse(text)
	require.NoError(t, err)
	return value
}

func apart(a, b fixed.Dec) fixed.Dec { return max(a, b) - min(a, b) }

// The fractions come from 50-digit arithmetic (mpmath: the integral of the cosine's
// density, by quadrature), not from the code under test.
func TestFractionsEqualFiftyDigitArithmetic(t *testing.T) {
	cases := []struct {
		name     string
		r        string
		n        uint64
		fraction string
	}{
		{"p of about 10 % at n = 256", "1.356316246698729892", 256, "0.100000000000000000"},
		{"p of about 0.1 % at n = 256", "1.271295316358995601", 256, "0.001000000000000000"},
		{"p of 49 % at n = 256", "1.413101967442792845", 256, "0.490000000000000001"},
		{"an odd number of outputs", "1.36", 257, "0.114346834582982254"},
		{"a small fraction", "1.3", 1024, "0.000000307364313644"},
		{"p of about 10 % at n = 1024", "1.38559607450829", 1024, "0.099999999999999720"},
		{"p of about 10 % at n = 8196", "1.4041677899910951", 8196, "0.100000000000001199"},
		{"the published radius", "1.3971164020989417", 8196, "0.014783087094774234"},
		{"more than half of all", "1.42", 8196, "0.771048717136214344"},
		{"p of about 10 % at n = 131072", "1.4117083064804845", 131072, "0.100000000000001009"},
		{"p of about 0.1 % at n = 131072", "1.408165093409420791", 131072, "0.001000000000000000"},
		{"a tiny fraction", "1.4", 131072, "0.000000000000221946"},
		{"a fraction below 10⁻¹⁸", "1.396", 131072, "0.000000000000000000"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := fixed.FractionFromRTarget(dec(t, tc.r), tc.n)
			require.NoError(t, err)
			require.LessOrEqual(t, apart(got, dec(t, tc.fraction)), fixed.Dec(2), got)
		})
	}
}

// The radii come from 40-digit arithmetic (mpmath's betainc).
func TestRadiiEqualFortyDigitArithmetic(t *testing.T) {
	cases := []struct {
		name     string
		fraction string
		n        uint64
		want     string
	}{
		{"p = 10 % at n = 256", "0.1", 256, "1.35631624669872989"},
		{"p = 10 % at n = 1024", "0.1", 1024, "1.38559607450829004"},
		{"p = 10 % at n = 8192", "0.1", 8192, "1.40416532873108992"},
		{"p = 10 % at n = 8196", "0.1", 8196, "1.40416778999109505"},
		{"p = 10 % at n = 131072", "0.1", 131_072, "1.41170830648048449"},
		{"p = 1.478 % at n = 8196", "0.01478", 8196, "1.39711574965071438"},
		{"the published radius", "0.014783087094774234", 8196, "1.3971164020989417"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := fixed.RTargetFromFraction(dec(t, tc.fraction), tc.n)
			require.NoError(t, err)
			require.LessOrEqual(t, apart(got, dec(t, tc.want)), fixed.Dec(100), got)
		})
	}
}

func TestFractionsOfEveryRadius(t *testing.T) {
	cases := []struct {
		name string
		r    fixed.Dec
		want fixed.Dec
	}{
		{"no radius", 0, 0},
		{"the smallest radius", 1, 0},
		{"a radius of one", fixed.One, 0},
		{"below the diameter", 2*fixed.One - 1, fixed.One},
		{"the diameter", 2 * fixed.One, fixed.One},
		{"beyond it", 2*fixed.One + 1, fixed.One},
		{"the largest decimal", ^fixed.Dec(0), fixed.One},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := fixed.FractionFromRTarget(tc.r, 1024)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestOutputsAndFractionsHoldTheirEnds(t *testing.T) {
	for n, want := range map[uint64]error{
		0: fixed.ErrOutputs, fixed.MinOutputs - 1: fixed.ErrOutputs, fixed.MinOutputs: nil, fixed.MinOutputs + 1: nil,
		fixed.MaxOutputs - 1: nil, fixed.MaxOutputs: nil, fixed.MaxOutputs + 1: fixed.ErrOutputs, 1<<64 - 1: fixed.ErrOutputs,
	} {
		_, err := fixed.FractionFromRTarget(fixed.One, n)
		require.ErrorIs(t, err, want, n)
		_, err = fixed.RTargetFromFraction(fixed.One/10, n)
		require.ErrorIs(t, err, want, n)
	}
	for fraction, want := range map[fixed.Dec]error{0: fixed.ErrFraction, 1: nil, fixed.One - 1: nil, fixed.One: fixed.ErrFraction} {
		_, err := fixed.RTargetFromFraction(fraction, 1024)
		require.ErrorIs(t, err, want, fraction)
	}
}

func TestFractionsGrowWithTheRadius(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(fixed.MinOutputs, fixed.MaxOutputs).Draw(t, "outputs")
		r := fixed.Dec(rapid.Uint64Range(0, 2*uint64(fixed.One)).Draw(t, "r"))
		step := fixed.Dec(rapid.Uint64Range(0, uint64(fixed.One)/10).Draw(t, "step"))
		got, err := fixed.FractionFromRTarget(r, n)
		require.NoError(t, err)
		more, err := fixed.FractionFromRTarget(r+step, n)
		require.NoError(t, err)
		require.LessOrEqual(t, got, more+1)
		require.LessOrEqual(t, more, fixed.One)
	})
}

func TestARadiusHoldsItsFraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(fixed.MinOutputs, fixed.MaxOutputs).Draw(t, "outputs")
		fraction := fixed.Dec(rapid.Uint64Range(1, uint64(fixed.One)-1).Draw(t, "fraction"))
		r, err := fixed.RTargetFromFraction(fraction, n)
		require.NoError(t, err)
		got, err := fixed.FractionFromRTarget(r, n)
		require.NoError(t, err)
		// A unit of the radius holds at most √(n/π) units of the fraction, which is 205.
		require.LessOrEqual(t, apart(got, fraction), fixed.Dec(207))
	})
}
