package epoch

// Window is a range of heights, both ends inclusive. It is empty when First is
// above Last.
type Window struct {
	First, Last int64
}

// Contains says whether the height lies in the window.
func (w Window) Contains(height int64) bool {
	return w.First <= height && height <= w.Last
}

// Blocks is the number of heights in the window.
func (w Window) Blocks() uint64 {
	if w.First > w.Last {
		return 0
	}
	return uint64(w.Last-w.First) + 1
}

// nothing is the window of a stage which epoch 0 does not have.
var nothing = Window{First: 0, Last: -1}

// Window returns the heights of a stage, empty for a stage the epoch does not have.
func (h Heights) Window(stage Stage) Window {
	if stage == Inference {
		return Window{h.SetNewValidators + 1, h.NextPocStart - 1}
	}
	if h.IsGenesis() {
		return nothing
	}
	switch stage {
	case PocStart:
		return Window{h.PocStart, h.PocStart}
	case PocExchange:
		return Window{h.PocStart + 1, h.PocEnd - 1}
	case PocEnd:
		return Window{h.PocEnd, h.PocEnd}
	case PocValidationStart:
		return Window{h.PocValidationStart, h.PocValidationStart}
	case PocValidationExchange:
		return Window{h.PocValidationStart + 1, h.PocValidationEnd - 1}
	case PocValidationEnd:
		return Window{h.PocValidationEnd, h.PocValidationEnd}
	case ModelLoading:
		return Window{h.PocValidationEnd + 1, h.SetNewValidators - 1}
	case SetNewValidators:
		return Window{h.SetNewValidators, h.SetNewValidators}
	default:
		return nothing
	}
}

// Batches is where MsgSubmitPocBatch is accepted: from the block after POC_START,
// whose hash is the challenge, to POC_END inclusive.
func (h Heights) Batches() Window {
	if h.IsGenesis() {
		return nothing
	}
	return Window{h.PocStart + 1, h.PocEnd}
}

// Verdicts is where MsgSubmitPocValidation is accepted: from the block after
// POC_VALIDATION_START, whose hash is the sampling seed, to POC_VALIDATION_END
// inclusive.
func (h Heights) Verdicts() Window {
	if h.IsGenesis() {
		return nothing
	}
	return Window{h.PocValidationStart + 1, h.PocValidationEnd}
}

// EffectiveFrom is the first height whose handlers and queries see the epoch that
// this cycle forms: what the end of SET_NEW_VALIDATORS writes is seen a block later.
func (h Heights) EffectiveFrom() int64 {
	return h.SetNewValidators + 1
}

// SignedFrom is the first height that CometBFT signs with the new validators: it
// applies updates of block s at s+2.
func (h Heights) SignedFrom() int64 {
	return h.SetNewValidators + 2
}

// Allocation is where timeslots are allocated: the last allocation_blocks of
// INFERENCE, or all of it when that is shorter. The hash of its first block is the
// allocation's seed.
func (h Heights) Allocation(allocationBlocks uint64) Window {
	inference := h.Window(Inference)
	if allocationBlocks >= inference.Blocks() {
		return inference
	}
	return Window{inference.Last - int64(allocationBlocks) + 1, inference.Last}
}

// RowsPerLoad is how many rows of hardware one unit of a formation's load stands
// for: a host of ten nodes with eight models each.
const RowsPerLoad = 100

// FormationLoad is what a host adds to the work of a formation, given the rows that
// its nodes may take: 1, or more for a host of more than RowsPerLoad rows.
func FormationLoad(rows uint64) uint64 {
	return max(ceilDiv(rows, RowsPerLoad), 1)
}

// FormedPerBlock is how much load formation takes in a block: the parameter
// formation_hosts_per_block, or more when the load would not be through two blocks
// before MODEL_LOADING ends. left counts the blocks of MODEL_LOADING from this one on.
func FormedPerBlock(left, parameter, load uint64) uint64 {
	blocks := uint64(1)
	if left > 3 {
		blocks = left - 2
	}
	return max(parameter, ceilDiv(load, blocks))
}

// ceilDiv is ⌈a/b⌉, without a sum that could wrap.
func ceilDiv(a, b uint64) uint64 {
	quotient := a / b
	if a%b != 0 {
		quotient++
	}
	return quotient
}
