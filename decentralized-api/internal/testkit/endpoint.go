package testkit

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	abci "github.com/cometbft/cometbft/abci/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
)

// errDown is what an endpoint answers that is down.
var errDown = errors.New("endpoint is down")

// Endpoint is one way to reach a Chain. It can be taken down.
type Endpoint struct {
	chain *Chain
	down  atomic.Bool
	mute  atomic.Bool
	deny  atomic.Bool
}

var _ chain.Endpoint = (*Endpoint)(nil)

// NewEndpoint opens another way to the chain.
func (c *Chain) NewEndpoint() *Endpoint { return &Endpoint{chain: c} }

// SetDown lets every call fail, or none.
func (e *Endpoint) SetDown(down bool) { e.down.Store(down) }

// SetMute lets broadcasts fail, or none: what is asked is answered.
func (e *Endpoint) SetMute(mute bool) { e.mute.Store(mute) }

// SetDeny lets every transaction be refused before it is looked at, or none, as a node
// does that does not know of a grant, or lies.
func (e *Endpoint) SetDeny(deny bool) { e.deny.Store(deny) }

// Status implements chain.Ledger.
func (e *Endpoint) Status(context.Context) (chain.Status, error) {
	if e.down.Load() {
		return chain.Status{}, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	e.chain.start()
	status := chain.Status{ChainID: ChainID, Height: e.chain.height(), Earliest: 1, Indexed: true}
	if n := len(e.chain.blocks); n > 0 {
		status.Time = e.chain.blocks[n-1].Time
	}
	return status, nil
}

// Blocks implements chain.Ledger.
func (e *Endpoint) Blocks(_ context.Context, from, to int64) ([]chain.Block, error) {
	if e.down.Load() {
		return nil, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	to = min(to, from+19, e.chain.height())
	return append([]chain.Block(nil), e.chain.blocks[from-1:to]...), nil
}

// Broadcast implements chain.Mempool.
func (e *Endpoint) Broadcast(_ context.Context, tx []byte) (outbox.CheckResult, error) {
	if e.down.Load() || e.mute.Load() {
		return outbox.CheckResult{}, errDown
	}
	if e.deny.Load() {
		unauthorized := sdkerrors.ErrUnauthorized
		return outbox.CheckResult{
			Check: outbox.Refused, Codespace: unauthorized.Codespace(), Code: unauthorized.ABCICode(), Log: "no grant",
		}, nil
	}
	c := e.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start()
	same := func(waiting []byte) bool { return string(waiting) == string(tx) }
	if slices.ContainsFunc(c.mempool, same) || slices.ContainsFunc(c.late, same) {
		return outbox.CheckResult{Check: outbox.Admitted}, nil
	}
	result, err := c.app.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_New})
	if err != nil {
		return outbox.CheckResult{}, err
	}
	if result.Code == 0 {
		c.mempool = append(c.mempool, tx)
	}
	return outbox.CheckResult{
		Check: chain.CheckOf(result.Codespace, result.Code), Codespace: result.Codespace, Code: result.Code, Log: result.Log,
	}, nil
}

// Tx implements chain.Mempool.
func (e *Endpoint) Tx(_ context.Context, hash []byte) (*outbox.Included, error) {
	if e.down.Load() {
		return nil, errDown
	}
	e.chain.mu.Lock()
	defer e.chain.mu.Unlock()
	if in, known := e.chain.included[string(hash)]; known {
		return &in, nil
	}
	return nil, nil
}

// Hints implements chain.Endpoint: there are none here.
func (e *Endpoint) Hints(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return ctx.Err()
}

// Query implements chain.Ledger.
func (e *Endpoint) Query(ctx context.Context, path string, request []byte) ([]byte, int64, error) {
	if e.down.Load() {
		return nil, 0, errDown
	}
	c := e.chain
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start()
	result, err := c.app.Query(ctx, &abci.RequestQuery{Path: path, Data: request})
	if err != nil {
		return nil, 0, err
	}
	if result.Code != 0 {
		return nil, result.Height, &chain.Refusal{Codespace: result.Codespace, Code: result.Code, Log: result.Log}
	}
	return result.Value, result.Height, nil
}
