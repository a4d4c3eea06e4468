package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// BeginBlocker says when a stage begins. It changes no state and never fails.
func (k Keeper) BeginBlocker(ctx context.Context) error {
	_ = attempt(sdk.UnwrapSDKContext(ctx), "announce_stage", k.announceStage)
	return nil
}

func (k Keeper) announceStage(ctx sdk.Context) error {
	stage, record, err := k.StageNow(ctx)
	if err != nil {
		return err
	}
	height := ctx.BlockHeight()
	first := stage == epoch.PocStart
	if !first {
		first = epoch.Heights(record.Heights).Window(stage).First == height
	}
	if !first {
		return nil
	}
	return emit(ctx, &types.EventStageChanged{EpochIndex: record.Index, Stage: types.Stage(stage), Height: height})
}

// step is one thing that a stage does at a block's end.
type step struct {
	name string
	run  func(sdk.Context) error
	// otherwise, when set, runs after run has failed.
	otherwise func(ctx sdk.Context, failed error) error
}

// EndBlocker does what the stage of this height asks for, each step alone: one
// that fails leaves an event, and the others go on. It never fails.
func (k Keeper) EndBlocker(ctx context.Context) error {
	sdkCtx := sdk.UnwrapSDKContext(ctx)
	var steps []step
	_ = attempt(sdkCtx, "plan_block", func(ctx sdk.Context) (err error) {
		steps, err = k.stepsOf(ctx)
		return err
	})
	for _, s := range steps {
		failed := attempt(sdkCtx, s.name, s.run)
		if failed == nil || s.otherwise == nil {
			continue
		}
		_ = attempt(sdkCtx, s.name+"_failed", func(ctx sdk.Context) error { return s.otherwise(ctx, failed) })
	}
	return nil
}

// stepsOf lists the steps of this height's stage.
func (k Keeper) stepsOf(ctx sdk.Context) ([]step, error) {
	stage, _, err := k.StageNow(ctx)
	if err != nil {
		return nil, err
	}
	switch stage {
	case epoch.PocStart:
		return []step{{name: "open_epoch", run: k.openEpoch}}, nil
	case epoch.PocValidationStart:
		return []step{{name: "draw_sample", run: k.drawSample}}, nil
	case epoch.PocValidationEnd:
		return []step{{name: "take_snapshot", run: k.takeSnapshot}}, nil
	case epoch.ModelLoading:
		return []step{{name: "form_epoch", run: k.ComputeNewWeights}}, nil
	case epoch.SetNewValidators:
		return []step{{name: "switch_epoch", run: k.switchEpoch, otherwise: k.abandonFailed}}, nil
	case epoch.Inference:
		return k.servingSteps(ctx)
	default:
		return nil, nil
	}
}

// servingSteps lists what is done while the new epoch serves. Each settlement, and the
// pruning of each epoch, is a step of its own, so that one that cannot go on does not
// hold up the others.
func (k Keeper) servingSteps(ctx sdk.Context) ([]step, error) {
	var steps []step
	err := k.Settlements.Walk(ctx, nil, func(index uint64, settlement types.Settlement) (bool, error) {
		if !settlement.Done {
			steps = append(steps, step{
				name: fmt.Sprintf("settle_epoch_%d", index),
				run:  func(ctx sdk.Context) error { return k.settle(ctx, index) },
			})
		}
		return false, nil
	})
	if err != nil {
		return nil, err
	}
	prunes, err := k.pruneSteps(ctx)
	return append(steps, prunes...), err
}
