package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// GetPoCBatchesForNode lists a node's accepted batches of an epoch by number.
func (k Keeper) GetPoCBatchesForNode(ctx context.Context, epoch uint64, host sdk.AccAddress, nodeID string) ([]types.StoredPocBatch, error) {
	return values(ctx, k.PocBatches, collections.QuadSuperPrefix3[uint64, []byte, string, uint64](epoch, host, nodeID))
}

// GetPoCBatchesForModel lists the accepted batches of the nodes that belong to a
// model, by host, node id and number. Not bounded: for queries and tests.
func (k Keeper) GetPoCBatchesForModel(ctx context.Context, epoch uint64, modelID string) ([]types.StoredPocBatch, error) {
	var batches []types.StoredPocBatch
	err := k.walkModelClaims(ctx, epoch, modelID, func(host []byte, node types.PocNodeClaims) error {
		rows, err := k.GetPoCBatchesForNode(ctx, epoch, host, node.NodeId)
		batches = append(batches, rows...)
		return err
	})
	return batches, err
}

// CalculateNodeWeight returns the nonces that a node claims in an epoch's round:
// its mined weight if all of them are credited. What a jury made of them is the
// node's outcome.
func (k Keeper) CalculateNodeWeight(ctx context.Context, epoch uint64, host sdk.AccAddress, nodeID string) (uint64, error) {
	claims, err := valueOrZero(k.NodeClaims.Get(ctx, collections.Join3(epoch, []byte(host), nodeID)))
	return claims.Claimed, err
}

// CalculateModelPower returns the nonces that the nodes which belong to a model
// claim together in an epoch's round. Not bounded: for queries and tests.
func (k Keeper) CalculateModelPower(ctx context.Context, epoch uint64, modelID string) (uint64, error) {
	var power uint64
	err := k.walkModelClaims(ctx, epoch, modelID, func(_ []byte, node types.PocNodeClaims) (err error) {
		power, err = fixed.Add(power, node.Claimed)
		return err
	})
	return power, err
}

// walkModelClaims visits the running totals of the nodes that belong to a model.
func (k Keeper) walkModelClaims(ctx context.Context, epoch uint64, modelID string, visit func(host []byte, node types.PocNodeClaims) error) error {
	record, err := k.EpochAt(ctx, epoch)
	if err != nil {
		return err
	}
	all := new(collections.Range[byEpochAddressNode]).Prefix(collections.TriplePrefix[uint64, []byte, string](epoch))
	return k.NodeClaims.Walk(ctx, all, func(key byEpochAddressNode, node types.PocNodeClaims) (bool, error) {
		belongs, err := k.modelOf(ctx, record, key.K2(), node.NodeId)
		if err != nil || belongs != modelID {
			return false, err
		}
		return false, visit(key.K2(), node)
	})
}

// modelOf returns the model that a node belongs to in an epoch, empty for none. As
// long as the node is not formed, it is the first of its list that governance
// knows now.
func (k Keeper) modelOf(ctx context.Context, record types.Epoch, host []byte, nodeID string) (string, error) {
	row, err := k.EpochNodes.Get(ctx, collections.Join4(record.Index, "", host, nodeID))
	if err == nil {
		return first(row.Models), nil
	}
	if !errors.Is(err, collections.ErrNotFound) || record.Status != types.EpochStatus_EPOCH_STATUS_OPENED {
		return "", ignoreMissing(err)
	}
	stored, err := valueOrZero(k.HardwareNodes.Get(ctx, collections.Join(host, nodeID)))
	if err != nil {
		return "", err
	}
	node := stored.At(record.Index)
	if node == nil {
		return "", nil
	}
	for _, id := range node.Models {
		known, err := k.IsValidGovernanceModel(ctx, id)
		if err != nil || known {
			return id, err
		}
	}
	return "", nil
}

func first(models []string) string {
	if len(models) == 0 {
		return ""
	}
	return models[0]
}

func ignoreMissing(err error) error {
	if errors.Is(err, collections.ErrNotFound) {
		return nil
	}
	return err
}
