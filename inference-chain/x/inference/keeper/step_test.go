package keeper

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

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
