package poc

import (
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
)

const (
	// finalLead is how many blocks before the last one of the window the last
	// batches are cut: one to carry them, one to spare.
	finalLead = 2
	// cutsAWindow is about how many batches a node spreads over a window.
	cutsAWindow = 24
)

// pace decides when a node's proofs are cut into a batch.
type pace struct {
	window  epoch.Window // in which batches are accepted
	height  int64        // newest block
	lastCut int64        // at which the node's last batch was cut; 0 before

	batches    uint64 // that the node has used
	maxBatches uint64
	claimed    uint64 // in those batches
	maxNonces  uint64
	pending    uint64 // not yet in a batch
}

// finalHeight is where the proofs of a window are closed and cut for the last
// time.
func finalHeight(window epoch.Window) int64 {
	return max(window.First, window.Last-finalLead)
}

// final says whether it is time to close, and still possible to commit.
func (p pace) final() bool {
	return p.height >= finalHeight(p.window) && p.height < p.window.Last
}

// over says whether nothing can be committed any more.
func (p pace) over() bool { return p.height >= p.window.Last }

// partial says whether a batch that is not full may be cut now: not so often
// that the batches run out before the maximum of nonces is reached, and not
// right before the final cut, which must not wait behind another transaction.
func (p pace) partial() bool {
	if p.height >= finalHeight(p.window)-1 && !p.final() {
		return false
	}
	if p.final() {
		return true
	}
	interval := max(1, int64(p.window.Blocks())/cutsAWindow)
	if p.height-max(p.lastCut, p.window.First-1) < interval {
		return false
	}
	return p.batches+1+p.stillNeeded() <= p.maxBatches
}

// stillNeeded is how many batches must stay in reserve when a partial one is
// cut now: for twice what the rest of the window brings at the rate so far,
// or what is allowed at all, and for the final cut.
func (p pace) stillNeeded() uint64 {
	done := p.claimed + p.pending
	left := p.maxNonces - min(p.maxNonces, done)
	elapsed := uint64(max(1, p.height-p.window.First+1))
	remaining := uint64(max(0, p.window.Last-p.height))
	if expected := 2 * done / elapsed * remaining; expected < left {
		left = expected
	}
	return left/commit.MaxCount + 2
}
