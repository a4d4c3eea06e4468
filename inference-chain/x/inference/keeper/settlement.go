package keeper

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/reward"
	"ninefold.dev/inference-chain/x/inference/types"
)

// openSettlement fixes what an ended epoch pays and starts its cursor; lastOpened is the
// epoch before the one that took over. Genesis earns nothing: its weights were never proven.
func (k Keeper) openSettlement(ctx context.Context, ended types.Epoch, lastOpened uint64) error {
	if err := k.Prunes.Set(ctx, ended.Index, types.PruneCursor{EpochIndex: ended.Index, LastOpened: lastOpened}); err != nil {
		return err
	}
	if ended.Heights.PocStart == 0 {
		ended.Status = types.EpochStatus_EPOCH_STATUS_SETTLED
		return k.Epochs.Set(ctx, ended.Index, ended)
	}
	ended.Status = types.EpochStatus_EPOCH_STATUS_SETTLING
	if err := k.Epochs.Set(ctx, ended.Index, ended); err != nil {
		return err
	}
	root, err := k.EpochGroups.Get(ctx, collections.Join(ended.Index, ""))
	if err != nil {
		return fmt.Errorf("root group of epoch %d: %w", ended.Index, err)
	}
	subsidy, err := k.drawSubsidy(ctx, ended.Params)
	if err != nil {
		return err
	}
	return k.Settlements.Set(ctx, ended.Index, types.Settlement{
		EpochIndex: ended.Index, Subsidy: text(subsidy), TotalWeight: root.TotalWeight,
		Blocks: uint64(ended.EffectiveTo - ended.EffectiveFrom + 1), Minted: "0",
	})
}

// drawSubsidy returns what one more epoch pays, and lets the subsidy decay.
func (k Keeper) drawSubsidy(ctx context.Context, p types.Params) (uint64, error) {
	core, err := p.Core()
	if err != nil {
		return 0, err
	}
	bonus, err := fixed.Parse(p.CoverageBonus)
	if err != nil {
		return 0, fmt.Errorf("coverage_bonus: %w", err)
	}
	decay, err := fixed.Parse(p.DecayFactor)
	if err != nil {
		return 0, fmt.Errorf("decay_factor: %w", err)
	}
	treasury, err := k.treasury(ctx)
	if err != nil {
		return 0, err
	}
	promised, err := k.promised(ctx)
	if err != nil {
		return 0, err
	}
	committed, err := fixed.Add(treasury.minted, promised)
	if err != nil {
		return 0, err
	}
	emission := reward.Emission{
		Subsidy: treasury.subsidy, MintedTotal: committed, MaxSupply: core.MaxSupply, CoverageBonus: bonus,
	}
	amount, err := emission.EpochReward()
	if err != nil {
		return 0, err
	}
	if treasury.subsidy, err = reward.NextSubsidy(treasury.subsidy, decay); err != nil {
		return 0, err
	}
	return amount, k.setTreasury(ctx, treasury)
}

// promised is the most that settlements which are not done may yet mint.
func (k Keeper) promised(ctx context.Context) (uint64, error) {
	var sum uint64
	err := k.Settlements.Walk(ctx, nil, func(index uint64, s types.Settlement) (bool, error) {
		if s.Done {
			return false, nil
		}
		left, err := k.leftToMint(ctx, index, s)
		if err != nil {
			return true, err
		}
		sum, err = fixed.Add(sum, left)
		return err != nil, err
	})
	return sum, err
}

// leftToMint is what a settlement still mints if every host gets its whole share
// and the bonus.
func (k Keeper) leftToMint(ctx context.Context, index uint64, s types.Settlement) (uint64, error) {
	record, err := k.EpochAt(ctx, index)
	if err != nil {
		return 0, err
	}
	bonus, err := fixed.Parse(record.Params.CoverageBonus)
	if err != nil {
		return 0, fmt.Errorf("coverage_bonus: %w", err)
	}
	subsidy, err := number(s.Subsidy)
	if err != nil {
		return 0, err
	}
	minted, err := number(s.Minted)
	if err != nil {
		return 0, err
	}
	extra, err := bonus.MulCeil(subsidy)
	if err != nil {
		return 0, err
	}
	most, err := fixed.Add(subsidy, extra)
	return most - min(minted, most), err
}

// treasury is types.Treasury in integers.
type treasury struct {
	subsidy, minted, expired uint64
}

func (k Keeper) treasury(ctx context.Context) (treasury, error) {
	row, err := k.Treasury.Get(ctx)
	if err != nil {
		return treasury{}, fmt.Errorf("treasury: %w", err)
	}
	var t treasury
	var errs [3]error
	t.subsidy, errs[0] = number(row.Subsidy)
	t.minted, errs[1] = number(row.MintedTotal)
	t.expired, errs[2] = number(row.ExpiredTotal)
	return t, errors.Join(errs[:]...)
}

func (k Keeper) setTreasury(ctx context.Context, t treasury) error {
	return k.Treasury.Set(ctx, types.Treasury{
		Subsidy: text(t.subsidy), MintedTotal: text(t.minted), ExpiredTotal: text(t.expired),
	})
}

// number reads an amount of unine as state holds it.
func number(amount string) (uint64, error) {
	value, err := strconv.ParseUint(amount, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("amount %q: %w", amount, err)
	}
	return value, nil
}

func text(amount uint64) string { return strconv.FormatUint(amount, 10) }

func coins(amount uint64) sdk.Coins {
	return sdk.NewCoins(sdk.NewCoin(types.BaseDenom, math.NewIntFromUint64(amount)))
}
