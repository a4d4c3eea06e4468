package keeper

import (
	"context"
	"fmt"

	"github.com/cosmos/gogoproto/proto"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// maxErrorText bounds what an event says of an error, in bytes.
const maxErrorText = 512

// attempt runs one step of a block's begin or end so that it is written whole, or
// leaves nothing but an event: no step may halt the chain. The error is returned
// for a caller that has something else to do then.
func attempt(ctx sdk.Context, name string, run func(sdk.Context) error) error {
	cached, write := ctx.CacheContext()
	err := recovered(cached, run)
	if err == nil {
		write()
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

// recovered turns a panic into an error. A store that cannot be read is not one:
// only this node would see the step fail, and it must stop instead of differing
// from the others.
func recovered(ctx sdk.Context, run func(sdk.Context) error) (err error) {
	defer func() {
		r := recover()
		if failure, broken := r.(storeFailure); broken {
			panic(failure) //nolint:forbidigo // there is nobody to return it to who could go on
		}
		if r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return run(ctx)
}

func emit(ctx context.Context, event proto.Message) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(event)
}
