package app

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
)

// purse is what burning fees needs of the bank.
type purse interface {
	GetAllBalances(ctx context.Context, account sdk.AccAddress) sdk.Coins
	BurnCoins(ctx context.Context, module string, amount sdk.Coins) error
}

// burnFees burns what the block's transactions paid. Nothing distributes fees:
// they price block space, and pay nobody. A failure leaves the fees to the next
// block.
func burnFees(ctx sdk.Context, bank purse) {
	fees := bank.GetAllBalances(ctx, authtypes.NewModuleAddress(authtypes.FeeCollectorName))
	if fees.IsZero() {
		return
	}
	cached, write := ctx.CacheContext()
	if err := bank.BurnCoins(cached, authtypes.FeeCollectorName, fees); err != nil {
		ctx.Logger().Error("burning fees failed", "fees", fees, "error", err)
		return
	}
	write()
}
