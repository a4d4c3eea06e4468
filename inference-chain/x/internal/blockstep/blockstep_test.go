package blockstep_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/internal/blockstep"
)

// broken is a store whose disk fails, or whose gas runs out.
type broken struct{ with any }

func (b broken) OpenKVStore(context.Context) store.KVStore              { return b }
func (b broken) Get([]byte) ([]byte, error)                             { panic(b.with) }
func (b broken) Has([]byte) (bool, error)                               { panic(b.with) }
func (b broken) Set([]byte, []byte) error                               { panic(b.with) }
func (b broken) Delete([]byte) error                                    { panic(b.with) }
func (b broken) Iterator([]byte, []byte) (store.Iterator, error)        { panic(b.with) }
func (b broken) ReverseIterator([]byte, []byte) (store.Iterator, error) { panic(b.with) }

// brokenLater is a store whose disk fails while it is walked over.
type brokenLater struct{ broken }

func (b brokenLater) OpenKVStore(context.Context) store.KVStore { return b }
func (b brokenLater) Iterator([]byte, []byte) (store.Iterator, error) {
	return brokenIterator(b), nil
}

func (b brokenLater) ReverseIterator([]byte, []byte) (store.Iterator, error) {
	return brokenIterator(b), nil
}

type brokenIterator struct{ broken }

func (b brokenIterator) Domain() (start, end []byte) { return nil, nil }
func (b brokenIterator) Valid() bool                 { panic(b.with) }
func (b brokenIterator) Next()                       { panic(b.with) }
func (b brokenIterator) Key() []byte                 { return nil }
func (b brokenIterator) Value() []byte               { return nil }
func (b brokenIterator) Error() error                { return nil }
func (b brokenIterator) Close() error                { return nil }

func fixture(t *testing.T) (sdk.Context, store.KVStoreService) {
	t.Helper()
	key := storetypes.NewKVStoreKey("test")
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("t"))
	return ctx, blockstep.Guard(runtime.NewKVStoreService(key))
}

func TestAStepIsWrittenWholeOrNotAtAll(t *testing.T) {
	for name, c := range map[string]struct {
		end     func() error
		written bool
	}{
		"that succeeds": {func() error { return nil }, true},
		"that fails":    {func() error { return errors.New("refused") }, false},
		"that panics":   {func() error { panic("index out of range") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, service := fixture(t)
			err := blockstep.Attempt(ctx, func(ctx sdk.Context) error {
				require.NoError(t, service.OpenKVStore(ctx).Set([]byte{1}, []byte{2}))
				return c.end()
			})
			require.Equal(t, c.written, err == nil)
			has, err := service.OpenKVStore(ctx).Has([]byte{1})
			require.NoError(t, err)
			require.Equal(t, c.written, has)
		})
	}
}

func TestABrokenStoreStopsTheNode(t *testing.T) {
	ctx, _ := fixture(t)
	disk := broken{with: "disk"}
	at := blockstep.Guard(disk).OpenKVStore(ctx)
	walk, err := blockstep.Guard(brokenLater{disk}).OpenKVStore(ctx).Iterator(nil, nil)
	require.NoError(t, err)
	back, err := blockstep.Guard(brokenLater{disk}).OpenKVStore(ctx).ReverseIterator(nil, nil)
	require.NoError(t, err)
	for name, access := range map[string]func() error{
		"get":     func() error { _, err := at.Get(nil); return err },
		"has":     func() error { _, err := at.Has(nil); return err },
		"set":     func() error { return at.Set(nil, nil) },
		"delete":  func() error { return at.Delete(nil) },
		"iterate": func() error { _, err := at.Iterator(nil, nil); return err },
		"reverse": func() error { _, err := at.ReverseIterator(nil, nil); return err },
		"valid":   func() error { walk.Valid(); return nil },
		"next":    func() error { back.Next(); return nil },
	} {
		require.PanicsWithError(t, "the store failed: disk", func() {
			_ = blockstep.Attempt(ctx, func(sdk.Context) error { return access() })
		}, name)
	}
}

func TestRunningOutOfGasIsAnErrorOfTheStep(t *testing.T) {
	ctx, _ := fixture(t)
	err := blockstep.Attempt(ctx, func(ctx sdk.Context) error {
		_, err := blockstep.Guard(broken{with: storetypes.ErrorOutOfGas{Descriptor: "read"}}).OpenKVStore(ctx).Get(nil)
		return err
	})
	require.ErrorContains(t, err, "read")
}
