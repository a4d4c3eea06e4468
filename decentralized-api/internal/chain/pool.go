package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cosmos/gogoproto/proto"
	"google.golang.org/grpc"

	"ninefold.dev/decentralized-api/internal/outbox"
)

const (
	// blocksPerCall is how many blocks CometBFT returns at once.
	blocksPerCall = 20
	// staleRetries and stalePause bound the wait for a node that has stored a
	// block which its application has not executed yet.
	staleRetries = 20
	stalePause   = 50 * time.Millisecond
)

// Pool asks several endpoints as if they were one: it stays with the one that
// works and moves on when it fails or falls behind.
type Pool struct {
	chainID   string
	endpoints []Endpoint
	timeout   time.Duration
	log       *slog.Logger

	current atomic.Int64
	newest  atomic.Pointer[Block] // that was delivered; no answer may be older
}

// NewPool makes a pool of endpoints of one chain, in order of preference. A
// call that takes longer than timeout counts as failed.
func NewPool(chainID string, endpoints []Endpoint, timeout time.Duration, log *slog.Logger) *Pool {
	return &Pool{chainID: chainID, endpoints: endpoints, timeout: timeout, log: log}
}

// Rotate moves on to the next endpoint.
func (p *Pool) Rotate(reason string) { p.rotateFrom(p.current.Load(), reason) }

func (p *Pool) rotateFrom(from int64, reason string) {
	next := (from + 1) % int64(len(p.endpoints))
	if next != from && p.current.CompareAndSwap(from, next) {
		p.log.Warn("another chain endpoint is used", "from", from, "to", next, "reason", reason)
	}
}

// try calls the current endpoint, and the others in turn as long as they fail.
// A Refusal is an answer.
func (p *Pool) try(ctx context.Context, call func(context.Context, Endpoint) error) error {
	var failures []error
	for range p.endpoints {
		at := p.current.Load()
		err := p.once(ctx, p.endpoints[at], call)
		var refusal *Refusal
		if err == nil || errors.As(err, &refusal) {
			return err
		}
		failures = append(failures, fmt.Errorf("endpoint %d: %w", at, err))
		if ctx.Err() != nil {
			break
		}
		p.rotateFrom(at, err.Error())
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, errors.Join(failures...))
}

func (p *Pool) once(ctx context.Context, e Endpoint, call func(context.Context, Endpoint) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return call(ctx, e)
}

// Query asks the application of an endpoint that has executed every block that
// was seen; of one that has not neither answers nor refusals count. An answer
// that read cannot make sense of is a failure of the endpoint; read may be
// called again with another one's.
func (p *Pool) Query(ctx context.Context, path string, request []byte, read func(response []byte) error) error {
	return p.try(ctx, func(ctx context.Context, e Endpoint) error {
		for attempt := 0; ; attempt++ {
			response, height, err := e.Query(ctx, path, request)
			var refusal *Refusal
			if err != nil && !errors.As(err, &refusal) {
				return err
			}
			// A refusal dates from a height as well, where the application was asked at all.
			switch behind := height < p.tip(); {
			case err == nil && !behind:
				return read(response)
			case err != nil && (!behind || height == 0):
				return err
			}
			if attempt == staleRetries {
				return fmt.Errorf("%w: answers from %d, seen %d", ErrStale, height, p.tip())
			}
			if err := wait(ctx, stalePause); err != nil {
				return err
			}
		}
	})
}

// Broadcast gives a transaction to the endpoint in use.
func (p *Pool) Broadcast(ctx context.Context, tx []byte) (result outbox.CheckResult, err error) {
	err = p.try(ctx, func(ctx context.Context, e Endpoint) (err error) {
		result, err = e.Broadcast(ctx, tx)
		return err
	})
	return result, err
}

// Tx looks a transaction up; nil when the endpoint in use does not know it.
func (p *Pool) Tx(ctx context.Context, hash []byte) (included *outbox.Included, err error) {
	err = p.try(ctx, func(ctx context.Context, e Endpoint) (err error) {
		included, err = e.Tx(ctx, hash)
		return err
	})
	return included, err
}

// Hints passes on the hints of the endpoint in use until its connection
// breaks.
func (p *Pool) Hints(ctx context.Context, hint func()) error {
	return p.endpoints[p.current.Load()].Hints(ctx, hint)
}

// Invoke implements grpc.ClientConnInterface: the generated query clients work
// on a pool.
func (p *Pool) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	request, err := proto.Marshal(args.(proto.Message))
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	// Unmarshal empties the reply first: nothing of an answer that failed stays.
	err = p.Query(ctx, method, request, func(response []byte) error { return proto.Unmarshal(response, reply.(proto.Message)) })
	if err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

// NewStream implements grpc.ClientConnInterface. The chain has no streams.
func (p *Pool) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errors.New("chain queries do not stream")
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
