package keeper

import (
	"context"

	"github.com/cosmos/gogoproto/proto"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/internal/blockstep"
)

// maxErrorText bounds what an event says of an error, in bytes.
const maxErrorText = 512

// attempt runs one step of a block's begin or end so that it is written whole, or
// leaves nothing but an event: no step may halt the chain. The error is returned
// for a caller that has something else to do then.
func attempt(ctx sdk.Context, name string, run func(sdk.Context) error) error {
	err := blockstep.Attempt(ctx, run)
	if err == nil {
		return nil
	}
	text := err.Error()
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	// Emitting fails only for an event that cannot be encoded; this one can.
	_ = emit(ctx, &types.EventStepFailed{Step: name, Error: text})
	return err
}

func emit(ctx context.Context, event proto.Message) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(event)
}
