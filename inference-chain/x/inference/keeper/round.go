package keeper

import (
	"crypto/sha256"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// openEpoch is POC_START: it gives the planned epoch its heights, makes this
// block's hash the challenge, and freezes the parameters of the epoch after it.
func (k Keeper) openEpoch(ctx sdk.Context) error {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	hash, err := blockHash(ctx)
	if err != nil {
		return err
	}
	if err := k.dropUnfinished(ctx, clock); err != nil {
		return err
	}
	record, err := k.EpochAt(ctx, clock.Opened+1)
	if err != nil {
		return err
	}
	height := ctx.BlockHeight()
	heights, err := epoch.Open(height, lengthsOf(record.Params))
	if err != nil {
		return err
	}
	record.Status = types.EpochStatus_EPOCH_STATUS_OPENED
	record.Heights = types.EpochHeights(heights)
	record.JudgedBy = clock.Effective
	if err := k.Epochs.Set(ctx, record.Index, record); err != nil {
		return err
	}
	round := types.Round{EpochIndex: record.Index, Challenge: hash, ChallengeHeight: height}
	if err := k.Rounds.Set(ctx, record.Index, round); err != nil {
		return err
	}
	if err := k.planEpoch(ctx, record.Index+1); err != nil {
		return err
	}
	clock.Opened = record.Index
	return k.Clock.Set(ctx, clock)
}

// planEpoch freezes the parameters in force for an epoch that opens later.
func (k Keeper) planEpoch(ctx sdk.Context, index uint64) error {
	params, err := k.Params.Get(ctx)
	if err != nil {
		return fmt.Errorf("parameters: %w", err)
	}
	return k.Epochs.Set(ctx, index, types.Epoch{Index: index, Status: types.EpochStatus_EPOCH_STATUS_PLANNED, Params: params})
}

// dropUnfinished abandons an epoch that neither became effective nor was
// abandoned, as after a stage 8 whose every step failed.
func (k Keeper) dropUnfinished(ctx sdk.Context, clock types.Clock) error {
	record, err := k.EpochAt(ctx, clock.Opened)
	if err != nil {
		return err
	}
	if record.Status != types.EpochStatus_EPOCH_STATUS_OPENED && record.Status != types.EpochStatus_EPOCH_STATUS_FORMED {
		return nil
	}
	return k.abandon(ctx, "SET_NEW_VALIDATORS passed without a decision")
}

// drawSample is POC_VALIDATION_START: this block's hash seeds juries and samples,
// and members in jail now sit on no jury of the round.
func (k Keeper) drawSample(ctx sdk.Context) error {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	hash, err := blockHash(ctx)
	if err != nil {
		return err
	}
	round, err := k.Rounds.Get(ctx, clock.Opened)
	if err != nil {
		return fmt.Errorf("round of epoch %d: %w", clock.Opened, err)
	}
	round.SamplingSeed = hash
	round.SamplingHeight = ctx.BlockHeight()
	if err := k.Rounds.Set(ctx, clock.Opened, round); err != nil {
		return err
	}
	record, err := k.EpochAt(ctx, clock.Opened)
	if err != nil {
		return err
	}
	return k.excludeJailed(ctx, record)
}

func (k Keeper) excludeJailed(ctx sdk.Context, opened types.Epoch) error {
	jailed, err := k.validators.JailedOperators(ctx)
	if err != nil {
		return fmt.Errorf("jailed operators: %w", err)
	}
	for _, operator := range jailed {
		member, err := k.EpochMembers.Has(ctx, collections.Join3(opened.JudgedBy, "", []byte(operator)))
		if err != nil {
			return err
		}
		if !member {
			continue
		}
		if err := k.JuryExclusions.Set(ctx, collections.Join(opened.Index, []byte(operator))); err != nil {
			return err
		}
	}
	return nil
}

// blockHash returns the hash of this very block, on which a challenge or a sample
// may be built; nobody knew it before the block was proposed.
func blockHash(ctx sdk.Context) ([]byte, error) {
	hash := ctx.HeaderHash()
	if len(hash) != sha256.Size {
		return nil, types.ErrEmptyHash.Wrapf("%d bytes at height %d", len(hash), ctx.BlockHeight())
	}
	return hash, nil
}

// lengthsOf returns the parameters which decide heights.
func lengthsOf(p types.Params) epoch.Lengths {
	return epoch.Lengths{
		PocExchange:           p.PocExchangeBlocks,
		PocValidationExchange: p.PocValidationExchangeBlocks,
		ModelLoading:          p.ModelLoadingBlocks,
		Inference:             p.InferenceBlocks,
	}
}
