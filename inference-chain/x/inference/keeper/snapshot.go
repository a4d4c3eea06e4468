package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Passes of a formation over the hosts.
const (
	// passJudge finds out how the claims of hosts accepted in both epochs compare.
	passJudge = 0
	// passForm judges and writes the hosts. It is the only pass unless the proof's
	// parameters changed.
	passForm = 1
)

// takeSnapshot is POC_VALIDATION_END: the models that governance approved become
// the opened epoch's own, and the cursor that forms it starts. Nodes are copied
// host by host when they are formed; their rows cannot change for this epoch any
// more.
func (k Keeper) takeSnapshot(ctx sdk.Context) error {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	opened, judges, err := k.judgedRecords(ctx, clock.Opened)
	if err != nil {
		return err
	}
	if _, err := k.samplingSeed(ctx, opened.Index); err != nil {
		return err
	}
	if err := k.copyModels(ctx, opened.Index); err != nil {
		return err
	}
	return k.startFormation(ctx, opened, judges, clock.FleetLoad)
}

func (k Keeper) copyModels(ctx context.Context, index uint64) error {
	return k.Models.Walk(ctx, nil, func(id string, model types.Model) (bool, error) {
		return false, k.EpochModels.Set(ctx, collections.Join(index, id), types.EpochModel{EpochIndex: index, Model: model})
	})
}

func (k Keeper) startFormation(ctx context.Context, opened, judges types.Epoch, load uint64) error {
	same, err := sameProof(opened.Params, judges.Params)
	if err != nil {
		return err
	}
	cursor := types.FormationCursor{
		EpochIndex: opened.Index, Phase: passForm,
		HostsPerBlock: opened.Params.FormationHostsPerBlock, Remaining: load,
	}
	if !same {
		cursor.Phase = passJudge
		cursor.Remaining = 2 * load
	}
	if err := k.EpochGroups.Set(ctx, collections.Join(opened.Index, ""), emptyGroup(opened.Index, nil)); err != nil {
		return err
	}
	return k.Formation.Set(ctx, cursor)
}

// emptyGroup is a group before its first member; the root without a model.
func emptyGroup(index uint64, model *types.Model) types.EpochGroup {
	group := types.EpochGroup{
		EpochIndex:               index,
		ModelSnapshot:            model,
		ExpectedThroughputVector: make([]uint64, timeslots),
		RealThroughputVector:     make([]uint64, timeslots),
	}
	if model != nil {
		group.ModelId = model.Id
	}
	return group
}

// sameProof says whether two epochs' parameters count the same work for the same
// time, so that weights of one mean as much in the other.
func sameProof(a, b types.Params) (bool, error) {
	left, err := a.Core()
	if err != nil {
		return false, err
	}
	right, err := b.Core()
	if err != nil {
		return false, err
	}
	return left.SameProof(right), nil
}

// GetEpochModel returns a model as an epoch copied it, or ErrModelNotFound. The
// registry may have changed since.
func (k Keeper) GetEpochModel(ctx context.Context, index uint64, id string) (types.Model, error) {
	row, err := k.EpochModels.Get(ctx, collections.Join(index, id))
	if errors.Is(err, collections.ErrNotFound) {
		return types.Model{}, types.ErrModelNotFound.Wrapf("%q in the snapshot of epoch %d", id, index)
	}
	return row.Model, err
}
