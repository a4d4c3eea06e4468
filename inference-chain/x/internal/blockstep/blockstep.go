// Package blockstep runs what a module does at a block's begin or end so that it
// cannot halt the chain: a step is written whole or not at all.
//
// A store that cannot be read is the exception. Only this node would see the step
// fail then, and it must stop instead of differing from the others. Stores under
// Guard mark such failures, and Attempt lets them through.
package blockstep

import (
	"context"
	"fmt"

	"cosmossdk.io/core/store"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// Attempt runs a step in a cached context, under recover. It writes the step's
// state and events on success, and otherwise returns the error or the panic.
func Attempt(ctx sdk.Context, run func(sdk.Context) error) error {
	cached, write := ctx.CacheContext()
	if err := recovered(cached, run); err != nil {
		return err
	}
	write()
	return nil
}

func recovered(ctx sdk.Context, run func(sdk.Context) error) (err error) {
	defer func() {
		r := recover()
		if failure, broken := r.(storeFailure); broken {
			panic(failure) //nolint:forbidigo // a broken disk must stop the node
		}
		if r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return run(ctx)
}

// storeFailure is the panic of a store that could not be read or written.
type storeFailure struct{ cause any }

// Error describes the failure.
func (f storeFailure) Error() string { return fmt.Sprintf("the store failed: %v", f.cause) }

// Guard marks panics that come out of the store itself, so that Attempt can tell a
// broken disk from an error of the step.
func Guard(service store.KVStoreService) store.KVStoreService { return guardedService{service} }

type guardedService struct{ service store.KVStoreService }

// OpenKVStore opens the store of a context.
func (g guardedService) OpenKVStore(ctx context.Context) store.KVStore {
	return guardedStore{g.service.OpenKVStore(ctx)}
}

type guardedStore struct{ store store.KVStore }

// mark renames a panic. Running out of gas is the message's own doing.
func mark() {
	switch cause := recover().(type) {
	case nil:
	case storetypes.ErrorOutOfGas, storetypes.ErrorGasOverflow, storetypes.ErrorNegativeGasConsumed:
		panic(cause) //nolint:forbidigo // goes on as it came
	default:
		panic(storeFailure{cause}) //nolint:forbidigo // goes on under another name
	}
}

// Get returns the value of a key, nil when there is none.
func (g guardedStore) Get(key []byte) ([]byte, error) {
	defer mark()
	return g.store.Get(key)
}

// Has says whether a key exists.
func (g guardedStore) Has(key []byte) (bool, error) {
	defer mark()
	return g.store.Has(key)
}

// Set writes a key.
func (g guardedStore) Set(key, value []byte) error {
	defer mark()
	return g.store.Set(key, value)
}

// Delete removes a key.
func (g guardedStore) Delete(key []byte) error {
	defer mark()
	return g.store.Delete(key)
}

// Iterator walks [start, end) in ascending order.
func (g guardedStore) Iterator(start, end []byte) (store.Iterator, error) {
	defer mark()
	iterator, err := g.store.Iterator(start, end)
	return guardedIterator{iterator}, err
}

// ReverseIterator walks [start, end) in descending order.
func (g guardedStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	defer mark()
	iterator, err := g.store.ReverseIterator(start, end)
	return guardedIterator{iterator}, err
}

// guardedIterator reads the store with each step, not only when it begins. Key and
// value were read by then.
type guardedIterator struct{ store.Iterator }

// Valid says whether the iterator stands on a key.
func (g guardedIterator) Valid() bool {
	defer mark()
	return g.Iterator.Valid()
}

// Next moves to the next key.
func (g guardedIterator) Next() {
	defer mark()
	g.Iterator.Next()
}
