package commit

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// wide is a range that covers every position of lanes 0 to 3.
var wide = []uint64{1 << 47, 1 << 47, 1 << 47, 1 << 47}

// forge builds a tree as a host may that does not keep the rules: leaves in
// any order, and lie may rewrite any summary after its hash was made.
func forge(positions []uint64, lie func(level, at int, s Summary) Summary) *Tree {
	level := make([]Summary, len(positions))
	for i, x := range positions {
		level[i] = lie(0, i, leaf(x))
	}
	levels := [][]Summary{level}
	for len(level) > 1 {
		var up []Summary
		for i := 0; i < len(level); i += 2 {
			if i+1 == len(level) {
				up = append(up, level[i])
				continue
			}
			up = append(up, lie(len(levels), i/2, join(level[i], level[i+1])))
		}
		levels, level = append(levels, up), up
	}
	return &Tree{levels: levels}
}

func truthful(_, _ int, s Summary) Summary { return s }

func TestAnUnorderedTreeIsTheForgeryWithoutLies(t *testing.T) {
	positions := []uint64{5, 5, 1, 9, 2}
	tree, err := NewUnorderedTree(positions)
	if err != nil || tree.Root() != forge(positions, truthful).Root() {
		t.Fatalf("got %v", err)
	}
	if _, err := NewUnorderedTree(nil); !errors.Is(err, ErrTreeSize) {
		t.Fatalf("got %v", err)
	}
}

// openOne opens one leaf and puts the true position beside it, which a lying
// leaf summary would hide.
func openOne(t testing.TB, tree *Tree, positions []uint64, at uint64) Opening {
	t.Helper()
	o, err := tree.Open([]uint64{at})
	if err != nil {
		t.Fatal(err)
	}
	o.X[0] = positions[at]
	return o
}

func TestAnHonestOpeningIsOKForEverySampledLeaf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		positions := drawPositions(t)
		tree, err := NewTree(positions)
		if err != nil {
			t.Fatal(err)
		}
		want := drawIndices(t, len(positions))
		o, err := tree.Open(want)
		if err != nil {
			t.Fatal(err)
		}
		claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: wide}
		for i, r := range claim.Check(want, o) {
			if r != OK {
				t.Fatalf("leaf %d is %v", want[i], r)
			}
		}
	})
}

func TestATreeShapesItselfByItsCountAlone(t *testing.T) {
	for n := 1; n <= 70; n++ {
		positions := ascending(n)
		tree := mustTree(t, positions)
		claim := Claim{Count: uint64(n), Root: tree.Root(), Next: wide}
		for at := range uint64(n) {
			if got := claim.Check([]uint64{at}, openOne(t, tree, positions, at)); got[0] != OK {
				t.Fatalf("leaf %d of %d is %v", at, n, got[0])
			}
		}
	}
}

func TestWhatDoesNotLeadToTheRootIsInvalid(t *testing.T) {
	positions := ascending(9)
	tree := mustTree(t, positions)
	want := []uint64{2, 3, 8}
	honest, err := tree.Open(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(c *Claim, o *Opening)
	}{
		{"no opening at all", func(_ *Claim, o *Opening) { *o = Opening{} }},
		{"another position", func(_ *Claim, o *Opening) { o.X[1]++ }},
		{"another index", func(_ *Claim, o *Opening) { o.Index[1]++ }},
		{"indices out of order", func(_ *Claim, o *Opening) { o.Index[0], o.Index[1] = o.Index[1], o.Index[0] }},
		{"an index beyond the count", func(_ *Claim, o *Opening) { o.Index[2] = 9 }},
		{"a position too few", func(_ *Claim, o *Opening) { o.X = o.X[:2] }},
		{"a position too many", func(_ *Claim, o *Opening) { o.X = append(o.X, 99) }},
		{"a sibling too few", func(_ *Claim, o *Opening) { o.Siblings = o.Siblings[:len(o.Siblings)-1] }},
		{"a sibling too many", func(_ *Claim, o *Opening) { o.Siblings = append(o.Siblings, Summary{}) }},
		{"a sibling with another hash", func(_ *Claim, o *Opening) { o.Siblings[0].Hash[0] ^= 1 }},
		{"a sibling with another minimum", func(_ *Claim, o *Opening) { o.Siblings[0].Min-- }},
		{"a sibling with another count", func(_ *Claim, o *Opening) { o.Siblings[0].Count++ }},
		{"siblings in another order", func(_ *Claim, o *Opening) { slices.Reverse(o.Siblings) }},
		{"another root", func(c *Claim, _ *Opening) { c.Root[31] ^= 1 }},
		{"a claim without leaves", func(c *Claim, _ *Opening) { c.Count = 0 }},
		{"a claim beyond the maximum", func(c *Claim, _ *Opening) { c.Count = MaxCount + 1 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: wide}
			o := Opening{slices.Clone(honest.Index), slices.Clone(honest.X), slices.Clone(honest.Siblings)}
			tc.change(&claim, &o)
			if got := claim.Check(want, o); slices.Contains(got, OK) || slices.Contains(got, Structural) {
				t.Fatalf("got %v, want all invalid", got)
			}
		})
	}
}

func TestALeafLeftOutIsInvalidAndTheOthersStand(t *testing.T) {
	tree := mustTree(t, ascending(9))
	o, err := tree.Open([]uint64{0, 7})
	if err != nil {
		t.Fatal(err)
	}
	claim := Claim{Count: 9, Root: tree.Root(), Next: wide}
	if got := claim.Check([]uint64{0, 4, 7}, o); !slices.Equal(got, []Result{OK, Invalid, OK}) {
		t.Fatalf("got %v", got)
	}
	if got := claim.Check([]uint64{1, 8}, o); !slices.Equal(got, []Result{Invalid, Invalid}) {
		t.Fatalf("another leaf's opening served: %v", got)
	}
}

