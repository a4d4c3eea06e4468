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
	again bool // whether the newest block is handled once more, if it was already
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
func (f *Follower) catchUp(ctx context.Context) (bool, error) {
	done, err := f.cursor.Cursor(ctx)
	if err != nil {
		return false, err
	}
	status, err := f.pool.Status(ctx)
	if err != nil {
		return false, err
	}
	next := done + 1
	switch {
	case done == 0: // a new store: the past is not ours
		next = status.Height
	case next < status.Earliest:
		f.log.Warn("blocks are missing from the chain node and are left out", "from", next, "to", status.Earliest-1)
		next = status.Earliest
	case done == status.Height && f.again:
		next = done
	}
	if next < 1 || next > status.Height {
		return false, nil
	}
	f.pool.Seen(status.Height)
	for next <= status.Height {
		blocks, err := f.pool.Blocks(ctx, next, status.Height)
		if err != nil {
			return false, err
		}
		if next, err = f.handlePage(ctx, blocks, next, status.Height); err != nil {
			return false, err
		}
	}
	f.again = false
	return true, nil
}

// handlePage handles consecutive blocks and notes the last one: a process that
// dies within a page handles it again.
func (f *Follower) handlePage(ctx context.Context, blocks []Block, next, tip int64) (int64, error) {
	if len(blocks) == 0 {
		return next, fmt.Errorf("%w: no block %d", ErrStale, next)
	}
	for _, block := range blocks {
		if block.Height != next {
			return next, fmt.Errorf("chain: block %d came where %d was asked for", block.Height, next)
		}
		if err := f.handle(ctx, block, block.Height == tip); err != nil {
			return next, fmt.Errorf("block %d: %w", block.Height, err)
		}
		next++
	}
	return next, f.cursor.SetCursor(ctx, next-1)
}
