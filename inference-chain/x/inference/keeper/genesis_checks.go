package keeper

import (
	"context"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// checkBalance refuses to start where the module's account does not hold exactly the
// rewards that wait to be claimed: the bank's part of genesis is written before this
// one. Nobody can send coins to the account, so that they are equal in every block.
func (k Keeper) checkBalance(ctx context.Context, gs types.GenesisState) error {
	want, err := gs.UnclaimedRewards()
	if err != nil {
		return err
	}
	held := k.bank.GetBalance(ctx, authtypes.NewModuleAddress(types.ModuleName), types.BaseDenom)
	if !coins(want).AmountOf(types.BaseDenom).Equal(held.Amount) {
		return types.ErrInvalidGenesis.Wrapf("balance of the module's account: must be %d%s, the amounts in settle_amounts that are not claimed, the bank has %s",
			want, types.BaseDenom, held)
	}
	return nil
}

// checkHeight refuses to continue a network at a height that its running cycle
// does not have, or that lies before something that happened in it.
func (k Keeper) checkHeight(ctx sdk.Context, gs types.GenesisState) error {
	first := firstHeight(ctx)
	_, _, err := k.StageNow(ctx.WithBlockHeight(first))
	if err != nil {
		return types.ErrInvalidGenesis.Wrapf("initial_height: %s", err)
	}
	opened, err := k.EpochAt(ctx, gs.Clock.Opened)
	if err != nil {
		return types.ErrInvalidGenesis.Wrapf("epochs: %s", err)
	}
	past := opened.Heights.PocStart
	switch {
	case opened.Status == types.EpochStatus_EPOCH_STATUS_EFFECTIVE || opened.Status == types.EpochStatus_EPOCH_STATUS_ABANDONED:
		past = opened.Heights.SetNewValidators
	case gs.Formation != nil:
		past = opened.Heights.PocValidationEnd
	case slices.ContainsFunc(gs.Rounds, func(r types.Round) bool { return r.EpochIndex == opened.Index && r.SamplingHeight != 0 }):
		past = opened.Heights.PocValidationStart
	}
	if first <= past {
		return types.ErrInvalidGenesis.Wrapf("initial_height: must be above %d, where epoch %d has passed by its status, formation and round, got %d", past, opened.Index, first)
	}
	return nil
}

// checkTable refuses cursors that lie outside of the table of what is pruned, and
// epochs without a row that their cursor has not come to.
func (k Keeper) checkTable(gs types.GenesisState) error {
	table := k.pruneTable()
	place := func(name string) int { return slices.IndexFunc(table, func(p pruned) bool { return p.name == name }) }
	records := map[uint64]types.Epoch{}
	for _, record := range gs.Epochs {
		records[record.Index] = record
	}
	settled, rounds := map[uint64]bool{}, map[uint64]bool{}
	for _, row := range gs.Settlements {
		settled[row.EpochIndex] = true
	}
	for _, row := range gs.Rounds {
		rounds[row.EpochIndex] = true
	}
	for i, cursor := range gs.Prunes {
		at, last := int(cursor.Collection), len(table)-1
		record, known := records[cursor.EpochIndex]
		switch {
		case at > last:
			return types.ErrInvalidGenesis.Wrapf("prunes[%d].collection: must be at most %d, got %d", i, last, at)
		case !known && at != last:
			return types.ErrInvalidGenesis.Wrapf("prunes[%d].epoch_index: epoch %d must stand in epochs while collection is below %d, got %d", i, cursor.EpochIndex, last, at)
		case cursor.EpochIndex > gs.Clock.Opened:
			return types.ErrInvalidGenesis.Wrapf("prunes[%d].epoch_index: must be at most clock.opened %d, got %d", i, gs.Clock.Opened, cursor.EpochIndex)
		case cursor.EpochIndex == 0 || !known:
			continue // genesis has no settlement and no round
		case record.Status == types.EpochStatus_EPOCH_STATUS_SETTLED && at < place("settlements") && !settled[record.Index]:
			return types.ErrInvalidGenesis.Wrapf("settlements: that of epoch %d, whose prunes[%d].collection has not come to them, is missing", record.Index, i)
		case at < place("rounds") && !rounds[record.Index]:
			return types.ErrInvalidGenesis.Wrapf("rounds: that of epoch %d, whose prunes[%d].collection has not come to them, is missing", record.Index, i)
		}
	}
	return nil
}
