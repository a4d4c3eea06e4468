package keeper

import (
	"context"

	"ninefold.dev/inference-chain/x/inference/types"
)

// UpdateParams sets the parameters. Caps of the registry and quotas follow at
// once. Epochs run on copies: the POC_START that comes next copies them for the
// epoch after the one it opens.
func (m msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	sdkCtx := charge(ctx, types.GasForParams(), "update_params")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	if err := m.governs(msg.Authority); err != nil {
		return nil, err
	}
	clock, err := m.ClockAt(sdkCtx)
	if err != nil {
		return nil, err
	}
	response := &types.MsgUpdateParamsResponse{ActsFromEpoch: clock.Opened + 2}
	live, err := m.Params.Get(sdkCtx)
	if err != nil || live.Equal(&msg.Params) {
		return response, err
	}
	if err := m.Params.Set(sdkCtx, msg.Params); err != nil {
		return nil, err
	}
	return response, emit(sdkCtx, &types.EventParamsUpdated{ActsFromEpoch: response.ActsFromEpoch})
}
