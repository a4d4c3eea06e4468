package draw_test

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/draw"
	"pgregory.net/rapid"
)

// The literals of this file come from an independent implementation (Python's
// hashlib), not from the code under test.
var (
	seed   = ascending(32)
	host   = bytes.Repeat([]byte{0xcd}, 20)
	holder = bytes.Repeat([]byte{0xab}, 20)
)

func ascending(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i)
	}
	return out
}

func jury(t require.TestingT) *draw.Stream {
	stream, err := draw.JuryStream(seed, host)
	require.NoError(t, err)
	return stream
}

func slot(t require.TestingT) *draw.Stream {
	stream, err := draw.SlotStream(seed, "org/model")
	require.NoError(t, err)
	return stream
}

func TestStreamReadsFourBigEndianWordsOfEachBlock(t *testing.T) {
	stream := jury(t)
	for _, want := range []uint64{
		2719796870216651528, 492792931610231171, 13845300929028728178, 11041788034931993915,
		17719692058780749010, // the first word of the second block
	} {
		require.Equal(t, want, stream.Uint64())
	}
}

func TestUniformEqualsTheReference(t *testing.T) {
	cases := []struct {
		name string
		n    uint64
		want []uint64
	}{
		{"a small range", 10, []uint64{1, 6, 8, 0, 3, 0, 5, 0, 4, 6, 3, 0}},
		{"half of all words are rejected", 1<<63 + 1, []uint64{
			1147921703165132031, 8801192149361548596, 3351675353316212505,
			3620429953688949440, 2182507399682777784, 8191508986144008776,
		}},
		{"a range of one integer", 1, []uint64{0, 0}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			stream := slot(t)
			for _, want := range tc.want {
				got, err := stream.Uniform(tc.n)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
		})
	}
}

func TestUniformTakesEveryWordWhenTheRangeDividesTwoToThe64(t *testing.T) {
	words, draws := slot(t), slot(t)
	for range 64 {
		got, err := draws.Uniform(1 << 63)
		require.NoError(t, err)
		require.Equal(t, words.Uint64()%(1<<63), got)
	}
}

func TestUniformRefusesAnEmptyRange(t *testing.T) {
	_, err := slot(t).Uniform(0)
	require.ErrorIs(t, err, draw.ErrEmptyRange)
}

func TestUniformStaysInItsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, math.MaxUint64).Draw(t, "n")
		stream := slot(t)
		for range 8 {
			got, err := stream.Uniform(n)
			require.NoError(t, err)
			require.Less(t, got, n)
		}
	})
}

func TestDistinctEqualsTheReference(t *testing.T) {
	cases := []struct {
		name string
		k, n uint64
		want []uint64
	}{
		{"eight of a thousand", 8, 1000, []uint64{146, 277, 411, 463, 537, 570, 668, 894}},
		{"one fewer than all", 7, 8, []uint64{0, 1, 2, 3, 4, 6, 7}},
		{"exactly all", 3, 3, []uint64{0, 1, 2}},
		{"more than there are", 200, 2, []uint64{0, 1}},
		{"none asked for", 0, 5, []uint64{}},
		{"none there", 5, 0, []uint64{}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := draw.Sample(seed, holder, host, tc.k, tc.n)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestDistinctDrawsAscendingDifferentIndicesInsideTheRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.Uint64Range(0, 300).Draw(t, "k")
		n := rapid.OneOf(rapid.Uint64Range(0, 400), rapid.Uint64Range(0, math.MaxUint64)).Draw(t, "n")
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")
		got, err := draw.Sample(key, holder, host, k, n)
		require.NoError(t, err)
		require.Len(t, got, int(min(k, n)))
		for i, index := range got {
			require.Less(t, index, n)
			require.True(t, i == 0 || got[i-1] < index, "not ascending at %d: %v", i, got)
		}
	})
}

func TestDistinctEqualsFloydWithASet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 64).Draw(t, "n")
		k := rapid.Uint64Range(0, n-1).Draw(t, "k")
		stream := slot(t)
		set := map[uint64]bool{}
		for j := n - k; j < n; j++ {
			pick, err := stream.Uniform(j + 1)
			require.NoError(t, err)
			if set[pick] {
				pick = j
			}
			set[pick] = true
		}
		want := make([]uint64, 0, k)
		for index := range set {
			want = append(want, index)
		}
		slices.Sort(want)
		got, err := slot(t).Distinct(k, n)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func TestTheWholeRangeDrawsNothing(t *testing.T) {
	for _, k := range []uint64{3, 4} {
		stream := slot(t)
		_, err := stream.Distinct(k, 3)
		require.NoError(t, err)
		require.Equal(t, slot(t).Uint64(), stream.Uint64(), "%d of 3", k)
	}
}

func TestFieldListsThatConcatenateAlikeGiveDifferentStreams(t *testing.T) {
	lists := [][][]byte{
		{[]byte("ab"), []byte("c")},
		{[]byte("a"), []byte("bc")},
		{[]byte("abc")},
		{[]byte("abc"), nil},
	}
	seen := map[uint64]bool{}
	for _, fields := range lists {
		stream, err := draw.NewStream("d", fields...)
		require.NoError(t, err)
		seen[stream.Uint64()] = true
	}
	require.Len(t, seen, len(lists))
}

func TestDomainsOfOneSeedAreIndependent(t *testing.T) {
	a, b := jury(t), slot(t)
	c, err := draw.SampleStream(seed, holder, host)
	require.NoError(t, err)
	d, err := draw.SampleStream(seed, host, holder)
	require.NoError(t, err)
	words := map[uint64]bool{a.Uint64(): true, b.Uint64(): true, c.Uint64(): true, d.Uint64(): true}
	require.Len(t, words, 4)
}

func TestStreamsRefuseWhatDoesNotIdentifyADrawing(t *testing.T) {
	_, err := draw.JuryStream(nil, host)
	require.ErrorIs(t, err, draw.ErrSeedLength)
	_, err = draw.JuryStream(seed[:31], host)
	require.ErrorIs(t, err, draw.ErrSeedLength)
	_, err = draw.SampleStream(append(bytes.Clone(seed), 0), holder, host)
	require.ErrorIs(t, err, draw.ErrSeedLength)
	_, err = draw.SampleStream(seed, holder, nil)
	require.ErrorIs(t, err, draw.ErrEmptyField)
	_, err = draw.SlotStream(seed, "")
	require.ErrorIs(t, err, draw.ErrEmptyField)
	_, err = draw.Sample(nil, holder, host, 1, 2)
	require.ErrorIs(t, err, draw.ErrSeedLength)
}
