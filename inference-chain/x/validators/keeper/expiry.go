package keeper

import (
	"bytes"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// forget deletes keys against which no evidence can come any more, and the
// records of hosts that left with them.
func (k *Keeper) forget(ctx sdk.Context) error {
	due, err := k.due(ctx)
	if err != nil {
		return err
	}
	for _, at := range due {
		if err := k.Expiry.Remove(ctx, at); err != nil {
			return err
		}
		row, v, found, err := k.byKey(ctx, at.K2())
		if err != nil {
			return err
		}
		if found && ctx.BlockTime().Unix() <= row.KeepUntilTime {
			err = k.postpone(ctx, row)
		} else {
			err = k.drop(ctx, row, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) due(ctx sdk.Context) ([]byHeightKey, error) {
	var due []byHeightKey
	err := k.Expiry.Walk(ctx, nil, func(at byHeightKey) (bool, error) {
		if at.K1() >= ctx.BlockHeight() || len(due) == maxExpiredPerBlock {
			return true, nil
		}
		due = append(due, at)
		return false, nil
	})
	return due, err
}

func (k *Keeper) postpone(ctx sdk.Context, row types.ConsensusAddress) error {
	row.KeepUntil = ctx.BlockHeight() + recheckBlocks
	if err := k.ConsensusAddresses.Set(ctx, row.Address, row); err != nil {
		return err
	}
	return k.Expiry.Set(ctx, collections.Join(row.KeepUntil, row.Address))
}

func (k *Keeper) drop(ctx sdk.Context, row types.ConsensusAddress, v types.Validator) error {
	if len(row.Address) == 0 {
		return nil
	}
	if err := k.ConsensusAddresses.Remove(ctx, row.Address); err != nil {
		return err
	}
	operator, err := k.addressCodec.StringToBytes(row.Operator)
	if err != nil {
		return err
	}
	if err := k.dropSigningInfo(ctx, row.Address, operator); err != nil {
		return err
	}
	if v.InSet() || !bytes.Equal(v.ConsensusKey, row.ConsensusKey) {
		return nil
	}
	return k.Validators.Remove(ctx, operator)
}

// dropSigningInfo deletes all that x/slashing holds of a key: its hook keeps the
// signing info and the missed blocks, and a host may change keys every epoch.
func (k *Keeper) dropSigningInfo(ctx sdk.Context, key sdk.ConsAddress, operator sdk.ValAddress) error {
	if err := k.slashing.AfterValidatorRemoved(ctx, key, operator); err != nil {
		return err
	}
	if err := k.infos.DeleteMissedBlockBitmap(ctx, key); err != nil {
		return err
	}
	return k.infos.DeleteValidatorSigningInfo(ctx, key)
}
