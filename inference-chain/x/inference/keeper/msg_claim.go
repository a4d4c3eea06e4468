package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"cosmossdk.io/math"

	"ninefold.dev/inference-chain/x/inference/types"
)

// ClaimReward pays the host what was settled for it and not claimed yet.
func (m msgServer) ClaimReward(ctx context.Context, msg *types.MsgClaimReward) (*types.MsgClaimRewardResponse, error) {
	sdkCtx := charge(ctx, types.GasForClaim(), "claim_reward")
	host, err := m.host(sdkCtx, msg.Creator)
	if err != nil {
		return nil, err
	}
	amount, epochs, err := m.ClaimRewards(sdkCtx, host)
	if err != nil {
		return nil, err
	}
	address, err := m.addressText(host)
	if err != nil {
		return nil, err
	}
	paid := sdk.NewCoin(types.BaseDenom, math.NewIntFromUint64(amount))
	return &types.MsgClaimRewardResponse{Amount: paid, Epochs: epochs},
		emit(sdkCtx, &types.EventRewardClaimed{Participant: address, Amount: text(amount), Epochs: epochs})
}
