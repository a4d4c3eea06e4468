package keeper

import (
	"context"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Deposit is refused: ErrServingInactive.
func (m msgServer) Deposit(ctx context.Context, msg *types.MsgDeposit) (*types.MsgDepositResponse, error) {
	charge(ctx, types.GasForServing(), "deposit")
	return nil, msg.ValidateBasic()
}

// Withdraw is refused: ErrServingInactive.
func (m msgServer) Withdraw(ctx context.Context, msg *types.MsgWithdraw) (*types.MsgWithdrawResponse, error) {
	charge(ctx, types.GasForServing(), "withdraw")
	return nil, msg.ValidateBasic()
}

// SettleUsage is refused: ErrServingInactive.
func (m msgServer) SettleUsage(ctx context.Context, msg *types.MsgSettleUsage) (*types.MsgSettleUsageResponse, error) {
	charge(ctx, types.GasForServing(), "settle_usage")
	return nil, msg.ValidateBasic()
}
