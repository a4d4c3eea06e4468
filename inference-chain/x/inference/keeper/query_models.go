package keeper

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// GovernanceModel returns a model of the registry.
func (q querier) GovernanceModel(ctx context.Context, req *types.QueryGovernanceModelRequest) (*types.QueryGovernanceModelResponse, error) {
	model, err := q.GetGovernanceModel(ctx, req.GetModelId())
	if errors.Is(err, types.ErrModelNotFound) {
		return nil, status.Errorf(codes.NotFound, "model %q: not in the registry", req.GetModelId())
	}
	if err != nil {
		return nil, answered(err, "model %q", req.GetModelId())
	}
	return &types.QueryGovernanceModelResponse{Model: model}, nil
}

// GovernanceModels lists the registry by model id.
func (q querier) GovernanceModels(ctx context.Context, req *types.QueryGovernanceModelsRequest) (*types.QueryGovernanceModelsResponse, error) {
	models, next, err := paged(ctx, q.Models, req.GetPagination())
	if err != nil {
		return nil, err
	}
	return &types.QueryGovernanceModelsResponse{Models: models, Pagination: next}, nil
}

// EpochModel returns a model as an epoch uses it.
func (q querier) EpochModel(ctx context.Context, req *types.QueryEpochModelRequest) (*types.QueryEpochModelResponse, error) {
	row, err := q.Keeper.EpochModels.Get(ctx, collections.Join(req.GetEpochIndex(), req.GetModelId()))
	if err != nil {
		return nil, answered(err, "model %q of epoch %d", req.GetModelId(), req.GetEpochIndex())
	}
	return &types.QueryEpochModelResponse{Model: row.Model}, nil
}

// EpochModels lists the models that an epoch uses, by id.
func (q querier) EpochModels(ctx context.Context, req *types.QueryEpochModelsRequest) (*types.QueryEpochModelsResponse, error) {
	models, next, err := pagedAs(ctx, q.Keeper.EpochModels, req.GetPagination(), maxPage,
		func(_ byEpochModel, row types.EpochModel) (types.Model, error) { return row.Model, nil },
		collections.PairPrefix[uint64, string](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochModelsResponse{Models: models, Pagination: next}, nil
}
