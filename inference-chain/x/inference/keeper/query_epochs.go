package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Params returns the parameters in force.
func (q querier) Params(ctx context.Context, _ *types.QueryParamsRequest) (*types.QueryParamsResponse, error) {
	params, err := q.Keeper.Params.Get(ctx)
	if err != nil {
		return nil, answered(err, "parameters")
	}
	return &types.QueryParamsResponse{Params: params}, nil
}

// CurrentStage returns the stage of the latest height.
func (q querier) CurrentStage(ctx context.Context, _ *types.QueryCurrentStageRequest) (*types.QueryCurrentStageResponse, error) {
	clock, err := q.ClockAt(ctx)
	if err != nil {
		return nil, answered(err, "the clock")
	}
	stage, record, err := q.StageNow(ctx)
	if err != nil {
		return nil, answered(err, "the stage")
	}
	opened, err := q.EpochAt(ctx, clock.Opened)
	if err != nil {
		return nil, answered(err, "epoch %d", clock.Opened)
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	last := epoch.Heights(record.Heights).Window(stage).Last
	return &types.QueryCurrentStageResponse{
		Height: height, Stage: types.Stage(stage), BlocksLeft: max(last-height, 0),
		Opened: clock.Opened, Effective: clock.Effective, Heights: record.Heights, OpenedStatus: opened.Status,
	}, nil
}

// Epoch returns the record of an epoch, with its frozen parameters.
func (q querier) Epoch(ctx context.Context, req *types.QueryEpochRequest) (*types.QueryEpochResponse, error) {
	record, err := q.EpochAt(ctx, req.GetEpochIndex())
	if err != nil {
		return nil, answered(err, "epoch %d", req.GetEpochIndex())
	}
	return &types.QueryEpochResponse{Epoch: record}, nil
}

// Epochs lists the records that are kept, oldest first.
func (q querier) Epochs(ctx context.Context, req *types.QueryEpochsRequest) (*types.QueryEpochsResponse, error) {
	records, next, err := paged(ctx, q.Keeper.Epochs, req.GetPagination())
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochsResponse{Epochs: records, Pagination: next}, nil
}

// Round returns the challenge and the sampling seed of an epoch.
func (q querier) Round(ctx context.Context, req *types.QueryRoundRequest) (*types.QueryRoundResponse, error) {
	round, err := q.Rounds.Get(ctx, req.GetEpochIndex())
	if err != nil {
		return nil, answered(err, "round of epoch %d", req.GetEpochIndex())
	}
	return &types.QueryRoundResponse{Round: round}, nil
}

// Formation says how far the formation of an epoch has come.
func (q querier) Formation(ctx context.Context, _ *types.QueryFormationRequest) (*types.QueryFormationResponse, error) {
	cursor, err := q.Keeper.Formation.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) {
		return &types.QueryFormationResponse{}, nil
	}
	return &types.QueryFormationResponse{Formation: &cursor}, err
}

// Prunes lists the epochs whose rows are being deleted.
func (q querier) Prunes(ctx context.Context, req *types.QueryPrunesRequest) (*types.QueryPrunesResponse, error) {
	rows, next, err := paged(ctx, q.Keeper.Prunes, req.GetPagination())
	if err != nil {
		return nil, err
	}
	return &types.QueryPrunesResponse{Prunes: rows, Pagination: next}, nil
}
