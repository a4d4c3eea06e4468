package draw

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWordsAreTakenUpToTheLastFullCycle(t *testing.T) {
	const most = math.MaxUint64
	cases := []struct {
		name      string
		n         uint64
		last      uint64 // highest word that is taken
		remainder uint64 // what it becomes, n − 1 as the end of a cycle
	}{
		{"two divides 2^64", 2, most, 1},
		{"three leaves one word", 3, most - 1, 2},
		{"ten leaves six words", 10, most - 6, 9},
		{"just above half", 1<<63 + 1, 1 << 63, 1 << 63},
		{"all but one", most, most - 1, most - 1},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			value, ok := reduce(tc.last, tc.n)
			require.True(t, ok)
			require.Equal(t, tc.remainder, value)
			if tc.last < most {
				_, ok = reduce(tc.last+1, tc.n)
				require.False(t, ok)
			}
			_, ok = reduce(tc.last-1, tc.n)
			require.True(t, ok)
		})
	}
}
