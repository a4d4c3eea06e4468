package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/reward"
	"ninefold.dev/inference-chain/x/inference/types"
)

// settle moves one epoch's settlement on by a block's worth of hosts: their rows
// are written and what they earned is minted.
func (k Keeper) settle(ctx sdk.Context, index uint64) error {
	settlement, err := k.Settlements.Get(ctx, index)
	if err != nil {
		return err
	}
	record, err := k.EpochAt(ctx, index)
	if err != nil {
		return err
	}
	settled, more, err := k.GetSettleAmounts(ctx, record, settlement, record.Params.SettlementHostsPerBlock)
	if err != nil {
		return err
	}
	var minted uint64
	for _, row := range settled {
		amount, err := k.writeSettled(ctx, row)
		if err != nil {
			return err
		}
		if minted, err = fixed.Add(minted, amount); err != nil {
			return err
		}
		settlement.After = row.Participant
	}
	if err := k.mint(ctx, &settlement, minted); err != nil {
		return err
	}
	if !more {
		settlement.Done = true
		record.Status = types.EpochStatus_EPOCH_STATUS_SETTLED
		if err := k.Epochs.Set(ctx, index, record); err != nil {
			return err
		}
	}
	return k.Settlements.Set(ctx, index, settlement)
}

// GetSettleAmounts settles up to limit members of an ended epoch after the
// settlement's cursor, by ascending address, and says whether there are more. It
// only reads.
func (k Keeper) GetSettleAmounts(ctx context.Context, ended types.Epoch, settlement types.Settlement, limit uint64) ([]types.SettleAmount, bool, error) {
	shared, err := k.settledEpoch(ctx, ended, settlement)
	if err != nil {
		return nil, false, err
	}
	members := new(collections.Range[byEpochModelAddress]).
		Prefix(collections.TripleSuperPrefix[uint64, string, []byte](ended.Index, ""))
	if settlement.After != "" {
		after, err := k.addressCodec.StringToBytes(settlement.After)
		if err != nil {
			return nil, false, err
		}
		members = members.StartExclusive(collections.Join3(ended.Index, "", after))
	}
	iterator, err := k.EpochMembers.Iterate(ctx, members)
	if err != nil {
		return nil, false, err
	}
	defer iterator.Close()
	var settled []types.SettleAmount
	for ; iterator.Valid() && uint64(len(settled)) < limit; iterator.Next() {
		member, err := iterator.KeyValue()
		if err != nil {
			return nil, false, err
		}
		row, err := k.getSettleAmount(ctx, shared, member.Key.K3(), member.Value)
		if err != nil {
			return nil, false, fmt.Errorf("host %s: %w", member.Value.Participant, err)
		}
		settled = append(settled, row)
	}
	return settled, iterator.Valid(), nil
}

// settledEpoch is what all members of a settlement share.
type settledEpoch struct {
	index    uint64
	params   types.Params
	coverage coverageOf
	reward   reward.Epoch
}

func (k Keeper) settledEpoch(ctx context.Context, ended types.Epoch, settlement types.Settlement) (settledEpoch, error) {
	subsidy, err := number(settlement.Subsidy)
	if err != nil {
		return settledEpoch{}, err
	}
	bonus, err := fixed.Parse(ended.Params.CoverageBonus)
	if err != nil {
		return settledEpoch{}, fmt.Errorf("coverage_bonus: %w", err)
	}
	coverage, err := k.coverageOf(ctx, ended)
	return settledEpoch{
		index: ended.Index, params: ended.Params, coverage: coverage,
		reward: reward.Epoch{
			Reward: subsidy, TotalWeight: settlement.TotalWeight, Blocks: settlement.Blocks, CoverageBonus: bonus,
		},
	}, err
}

// getSettleAmount computes one member's reward with everything it comes from.
func (k Keeper) getSettleAmount(ctx context.Context, ended settledEpoch, host []byte, member types.EpochMember) (types.SettleAmount, error) {
	key := collections.Join(ended.index, host)
	duty, err := valueOrZero(k.JuryDuties.Get(ctx, key))
	if err != nil {
		return types.SettleAmount{}, err
	}
	forfeit, err := valueOrZero(k.Forfeits.Get(ctx, key))
	if err != nil {
		return types.SettleAmount{}, err
	}
	jailed, err := k.validators.JailedBlocks(ctx, ended.index, host)
	if err != nil {
		return types.SettleAmount{}, err
	}
	_, covers, err := ended.coverage.host(ctx, host, member.Weight)
	if err != nil {
		return types.SettleAmount{}, err
	}
	blocks := ended.reward.Blocks
	facts := reward.Host{
		Weight: member.Weight, SeatsDrawn: duty.Drawn, SeatsCast: duty.Cast,
		UnjailedBlocks: blocks - min(jailed, blocks), Covers: covers, Forfeited: forfeiture(forfeit),
	}
	result, err := reward.GetSettleAmount(ended.reward, facts)
	if err != nil {
		return types.SettleAmount{}, err
	}
	return types.SettleAmount{
		EpochIndex: ended.index, Participant: member.Participant, Weight: member.Weight,
		ByWeight: text(result.ByWeight), SeatsCast: duty.Cast, SeatsDrawn: duty.Drawn,
		UnjailedBlocks: facts.UnjailedBlocks, Blocks: blocks,
		Share: text(result.Share), Bonus: text(result.Bonus), Amount: text(result.Total),
		Covers: covers, Forfeited: forfeit.Reason, Serving: "0",
	}, nil
}

// forfeiture reads why a reward is lost. A reason that core does not know is still
// a loss.
func forfeiture(forfeit types.Forfeit) reward.Forfeiture {
	switch forfeit.Reason {
	case "":
		return reward.ForfeitedNothing
	case ReasonFraud:
		return reward.ForfeitedFraud
	default:
		return reward.ForfeitedDoubleSign
	}
}

// writeSettled stores a reward and returns its amount. A reward of nothing cannot
// be claimed.
func (k Keeper) writeSettled(ctx sdk.Context, row types.SettleAmount) (uint64, error) {
	host, err := k.addressCodec.StringToBytes(row.Participant)
	if err != nil {
		return 0, err
	}
	amount, err := number(row.Amount)
	if err != nil {
		return 0, err
	}
	if err := k.SettleAmounts.Set(ctx, collections.Join(row.EpochIndex, host), row); err != nil {
		return 0, err
	}
	if amount > 0 {
		if err := k.Unclaimed.Set(ctx, collections.Join(host, row.EpochIndex)); err != nil {
			return 0, err
		}
	}
	return amount, emit(ctx, &types.EventRewardSettled{EpochIndex: row.EpochIndex, Participant: row.Participant, Amount: row.Amount})
}

// mint creates what a block settled, in the module's account, from where it is
// claimed.
func (k Keeper) mint(ctx sdk.Context, settlement *types.Settlement, amount uint64) error {
	if amount == 0 {
		return nil
	}
	minted, err := number(settlement.Minted)
	if err != nil {
		return err
	}
	treasury, err := k.treasury(ctx)
	if err != nil {
		return err
	}
	if treasury.minted, err = fixed.Add(treasury.minted, amount); err != nil {
		return err
	}
	settlement.Minted = text(minted + amount) // at most the total
	if err := k.setTreasury(ctx, treasury); err != nil {
		return err
	}
	return k.bank.MintCoins(ctx, types.ModuleName, coins(amount))
}
