package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// UseFreeMessage takes one of the messages that a registered host may send without
// a fee in this stage, and says whether one was left. Stage and epoch are those of
// the block; with either, counting starts anew. Who is no host has none; who has
// declared no node, and is in no group, has few.
func (k Keeper) UseFreeMessage(ctx context.Context, host sdk.AccAddress) (bool, error) {
	registered, err := k.Participants.Has(ctx, host)
	if err != nil || !registered {
		return false, err
	}
	free, err := k.freeMessages(ctx, host)
	if err != nil {
		return false, err
	}
	quota, err := k.quotaNow(ctx, host)
	if err != nil || quota.Used >= free {
		return false, err
	}
	quota.Used++
	return true, k.Quotas.Set(ctx, host, quota)
}

// freeMessages is how many messages a registered host may send in a stage.
func (k Keeper) freeMessages(ctx context.Context, host sdk.AccAddress) (uint64, error) {
	params, err := k.Params.Get(ctx)
	if err != nil {
		return 0, err
	}
	proves, err := k.FleetLoads.Has(ctx, host)
	if proves || err != nil {
		return params.FreeMessagesPerStage, err
	}
	return min(params.FreeMessagesPerStage, types.FreeMessagesWithoutNodes), nil
}

// quotaNow returns what a host used in this stage.
func (k Keeper) quotaNow(ctx context.Context, host sdk.AccAddress) (types.Quota, error) {
	stage, record, err := k.StageNow(ctx)
	if err != nil {
		return types.Quota{}, err
	}
	quota, err := valueOrZero(k.Quotas.Get(ctx, host))
	if err != nil {
		return types.Quota{}, err
	}
	if quota.EpochIndex == record.Index && quota.Stage == types.Stage(stage) {
		return quota, nil
	}
	text, err := k.addressText(host)
	return types.Quota{Participant: text, EpochIndex: record.Index, Stage: types.Stage(stage)}, err
}
