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
	var after []byte
	if settlement.After != "" {
		if after, err = k.addressCodec.StringToBytes(settlement.After); err != nil {
			return nil, false, err
		}
	}
	walk, err := k.walkMembers(ctx, shared, after)
	if err != nil {
		return nil, false, err
	}
	defer walk.close()
	var settled []types.SettleAmount
	for ; walk.members.Valid() && uint64(len(settled)) < limit; walk.members.Next() {
		member, err := walk.members.Value()
		if err != nil {
			return nil, false, err
		}
		row, err := k.settleMember(ctx, shared, walk, member)
		if err != nil {
			return nil, false, fmt.Errorf("host %s: %w", member.Participant, err)
		}
		settled = append(settled, row)
	}
	return settled, walk.members.Valid(), nil
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

// settleMember collects what a member's reward comes from.
func (k Keeper) settleMember(ctx context.Context, ended settledEpoch, walk *memberWalk, member types.EpochMember) (types.SettleAmount, error) {
	host, err := k.addressCodec.StringToBytes(member.Participant)
	if err != nil {
		return types.SettleAmount{}, err
	}
	facts := settledFacts{member: member}
	if facts.duty, err = walk.duties.at(host); err != nil {
		return types.SettleAmount{}, err
	}
	if facts.forfeit, err = walk.forfeits.at(host); err != nil {
		return types.SettleAmount{}, err
	}
	if facts.jailed, err = k.validators.JailedBlocks(ctx, ended.index, host); err != nil {
		return types.SettleAmount{}, err
	}
	weights := make([]uint64, 0, len(walk.models))
	for _, model := range walk.models {
		own, err := model.at(host)
		if err != nil {
			return types.SettleAmount{}, err
		}
		weights = append(weights, own.Weight)
	}
	covers, err := reward.GetParticipantModelCoverage(member.Weight, weights, ended.coverage.spread)
	if err != nil {
		return types.SettleAmount{}, err
	}
	facts.covers = covers.Covers
	return getSettleAmount(ended, facts)
}

// settledFacts is everything that a member's reward comes from.
type settledFacts struct {
	member  types.EpochMember
	duty    types.JuryDuty
	forfeit types.Forfeit
	jailed  uint64 // blocks
	covers  bool
}

// getSettleAmount computes one member's reward with everything it comes from.
func getSettleAmount(ended settledEpoch, facts settledFacts) (types.SettleAmount, error) {
	blocks := ended.reward.Blocks
	host := reward.Host{
		Weight: facts.member.Weight, SeatsDrawn: facts.duty.Drawn, SeatsCast: facts.duty.Cast,
		UnjailedBlocks: blocks - min(facts.jailed, blocks), Covers: facts.covers, Forfeited: forfeiture(facts.forfeit),
	}
	result, err := reward.GetSettleAmount(ended.reward, host)
	if err != nil {
		return types.SettleAmount{}, err
	}
	return types.SettleAmount{
		EpochIndex: ended.index, Participant: facts.member.Participant, Weight: facts.member.Weight,
		ByWeight: text(result.ByWeight), SeatsCast: facts.duty.Cast, SeatsDrawn: facts.duty.Drawn,
		UnjailedBlocks: host.UnjailedBlocks, Blocks: blocks,
		Share: text(result.Share), Bonus: text(result.Bonus), Amount: text(result.Total),
		Covers: facts.covers, Forfeited: facts.forfeit.Reason, Serving: "0",
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
