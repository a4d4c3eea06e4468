package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// ClaimRewards pays a host what was settled for it and not claimed yet, the oldest
// epochs first and at most MaxClaimsPerMessage of them. It returns the sum, in
// unine, and the epochs, or ErrNothingToClaim.
func (k Keeper) ClaimRewards(ctx context.Context, host sdk.AccAddress) (uint64, []uint64, error) {
	epochs, err := k.unclaimedEpochs(ctx, host)
	if err != nil {
		return 0, nil, err
	}
	if len(epochs) == 0 {
		text, err := k.addressText(host)
		if err != nil {
			return 0, nil, err
		}
		return 0, nil, types.ErrNothingToClaim.Wrapf("for %s", text)
	}
	var sum uint64
	for _, epoch := range epochs {
		amount, err := k.markClaimed(ctx, host, epoch)
		if err != nil {
			return 0, nil, err
		}
		if sum, err = fixed.Add(sum, amount); err != nil {
			return 0, nil, err
		}
	}
	return sum, epochs, k.bank.SendCoinsFromModuleToAccount(ctx, types.ModuleName, host, coins(sum))
}

func (k Keeper) unclaimedEpochs(ctx context.Context, host sdk.AccAddress) ([]uint64, error) {
	waiting := new(collections.Range[collections.Pair[[]byte, uint64]]).
		Prefix(collections.PairPrefix[[]byte, uint64](host))
	var epochs []uint64
	err := k.Unclaimed.Walk(ctx, waiting, func(key collections.Pair[[]byte, uint64]) (bool, error) {
		epochs = append(epochs, key.K2())
		return len(epochs) == types.MaxClaimsPerMessage, nil
	})
	return epochs, err
}

func (k Keeper) markClaimed(ctx context.Context, host sdk.AccAddress, epoch uint64) (uint64, error) {
	key := collections.Join(epoch, []byte(host))
	row, err := k.SettleAmounts.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	amount, err := number(row.Amount)
	if err != nil {
		return 0, err
	}
	row.Claimed = true
	return amount, errors.Join(
		k.SettleAmounts.Set(ctx, key, row),
		k.Unclaimed.Remove(ctx, collections.Join([]byte(host), epoch)),
	)
}

// ForfeitReward marks a host's reward of the effective epoch as lost. The first
// reason stays. Who is not a member has no reward to lose, and the mark means
// nothing.
func (k Keeper) ForfeitReward(ctx context.Context, operator sdk.AccAddress, reason string) error {
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return err
	}
	key := collections.Join(clock.Effective, []byte(operator))
	lost, err := k.Forfeits.Has(ctx, key)
	if err != nil || lost {
		return err
	}
	text, err := k.addressText(operator)
	if err != nil {
		return err
	}
	return k.Forfeits.Set(ctx, key, types.Forfeit{EpochIndex: clock.Effective, Participant: text, Reason: reason})
}
