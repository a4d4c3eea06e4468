package keeper

import (
	"context"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/reward"
	"ninefold.dev/inference-chain/x/inference/types"
)

// GetParticipantModelCoverage says for each subgroup of an epoch that has weight,
// by model id, whether a host covers it, and whether it covers all of them.
func (k Keeper) GetParticipantModelCoverage(ctx context.Context, index uint64, host sdk.AccAddress) ([]types.ModelCoverage, bool, error) {
	record, err := k.EpochAt(ctx, index)
	if err != nil {
		return nil, false, err
	}
	coverage, err := k.coverageOf(ctx, record)
	if err != nil {
		return nil, false, err
	}
	member, err := valueOrZero(k.EpochMembers.Get(ctx, collections.Join3(index, "", []byte(host))))
	if err != nil {
		return nil, false, err
	}
	return coverage.host(ctx, host, member.Weight)
}

// coverageOf is what covering the models of an epoch takes of a host.
type coverageOf struct {
	k      Keeper
	epoch  uint64
	models []string // whose subgroups have weight, ascending
	spread uint64
}

func (k Keeper) coverageOf(ctx context.Context, record types.Epoch) (coverageOf, error) {
	_, subgroups, err := k.EpochGroupWithSubgroups(ctx, record.Index)
	if err != nil {
		return coverageOf{}, err
	}
	c := coverageOf{k: k, epoch: record.Index, spread: record.Params.CoverageSpread}
	for _, group := range subgroups {
		if group.TotalWeight > 0 {
			c.models = append(c.models, group.ModelId)
		}
	}
	return c, nil
}

// host looks at a host of a root weight.
func (c coverageOf) host(ctx context.Context, host []byte, root uint64) ([]types.ModelCoverage, bool, error) {
	rows := make([]types.ModelCoverage, 0, len(c.models))
	weights := make([]uint64, 0, len(c.models))
	for _, model := range c.models {
		own, err := valueOrZero(c.k.EpochMembers.Get(ctx, collections.Join3(c.epoch, model, host)))
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, types.ModelCoverage{ModelId: model, Weight: own.Weight})
		weights = append(weights, own.Weight)
	}
	all, err := reward.GetParticipantModelCoverage(root, weights, c.spread)
	if err != nil || len(rows) == 0 {
		return nil, false, err
	}
	for i := range rows {
		rows[i].Covered = all.Covered[i]
	}
	return rows, all.Covers, nil
}
