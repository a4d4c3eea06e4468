package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// SetModel creates or updates a model of the governance registry and says whether
// it was created. The registry changes at once; epochs run on their snapshot. It
// fails with ErrInvalidModel, or with ErrTooManyModels when a new model would be
// one too many.
func (k Keeper) SetModel(ctx context.Context, model types.Model) (created bool, err error) {
	if err := model.Validate(); err != nil {
		return false, err
	}
	exists, err := k.Models.Has(ctx, model.Id)
	if err != nil {
		return false, err
	}
	if !exists {
		if err := k.roomForModel(ctx); err != nil {
			return false, err
		}
	}
	return !exists, k.Models.Set(ctx, model.Id, model)
}

func (k Keeper) roomForModel(ctx context.Context) error {
	params, err := k.Params.Get(ctx)
	if err != nil {
		return err
	}
	var models uint64
	err = k.Models.Walk(ctx, nil, func(string, types.Model) (bool, error) {
		models++
		return false, nil
	})
	if err != nil {
		return err
	}
	if models >= params.MaxModels {
		return types.ErrTooManyModels.Wrapf("it holds %d, max_models is %d", models, params.MaxModels)
	}
	return nil
}

// RemoveModel takes a model out of the governance registry. It fails with
// ErrModelNotFound. Epochs that took their snapshot before keep the model.
func (k Keeper) RemoveModel(ctx context.Context, id string) error {
	if _, err := k.GetGovernanceModel(ctx, id); err != nil {
		return err
	}
	return k.Models.Remove(ctx, id)
}

// GetGovernanceModel returns a model of the governance registry, or
// ErrModelNotFound. What serves, prices or weighs asks GetEpochModel instead.
func (k Keeper) GetGovernanceModel(ctx context.Context, id string) (types.Model, error) {
	model, err := k.Models.Get(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return types.Model{}, types.ErrModelNotFound.Wrapf("%q", id)
	}
	return model, err
}

// GetGovernanceModels lists the governance registry by ascending id; max_models
// bounds it.
func (k Keeper) GetGovernanceModels(ctx context.Context) ([]types.Model, error) {
	iterator, err := k.Models.Iterate(ctx, nil)
	if err != nil {
		return nil, err
	}
	return iterator.Values()
}

// IsValidGovernanceModel says whether governance knows a model.
func (k Keeper) IsValidGovernanceModel(ctx context.Context, id string) (bool, error) {
	return k.Models.Has(ctx, id)
}
