package keeper

import (
	"cmp"
	"context"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// FleetAt returns a host's nodes as an epoch's fleet holds them, by added_seq:
// the place in the list is a node's node_index, its length node_count. It answers
// for the epoch opened last and for the one after it.
func (k Keeper) FleetAt(ctx context.Context, epoch uint64, host sdk.AccAddress) ([]types.HardwareNode, error) {
	rows, err := k.hardwareRows(ctx, host)
	return fleetOf(rows, epoch), err
}

func fleetOf(rows []types.HardwareNodeRow, epoch uint64) []types.HardwareNode {
	fleet := make([]types.HardwareNode, 0, len(rows))
	for _, row := range rows {
		if node := row.At(epoch); node != nil {
			fleet = append(fleet, *node)
		}
	}
	slices.SortFunc(fleet, func(a, b types.HardwareNode) int { return cmp.Compare(a.AddedSeq, b.AddedSeq) })
	return fleet
}

// GetValidatedHardwareNodes returns a host's fleet in an epoch with each node's
// models cut to those that the epoch's snapshot knows, in their order. A node with
// none left stays: it keeps its root weight and joins no subgroup.
func (k Keeper) GetValidatedHardwareNodes(ctx context.Context, epoch uint64, host sdk.AccAddress) ([]types.HardwareNode, error) {
	fleet, err := k.FleetAt(ctx, epoch, host)
	if err != nil {
		return nil, err
	}
	for i := range fleet {
		known := make([]string, 0, len(fleet[i].Models))
		for _, id := range fleet[i].Models {
			exists, err := k.EpochModels.Has(ctx, collections.Join(epoch, id))
			if err != nil {
				return nil, err
			}
			if exists {
				known = append(known, id)
			}
		}
		fleet[i].Models = known
	}
	return fleet, nil
}

// GetNodesForModel lists the nodes in a model's subgroup of an epoch, by host and
// node id: those that belong to the model, and those that only list it and count
// with weight and throughput zero. Not bounded: for queries and tests.
func (k Keeper) GetNodesForModel(ctx context.Context, epoch uint64, modelID string) ([]types.EpochNode, error) {
	return values(ctx, k.EpochNodes, collections.QuadSuperPrefix[uint64, string, []byte, string](epoch, modelID))
}

func (k Keeper) hardwareRows(ctx context.Context, host sdk.AccAddress) ([]types.HardwareNodeRow, error) {
	return values(ctx, k.HardwareNodes, collections.PairPrefix[[]byte, string](host))
}