func TestAMalformedCommitmentIsStructural(t *testing.T) {
	lieAt := func(level, at int, change func(*Summary)) func(int, int, Summary) Summary {
		return func(l, a int, s Summary) Summary {
			if l == level && a == at {
				change(&s)
			}
			return s
		}
	}
	for _, tc := range []struct {
		name      string
		positions []uint64
		lie       func(int, int, Summary) Summary
		count     uint64
		at        uint64
	}{
		{"a repeated nonce beside it", []uint64{1, 2, 2, 3}, truthful, 4, 0},
		{"the repeated nonce itself", []uint64{1, 2, 2, 3}, truthful, 4, 2},
		{"neighbours out of order", []uint64{1, 2, 4, 3}, truthful, 4, 2},
		{"disorder above the leaf", []uint64{5, 6, 1, 2}, truthful, 4, 0},
		{"a second half that repeats the first", []uint64{1, 2, 3, 4, 1, 2, 3, 4}, truthful, 8, 6},
		{"a sibling whose count is too high", ascending(4), lieAt(1, 1, func(s *Summary) { s.Count = 3 }), 4, 0},
		{"a sibling whose count is too low", ascending(4), lieAt(1, 1, func(s *Summary) { s.Count = 1 }), 4, 0},
		{"sibling counts that wrap", ascending(4), lieAt(1, 1, func(s *Summary) { s.Count = 1<<32 - 2 }), 4, 0},
		{"a tree of fewer leaves than claimed", ascending(7), truthful, 8, 0},
		{"a tree of more leaves than claimed", ascending(8), truthful, 7, 0},
		{
			"a sibling with its minimum above its maximum",
			[]uint64{1, 2, 3, 4, 1, 2, 3, 4},
			lieAt(0, 4, func(s *Summary) { s.Min = 5 }), 8, 5,
		},
		{"a sibling too narrow for its count", ascending(4), lieAt(1, 1, func(s *Summary) { s.Min = s.Max }), 4, 0},
		{"a leaf that claims a range", ascending(4), lieAt(0, 1, func(s *Summary) { s.Max++ }), 4, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree := forge(tc.positions, tc.lie)
			claim := Claim{Count: tc.count, Root: tree.Root(), Next: wide}
			got := claim.Check([]uint64{tc.at}, openOne(t, tree, tc.positions, tc.at))
			if got[0] != Structural {
				t.Fatalf("got %v", got[0])
			}
		})
	}
}

func TestOnlyLeavesBelowAVisibleViolationAreStructural(t *testing.T) {
	for _, tc := range []struct {
		name      string
		positions []uint64
		want      []Result
	}{
		{
			"a fallen pair in a wide half",
			[]uint64{1, 2, 3, 4, 90, 80, 100, 110},
			[]Result{OK, Structural, Structural},
		},
		{
			"a half too narrow for its leaves shows from outside",
			[]uint64{1, 2, 3, 4, 9, 8, 10, 11},
			[]Result{Structural, Structural, Structural},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tree, want := forge(tc.positions, truthful), []uint64{0, 4, 5}
			o, err := tree.Open(want)
			if err != nil {
				t.Fatal(err)
			}
			claim := Claim{Count: 8, Root: tree.Root(), Next: wide}
			if got := claim.Check(want, o); !slices.Equal(got, tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAPositionOutsideTheBatchsRangeIsStructural(t *testing.T) {
	for _, tc := range []struct {
		name           string
		previous, next []uint64
		lane, k        uint64
		want           Result
	}{
		{"the first k of the range", []uint64{10}, []uint64{20}, 0, 10, OK},
		{"the last k of the range", []uint64{10}, []uint64{20}, 0, 19, OK},
		{"a k that an earlier batch claimed", []uint64{10}, []uint64{20}, 0, 9, Structural},
		{"a k that was not walked", []uint64{10}, []uint64{20}, 0, 20, Structural},
		{"the first batch starts at 0", nil, []uint64{20}, 0, 0, OK},
		{"a lane that the node lacks", nil, []uint64{20}, 1, 0, Structural},
		{"a lane that stood still", []uint64{0, 7}, []uint64{20, 7}, 1, 7, Structural},
	} {
		t.Run(tc.name, func(t *testing.T) {
			positions := []uint64{tc.lane<<laneShift | tc.k}
			tree := mustTree(t, positions)
			claim := Claim{Count: 1, Root: tree.Root(), Previous: tc.previous, Next: tc.next}
			if got := claim.Check([]uint64{0}, openOne(t, tree, positions, 0)); got[0] != tc.want {
				t.Fatalf("got %v, want %v", got[0], tc.want)
			}
		})
	}
}

func TestResultsHaveNames(t *testing.T) {
	for r, want := range map[Result]string{OK: "ok", Invalid: "invalid", Structural: "structural", 9: "invalid"} {
		if r.String() != want {
			t.Fatalf("%d is %q, want %q", r, r.String(), want)
		}
	}
}

// drawPositions draws a strictly ascending list over four lanes.
func drawPositions(t *rapid.T) []uint64 {
	positions := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) uint64 {
		return rapid.Uint64Range(0, 3).Draw(t, "lane")<<laneShift | rapid.Uint64Range(0, 500).Draw(t, "k")
	}), 1, 70, rapid.ID).Draw(t, "positions")
	slices.Sort(positions)
	return positions
}

func drawIndices(t *rapid.T, n int) []uint64 {
	want := rapid.SliceOfNDistinct(rapid.Uint64Range(0, uint64(n-1)), 1, n, rapid.ID).Draw(t, "want")
	slices.Sort(want)
	return want
}
