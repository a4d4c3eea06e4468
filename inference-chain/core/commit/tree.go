package commit

import (
	"errors"
	"fmt"
)

// MaxCount is the most leaves that a batch may claim.
const MaxCount = 1 << 16

// Errors of building and opening a tree.
var (
	ErrTreeSize  = errors.New("tree size out of range")
	ErrDisorder  = errors.New("positions are not strictly ascending")
	ErrLeafIndex = errors.New("leaf indices are not strictly ascending and inside the tree")
)

// Tree is the ordered Merkle tree of one batch. It is immutable.
type Tree struct {
	// levels[0] are the leaves; the last level is the top alone.
	levels [][]Summary
}

// NewTree builds the tree over 1 to MaxCount strictly ascending positions.
// It fails with ErrTreeSize or ErrDisorder.
func NewTree(positions []uint64) (*Tree, error) {
	for i, x := range positions {
		if i > 0 && x <= positions[i-1] {
			return nil, fmt.Errorf("%w: %d at %d follows %d", ErrDisorder, x, i, positions[i-1])
		}
	}
	return NewUnorderedTree(positions)
}

// NewUnorderedTree builds the tree over 1 to MaxCount positions in any order,
// repeated ones too. Only a dishonest host commits to such a tree; whoever
// checks openings needs one to show that it is caught.
// It fails with ErrTreeSize.
func NewUnorderedTree(positions []uint64) (*Tree, error) {
	if len(positions) == 0 || len(positions) > MaxCount {
		return nil, fmt.Errorf("%w: %d leaves, 1 to %d are possible",
			ErrTreeSize, len(positions), MaxCount)
	}
	leaves := make([]Summary, len(positions))
	for i, x := range positions {
		leaves[i] = leaf(x)
	}
	return grow(leaves), nil
}

// grow pairs summaries level by level; an odd last one is carried up as it is.
func grow(level []Summary) *Tree {
	levels := [][]Summary{level}
	for len(level) > 1 {
		up := make([]Summary, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, join(level[i], level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		levels = append(levels, up)
		level = up
	}
	return &Tree{levels: levels}
}

// Count returns the number of leaves.
func (t *Tree) Count() uint64 { return uint64(len(t.levels[0])) }

// Root returns SHA-256(0x02 ‖ summary of the whole tree).
func (t *Tree) Root() [HashSize]byte { return t.levels[len(t.levels)-1][0].root() }

// Opening opens some leaves of one batch as a multiproof.
type Opening struct {
	// Index are the leaf indices, strictly ascending.
	Index []uint64
	// X are the positions of those leaves.
	X []uint64
	// Siblings are the summaries that cannot be derived from X, bottom-up and
	// left to right within a level.
	Siblings []Summary
}

// Open opens the leaves with the given strictly ascending indices.
// It fails with ErrLeafIndex. No indices give an empty opening.
func (t *Tree) Open(indices []uint64) (Opening, error) {
	if !ascendingBelow(indices, t.Count()) {
		return Opening{}, fmt.Errorf("%w: of %d", ErrLeafIndex, t.Count())
	}
	o := Opening{Index: append([]uint64(nil), indices...), X: make([]uint64, len(indices))}
	for i, at := range indices {
		o.X[i] = t.levels[0][at].Min
	}
	if len(indices) == 0 {
		return o, nil
	}
	at := append([]uint64(nil), indices...)
	for _, level := range t.levels[:len(t.levels)-1] {
		up := at[:0]
		for i := 0; i < len(at); i++ {
			sibling := at[i] ^ 1
			switch {
			case sibling == uint64(len(level)):
			case i+1 < len(at) && at[i+1] == sibling:
				i++
			default:
				o.Siblings = append(o.Siblings, level[sibling])
			}
			up = append(up, sibling>>1)
		}
		at = up
	}
	return o, nil
}

// ascendingBelow reports whether values are strictly ascending and below n.
func ascendingBelow(values []uint64, n uint64) bool {
	for i, v := range values {
		if v >= n || i > 0 && v <= values[i-1] {
			return false
		}
	}
	return true
}
