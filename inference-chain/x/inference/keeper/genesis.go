package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// InitGenesis writes a state: it founds a network, or continues an exported one at
// the next height, in whatever stage it was. It fails with an ErrInvalidGenesis
// that names the field.
func (k Keeper) InitGenesis(ctx context.Context, gs types.GenesisState) error {
	if err := gs.Validate(); err != nil {
		return err
	}
	if err := k.checkBalance(ctx, gs); err != nil {
		return err
	}
	if gs.IsNew() {
		return k.found(sdk.UnwrapSDKContext(ctx), gs)
	}
	if err := k.checkTable(gs); err != nil {
		return err
	}
	for _, part := range k.genesisParts() {
		if err := part.load(ctx, &gs); err != nil {
			return types.ErrInvalidGenesis.Wrapf("%s: %s", part.field, err)
		}
	}
	return k.checkHeight(sdk.UnwrapSDKContext(ctx), gs)
}

// ExportGenesis returns the whole state, rows by ascending key. Importing it and
// exporting again gives the same.
func (k Keeper) ExportGenesis(ctx context.Context) (*types.GenesisState, error) {
	gs := new(types.GenesisState)
	for _, part := range k.genesisParts() {
		if err := part.export(ctx, gs); err != nil {
			return nil, err
		}
	}
	return gs, nil
}

// firstHeight is the height of the first block. Where it is 1, the SDK leaves the
// context of genesis at 0.
func firstHeight(ctx sdk.Context) int64 { return max(ctx.BlockHeight(), 1) }
