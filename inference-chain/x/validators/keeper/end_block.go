package keeper

import (
	"context"
	"fmt"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// updateDelay is how many blocks CometBFT still counts a key after it was told
// that its power is zero.
const updateDelay = 2

// maxExpiredPerBlock bounds the keys forgotten, or found too young, in a block.
const maxExpiredPerBlock = 100

// recheckBlocks is after how many blocks a key is looked at again whose evidence
// is too old by height but not by time.
const recheckBlocks = 100

// EndBlock returns what CometBFT has not been told yet, one update a key. A step
// that fails returns no updates and leaves the keys to the next block.
func (k *Keeper) EndBlock(ctx sdk.Context) []abci.ValidatorUpdate {
	var updates []abci.ValidatorUpdate
	told := k.attempt(ctx, "tell CometBFT the changed powers", func(ctx sdk.Context) (err error) {
		updates, err = k.tell(ctx)
		return err
	})
	k.attempt(ctx, "forget old consensus keys", k.forget)
	if !told {
		return nil
	}
	return updates
}

// tell brings what CometBFT knows of the changed keys up to date, in order of
// consensus address.
func (k *Keeper) tell(ctx sdk.Context) ([]abci.ValidatorUpdate, error) {
	changed, err := k.changed(ctx)
	if err != nil || len(changed) == 0 {
		return nil, err
	}
	var updates []abci.ValidatorUpdate
	for _, key := range changed {
		row, differs, err := k.refresh(ctx, key)
		if err != nil {
			return nil, err
		}
		if differs {
			updates = append(updates, row.Update())
		}
	}
	if err := k.Changed.Clear(ctx, nil); err != nil {
		return nil, err
	}
	if len(updates) == 0 {
		return nil, nil
	}
	return updates, k.checkTold(ctx)
}

func (k *Keeper) changed(ctx context.Context) ([][]byte, error) {
	iterator, err := k.Changed.Iterate(ctx, nil)
	if err != nil {
		return nil, err
	}
	return iterator.Keys()
}

// refresh compares the power a key should have with what was told.
func (k *Keeper) refresh(ctx sdk.Context, key []byte) (row types.ConsensusAddress, differs bool, err error) {
	row, v, found, err := k.byKey(ctx, key)
	if err != nil || !found {
		return row, false, err
	}
	inUse := v.Uses(row)
	power := int64(0)
	if inUse && v.MayVote() {
		power = v.Power
	}
	if power > 0 && row.ToldPower == 0 {
		if err := k.bond(ctx, row); err != nil {
			return row, false, err
		}
	}
	differs = power != row.ToldPower
	row.ToldPower = power
	if inUse {
		v.ToldPower = power
		if err := k.replace(ctx, v); err != nil {
			return row, false, err
		}
	}
	if differs {
		if err := emit(ctx, &types.EventPowerTold{
			Operator: row.Operator, ConsensusAddress: fmt.Sprintf("%X", row.Address), Power: power,
		}); err != nil {
			return row, false, err
		}
	}
	return row, differs, k.keep(ctx, row, inUse && v.InSet())
}

// bond restarts the window in which x/slashing counts missed blocks.
func (k *Keeper) bond(ctx context.Context, row types.ConsensusAddress) error {
	operator, err := k.addressCodec.StringToBytes(row.Operator)
	if err != nil {
		return err
	}
	return k.slashing.AfterValidatorBonded(ctx, row.Address, operator)
}

func (k *Keeper) replace(ctx context.Context, v types.Validator) error {
	operator, err := k.addressCodec.StringToBytes(v.Operator)
	if err != nil {
		return err
	}
	return k.Validators.Set(ctx, operator, v)
}

// keep writes the row, and says until when a retired key is remembered: as long
// as CometBFT may still count it or bring evidence against it. A tombstone is
// remembered for ever.
func (k *Keeper) keep(ctx sdk.Context, row types.ConsensusAddress, inUse bool) error {
	switch {
	case inUse && row.KeepUntil != 0:
		if err := k.Expiry.Remove(ctx, collections.Join(row.KeepUntil, row.Address)); err != nil {
			return err
		}
		row.KeepUntil, row.KeepUntilTime = 0, 0
	case !inUse && row.KeepUntil == 0 && !row.Tombstoned:
		blocks, age := evidenceAge(ctx)
		row.KeepUntil = ctx.BlockHeight() + max(updateDelay, blocks)
		row.KeepUntilTime = ctx.BlockTime().Add(age).Unix()
		if err := k.Expiry.Set(ctx, collections.Join(row.KeepUntil, row.Address)); err != nil {
			return err
		}
	}
	return k.ConsensusAddresses.Set(ctx, row.Address, row)
}

// evidenceAge is how old evidence may be: it is refused when it is older both by
// blocks and by time.
func evidenceAge(ctx sdk.Context) (blocks int64, age time.Duration) {
	evidence := ctx.ConsensusParams().Evidence
	if evidence == nil {
		return 0, 0
	}
	return evidence.MaxAgeNumBlocks, evidence.MaxAgeDuration
}

// checkTold refuses updates after which nobody would validate.
func (k *Keeper) checkTold(ctx context.Context) error {
	var total int64
	err := k.ConsensusAddresses.Walk(ctx, nil, func(_ []byte, row types.ConsensusAddress) (bool, error) {
		total += row.ToldPower
		return total > 0, nil
	})
	if err == nil && total == 0 {
		err = types.ErrEmptySet.Wrap("every validator is in jail or has left")
	}
	return err
}
