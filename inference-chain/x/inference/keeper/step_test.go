package keeper

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/core/store"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestAFailedStepLeavesNothingButAnEvent(t *testing.T) {
	for _, tc := range []struct {
		name string
		fail func()
		want string
	}{
		{"an error", nil, "deliberate"},
		{"a panic", func() { panic("broken") }, "panic: broken"},
		{"a runtime error", func() { _ = []int{}[len(t.Name())] }, "panic: runtime error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t, fourHosts())
			err := attempt(m.ctx, "test", func(ctx sdk.Context) error {
				require.NoError(t, m.Clock.Set(ctx, types.Clock{Opened: 77}))
				require.NoError(t, emit(ctx, &types.EventEpochEffective{}))
				if tc.fail != nil {
					tc.fail()
				}
				return errors.New("deliberate")
			})
			require.ErrorContains(t, err, tc.want)
			require.Equal(t, uint64(0), m.clock().Opened)
			require.Empty(t, eventsOf[types.EventEpochEffective](m.kit))
			failed := eventsOf[types.EventStepFailed](m.kit)
			require.Len(t, failed, 1)
			require.Equal(t, "test", failed[0].Step)
			require.Contains(t, failed[0].Error, tc.want)
		})
	}
}

// brokenStore panics as the tree of a node does whose disk cannot be read.
type brokenStore struct{ cause any }

func (b brokenStore) OpenKVStore(context.Context) store.KVStore              { return b }
func (b brokenStore) Get([]byte) ([]byte, error)                             { panic(b.cause) }
func (b brokenStore) Has([]byte) (bool, error)                               { panic(b.cause) }
func (b brokenStore) Set([]byte, []byte) error                               { panic(b.cause) }
func (b brokenStore) Delete([]byte) error                                    { panic(b.cause) }
func (b brokenStore) Iterator([]byte, []byte) (store.Iterator, error)        { panic(b.cause) }
func (b brokenStore) ReverseIterator([]byte, []byte) (store.Iterator, error) { panic(b.cause) }

func TestAStoreThatCannotBeReadStopsTheNode(t *testing.T) {
	m := newMachine(t, fourHosts())
	guarded := guardedService{brokenStore{errors.New("disk")}}.OpenKVStore(m.ctx)
	for name, access := range map[string]func() error{
		"get":     func() error { _, err := guarded.Get(nil); return err },
		"has":     func() error { _, err := guarded.Has(nil); return err },
		"set":     func() error { return guarded.Set(nil, nil) },
		"delete":  func() error { return guarded.Delete(nil) },
		"iterate": func() error { _, err := guarded.Iterator(nil, nil); return err },
		"reverse": func() error { _, err := guarded.ReverseIterator(nil, nil); return err },
	} {
		require.PanicsWithError(t, "the store failed: disk", func() {
			_ = attempt(m.ctx, "test", func(sdk.Context) error { return access() })
		}, name)
	}
}

func TestRunningOutOfGasIsNotAFailureOfTheStore(t *testing.T) {
	cause := storetypes.ErrorOutOfGas{Descriptor: "reads"}
	guarded := guardedService{brokenStore{cause}}.OpenKVStore(context.Background())
	require.PanicsWithValue(t, cause, func() { _, _ = guarded.Get(nil) })
}

func TestAnOpeningWithoutABlockHashIsTriedAgain(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.during = func(epoch.Stage, types.Epoch) {
		if m.height == 15 || m.height == 16 {
			m.ctx = m.ctx.WithHeaderHash(nil)
		}
	}
	m.runTo(1, epoch.SetNewValidators)
	require.Len(t, m.failures, 2)
	require.Equal(t, int64(17), m.record(1).Heights.PocStart)
	require.Equal(t, uint64(1), m.clock().Effective)
}
