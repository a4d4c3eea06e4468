package commit

import (
	"errors"
	"fmt"
	"math/bits"
)

const (
	// laneShift puts the lane above k, so that positions of one batch sort by
	// lane and then by k.
	laneShift = 56

	// MaxLanes is the most lanes that a position can name.
	MaxLanes = 64

	// MaxLaneNext bounds lane_next from above, exclusively. It leaves a node
	// of 256 siblings and 64 lanes below 2^62, so no nonce overflows.
	MaxLaneNext = uint64(1) << 48
)

// Errors of the arithmetic between lanes, positions and nonces.
var (
	ErrLane          = errors.New("lane out of range")
	ErrStep          = errors.New("k out of range")
	ErrNodeIndex     = errors.New("node index out of range")
	ErrNonceOverflow = errors.New("nonce exceeds 64 bits")
	ErrForeignNonce  = errors.New("nonce belongs to another node")
)

// Position returns lane·2^56 + k, the value that a leaf commits to.
// It fails with ErrLane at MaxLanes and with ErrStep at MaxLaneNext.
func Position(lane, k uint64) (uint64, error) {
	if lane >= MaxLanes {
		return 0, fmt.Errorf("%w: %d, at most %d", ErrLane, lane, MaxLanes-1)
	}
	if k >= MaxLaneNext {
		return 0, fmt.Errorf("%w: %d, at most %d", ErrStep, k, MaxLaneNext-1)
	}
	return lane<<laneShift | k, nil
}

// SplitPosition returns the lane and k of a position. Any 64-bit value has
// both; whether they are in range is for the caller to ask.
func SplitPosition(x uint64) (lane, k uint64) {
	return x >> laneShift, x & (1<<laneShift - 1)
}

// Stride is a node's share of the nonces: its rank in the host's fleet, the
// size of that fleet, and the number of lanes of the epoch.
type Stride struct {
	NodeIndex uint64
	NodeCount uint64
	Lanes     uint64
}

func (s Stride) validate() error {
	if s.Lanes == 0 || s.Lanes > MaxLanes {
		return fmt.Errorf("%w: %d lanes, 1 to %d are possible", ErrLane, s.Lanes, MaxLanes)
	}
	if s.NodeIndex >= s.NodeCount {
		return fmt.Errorf("%w: %d of %d", ErrNodeIndex, s.NodeIndex, s.NodeCount)
	}
	return nil
}

// Nonce returns node_index + node_count·(lane + lanes·k).
// It fails when the lane or the node is out of range or the value does not
// fit 64 bits.
func (s Stride) Nonce(lane, k uint64) (uint64, error) {
	if err := s.validate(); err != nil {
		return 0, err
	}
	if lane >= s.Lanes {
		return 0, fmt.Errorf("%w: %d of %d", ErrLane, lane, s.Lanes)
	}
	hi, steps := bits.Mul64(s.Lanes, k)
	steps, carry := bits.Add64(steps, lane, 0)
	if hi != 0 || carry != 0 {
		return 0, fmt.Errorf("%w: lane %d, k %d", ErrNonceOverflow, lane, k)
	}
	hi, nonce := bits.Mul64(s.NodeCount, steps)
	nonce, carry = bits.Add64(nonce, s.NodeIndex, 0)
	if hi != 0 || carry != 0 {
		return 0, fmt.Errorf("%w: lane %d, k %d", ErrNonceOverflow, lane, k)
	}
	return nonce, nil
}

// NonceAt returns the nonce at a position.
func (s Stride) NonceAt(x uint64) (uint64, error) {
	lane, k := SplitPosition(x)
	return s.Nonce(lane, k)
}

// Locate is the inverse of Nonce. It fails with ErrForeignNonce when the
// nonce is not one of this node's.
func (s Stride) Locate(nonce uint64) (lane, k uint64, err error) {
	if err := s.validate(); err != nil {
		return 0, 0, err
	}
	if nonce%s.NodeCount != s.NodeIndex {
		return 0, 0, fmt.Errorf("%w: %d is node %d's of %d, not node %d's",
			ErrForeignNonce, nonce, nonce%s.NodeCount, s.NodeCount, s.NodeIndex)
	}
	steps := nonce / s.NodeCount
	return steps % s.Lanes, steps / s.Lanes, nil
}
