package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/core/store"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
)

// storeFailure is the panic of a store that could not be read or written.
type storeFailure struct{ cause any }

// Error describes the failure.
func (f storeFailure) Error() string { return fmt.Sprintf("the store failed: %v", f.cause) }

// guardedService marks panics that come out of the store itself, so that a step
// which swallows panics can tell a broken disk from an error of its own.
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
		panic(cause) //nolint:forbidigo // it was one already; baseapp knows it by its type
	default:
		panic(storeFailure{cause}) //nolint:forbidigo // it was one already
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
	return g.store.Iterator(start, end)
}

// ReverseIterator walks [start, end) in descending order.
func (g guardedStore) ReverseIterator(start, end []byte) (store.Iterator, error) {
	defer mark()
	return g.store.ReverseIterator(start, end)
}
