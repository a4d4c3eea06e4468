package keeper

import (
	"context"
	"time"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// rekey gives a host a key it did not use before. The old key is told away at
// the end of the block and kept for evidence; a term in jail goes on, a
// tombstone stays with the old key.
func (k *Keeper) rekey(ctx context.Context, v types.Validator, key []byte) (types.Validator, error) {
	old := types.AddressOf(v.ConsensusKey)
	if v.Tombstoned {
		v.Jailed, v.JailedSince, v.Tombstoned = false, 0, false
	}
	v.ConsensusKey = key
	row, known, err := get(ctx, k.ConsensusAddresses, []byte(types.AddressOf(key)))
	if err != nil {
		return v, err
	}
	if !known {
		row = types.ConsensusAddress{Address: types.AddressOf(key), Operator: v.Operator, ConsensusKey: key}
		if err := k.ConsensusAddresses.Set(ctx, row.Address, row); err != nil {
			return v, err
		}
	}
	v.ToldPower = row.ToldPower
	if err := k.setValidator(ctx, v); err != nil {
		return v, err
	}
	if err := k.introduce(ctx, v, known); err != nil || old == nil {
		return v, err
	}
	if err := k.Changed.Set(ctx, old); err != nil {
		return v, err
	}
	return v, k.carryTerm(ctx, v, old)
}

// introduce makes a new key known to x/slashing before CometBFT counts it. The
// signing info is written at once, and not with the first power: x/evidence
// panics when it meets a validator without one.
func (k *Keeper) introduce(ctx context.Context, v types.Validator, known bool) error {
	if known {
		return nil
	}
	operator, err := k.addressCodec.StringToBytes(v.Operator)
	if err != nil {
		return err
	}
	if err := k.slashing.AfterValidatorCreated(ctx, operator); err != nil {
		return err
	}
	return k.startTerm(ctx, v, time.Unix(0, 0))
}

// carryTerm writes the end of a jail term to the new key: x/slashing looks it up
// by key, and rotating must not be a way out.
func (k *Keeper) carryTerm(ctx context.Context, v types.Validator, old sdk.ConsAddress) error {
	if !v.Jailed {
		return nil
	}
	info, err := k.infos.GetValidatorSigningInfo(ctx, old)
	if err != nil {
		return err
	}
	return k.startTerm(ctx, v, info.JailedUntil)
}

func (k *Keeper) startTerm(ctx context.Context, v types.Validator, jailedUntil time.Time) error {
	key := types.AddressOf(v.ConsensusKey)
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	info := slashingtypes.NewValidatorSigningInfo(key, height, 0, jailedUntil, false, 0)
	return k.infos.SetValidatorSigningInfo(ctx, key, info)
}
