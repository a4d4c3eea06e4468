package chain

import (
	"context"
	"fmt"
	"time"
)

// Page is what an endpoint has of the chain from a height on.
type Page struct {
	Blocks []Block // consecutive; none where the endpoint has no such block
	Newest int64   // height that the endpoint says it is at
}

// Whole says whether the page ends with the newest block.
func (p Page) Whole() bool { return len(p.Blocks) > 0 && p.Blocks[len(p.Blocks)-1].Height == p.Newest }

// Status returns the state of the endpoint in use. An endpoint of another
// chain, or one that is catching up, counts as failed. The height is only what
// the endpoint says: nothing is Seen by it.
func (p *Pool) Status(ctx context.Context) (status Status, err error) {
	err = p.try(ctx, func(ctx context.Context, e Endpoint) (err error) {
		status, err = p.status(ctx, e)
		return err
	})
	return status, err
}

func (p *Pool) status(ctx context.Context, e Endpoint) (Status, error) {
	status, err := e.Status(ctx)
	if err != nil {
		return Status{}, err
	}
	if status.ChainID != p.chainID {
		return Status{}, fmt.Errorf("%w: %q, not %q", ErrForeignChain, status.ChainID, p.chainID)
	}
	if status.CatchingUp || status.Height < p.tip() {
		return Status{}, fmt.Errorf("%w: at %d", ErrStale, status.Height)
	}
	return status, nil
}

// Page returns blocks from the height on that first makes of an endpoint's
// state. State and blocks come from one endpoint, and one that lacks a block
// which it announced counts as failed: were the others asked for it, they would
// be blamed for what only a liar said. The blocks count as Seen.
func (p *Pool) Page(ctx context.Context, first func(Status) int64) (page Page, err error) {
	err = p.try(ctx, func(ctx context.Context, e Endpoint) (err error) {
		page, err = p.page(ctx, e, first)
		return err
	})
	if n := len(page.Blocks); err == nil && n > 0 {
		p.Seen(page.Blocks[n-1])
	}
	return page, err
}

func (p *Pool) page(ctx context.Context, e Endpoint, first func(Status) int64) (Page, error) {
	status, err := p.status(ctx, e)
	if err != nil {
		return Page{}, err
	}
	from := first(status)
	if from < 1 || from > status.Height {
		return Page{Newest: status.Height}, nil
	}
	blocks, err := e.Blocks(ctx, from, status.Height)
	if err != nil {
		return Page{}, err
	}
	if len(blocks) == 0 {
		return Page{}, fmt.Errorf("%w: at %d, no block %d", ErrBlocks, status.Height, from)
	}
	for i, block := range blocks {
		if next := from + int64(i); block.Height != next || next > status.Height {
			return Page{}, fmt.Errorf("%w: at %d, block %d came where %d was asked for", ErrBlocks, status.Height, block.Height, next)
		}
	}
	return Page{Blocks: blocks, Newest: status.Height}, nil
}

// Seen tells of a block that was delivered: no answer from before it is
// believed any more. A height that was only announced must not come here, for
// there is no way back.
func (p *Pool) Seen(block Block) {
	for {
		newest := p.newest.Load()
		if newest != nil && block.Height <= newest.Height || p.newest.CompareAndSwap(newest, &block) {
			return
		}
	}
}

// tip is the height below which no answer is believed.
func (p *Pool) tip() int64 {
	if newest := p.newest.Load(); newest != nil {
		return newest.Height
	}
	return 0
}

// Now is the chain's time: that of the newest block that was delivered, which
// no clock of this machine has a part in. It is the year 1970 before the first.
func (p *Pool) Now() time.Time {
	if newest := p.newest.Load(); newest != nil {
		return newest.Time
	}
	return time.Unix(0, 0)
}
