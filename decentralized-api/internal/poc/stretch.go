package poc

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ninefold.dev/inference-chain/core/commit"
)

// ErrBadProof means that a node sent what no correct one sends.
var ErrBadProof = errors.New("proof of a node is wrong")

// stretch is a walked part of a node's lanes: the valid positions in it,
// ascending, and for each lane the k after the last one walked.
type stretch struct {
	positions []uint64
	laneNext  []uint64
}

// takeIn checks what a node walked after previous and turns its nonces into
// positions: all of them its own, each once, each within what was walked.
func takeIn(stride commit.Stride, previous, laneNext, nonces []uint64) (stretch, error) {
	if uint64(len(laneNext)) != stride.Lanes {
		return stretch{}, fmt.Errorf("%w: lane_next has %d lanes, not %d", ErrBadProof, len(laneNext), stride.Lanes)
	}
	for lane, next := range laneNext {
		if next < at(previous, lane) || next >= commit.MaxLaneNext {
			return stretch{}, fmt.Errorf("%w: lane %d goes from %d to %d", ErrBadProof, lane, at(previous, lane), next)
		}
	}
	positions := make([]uint64, len(nonces))
	for i, nonce := range nonces {
		lane, k, err := stride.Locate(nonce)
		if err != nil {
			return stretch{}, fmt.Errorf("%w: %w", ErrBadProof, err)
		}
		if k < at(previous, int(lane)) || k >= laneNext[lane] {
			return stretch{}, fmt.Errorf("%w: nonce %d lies outside what was walked", ErrBadProof, nonce)
		}
		if positions[i], err = commit.Position(lane, k); err != nil {
			return stretch{}, fmt.Errorf("%w: %w", ErrBadProof, err)
		}
	}
	slices.Sort(positions)
	if len(slices.Compact(slices.Clone(positions))) != len(positions) {
		return stretch{}, fmt.Errorf("%w: a nonce is repeated", ErrBadProof)
	}
	return stretch{positions: positions, laneNext: slices.Clone(laneNext)}, nil
}

// at returns lane_next of a lane; lanes that are not listed were not walked.
func at(laneNext []uint64, lane int) uint64 {
	if lane >= len(laneNext) {
		return 0
	}
	return laneNext[lane]
}

// split cuts a stretch that was walked after previous so that the head holds
// at most limit positions: as if the lanes had been walked evenly, k by k, and
// been stopped before the first position too many. Every position of the head
// lies below the head's lane_next, every other one at or above it.
func (s stretch) split(previous []uint64, limit int) (head, rest stretch) {
	if len(s.positions) <= limit {
		return s, stretch{laneNext: s.laneNext}
	}
	order := slices.Clone(s.positions)
	slices.SortFunc(order, walkOrder)
	stopLane, stopK := commit.SplitPosition(order[limit])
	head.laneNext = make([]uint64, len(s.laneNext))
	for lane := range head.laneNext {
		stop := stopK
		if uint64(lane) < stopLane {
			stop++ // this lane's k had its turn before the stop
		}
		head.laneNext[lane] = max(at(previous, lane), min(s.laneNext[lane], stop))
	}
	head.positions, rest.positions = order[:limit:limit], order[limit:]
	slices.Sort(head.positions)
	slices.Sort(rest.positions)
	rest.laneNext = s.laneNext
	return head, rest
}

// walkOrder compares positions by k, then by lane.
func walkOrder(a, b uint64) int {
	laneA, kA := commit.SplitPosition(a)
	laneB, kB := commit.SplitPosition(b)
	return cmp.Or(cmp.Compare(kA, kB), cmp.Compare(laneA, laneB))
}

// join appends a stretch that was walked later.
func (s stretch) join(later stretch) stretch {
	positions := append(slices.Clone(s.positions), later.positions...)
	slices.Sort(positions)
	return stretch{positions: positions, laneNext: later.laneNext}
}

// pack and unpack are how lists of numbers are stored: 8 bytes each,
// big-endian.
func pack(values []uint64) []byte {
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.BigEndian.AppendUint64(raw, v)
	}
	return raw
}

func unpack(raw []byte) []uint64 {
	values := make([]uint64, len(raw)/8)
	for i := range values {
		values[i] = binary.BigEndian.Uint64(raw[8*i:])
	}
	return values
}
