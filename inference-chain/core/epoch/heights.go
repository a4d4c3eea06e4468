package epoch

import (
	"errors"
	"fmt"
	"math"
)

var (
	// ErrHeight reports an epoch that would start before block 1 or end beyond the
	// last height.
	ErrHeight = errors.New("epoch: heights must lie between 1 and 2^63-1")
	// ErrOutside reports a height that is not one of the epoch's cycle.
	ErrOutside = errors.New("epoch: the height is outside of the epoch's cycle")
)

// singleBlockStages counts the stages of the PoC period that last one block.
const singleBlockStages = 5

// maxLength keeps sums of four lengths below 2^63. Legal parameters are far
// smaller.
const maxLength = 1 << 60

// Lengths are the parameters that decide an epoch's heights, in blocks.
type Lengths struct {
	PocExchange           uint64 // poc_exchange_blocks
	PocValidationExchange uint64 // poc_validation_exchange_blocks
	ModelLoading          uint64 // model_loading_blocks
	Inference             uint64 // inference_blocks
}

// PocPeriod is P, the blocks of stages 1 to 8.
func (l Lengths) PocPeriod() uint64 {
	return singleBlockStages + l.PocExchange + l.PocValidationExchange + l.ModelLoading
}

// Generation is G, the blocks of stages 2 and 3, in which batches are accepted.
func (l Lengths) Generation() uint64 {
	return l.PocExchange + 1
}

// Cycle is the blocks from one POC_START to the next.
func (l Lengths) Cycle() uint64 {
	return l.PocPeriod() + l.Inference
}

// Heights are the block heights of one epoch's cycle: from POC_START, which opens
// the epoch, to the block before the next POC_START. They are computed when the
// epoch opens, stored with it, and never change.
//
// Epoch 0 has no PoC period: PocStart, PocEnd, PocValidationStart and
// PocValidationEnd are 0, and SetNewValidators is the height before the chain's
// first.
type Heights struct {
	PocStart           int64
	PocEnd             int64
	PocValidationStart int64
	PocValidationEnd   int64
	SetNewValidators   int64
	NextPocStart       int64
}

// Open computes the heights of an epoch that opens at pocStart.
func Open(pocStart int64, l Lengths) (Heights, error) {
	if pocStart < 1 {
		return Heights{}, fmt.Errorf("%w: POC_START at %d", ErrHeight, pocStart)
	}
	if err := l.checkEnd(pocStart); err != nil {
		return Heights{}, err
	}
	h := Heights{PocStart: pocStart}
	h.PocEnd = h.PocStart + int64(l.PocExchange) + 1
	h.PocValidationStart = h.PocEnd + 1
	h.PocValidationEnd = h.PocValidationStart + int64(l.PocValidationExchange) + 1
	h.SetNewValidators = h.PocValidationEnd + int64(l.ModelLoading) + 1
	h.NextPocStart = h.SetNewValidators + int64(l.Inference) + 1
	return h, nil
}

// Genesis computes the heights of epoch 0 for a chain whose first block has the
// height initial: INFERENCE at once, for the whole of inference_blocks.
func Genesis(initial int64, l Lengths) (Heights, error) {
	if initial < 1 {
		return Heights{}, fmt.Errorf("%w: first block at %d", ErrHeight, initial)
	}
	if err := l.checkEnd(initial); err != nil {
		return Heights{}, err
	}
	return Heights{SetNewValidators: initial - 1, NextPocStart: initial + int64(l.Inference)}, nil
}

func (l Lengths) checkEnd(from int64) error {
	for _, length := range []uint64{l.PocExchange, l.PocValidationExchange, l.ModelLoading, l.Inference} {
		if length > maxLength {
			return fmt.Errorf("%w: a stage of %d blocks", ErrHeight, length)
		}
	}
	if l.Cycle() > uint64(math.MaxInt64-from) {
		return fmt.Errorf("%w: %d blocks from height %d", ErrHeight, l.Cycle(), from)
	}
	return nil
}

// IsGenesis says whether these are the heights of epoch 0.
func (h Heights) IsGenesis() bool {
	return h.PocStart == 0
}

// First is the lowest height of the cycle.
func (h Heights) First() int64 {
	if h.IsGenesis() {
		return h.SetNewValidators + 1
	}
	return h.PocStart
}

// StageAt returns the stage of a height of this cycle.
func (h Heights) StageAt(height int64) (Stage, error) {
	if height < h.First() || height >= h.NextPocStart {
		return StageUnspecified, fmt.Errorf("%w: %d is not in [%d, %d)",
			ErrOutside, height, h.First(), h.NextPocStart)
	}
	switch {
	case height > h.SetNewValidators:
		return Inference, nil
	case height == h.SetNewValidators:
		return SetNewValidators, nil
	case height > h.PocValidationEnd:
		return ModelLoading, nil
	case height == h.PocValidationEnd:
		return PocValidationEnd, nil
	case height > h.PocValidationStart:
		return PocValidationExchange, nil
	case height == h.PocValidationStart:
		return PocValidationStart, nil
	case height == h.PocEnd:
		return PocEnd, nil
	case height > h.PocStart:
		return PocExchange, nil
	default:
		return PocStart, nil
	}
}
