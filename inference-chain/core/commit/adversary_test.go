package commit

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawForgery draws a tree with few, repeating, unordered positions and lies
// in some of its summaries.
func drawForgery(t *rapid.T) (*Tree, []uint64) {
	positions := rapid.SliceOfN(rapid.Uint64Range(0, 12), 1, 24).Draw(t, "positions")
	if rapid.Bool().Draw(t, "sorted") {
		slices.Sort(positions)
	}
	share := rapid.IntRange(0, 4).Draw(t, "lies in ten")
	lie := func(_, _ int, s Summary) Summary {
		if rapid.IntRange(0, 9).Draw(t, "lie") >= share {
			return s
		}
		switch rapid.IntRange(0, 3).Draw(t, "what") {
		case 0:
			s.Min = rapid.Uint64Range(0, 14).Draw(t, "min")
		case 1:
			s.Max = rapid.Uint64Range(0, 14).Draw(t, "max")
		case 2:
			s.Min, s.Max = s.Min+12, s.Max+12
		default:
			s.Count = rapid.Uint32Range(0, 26).Draw(t, "count")
		}
		return s
	}
	return forge(positions, lie), positions
}

// However a host builds its tree, the leaves that it can open without being
// caught are distinct and in range: a repeated nonce always costs a leaf.
func TestLeavesThatPassAreStrictlyAscendingInEveryForgedTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, positions := drawForgery(t)
		count := rapid.Uint64Range(max(1, tree.Count()-1), tree.Count()+1).Draw(t, "claimed count")
		claim := Claim{Count: count, Root: tree.Root(), Previous: []uint64{1}, Next: []uint64{12}}
		var last uint64
		passed := 0
		for at := range min(count, tree.Count()) {
			o := openOne(nopTB{}, tree, positions, at)
			if claim.Check([]uint64{at}, o)[0] != OK {
				continue
			}
			x := positions[at]
			if x < 1 || x >= 12 {
				t.Fatalf("leaf %d at %d passes outside its range", at, x)
			}
			if passed > 0 && x <= last {
				t.Fatalf("leaf %d at %d passes after %d", at, x, last)
			}
			last, passed = x, passed+1
		}
	})
}

// A copied half whose first leaf lies about its minimum is the cheapest forgery
// known: without the test of the range it would cost that one leaf.
func TestACopiedHalfCannotHideBehindOneLyingLeaf(t *testing.T) {
	const half = 64
	positions := append(ascending(half), ascending(half)...)
	above := positions[half-1] + 1
	tree := forge(positions, func(level, at int, s Summary) Summary {
		if level == 0 && at == half {
			s.Min = above
		}
		return s
	})
	claim := Claim{Count: 2 * half, Root: tree.Root(), Next: wide}
	for at := uint64(half + 1); at < 2*half; at++ {
		if got := claim.Check([]uint64{at}, openOne(t, tree, positions, at)); got[0] != Structural {
			t.Fatalf("leaf %d is %v", at, got[0])
		}
	}
}

func TestAMultiproofAgreesWithSingleOpeningsOfAForgedTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positions := rapid.SliceOfN(rapid.Uint64Range(0, 40), 1, 24).Draw(t, "positions")
		tree := forge(positions, truthful)
		claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: []uint64{30}}
		want := drawIndices(t, len(positions))
		o, err := tree.Open(want)
		if err != nil {
			t.Fatal(err)
		}
		together := claim.Check(want, o)
		for i, at := range want {
			alone := claim.Check([]uint64{at}, openOne(nopTB{}, tree, positions, at))[0]
			if alone != together[i] {
				t.Fatalf("leaf %d is %v alone and %v among %v", at, alone, together[i], want)
			}
		}
	})
}

// Disjoint ranges of successive batches leave no nonce to be claimed twice.
func TestNoPositionPassesInTwoBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.SliceOfN(rapid.Uint64Range(0, 20), 4, 4).Draw(t, "first")
		second := make([]uint64, len(first))
		for i := range second {
			second[i] = first[i] + rapid.Uint64Range(0, 20).Draw(t, "step")
		}
		x := rapid.Uint64Range(0, 4).Draw(t, "lane")<<laneShift | rapid.Uint64Range(0, 45).Draw(t, "k")
		tree, err := NewTree([]uint64{x})
		if err != nil {
			t.Fatal(err)
		}
		o, err := tree.Open([]uint64{0})
		if err != nil {
			t.Fatal(err)
		}
		a := Claim{Count: 1, Root: tree.Root(), Next: first}.Check([]uint64{0}, o)[0]
		b := Claim{Count: 1, Root: tree.Root(), Previous: first, Next: second}.Check([]uint64{0}, o)[0]
		if a == OK && b == OK {
			t.Fatalf("position %d passes in both batches", x)
		}
	})
}

// nopTB lets openOne run inside rapid, where its indices are always legal.
type nopTB struct{ testing.TB }

func (nopTB) Helper() {}
