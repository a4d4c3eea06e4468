package keeper

import (
	"context"

	"ninefold.dev/inference-chain/x/inference/types"
)

// RegisterModel creates or updates a model of the governance registry.
func (m msgServer) RegisterModel(ctx context.Context, msg *types.MsgRegisterModel) (*types.MsgRegisterModelResponse, error) {
	sdkCtx := charge(ctx, types.GasForModel(), "register_model")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	if msg.Model.ProposedBy != "" {
		if _, err := m.address("proposed_by", msg.Model.ProposedBy); err != nil {
			return nil, err
		}
	}
	if err := m.governs(msg.Authority); err != nil {
		return nil, err
	}
	before, err := valueOrZero(m.Models.Get(sdkCtx, msg.Model.Id))
	if err != nil || before.Equal(&msg.Model) {
		return &types.MsgRegisterModelResponse{}, err
	}
	created, err := m.SetModel(sdkCtx, msg.Model)
	if err != nil {
		return nil, err
	}
	return &types.MsgRegisterModelResponse{Created: created},
		emit(sdkCtx, &types.EventModelRegistered{ModelId: msg.Model.Id, Created: created})
}

// RemoveModel takes a model out of the governance registry.
func (m msgServer) RemoveModel(ctx context.Context, msg *types.MsgRemoveModel) (*types.MsgRemoveModelResponse, error) {
	sdkCtx := charge(ctx, types.GasForModel(), "remove_model")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	if err := m.governs(msg.Authority); err != nil {
		return nil, err
	}
	if err := m.Keeper.RemoveModel(sdkCtx, msg.ModelId); err != nil {
		return nil, err
	}
	return &types.MsgRemoveModelResponse{}, emit(sdkCtx, &types.EventModelRemoved{ModelId: msg.ModelId})
}
