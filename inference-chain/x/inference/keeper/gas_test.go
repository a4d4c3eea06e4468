package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// gasOf runs a handler and returns the gas that it took.
func gasOf[M, R any](k *roundKit, handle func(types.MsgServer, *kit, M) (R, error), message M) uint64 {
	k.ctx = k.ctx.WithGasMeter(storetypes.NewInfiniteGasMeter())
	_, err := handle(k.msgs, k.kit, message)
	require.NoError(k.t, err)
	return k.ctx.GasMeter().GasConsumed()
}

func TestAMessageTakesThePublishedGasWhateverTheStateHolds(t *testing.T) {
	k := judgingKit(t)
	verdicts := casting(k.text("alice"), testVerdict(k.text("dave")), testVerdict(k.text("carol")))
	require.Equal(t, types.GasForVerdicts(2), gasOf(k, submitVerdicts, verdicts))
	require.Equal(t, types.GasForVerdicts(2), gasOf(k, submitVerdicts, verdicts), "also when all of it is known")

	k = newRoundKit(t)
	batches := committing(k.text("bob"), testBatch("b1", 1, 40, 25), testBatch("b1", 2, 40, 50), testBatch("b1", 3, 40, 75))
	require.Equal(t, types.GasForBatches(3), gasOf(k, submitBatch, batches))
	require.Equal(t, types.GasForBatches(3), gasOf(k, submitBatch, batches))

	diff := &types.MsgSubmitHardwareDiff{Creator: k.text("bob"), Add: manyNodes(5), Remove: []string{"b1"}}
	require.Equal(t, types.GasForHardwareDiff(6), gasOf(k, submitHardware, diff))

	require.Equal(t, types.GasForParticipant(), gasOf(k, registerParticipant, registration(t, "eve")))
	require.Equal(t, types.GasForParticipant(), gasOf(k, updateParticipant, rotation(t, "bob", "second")))

	k.settled("bob", 3, 100)
	require.Equal(t, types.GasForClaim(), gasOf(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}))

	model := &types.MsgRegisterModel{Authority: k.Authority(), Model: testModel("org/new")}
	require.Equal(t, types.GasForModel(), gasOf(k, registerModel, model))
	require.Equal(t, types.GasForModel(), gasOf(k, removeModel, &types.MsgRemoveModel{Authority: k.Authority(), ModelId: "org/new"}))
	params := &types.MsgUpdateParams{Authority: k.Authority(), Params: types.DefaultParams()}
	require.Equal(t, types.GasForParams(), gasOf(k, updateParams, params))
}

func TestARefusedMessageHasPaidItsGas(t *testing.T) {
	k := newRoundKit(t)
	k.ctx = k.ctx.WithGasMeter(storetypes.NewInfiniteGasMeter())
	_, err := submitBatch(k.msgs, k.kit, committing("nobody", testBatch("b1", 1, 40, 25)))
	require.Error(t, err)
	require.Equal(t, types.GasForBatches(1), k.ctx.GasMeter().GasConsumed())
}

func TestAMessageWithTooLittleGasStopsBeforeItReadsAnything(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	k.ctx = k.ctx.WithGasMeter(storetypes.NewGasMeter(types.GasForBatches(1) - 1))
	require.PanicsWithValue(t, storetypes.ErrorOutOfGas{Descriptor: "submit_poc_batch"}, func() {
		_, _ = submitBatch(k.msgs, k.kit, committing(k.text("bob"), testBatch("b1", 1, 40, 25)))
	})
	k.ctx = k.ctx.WithGasMeter(storetypes.NewInfiniteGasMeter())
	require.Equal(t, before, snapshotState(k.kit))
}
