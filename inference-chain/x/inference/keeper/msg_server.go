package keeper

import (
	"context"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// msgServer handles messages. Each handler reads in one order: parse, authorise,
// check the stage, call core, store, emit.
type msgServer struct{ Keeper }

var _ types.MsgServer = msgServer{}

// NewMsgServerImpl returns the handlers of the module's messages.
func NewMsgServerImpl(keeper Keeper) types.MsgServer { return msgServer{keeper} }

// charge takes the whole published gas of a message. What the handler then does is
// not metered: caps bound it, and a sender knows the gas without the state.
func charge(ctx context.Context, gas uint64, message string) sdk.Context {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	sdkCtx.GasMeter().ConsumeGas(gas, message)
	return sdkCtx.WithGasMeter(storetypes.NewInfiniteGasMeter())
}

// governs fails with ErrNotAuthority for everyone but the governance account.
func (k Keeper) governs(authority string) error {
	if authority != k.authority {
		return types.ErrNotAuthority.Wrapf("authority must be %s, got %q", k.authority, authority)
	}
	return nil
}

// host reads the signer of a message that only hosts send.
func (k Keeper) host(ctx context.Context, creator string) (sdk.AccAddress, error) {
	host, err := k.address("creator", creator)
	if err != nil {
		return nil, err
	}
	return host, k.registered(ctx, host)
}

// round returns the epoch whose round accepts messages of a kind now. It fails with
// ErrWrongStage outside of the window, and with ErrWrongEpoch when the message is
// meant for another epoch.
func (k Keeper) round(ctx sdk.Context, index uint64, what string, window func(epoch.Heights) epoch.Window) (types.Epoch, error) {
	stage, record, err := k.StageNow(ctx)
	if err != nil {
		return types.Epoch{}, err
	}
	height := ctx.BlockHeight()
	accepted := window(epoch.Heights(record.Heights))
	if stage == epoch.PocStart || !accepted.Contains(height) {
		return types.Epoch{}, types.ErrWrongStage.Wrapf("%s; height %d is %s of epoch %d", what, height, stage, record.Index)
	}
	if record.Index != index {
		return types.Epoch{}, types.ErrWrongEpoch.Wrapf("epoch_index must be %d, got %d", record.Index, index)
	}
	return record, nil
}
