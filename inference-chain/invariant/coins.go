// Package invariant is what holds of the whole state after every block, for whoever
// turns blocks in a test: nothing of it runs in a node.
package invariant

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"ninefold.dev/inference-chain/x/inference/keeper"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Bank is what coins are counted through.
type Bank interface {
	GetSupply(ctx context.Context, denom string) sdk.Coin
	IterateAllBalances(ctx context.Context, visit func(sdk.AccAddress, sdk.Coin) bool)
}

// Coins fails when coins came or went that the module neither minted
// nor let expire, or when it holds other than what waits to be claimed.
//
// rest is what there is besides: coins of genesis less the fees that were burned.
func Coins(ctx context.Context, bank Bank, k keeper.Keeper, rest math.Int) error {
	treasury, err := k.Treasury.Get(ctx)
	if err != nil {
		return err
	}
	minted, err := amount(treasury.MintedTotal)
	if err != nil {
		return err
	}
	expired, err := amount(treasury.ExpiredTotal)
	if err != nil {
		return err
	}
	supply := bank.GetSupply(ctx, types.BaseDenom).Amount
	if want := rest.Add(minted).Sub(expired); !supply.Equal(want) {
		return fmt.Errorf("there are %s coins where %s were founded or minted, and did not go", supply, want)
	}
	held, sum := math.ZeroInt(), math.ZeroInt()
	module := authtypes.NewModuleAddress(types.ModuleName)
	bank.IterateAllBalances(ctx, func(holder sdk.AccAddress, coin sdk.Coin) bool {
		sum = sum.Add(coin.Amount)
		if holder.Equals(module) {
			held = held.Add(coin.Amount)
		}
		return false
	})
	if !sum.Equal(supply) {
		return fmt.Errorf("balances are %s, the supply is %s", sum, supply)
	}
	waits, err := unclaimed(ctx, k)
	if err == nil && !held.Equal(waits) {
		err = fmt.Errorf("the module holds %s, %s wait to be claimed", held, waits)
	}
	return err
}

func unclaimed(ctx context.Context, k keeper.Keeper) (math.Int, error) {
	sum := math.ZeroInt()
	err := k.SettleAmounts.Walk(ctx, nil, func(_ collections.Pair[uint64, []byte], row types.SettleAmount) (bool, error) {
		coins, err := amount(row.Amount)
		if err == nil && !row.Claimed {
			sum = sum.Add(coins)
		}
		return err != nil, err
	})
	return sum, err
}

func amount(text string) (math.Int, error) {
	coins, ok := math.NewIntFromString(text)
	if !ok {
		return math.Int{}, fmt.Errorf("an amount is no number: %q", text)
	}
	return coins, nil
}
