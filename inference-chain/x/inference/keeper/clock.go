package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// StageNow returns the stage of this block's height and the epoch whose cycle
// it belongs to, from stored heights alone.
//
// At POC_START the next epoch is opened by the block's end only: until then its
// record is still planned and has no heights. Should the opening fail, the
// blocks that follow are POC_START too, until one of them opens it.
func (k Keeper) StageNow(ctx context.Context) (epoch.Stage, types.Epoch, error) {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return epoch.StageUnspecified, types.Epoch{}, fmt.Errorf("clock: %w", err)
	}
	record, err := k.EpochAt(ctx, clock.Opened)
	if err != nil {
		return epoch.StageUnspecified, types.Epoch{}, err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	if height >= record.Heights.NextPocStart {
		record, err = k.EpochAt(ctx, clock.Opened+1)
		return epoch.PocStart, record, err
	}
	stage, err := epoch.Heights(record.Heights).StageAt(height)
	return stage, record, err
}

// EpochAt returns the record of an epoch.
func (k Keeper) EpochAt(ctx context.Context, index uint64) (types.Epoch, error) {
	record, err := k.Epochs.Get(ctx, index)
	if err != nil {
		return types.Epoch{}, fmt.Errorf("epoch %d: %w", index, err)
	}
	return record, nil
}

// judgedRecords returns the record of an opened epoch and of the one whose
// members judge it.
func (k Keeper) judgedRecords(ctx context.Context, index uint64) (opened, judges types.Epoch, err error) {
	if opened, err = k.EpochAt(ctx, index); err != nil {
		return opened, judges, err
	}
	judges, err = k.EpochAt(ctx, opened.JudgedBy)
	return opened, judges, err
}
