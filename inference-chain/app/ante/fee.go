package ante

import (
	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
)

// fee says what a transaction pays: nothing when it consists of free messages,
// otherwise what it offers, at least the node's minimum gas price. As everywhere
// in the SDK the minimum is the node's own, and asked for at its door only.
func fee(ctx sdk.Context, tx sdk.Tx) (sdk.Coins, int64, error) {
	feeTx, ok := tx.(sdk.FeeTx)
	if !ok {
		return nil, 0, sdkerrors.ErrTxDecode.Wrap("the transaction has no fee")
	}
	uses, err := freeUses(tx)
	if err != nil || len(uses) > 0 {
		return sdk.Coins{}, 0, err
	}
	offered := feeTx.GetFee()
	if required := requiredFee(ctx, feeTx.GetGas()); !required.IsZero() && !offered.IsAnyGTE(required) {
		return nil, 0, sdkerrors.ErrInsufficientFee.Wrapf("offered %q, required %q", offered, required)
	}
	return offered, 0, nil
}

// requiredFee is gas times the minimum gas prices, rounded up; any one of the
// coins is enough. Nothing is required outside of CheckTx.
func requiredFee(ctx sdk.Context, gas uint64) sdk.Coins {
	if !ctx.IsCheckTx() {
		return nil
	}
	prices := ctx.MinGasPrices()
	required := make(sdk.Coins, 0, len(prices))
	for _, price := range prices {
		amount := price.Amount.MulInt(math.NewIntFromUint64(gas)).Ceil().RoundInt()
		required = append(required, sdk.NewCoin(price.Denom, amount))
	}
	return required
}
