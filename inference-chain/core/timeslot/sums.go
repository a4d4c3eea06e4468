package timeslot

import "math/bits"

// sums is a Fenwick tree of weights: the sum of all of them, the index that a point
// falls on, and taking one out, each in O(log n). Position i (from 1) holds the sum
// of the i&−i weights that end with it.
type sums struct {
	tree []uint64 // from 1
	all  uint64
}

// newSums builds the tree. The caller has checked that the sum fits 64 bits.
func newSums(weights []uint64) sums {
	s := sums{tree: make([]uint64, len(weights)+1)}
	for i, w := range weights {
		at := i + 1
		s.tree[at] += w
		s.all += w
		if above := at + at&-at; above < len(s.tree) {
			s.tree[above] += s.tree[at]
		}
	}
	return s
}

func (s sums) total() uint64 { return s.all }

// find returns the index whose interval covers point, for point < total.
func (s sums) find(point uint64) int {
	at := 0
	for step := 1 << bits.Len(uint(len(s.tree)-1)) >> 1; step > 0; step >>= 1 {
		if above := at + step; above < len(s.tree) && s.tree[above] <= point {
			point -= s.tree[above]
			at = above
		}
	}
	return at
}

// remove takes the weight of an index out.
func (s *sums) remove(index int, weight uint64) {
	s.all -= weight
	for at := index + 1; at < len(s.tree); at += at & -at {
		s.tree[at] -= weight
	}
}
