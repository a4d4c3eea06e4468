package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/x/inference/types"
)

// free asks for one free message.
func (k *roundKit) free(name string) bool {
	k.t.Helper()
	used, err := k.UseFreeMessage(k.ctx, testAddress(name))
	require.NoError(k.t, err)
	return used
}

func fewFreeMessages(t testing.TB) *roundKit {
	t.Helper()
	k := newRoundKit(t)
	params := types.TestnetParams()
	params.FreeMessagesPerStage = 16
	require.NoError(t, k.Params.Set(k.ctx, params))
	return k
}

func TestAHostHasAQuotaOfItsOwnInEachStage(t *testing.T) {
	k := fewFreeMessages(t)
	for range 16 {
		require.True(t, k.free("bob"))
	}
	require.False(t, k.free("bob"), "the quota is used up")
	require.True(t, k.free("carol"), "another host has its own")
	k.at(k.ctx.BlockHeight() + 1)
	require.False(t, k.free("bob"), "the next block of the same stage brings none")
	k.at(k.heights.PocEnd)
	require.True(t, k.free("bob"), "the next stage begins anew")
}

func TestTheSameStageOfAnotherEpochBeginsAnew(t *testing.T) {
	k := fewFreeMessages(t)
	k.at(k.heights.SetNewValidators + 1)
	for range 16 {
		require.True(t, k.free("bob"))
	}
	require.False(t, k.free("bob"))
	record, err := k.EpochAt(k.ctx, 1)
	require.NoError(t, err)
	record.Index = 2
	require.NoError(t, k.Epochs.Set(k.ctx, 2, record))
	k.opens(2)
	require.True(t, k.free("bob"))
}

func TestAHostWithoutNodesHasFewFreeMessages(t *testing.T) {
	k := newRoundKit(t)
	k.register("eve")
	for range types.FreeMessagesWithoutNodes {
		require.True(t, k.free("eve"))
	}
	require.False(t, k.free("eve"))
	k.setNode("eve", types.HardwareNodeRow{NodeId: "e1", Next: testNode("e1", 9), NextEpoch: 2})
	require.True(t, k.free("eve"), "with a node it has as many as the others")
}

func TestWhoIsNoHostHasNoFreeMessage(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	require.False(t, k.free("eve"))
	require.Equal(t, before, snapshotState(k.kit))
}
