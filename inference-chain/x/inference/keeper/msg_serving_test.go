package keeper

import (
	"testing"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

func TestServingIsRefusedAsNotActive(t *testing.T) {
	k := newRoundKit(t)
	refused := refusedWith(types.ErrServingInactive, "not active on this version of the chain")
	paid := sdk.NewInt64Coin(types.BaseDenom, 5)
	send(k, func(msgs types.MsgServer, k *kit, msg *types.MsgDeposit) (*types.MsgDepositResponse, error) {
		return msgs.Deposit(k.ctx, msg)
	}, &types.MsgDeposit{Creator: k.text("eve"), Amount: paid}, refused)
	send(k, func(msgs types.MsgServer, k *kit, msg *types.MsgWithdraw) (*types.MsgWithdrawResponse, error) {
		return msgs.Withdraw(k.ctx, msg)
	}, &types.MsgWithdraw{Creator: k.text("eve"), Amount: paid}, refused)
	send(k, func(msgs types.MsgServer, k *kit, msg *types.MsgSettleUsage) (*types.MsgSettleUsageResponse, error) {
		return msgs.SettleUsage(k.ctx, msg)
	}, &types.MsgSettleUsage{Creator: k.text("bob"), ModelId: modelA}, refused)
}
