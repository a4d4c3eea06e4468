package commit

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"ninefold.dev/inference-chain/core/fixed"
)

// Why a batch is not stored. ErrBatchRepeated is no failure: the same bytes
// are stored already, and the caller answers success without effect.
// ErrBatchGap is retryable: it passes once the batches before it have.
var (
	ErrBatchRepeated  = errors.New("batch is stored already")
	ErrBatchGap       = errors.New("batch id leaves a gap")
	ErrBatchConflict  = errors.New("batch id is taken by other content")
	ErrTooManyBatches = errors.New("too many batches for the node")
	ErrRootSize       = errors.New("root has the wrong size")
	ErrLaneCount      = errors.New("lane_next has the wrong number of lanes")
	ErrLaneBound      = errors.New("lane_next out of range")
	ErrLaneFalls      = errors.New("lane_next falls")
	ErrCount          = errors.New("count out of range")
	ErrCountOfRange   = errors.New("count exceeds the walked range")
	ErrTooManyNonces  = errors.New("too many nonces for the node")
	ErrSparseClaims   = errors.New("claims are sparser than chance")
	ErrLimits         = errors.New("limits are impossible")
)

// Batch is a commitment as it is submitted.
type Batch struct {
	// ID numbers the node's batches of the epoch from 1 without gaps.
	ID uint64
	// Count is the number of valid nonces claimed.
	Count uint64
	// Root is the root of the tree over their positions, HashSize bytes.
	Root []byte
	// LaneNext is, for each lane, the k after the last one walked.
	LaneNext []uint64
}

// Equal reports whether two batches have the same content.
func (b Batch) Equal(other Batch) bool {
	return b.ID == other.ID && b.Count == other.Count &&
		slices.Equal(b.Root, other.Root) && slices.Equal(b.LaneNext, other.LaneNext)
}

// State is a node's running total in one round. The zero value is a node that
// has committed nothing.
type State struct {
	// LastID is the id of the last accepted batch, 0 before the first.
	LastID uint64
	// Claimed is the number of nonces claimed so far.
	Claimed uint64
	// LaneNext is that of the last accepted batch; empty before the first.
	LaneNext []uint64
	// Stored is the accepted batch with the id of the one being submitted, or
	// nil when there is none. Needed only for ids up to LastID.
	Stored *Batch
}

// Limits are the epoch's frozen parameters that bound a batch.
type Limits struct {
	// Lanes is the number of lanes of a node, 1 to MaxLanes.
	Lanes uint64
	// MaxBatches is max_batches_per_node.
	MaxBatches uint64
	// MaxNonces is max_nonces_per_node.
	MaxNonces uint64
	// ValidFraction is p, at most 1.
	ValidFraction fixed.Dec
}

// AcceptBatch decides whether a batch may be stored and returns the state
// after it, without Stored. The state comes back unchanged with every error;
// the sentinels above tell them apart.
func AcceptBatch(state State, batch Batch, limits Limits) (State, error) {
	if limits.Lanes == 0 || limits.Lanes > MaxLanes || limits.ValidFraction > fixed.One {
		return state, fmt.Errorf("%w: %d lanes, valid fraction %s", ErrLimits, limits.Lanes, limits.ValidFraction)
	}
	if err := checkID(state, batch, limits); err != nil {
		return state, err
	}
	if len(batch.Root) != HashSize {
		return state, fmt.Errorf("%w: %d bytes, not %d", ErrRootSize, len(batch.Root), HashSize)
	}
	walked, total, err := walkedRange(state, batch, limits)
	if err != nil {
		return state, err
	}
	if err := checkCount(state, batch, limits, walked); err != nil {
		return state, err
	}
	claimed := state.Claimed + batch.Count
	if !Dense(claimed, total, limits.ValidFraction) {
		return state, fmt.Errorf("%w: %d claims of %d walked nonces", ErrSparseClaims, claimed, total)
	}
	return State{LastID: batch.ID, Claimed: claimed, LaneNext: slices.Clone(batch.LaneNext)}, nil
}

// checkID asks whether the batch is the node's next.
func checkID(state State, batch Batch, limits Limits) error {
	switch {
	case batch.ID <= state.LastID:
		if state.Stored != nil && state.Stored.Equal(batch) {
			return fmt.Errorf("%w: id %d", ErrBatchRepeated, batch.ID)
		}
		return fmt.Errorf("%w: id %d, last accepted %d", ErrBatchConflict, batch.ID, state.LastID)
	case batch.ID > limits.MaxBatches:
		return fmt.Errorf("%w: id %d, at most %d", ErrTooManyBatches, batch.ID, limits.MaxBatches)
	case batch.ID-state.LastID > 1:
		return fmt.Errorf("%w: id %d, expected %d", ErrBatchGap, batch.ID, state.LastID+1)
	}
	return nil
}

// walkedRange returns Σ(lane_next − previous) and Σ lane_next. Both stay
// below 2^54.
func walkedRange(state State, batch Batch, limits Limits) (walked, total uint64, err error) {
	if uint64(len(batch.LaneNext)) != limits.Lanes {
		return 0, 0, fmt.Errorf("%w: %d, not %d", ErrLaneCount, len(batch.LaneNext), limits.Lanes)
	}
	for lane, next := range batch.LaneNext {
		if next >= MaxLaneNext {
			return 0, 0, fmt.Errorf("%w: lane %d is %d, at most %d", ErrLaneBound, lane, next, MaxLaneNext-1)
		}
		var previous uint64
		if lane < len(state.LaneNext) {
			previous = state.LaneNext[lane]
		}
		if next < previous {
			return 0, 0, fmt.Errorf("%w: lane %d from %d to %d", ErrLaneFalls, lane, previous, next)
		}
		walked += next - previous
		total += next
	}
	return walked, total, nil
}

func checkCount(state State, batch Batch, limits Limits, walked uint64) error {
	switch {
	case batch.Count == 0 || batch.Count > MaxCount:
		return fmt.Errorf("%w: %d, 1 to %d are possible", ErrCount, batch.Count, MaxCount)
	case batch.Count > walked:
		return fmt.Errorf("%w: %d claims of %d nonces", ErrCountOfRange, batch.Count, walked)
	case state.Claimed > limits.MaxNonces || batch.Count > limits.MaxNonces-state.Claimed:
		return fmt.Errorf("%w: %d and %d more, at most %d",
			ErrTooManyNonces, state.Claimed, batch.Count, limits.MaxNonces)
	}
	return nil
}

// Dense reports whether c claims out of w walked nonces are as dense as
// chance at valid fraction p: with m = ⌊p·w⌋, either m ≤ c or
// (m − c)² ≤ 36·m + 4,096, in 128 bits.
//
// Six standard deviations refuse an honest node with probability below 10^-8;
// whoever screens nonces before computing them walks further than that.
func Dense(c, w uint64, p fixed.Dec) bool {
	m, err := p.MulFloor(w)
	if err != nil {
		return false // more is owed than 64 bits can claim
	}
	if m <= c {
		return true
	}
	gapHi, gapLo := bits.Mul64(m-c, m-c)
	boundHi, boundLo := bits.Mul64(36, m)
	boundLo, carry := bits.Add64(boundLo, 4096, 0)
	boundHi += carry
	return gapHi < boundHi || gapHi == boundHi && gapLo <= boundLo
}
