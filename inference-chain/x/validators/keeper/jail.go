package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// ReasonDoubleSign is why a double signer's reward is lost.
const ReasonDoubleSign = "double_sign"

// jail takes the power of the host that uses the key, until unjail. Of an
// unknown or retired key nothing can be taken, and x/slashing calls this at a
// block's begin, where an error would halt the chain: it is then no error.
func (k *Keeper) jail(ctx context.Context, key sdk.ConsAddress) error {
	row, v, found, err := k.byKey(ctx, key)
	if err != nil || !found || !v.Uses(row) || v.Jailed {
		return err
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	v.Jailed, v.JailedSince = true, height
	if err := k.setValidator(ctx, v); err != nil {
		return err
	}
	return emit(ctx, &types.EventJailed{Operator: v.Operator, Height: height})
}

// unjail gives the host its power back. The block itself no longer counts as
// jailed.
func (k *Keeper) unjail(ctx context.Context, key sdk.ConsAddress) error {
	row, v, found, err := k.byKey(ctx, key)
	if err != nil {
		return err
	}
	if !found || !v.Uses(row) {
		return types.ErrUnknownValidator.Wrapf("consensus address %X", []byte(key))
	}
	if !v.Jailed {
		return nil
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	v.JailedBlocks = v.JailedBlocksUntil(height)
	v.Jailed, v.JailedSince = false, 0
	if err := k.setValidator(ctx, v); err != nil {
		return err
	}
	return emit(ctx, &types.EventUnjailed{Operator: v.Operator, Height: height})
}

// tombstone ends a key that signed twice: it never gets power again, and its
// host loses the reward of the epoch in effect. A host that still uses the key
// is out until it comes back with another; one that had changed keys before the
// evidence came only loses the reward. The key is remembered for ever.
func (k *Keeper) tombstone(ctx context.Context, key sdk.ConsAddress) error {
	row, v, found, err := k.byKey(ctx, key)
	if err != nil || !found || row.Tombstoned {
		return err
	}
	if row.KeepUntil != 0 {
		if err := k.Expiry.Remove(ctx, collections.Join(row.KeepUntil, row.Address)); err != nil {
			return err
		}
	}
	row.Tombstoned, row.KeepUntil, row.KeepUntilTime = true, 0, 0
	if err := k.ConsensusAddresses.Set(ctx, key, row); err != nil {
		return err
	}
	if v.Uses(row) {
		v.Tombstoned = true
		if err := k.setValidator(ctx, v); err != nil {
			return err
		}
		if err := k.jail(ctx, key); err != nil {
			return err
		}
	}
	if err := k.forfeit(ctx, v.Operator); err != nil {
		return err
	}
	return emit(ctx, &types.EventTombstoned{
		Operator:         v.Operator,
		ConsensusAddress: fmt.Sprintf("%X", []byte(key)),
		InUse:            v.Uses(row),
	})
}

func (k *Keeper) forfeit(ctx context.Context, operator string) error {
	host, err := k.addressCodec.StringToBytes(operator)
	if err != nil {
		return err
	}
	k.attempt(sdk.UnwrapSDKContext(ctx), "forfeit the reward of "+operator, func(ctx sdk.Context) error {
		return k.rewards.ForfeitReward(ctx, host, ReasonDoubleSign)
	})
	return nil
}

// IsTombstoned says whether the host uses a key that signed twice.
func (k *Keeper) IsTombstoned(ctx context.Context, operator sdk.AccAddress) (bool, error) {
	v, _, err := k.validator(ctx, operator)
	return v.Tombstoned, err
}

// JailedOperators lists the hosts in jail, by ascending address.
func (k *Keeper) JailedOperators(ctx context.Context) ([]sdk.AccAddress, error) {
	var jailed []sdk.AccAddress
	err := k.Validators.Walk(ctx, nil, func(operator []byte, v types.Validator) (bool, error) {
		if v.Jailed || v.Tombstoned {
			jailed = append(jailed, operator)
		}
		return false, nil
	})
	return jailed, err
}
