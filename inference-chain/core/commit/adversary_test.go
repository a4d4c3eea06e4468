package commit

import (
	"testing"

	"pgregory.net/rapid"
)

// drawForgery draws a tree that is honest but for a few edits: positions moved
// or repeated, and summaries that lie. Few, because a tree that is wrong
// everywhere is caught everywhere.
func drawForgery(t *rapid.T) (*Tree, []uint64) {
	positions := make([]uint64, rapid.IntRange(1, 12).Draw(t, "leaves"))
	x := uint64(1)
	for i := range positions {
		positions[i] = x
		x += rapid.Uint64Range(1, 4).Draw(t, "gap")
	}
	for range rapid.IntRange(0, 3).Draw(t, "moved") {
		i := rapid.IntRange(0, len(positions)-1).Draw(t, "which")
		positions[i] = rapid.Uint64Range(0, x+1).Draw(t, "to")
	}
	type place struct{ level, at int }
	lies := make(map[place]func(*Summary))
	for range rapid.IntRange(0, 3).Draw(t, "lies") {
		at := place{rapid.IntRange(0, 3).Draw(t, "level"), rapid.IntRange(0, 11).Draw(t, "at")}
		value := rapid.Uint64Range(0, x+1).Draw(t, "value")
		lies[at] = []func(*Summary){
			func(s *Summary) { s.Min = value },
			func(s *Summary) { s.Max = value },
			func(s *Summary) { s.Min, s.Max = s.Min+value, s.Max+value },
			func(s *Summary) { s.Count = uint32(value) },
		}[rapid.IntRange(0, 3).Draw(t, "about")]
	}
	return forge(positions, func(level, at int, s Summary) Summary {
		if lie := lies[place{level, at}]; lie != nil {
			lie(&s)
		}
		return s
	}), positions
}

// However a host builds its tree, the leaves that it can open without being
// caught are distinct and in range: a repeated nonce always costs a leaf.
func TestLeavesThatPassAreStrictlyAscendingInEveryForgedTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, positions := drawForgery(t)
		count := rapid.Uint64Range(max(1, tree.Count()-1), tree.Count()+1).Draw(t, "claimed count")
		claim := Claim{Count: count, Root: tree.Root(), Previous: []uint64{3}, Next: []uint64{30}}
		var last uint64
		passed := 0
		for at := range min(count, tree.Count()) {
			o := openOne(nopTB{}, tree, positions, at)
			if claim.Check([]uint64{at}, o)[0] != OK {
				continue
			}
			x := positions[at]
			if x < 3 || x >= 30 {
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
