package fixed_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

func TestParseReadsDecimals(t *testing.T) {
	cases := []struct {
		text string
		want fixed.Dec
		back string
	}{
		{"0", 0, "0"},
		{"1", fixed.One, "1"},
		{"0.1", fixed.One / 10, "0.1"},
		{"0.100000000000000000", fixed.One / 10, "0.1"},
		{"0.000000000000000001", 1, "0.000000000000000001"},
		{"00012.50", 12*fixed.One + fixed.One/2, "12.5"},
		{"0.0000001", 100_000_000_000, "0.0000001"},
		{"18.446744073709551615", 1<<64 - 1, "18.446744073709551615"},
	}
	for _, tc := range cases {
		t.Run(tc.text, func(t *testing.T) {
			got, err := fixed.Parse(tc.text)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.back, got.String())
		})
	}
}

func TestParseRefusesEverythingElse(t *testing.T) {
	for _, text := range []string{
		"", ".", "1.", ".5", "-1", "+1", "1e3", "0x10", "1_000", " 1", "1 ", "1,5", "1.2.3", "½", "٣", "NaN",
		"0.0000000000000000001", // nineteen digits
		"18.446744073709551616", // one unit too large
		"19", "99999999999999999999999",
	} {
		_, err := fixed.Parse(text)
		require.ErrorIs(t, err, fixed.ErrDecimal, "%q", text)
		require.ErrorContains(t, err, "got ")
	}
}

func TestEveryDecimalReadsBackAsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := fixed.Dec(rapid.Uint64().Draw(t, "raw"))
		got, err := fixed.Parse(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzParseNeverPanicsAndRoundTrips(f *testing.F) {
	for _, seed := range []string{"0.1", "18.446744073709551615", "1.", "", "9999999999999999999", "0.0000000000000000000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := fixed.Parse(text)
		if err != nil {
			return
		}
		again, err := fixed.Parse(value.String())
		require.NoError(t, err)
		require.Equal(t, value, again)
	})
}

func TestMultiplyingByADecimalRoundsAsItSays(t *testing.T) {
	third := fixed.Dec(333_333_333_333_333_333)
	cases := []struct {
		name        string
		d           fixed.Dec
		x           uint64
		floor, ceil uint64
	}{
		{"nothing", 0, 1 << 63, 0, 0},
		{"all", fixed.One, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1},
		{"a tenth of 9", fixed.One / 10, 9, 0, 1},
		{"a tenth of 10", fixed.One / 10, 10, 1, 1},
		{"a tenth of 11", fixed.One / 10, 11, 1, 2},
		{"a third of 3 is below 1", third, 3, 0, 1},
		{"the smallest decimal of 10^18", 1, 1_000_000_000_000_000_000, 1, 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			floor, err := tc.d.MulFloor(tc.x)
			require.NoError(t, err)
			require.Equal(t, tc.floor, floor)
			ceil, err := tc.d.MulCeil(tc.x)
			require.NoError(t, err)
			require.Equal(t, tc.ceil, ceil)
		})
	}
	_, err := (fixed.One + 1).MulFloor(1<<64 - 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)
	_, err = (fixed.One + 1).MulCeil(1<<64 - 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestAFractionIsReachedExactly(t *testing.T) {
	half := fixed.One / 2
	require.False(t, half.AtLeast(49, 100))
	require.True(t, half.AtLeast(50, 100))
	require.True(t, half.AtLeast(51, 100))
	require.False(t, half.AtLeast(1<<63-1, 1<<64-1))
	require.True(t, half.AtLeast(1<<63, 1<<64-1))
	require.True(t, half.AtLeast(0, 0))
}
