package mlnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"ninefold.dev/decentralized-api/internal/mlnode/mlnodev1"
)

const (
	// drainTime is how long a server may take to end a stream that we ended.
	drainTime = 3 * time.Second
	// maxNonces is the most nonces of one validation request.
	maxNonces = 4096
	// digestSize is the length of a nonce's digest, in bytes.
	digestSize = 32
)

// ErrClosed is what an acceptor returns when it takes no more batches: the
// stream is then ended in order, the batch is not acknowledged.
var ErrClosed = errors.New("no more batches are taken")

// Batch is a stretch of walked nonces with those of them that are valid.
type Batch struct {
	PublicKey []byte
	Challenge string
	NodeIndex uint64
	Nonces    []uint64 // valid ones, ascending
	LaneNext  []uint64 // for each lane the k after the last one walked
}

// Start says from where a node generates.
type Start struct {
	LaneNext []uint64 // for each lane the first k; empty starts at zero
	MaxValid uint64   // valid nonces after which the node stops by itself; 0 never
}

// Acceptor stores a batch and says whether more are wanted. ErrClosed means
// that it was not stored, because none are.
type Acceptor func(context.Context, Batch) (more bool, err error)

// Generate lets the node generate from start on and gives every batch to
// accept. A batch is acknowledged after it was accepted, never before. Generate
// returns nil when the node is done or no more batches are wanted, and when the
// context ends it ends the stream in order, so that the last acknowledgements
// still arrive.
func (c *Client) Generate(ctx context.Context, start Start, accept Acceptor) error {
	streamCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), generateTimeout)
	defer cancel()
	stream, err := c.poc.Generate(streamCtx)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	err = stream.Send(&mlnodev1.GenerateRequest{Body: &mlnodev1.GenerateRequest_Start{Start: &mlnodev1.GenerateStart{
		Generation: c.nextCommand(), LaneNext: start.LaneNext, MaxValid: start.MaxValid,
	}}})
	if err != nil && !errors.Is(err, io.EOF) { // EOF: Recv knows the reason
		return fmt.Errorf("generate: %w", err)
	}
	received := receive(streamCtx, stream.Recv)
	g := generation{stream: stream, received: received, accept: accept}
	err = g.run(ctx)
	cancel()
	for range received { // until the receiver has ended
	}
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	return nil
}

type arrival struct {
	response *mlnodev1.GenerateResponse
	err      error
}

// receive makes a channel of a stream. It is closed after the stream's end, or
// after the context's when nobody takes what arrived.
func receive(ctx context.Context, recv func() (*mlnodev1.GenerateResponse, error)) <-chan arrival {
	arrivals := make(chan arrival)
	go func() {
		defer close(arrivals)
		for {
			response, err := recv()
			select {
			case arrivals <- arrival{response, err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return arrivals
}

type generation struct {
	stream   mlnodev1.PocService_GenerateClient
	received <-chan arrival
	accept   Acceptor
	sequence uint64
}

func (g *generation) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), g.drain())
		case a := <-g.received:
			if errors.Is(a.err, io.EOF) {
				return nil
			}
			if a.err != nil {
				return a.err
			}
			more, err := g.take(ctx, a.response)
			if err != nil && !errors.Is(err, ErrClosed) {
				return err
			}
			if !more {
				return g.drain()
			}
		}
	}
}

// take stores a batch, then acknowledges it.
func (g *generation) take(ctx context.Context, r *mlnodev1.GenerateResponse) (more bool, err error) {
	if r.Batch == nil || r.Sequence != g.sequence+1 {
		return false, fmt.Errorf("%w: batch %d came after %d", ErrProtocol, r.Sequence, g.sequence)
	}
	b := r.Batch
	more, err = g.accept(context.WithoutCancel(ctx), Batch{
		PublicKey: b.PublicKey, Challenge: b.BlockHash, NodeIndex: b.NodeIndex,
		Nonces: b.Nonces, LaneNext: b.LaneNext,
	})
	if err != nil {
		return false, err
	}
	g.sequence = r.Sequence
	err = g.stream.Send(&mlnodev1.GenerateRequest{Body: &mlnodev1.GenerateRequest_Ack{
		Ack: &mlnodev1.GenerateAck{Sequence: r.Sequence},
	}})
	if errors.Is(err, io.EOF) { // the server has ended; what it sent before still comes
		return more, nil
	}
	return more, err
}

// drain ends our half of the stream, behind all acknowledgements, and waits
// for the server to end its own. What still arrives is not stored, hence not
// acknowledged, hence walked again if it is wanted.
func (g *generation) drain() error {
	if err := g.stream.CloseSend(); err != nil {
		return fmt.Errorf("end of stream: %w", err)
	}
	timer := time.NewTimer(drainTime)
	defer timer.Stop()
	for {
		select {
		case a, open := <-g.received:
			if !open || a.err != nil {
				return nil
			}
		case <-timer.C:
			return nil
		}
	}
}

// Decision is what a node recomputed for one nonce.
type Decision struct {
	Valid  bool
	Digest [digestSize]byte
}

// Validate recomputes nonces of a host in the open round; one decision for
// each, in their order.
func (c *Client) Validate(ctx context.Context, publicKey [20]byte, nonces []uint64) ([]Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	stream, err := c.poc.Validate(ctx)
	if err != nil {
		return nil, fmt.Errorf("validate: %w", err)
	}
	var decisions []Decision
	var id uint64
	for part := range slices.Chunk(nonces, maxNonces) {
		id++
		if err := stream.Send(&mlnodev1.ValidateRequest{RequestId: id, PublicKey: publicKey[:], Nonces: part}); err != nil {
			_, err = stream.Recv() // the reason
			return nil, fmt.Errorf("validate: %w", err)
		}
		response, err := stream.Recv()
		if err != nil {
			return nil, fmt.Errorf("validate: %w", err)
		}
		if decisions, err = appendDecisions(decisions, response, id, part); err != nil {
			return nil, err
		}
	}
	return decisions, stream.CloseSend()
}

func appendDecisions(decisions []Decision, r *mlnodev1.ValidateResponse, id uint64, nonces []uint64) ([]Decision, error) {
	if r.RequestId != id || !slices.Equal(r.Nonces, nonces) || len(r.Valid) != len(nonces) || len(r.Digests) != len(nonces) {
		return nil, fmt.Errorf("%w: the answer does not match the request", ErrProtocol)
	}
	for i := range nonces {
		if len(r.Digests[i]) != digestSize {
			return nil, fmt.Errorf("%w: a digest of %d bytes", ErrProtocol, len(r.Digests[i]))
		}
		decisions = append(decisions, Decision{Valid: r.Valid[i], Digest: [digestSize]byte(r.Digests[i])})
	}
	return decisions, nil
}
