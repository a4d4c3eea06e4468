package keeper

import (
	"context"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// HoldsPocSlot says whether a node serves through PoC while an epoch is effective,
// and so keeps its weight instead of proving.
func (k Keeper) HoldsPocSlot(ctx context.Context, index uint64, host sdk.AccAddress, node string) (bool, error) {
	root, err := valueOrZero(k.EpochNodes.Get(ctx, collections.Join4(index, "", []byte(host), node)))
	if err != nil {
		return false, err
	}
	return k.servesThroughPoc(ctx, host, root)
}

// servesThroughPoc looks at a node's row in the subgroup it belongs to: slots are
// allocated there and nowhere else.
func (k Keeper) servesThroughPoc(ctx context.Context, host []byte, root types.EpochNode) (bool, error) {
	if len(root.Models) == 0 {
		return false, nil
	}
	key := collections.Join4(root.EpochIndex, root.Models[0], host, root.Info.NodeId)
	belonging, err := valueOrZero(k.EpochNodes.Get(ctx, key))
	allocation := belonging.Info.TimeslotAllocation
	return len(allocation) > int(types.Timeslot_POC_SLOT) && allocation[types.Timeslot_POC_SLOT], err
}
