// Package throughput measures what a model's nodes served and says what they are
// expected to.
//
// Source: docs/spec/throughput.md. Throughputs are tokens (prompt and completion) a
// PoC period, counters are tokens a block.
package throughput

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
)

// ErrBlocks reports a measurement over no blocks.
var ErrBlocks = errors.New("throughput: a measurement takes at least one block")

// MeasureModelThroughputForBlocks returns the tokens of a window of heights, scaled
// from the window's blocks to a PoC period: ⌊tokens·period/blocks⌋. Over exactly one
// period nothing is scaled.
func MeasureModelThroughputForBlocks(ring Ring, window epoch.Window, period uint64) (uint64, error) {
	blocks := window.Blocks()
	if blocks == 0 {
		return 0, fmt.Errorf("%w: [%d, %d]", ErrBlocks, window.First, window.Last)
	}
	tokens, err := ring.Sum(window)
	if err != nil {
		return 0, err
	}
	return fixed.MulDivFloor(tokens, period, blocks)
}

// PrePocWindow is where PRE_POC_SLOT is measured: the last P blocks of INFERENCE,
// or all of it when it is shorter.
func PrePocWindow(h epoch.Heights, period uint64) epoch.Window {
	inference := h.Window(epoch.Inference)
	if period >= inference.Blocks() {
		return inference
	}
	return epoch.Window{First: inference.Last - int64(period) + 1, Last: inference.Last}
}

// PocWindow is where POC_SLOT is measured: stages 1 to 6. Epoch 0 has none.
func PocWindow(h epoch.Heights) epoch.Window {
	if h.IsGenesis() {
		return epoch.Window{First: 0, Last: -1}
	}
	return epoch.Window{First: h.PocStart, Last: h.PocValidationEnd}
}

// Measured is a real throughput, if there is one: a model that was not in the
// epoch before has none.
type Measured struct {
	Tokens uint64
	Known  bool
}

// Expected is what a slot of a new epoch's vector starts with: what the epoch before
// really served in it, or the capacity of the model's nodes where nothing was
// measured.
func Expected(before Measured, capacity uint64) uint64 {
	if before.Known {
		return before.Tokens
	}
	return capacity
}

// ValidateThroughputPerformance returns the weight that a preserved node keeps when
// its model served some of the expected tokens in POC_SLOT:
// ⌊weight·min(served, expected)/expected⌋. Where nothing was expected it keeps all.
func ValidateThroughputPerformance(weight, served, expected uint64) uint64 {
	if served >= expected {
		return weight
	}
	// served < expected, so the quotient is at most weight.
	kept, err := fixed.MulDivFloor(weight, served, expected)
	if err != nil {
		return 0
	}
	return kept
}
