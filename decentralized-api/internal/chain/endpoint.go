// Package chain is the broker's view of the chain: several RPC endpoints of
// which one is enough, blocks in order, typed queries, epochs that are fetched
// once, and signed transactions.
package chain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ninefold.dev/decentralized-api/internal/outbox"
)

// Errors of asking the chain.
var (
	// ErrUnreachable means that no endpoint answered.
	ErrUnreachable = errors.New("no chain endpoint answers")
	// ErrStale means that an endpoint is behind blocks that were delivered.
	ErrStale = errors.New("chain endpoint is behind")
	// ErrBlocks means that an endpoint lacks blocks that it announced.
	ErrBlocks = errors.New("chain endpoint lacks blocks that it announced")
	// ErrForeignChain means that an endpoint belongs to another chain.
	ErrForeignChain = errors.New("endpoint of another chain")
)

// Refusal is the chain's own answer that a query cannot be met. Another
// endpoint would say the same.
type Refusal struct {
	Codespace string
	Code      uint32
	Log       string
}

// Error implements error.
func (r *Refusal) Error() string {
	return fmt.Sprintf("chain refused: %s (%s %d)", r.Log, r.Codespace, r.Code)
}

// Block is what the broker needs of a block.
type Block struct {
	Height int64
	Hash   []byte
	Time   time.Time
}

// Status is how far a chain node is.
type Status struct {
	ChainID    string
	Height     int64 // of the latest block
	Earliest   int64 // block that is kept
	CatchingUp bool
	Indexed    bool // whether transactions can be looked up
	Time       time.Time
}

// Ledger is what one chain node says about its blocks and its state.
type Ledger interface {
	Status(ctx context.Context) (Status, error)
	// Blocks returns up to 20 blocks from a height on, ascending.
	Blocks(ctx context.Context, from, to int64) ([]Block, error)
	// Query asks the application; a refusal by it is a *Refusal. The height is
	// that of the state which answered.
	Query(ctx context.Context, path string, request []byte) (response []byte, height int64, err error)
}

// Mempool is where one chain node takes transactions.
type Mempool interface {
	Broadcast(ctx context.Context, tx []byte) (outbox.CheckResult, error)
	// Tx looks a transaction up by its hash; nil when it is not known.
	Tx(ctx context.Context, hash []byte) (*outbox.Included, error)
}

// Endpoint is one chain node.
type Endpoint interface {
	Ledger
	Mempool
	// Hints calls back when there may be a new block, until the context ends or
	// the connection breaks. Blocks must not be expected to be hinted at.
	Hints(ctx context.Context, hint func()) error
}
