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
type broken struct {
	store.KVStore
	with any
}

func (b broken) OpenKVStore(context.Context) store.KVStore { return b }
func (b broken) Get([]byte) ([]byte, error)                { panic(b.with) }

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
	require.PanicsWithError(t, "the store failed: disk", func() {
		_ = blockstep.Attempt(ctx, func(ctx sdk.Context) error {
			_, err := blockstep.Guard(broken{with: "disk"}).OpenKVStore(ctx).Get(nil)
			return err
		})
	})
}

func TestRunningOutOfGasIsAnErrorOfTheStep(t *testing.T) {
	ctx, _ := fixture(t)
	err := blockstep.Attempt(ctx, func(ctx sdk.Context) error {
		_, err := blockstep.Guard(broken{with: storetypes.ErrorOutOfGas{Descriptor: "read"}}).OpenKVStore(ctx).Get(nil)
		return err
	})
	require.ErrorContains(t, err, "read")
}
