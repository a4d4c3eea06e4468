package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
)

// valueOrZero reads a row that may be missing: the zero value stands for it.
func valueOrZero[V any](value V, err error) (V, error) {
	if errors.Is(err, collections.ErrNotFound) {
		var zero V
		return zero, nil
	}
	return value, err
}

// values lists the rows under a key prefix, in the order of their keys.
func values[K, V any](ctx context.Context, rows collections.Map[K, V], prefix K) ([]V, error) {
	iterator, err := rows.Iterate(ctx, new(collections.Range[K]).Prefix(prefix))
	if err != nil {
		return nil, err
	}
	return iterator.Values()
}

// keys lists the keys under a key prefix, in their order.
func keys[K any](ctx context.Context, set collections.KeySet[K], prefix K) ([]K, error) {
	iterator, err := set.Iterate(ctx, new(collections.Range[K]).Prefix(prefix))
	if err != nil {
		return nil, err
	}
	return iterator.Keys()
}
