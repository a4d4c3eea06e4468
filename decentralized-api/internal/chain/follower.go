package chain

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Cursor keeps the height of the last handled block.
type Cursor interface {
	Cursor(ctx context.Context) (int64, error)
	SetCursor(ctx context.Context, height int64) error
}

// Handler handles one block. tip is false while newer blocks are known: what
// follows from a height alone may then wait for the newest. A failure repeats
// the block.
type Handler func(ctx context.Context, block Block, tip bool) error

// Follower hands over every block once, in order, also those that came while
// the process was down. The newest block is handed over again to a process that
// starts: what it was about must not wait for the next one. A websocket hints at
// new blocks; polling finds them without it.
type Follower struct {
	pool   *Pool
	cursor Cursor
	handle Handler
	poll   time.Duration
	stall  time.Duration
	log    *slog.Logger

	hints chan struct{}
	again bool // whether the newest block, if handled already, was not handled as the newest
}

// NewFollower makes a follower that looks for blocks every poll, and goes on
// through another endpoint when none came for stall.
func NewFollower(pool *Pool, cursor Cursor, handle Handler, poll, stall time.Duration, log *slog.Logger) *Follower {
	return &Follower{
		pool: pool, cursor: cursor, handle: handle, poll: poll, stall: stall, log: log,
		hints: make(chan struct{}, 1), again: true,
	}
}

// Run follows until the context ends.
func (f *Follower) Run(ctx context.Context) {
	listening := make(chan struct{})
	go func() {
		defer close(listening)
		f.listen(ctx)
	}()
	defer func() { <-listening }()
	poll := time.NewTicker(f.poll)
	defer poll.Stop()
	moved := time.Now()
	for {
		progress, err := f.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.log.Warn("blocks cannot be followed, will be tried again", "err", err)
		}
		if progress {
			moved = time.Now()
		} else if time.Since(moved) >= f.stall {
			f.pool.Rotate(fmt.Sprintf("no block for %s", f.stall))
			moved = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		case <-f.hints:
		}
	}
}

// listen keeps a subscription for hints; when it breaks it is renewed after a
// while, perhaps with another endpoint.
func (f *Follower) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.pool.Hints(ctx, func() {
			select {
			case f.hints <- struct{}{}:
			default:
			}
		})
		if ctx.Err() == nil {
			f.log.Debug("no hints at new blocks", "err", err)
		}
		if wait(ctx, f.stall) != nil {
			return
		}
	}
}

// catchUp handles every block up to the newest and says whether there was one.
func (f *Follower) catchUp(ctx context.Context) (progress bool, err error) {
	for {
		done, err := f.cursor.Cursor(ctx)
		if err != nil {
			return progress, err
		}
		page, err := f.pool.Page(ctx, func(s Status) int64 { return f.first(done, s) })
		if err != nil || len(page.Blocks) == 0 {
			return progress, err
		}
		if first := page.Blocks[0].Height; done > 0 && first > done+1 {
			f.log.Warn("blocks are missing from the chain node and are left out", "from", done+1, "to", first-1)
		}
		if err := f.handlePage(ctx, page); err != nil {
			return progress, err
		}
		progress = true
		// Where newer blocks were announced that never come, the last one that
		// came is the newest after all.
		if f.again = !page.Whole(); !f.again {
			return progress, nil
		}
	}
}

// first is the height to go on from, above the newest when there is nothing to
// do.
func (f *Follower) first(done int64, status Status) int64 {
	switch {
	case done == 0: // a new store: the past is not ours
		return status.Height
	case done == status.Height && f.again:
		return done
	default:
		return max(done+1, status.Earliest)
	}
}

// handlePage handles a page and notes its last block: a process that dies
// within it handles it again.
func (f *Follower) handlePage(ctx context.Context, page Page) error {
	for _, block := range page.Blocks {
		if err := f.handle(ctx, block, block.Height == page.Newest); err != nil {
			return fmt.Errorf("block %d: %w", block.Height, err)
		}
	}
	return f.cursor.SetCursor(ctx, page.Blocks[len(page.Blocks)-1].Height)
}
