package throughput

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
)

var (
	// ErrRing reports a ring without blocks, or one that does not hold a height.
	ErrRing = errors.New("throughput: the ring does not hold that height")
	// ErrBackwards reports a block that is older than the newest one.
	ErrBackwards = errors.New("throughput: blocks advance")
)

// RingBlocks is how many blocks the ring of an epoch keeps: 2P, so that a receipt of
// the last measured period can still be settled in the next one.
func RingBlocks(period uint64) uint64 {
	return 2 * period
}

// Ring counts one model's tokens by block, of the newest blocks alone. It is a
// value: a step returns a new one. A counter that was never touched is zero.
type Ring struct {
	newest int64    // height of the block that is running; 0 before the first
	tokens []uint64 // by height modulo the length
}

// NewRing returns the ring of so many blocks, at least one, all of them empty.
func NewRing(blocks uint64) (Ring, error) {
	if blocks == 0 {
		return Ring{}, fmt.Errorf("%w: no blocks", ErrRing)
	}
	return Ring{tokens: make([]uint64, blocks)}, nil
}

// Newest is the height the ring has advanced to.
func (r Ring) Newest() int64 { return r.newest }

// Holds says whether tokens of a height are still counted.
func (r Ring) Holds(height int64) bool {
	return height > 0 && height <= r.newest && r.newest-height < int64(len(r.tokens))
}

// Advance moves to a later block and forgets what falls out. At most every counter
// is cleared, however far it moves.
func (r Ring) Advance(height int64) (Ring, error) {
	if height < r.newest || height < 1 {
		return r, fmt.Errorf("%w: to %d from %d", ErrBackwards, height, r.newest)
	}
	next := Ring{newest: height, tokens: append([]uint64(nil), r.tokens...)}
	size := int64(len(r.tokens))
	for h := max(r.newest, height-size) + 1; h <= height; h++ {
		next.tokens[h%size] = 0
	}
	return next, nil
}

// Credit adds tokens to the block in which their request was signed. A height that
// the ring does not hold is ErrRing: such tokens are paid for, and count nowhere.
func (r Ring) Credit(height int64, tokens uint64) (Ring, error) {
	if !r.Holds(height) {
		return r, fmt.Errorf("%w: %d, newest %d of %d", ErrRing, height, r.newest, len(r.tokens))
	}
	at := height % int64(len(r.tokens))
	sum, err := fixed.Add(r.tokens[at], tokens)
	if err != nil {
		return r, fmt.Errorf("tokens of block %d: %w", height, err)
	}
	next := Ring{newest: r.newest, tokens: append([]uint64(nil), r.tokens...)}
	next.tokens[at] = sum
	return next, nil
}

// Sum is the tokens of a window of heights. Heights before the first block have
// none; others that the ring does not hold are ErrRing, never a partial sum.
func (r Ring) Sum(window epoch.Window) (uint64, error) {
	var total uint64
	for h := max(window.First, 1); h <= window.Last; h++ {
		if !r.Holds(h) {
			return 0, fmt.Errorf("%w: %d, newest %d of %d", ErrRing, h, r.newest, len(r.tokens))
		}
		var err error
		if total, err = fixed.Add(total, r.tokens[h%int64(len(r.tokens))]); err != nil {
			return 0, fmt.Errorf("tokens of a window: %w", err)
		}
	}
	return total, nil
}
