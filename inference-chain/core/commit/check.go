package commit

import "sort"

// Result is what an opening shows about one sampled leaf.
type Result uint8

const (
	// Invalid: the leaf's opening is missing or does not hash to the root.
	// It is the zero value, so that what was never opened is invalid.
	Invalid Result = iota
	// OK: the leaf belongs to a tree that, as far as its path shows, is
	// ordered and as large as claimed. Its nonce has yet to be recomputed.
	OK
	// Structural: the opening does hash to the root and proves that the
	// commitment is malformed.
	Structural
)

// String returns the result's name.
func (r Result) String() string {
	switch r {
	case OK:
		return "ok"
	case Structural:
		return "structural"
	default:
		return "invalid"
	}
}

// Claim is what the chain knows of one accepted batch.
type Claim struct {
	// Count is the number of leaves claimed.
	Count uint64
	// Root is the committed root.
	Root [HashSize]byte
	// Previous and Next hold lane_next before and after the batch: the batch
	// claims k of lane l in [Previous[l], Next[l]). A lane that Previous lacks
	// starts at 0.
	Previous []uint64
	Next     []uint64
}

// covers reports whether the position lies in the batch's range of its lane.
func (c Claim) covers(x uint64) bool {
	lane, k := SplitPosition(x)
	if lane >= uint64(len(c.Next)) || k >= c.Next[lane] {
		return false
	}
	return lane >= uint64(len(c.Previous)) || k >= c.Previous[lane]
}

// Check judges the sampled leaves want against the host's opening and returns
// one result for each, in the order of want. It accepts any input: an opening
// that is malformed opens nothing, and its cost is linear in its own size.
//
// Where every result is OK, the positions are strictly ascending over the
// indices, whatever tree the host built: the shape follows from Count alone,
// so an index has one place, and each ancestor of a passing leaf has been
// shown to hold only what lies between its minimum and its maximum.
func (c Claim) Check(want []uint64, o Opening) []Result {
	results := make([]Result, len(want))
	opened := c.checkOpening(o)
	if opened == nil {
		return results
	}
	for i, index := range want {
		at := sort.Search(len(o.Index), func(j int) bool { return o.Index[j] >= index })
		if at < len(o.Index) && o.Index[at] == index {
			results[i] = opened[at]
		}
	}
	return results
}

// checkOpening returns one result for each leaf of the opening, or nil when
// the opening as a whole does not lead to the root.
func (c Claim) checkOpening(o Opening) []Result {
	if c.Count == 0 || c.Count > MaxCount || len(o.Index) == 0 ||
		len(o.X) != len(o.Index) || !ascendingBelow(o.Index, c.Count) {
		return nil
	}
	w := newWalk(c.Count, o)
	for w.width() > 1 {
		if !w.climb() {
			return nil
		}
	}
	if len(w.siblings) != 0 || w.nodes[0].root() != c.Root {
		return nil
	}
	for i, x := range o.X {
		if !c.covers(x) {
			w.results[i] = Structural
		}
	}
	return w.results
}

// node is a derived subtree on the way up: its place in its level, and the
// opened leaves below it.
type node struct {
	Summary
	at          uint64
	first, last int
}

// walk climbs from the opened leaves to the top of a tree whose shape follows
// from the claimed count.
type walk struct {
	count    uint64
	level    uint
	nodes    []node
	siblings []Summary
	results  []Result
}

func newWalk(count uint64, o Opening) *walk {
	w := &walk{
		count:    count,
		nodes:    make([]node, len(o.Index)),
		siblings: o.Siblings,
		results:  make([]Result, len(o.Index)),
	}
	for i, at := range o.Index {
		w.nodes[i] = node{Summary: leaf(o.X[i]), at: at, first: i, last: i}
		w.results[i] = OK
	}
	return w
}

// width returns the number of subtrees in the current level.
func (w *walk) width() uint64 { return (w.count + 1<<w.level - 1) >> w.level }

// climb derives the next level. It reports false when siblings run out.
func (w *walk) climb() bool {
	width, up := w.width(), w.nodes[:0]
	for i := 0; i < len(w.nodes); i++ {
		n := w.nodes[i]
		sibling := node{at: n.at ^ 1}
		switch {
		case sibling.at == width:
			n.at >>= 1
			up = append(up, n)
			continue
		case i+1 < len(w.nodes) && w.nodes[i+1].at == sibling.at:
			i++
			sibling = w.nodes[i]
		case len(w.siblings) == 0:
			return false
		default:
			sibling.Summary, sibling.first, sibling.last = w.siblings[0], n.last+1, n.last
			w.siblings = w.siblings[1:]
		}
		up = append(up, w.join(n, sibling))
	}
	w.nodes, w.level = up, w.level+1
	return true
}

// join derives the parent of two neighbours and marks every opened leaf below
// it when the pair cannot be part of an ordered tree of the claimed count.
func (w *walk) join(n, sibling node) node {
	left, right := n, sibling
	if n.at&1 == 1 {
		left, right = sibling, n
	}
	parent := node{
		Summary: join(left.Summary, right.Summary), at: n.at >> 1,
		first: n.first, last: max(n.last, sibling.last),
	}
	if left.Max >= right.Min || !w.fits(left) || !w.fits(right) {
		for i := parent.first; i <= parent.last; i++ {
			w.results[i] = Structural
		}
	}
	return parent
}

// fits reports whether a subtree has the number of leaves that its place
// prescribes, and a range that can hold them.
func (w *walk) fits(n node) bool {
	prescribed := min(w.count-n.at<<w.level, 1<<w.level)
	return uint64(n.Count) == prescribed && n.possible()
}
