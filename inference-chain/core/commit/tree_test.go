package commit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// spelled writes a summary byte by byte, apart from the code under test.
func spelled(hash [32]byte, count uint32, least, most uint64) []byte {
	var b bytes.Buffer
	b.Write(hash[:])
	for _, v := range []any{count, least, most} {
		if err := binary.Write(&b, binary.BigEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

func spelledLeaf(x uint64) [32]byte {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte{0}, x))
}

func TestRootOfThreeLeavesIsSpelledOutByHand(t *testing.T) {
	tree, err := NewTree([]uint64{3, 5, 1<<56 | 2})
	if err != nil {
		t.Fatal(err)
	}
	pair := sha256.Sum256(slices.Concat([]byte{1}, spelled(spelledLeaf(3), 1, 3, 3), spelled(spelledLeaf(5), 1, 5, 5)))
	last := uint64(1<<56 | 2)
	top := sha256.Sum256(slices.Concat([]byte{1}, spelled(pair, 2, 3, 5), spelled(spelledLeaf(last), 1, last, last)))
	want := sha256.Sum256(slices.Concat([]byte{2}, spelled(top, 3, 3, last)))
	if tree.Root() != want {
		t.Fatalf("root %x, want %x", tree.Root(), want)
	}
}

func TestRootOfOneLeafCommitsToItsSummary(t *testing.T) {
	tree, err := NewTree([]uint64{9})
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(append([]byte{2}, spelled(spelledLeaf(9), 1, 9, 9)...))
	if tree.Root() != want || tree.Count() != 1 {
		t.Fatalf("root %x of %d, want %x", tree.Root(), tree.Count(), want)
	}
}

func TestNewTreeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name      string
		positions []uint64
		err       error
	}{
		{"no leaves", nil, ErrTreeSize},
		{"one leaf too many", ascending(MaxCount + 1), ErrTreeSize},
		{"a repeated position", []uint64{1, 2, 2}, ErrDisorder},
		{"a falling position", []uint64{1, 3, 2}, ErrDisorder},
		{"a first position that is repeated", []uint64{1, 1}, ErrDisorder},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tree, err := NewTree(tc.positions); tree != nil || !errors.Is(err, tc.err) {
				t.Fatalf("got %v, %v; want %v", tree, err, tc.err)
			}
		})
	}
}

func TestTheLargestTreeIsBuilt(t *testing.T) {
	tree, err := NewTree(ascending(MaxCount))
	if err != nil || tree.Count() != MaxCount {
		t.Fatalf("got %v", err)
	}
}

func TestOpenRefusesIndicesThatAreNotAscendingOrNotInTheTree(t *testing.T) {
	tree := mustTree(t, ascending(5))
	for _, indices := range [][]uint64{{5}, {1, 1}, {2, 1}, {0, 1 << 63}} {
		if _, err := tree.Open(indices); !errors.Is(err, ErrLeafIndex) {
			t.Fatalf("%v: got %v", indices, err)
		}
	}
}

func TestOpenListsSiblingsBottomUpAndLeftToRight(t *testing.T) {
	tree := mustTree(t, ascending(7))
	for _, tc := range []struct {
		name    string
		indices []uint64
		want    []Summary
	}{
		{"nothing asked, nothing opened", nil, nil},
		{"everything asked needs no sibling", []uint64{0, 1, 2, 3, 4, 5, 6}, nil},
		{"a first leaf", []uint64{0}, []Summary{tree.levels[0][1], tree.levels[1][1], tree.levels[2][1]}},
		{"the odd last leaf is carried up", []uint64{6}, []Summary{tree.levels[1][2], tree.levels[2][0]}},
		{
			"two leaves share what lies above both",
			[]uint64{1, 2},
			[]Summary{tree.levels[0][0], tree.levels[0][3], tree.levels[2][1]},
		},
		{"a level is listed before the one above", []uint64{0, 5}, []Summary{
			tree.levels[0][1], tree.levels[0][4], tree.levels[1][1], tree.levels[1][3],
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o, err := tree.Open(tc.indices)
			if err != nil || !reflect.DeepEqual(o.Siblings, tc.want) {
				t.Fatalf("got %+v, %v; want %+v", o.Siblings, err, tc.want)
			}
		})
	}
}

func TestSummariesSurviveTheirEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Summary
		var encoded []byte
		for range rapid.IntRange(0, 4).Draw(t, "summaries") {
			s := Summary{
				Hash:  [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash")),
				Count: rapid.Uint32().Draw(t, "count"),
				Min:   rapid.Uint64().Draw(t, "min"), Max: rapid.Uint64().Draw(t, "max"),
			}
			want, encoded = append(want, s), s.Append(encoded)
		}
		got, err := DecodeSummaries(encoded)
		if err != nil || !slices.Equal(got, want) || len(encoded) != len(want)*SummarySize {
			t.Fatalf("got %v, %v; want %v", got, err, want)
		}
	})
}

func TestDecodeSummariesRefusesATornOne(t *testing.T) {
	for _, n := range []int{1, SummarySize - 1, SummarySize + 1} {
		if _, err := DecodeSummaries(make([]byte, n)); !errors.Is(err, ErrSummarySize) {
			t.Fatalf("%d bytes: got %v", n, err)
		}
	}
}

// ascending returns the positions 0, 3, 6 … of lane 0.
func ascending(n int) []uint64 {
	positions := make([]uint64, n)
	for i := range positions {
		positions[i] = uint64(i) * 3
	}
	return positions
}

func mustTree(t testing.TB, positions []uint64) *Tree {
	t.Helper()
	tree, err := NewTree(positions)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
