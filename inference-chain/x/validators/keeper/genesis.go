package keeper

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// InitGenesis writes the state and returns the set the chain starts with. In a
// new network that is what the founding hosts were handed over as; in an import
// it is what CometBFT was told last, and what it was not told yet follows at the
// end of the first block. It is never empty.
func (k *Keeper) InitGenesis(ctx sdk.Context, gs types.GenesisState) ([]abci.ValidatorUpdate, error) {
	if err := gs.Validate(); err != nil {
		return nil, err
	}
	if gs.IsNew() {
		updates, err := k.tell(ctx)
		if err == nil && len(updates) == 0 {
			err = types.ErrEmptySet.Wrap("genesis has no founding host with weight and a consensus key")
		}
		return updates, err
	}
	if err := k.importRows(ctx, gs); err != nil {
		return nil, err
	}
	rows, err := k.Told(ctx)
	if err != nil {
		return nil, err
	}
	updates := make([]abci.ValidatorUpdate, 0, len(rows))
	for _, row := range rows {
		updates = append(updates, row.Update())
	}
	return updates, nil
}

func (k *Keeper) importRows(ctx context.Context, gs types.GenesisState) error {
	for _, v := range gs.Validators {
		if err := k.replace(ctx, v); err != nil {
			return err
		}
	}
	for _, row := range gs.ConsensusAddresses {
		if err := k.importAddress(ctx, row); err != nil {
			return err
		}
	}
	for _, jail := range gs.PeriodJails {
		operator, err := k.addressCodec.StringToBytes(jail.Operator)
		if err != nil {
			return err
		}
		if err := k.PeriodJails.Set(ctx, collections.Join(jail.Period, operator), jail.Blocks); err != nil {
			return err
		}
	}
	return k.Period.Set(ctx, *gs.Period)
}

// importAddress writes a key and what follows from it: every key may have
// something to tell, which the end of the first block finds out.
func (k *Keeper) importAddress(ctx context.Context, row types.ConsensusAddress) error {
	if err := k.ConsensusAddresses.Set(ctx, row.Address, row); err != nil {
		return err
	}
	if row.KeepUntil != 0 {
		return k.Expiry.Set(ctx, collections.Join(row.KeepUntil, row.Address))
	}
	return k.Changed.Set(ctx, row.Address)
}

// Told lists the keys that CometBFT gives power, by consensus address.
func (k *Keeper) Told(ctx context.Context) ([]types.ConsensusAddress, error) {
	var rows []types.ConsensusAddress
	err := k.ConsensusAddresses.Walk(ctx, nil, func(_ []byte, row types.ConsensusAddress) (bool, error) {
		if row.ToldPower > 0 {
			rows = append(rows, row)
		}
		return false, nil
	})
	return rows, err
}

// ExportGenesis reads the whole state, rows by ascending key.
func (k *Keeper) ExportGenesis(ctx context.Context) (*types.GenesisState, error) {
	gs := types.DefaultGenesis()
	period, found, err := k.period(ctx)
	if err != nil {
		return nil, err
	}
	if found {
		gs.Period = &period
	}
	if _, gs.Validators, err = k.records(ctx); err != nil {
		return nil, err
	}
	err = k.ConsensusAddresses.Walk(ctx, nil, func(_ []byte, row types.ConsensusAddress) (bool, error) {
		gs.ConsensusAddresses = append(gs.ConsensusAddresses, row)
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	err = k.PeriodJails.Walk(ctx, nil, func(key byPeriodOperator, blocks uint64) (bool, error) {
		operator, err := k.addressCodec.BytesToString(key.K2())
		gs.PeriodJails = append(gs.PeriodJails, types.PeriodJail{Period: key.K1(), Operator: operator, Blocks: blocks})
		return false, err
	})
	return gs, err
}
