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
	return servesThroughPoc(root.Info), err
}

// servesThroughPoc looks at a node's row in the root group, which repeats the
// allocation of the subgroup that the node belongs to.
func servesThroughPoc(root types.MLNodeInfo) bool {
	allocation := root.TimeslotAllocation
	return len(allocation) > int(types.Timeslot_POC_SLOT) && allocation[types.Timeslot_POC_SLOT]
}
