package keeper

import (
	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// keysOfReward is how many keys an unclaimed reward takes: its row, and that it
// waits.
const keysOfReward = 2

// expireRewards deletes settled rewards whose time to be claimed is over, and burns
// those that nobody claimed.
func (k Keeper) expireRewards(ctx sdk.Context, epoch, limit uint64) (uint64, bool, error) {
	rows := max(limit/keysOfReward, 1)
	expired, err := firstKeys(ctx, k.SettleAmounts, collections.PairPrefix[uint64, []byte](epoch), rows)
	if err != nil {
		return 0, false, err
	}
	var burned uint64
	for _, key := range expired {
		amount, err := k.expireReward(ctx, key)
		if err != nil {
			return 0, false, err
		}
		burned += amount // never more than what was minted
	}
	found := uint64(len(expired))
	return found * keysOfReward, found < rows, k.burnExpired(ctx, burned)
}

func (k Keeper) burnExpired(ctx sdk.Context, amount uint64) error {
	if amount == 0 {
		return nil
	}
	treasury, err := k.treasury(ctx)
	if err != nil {
		return err
	}
	treasury.expired += amount
	if err := k.setTreasury(ctx, treasury); err != nil {
		return err
	}
	return k.bank.BurnCoins(ctx, types.ModuleName, coins(amount))
}

// expireReward deletes one reward and returns what has to be burned.
func (k Keeper) expireReward(ctx sdk.Context, key byEpochAddress) (uint64, error) {
	row, err := k.SettleAmounts.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	if err := k.SettleAmounts.Remove(ctx, key); err != nil {
		return 0, err
	}
	waiting := collections.Join(key.K2(), key.K1())
	unclaimed, err := k.Unclaimed.Has(ctx, waiting)
	if err != nil || !unclaimed {
		return 0, err
	}
	if err := k.Unclaimed.Remove(ctx, waiting); err != nil {
		return 0, err
	}
	amount, err := number(row.Amount)
	if err != nil {
		return 0, err
	}
	return amount, emit(ctx, &types.EventRewardExpired{EpochIndex: row.EpochIndex, Participant: row.Participant, Amount: row.Amount})
}
