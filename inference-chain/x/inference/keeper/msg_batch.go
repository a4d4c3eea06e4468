package keeper

import (
	"context"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// SubmitPocBatch commits batches of the host's nodes, all of them or none.
func (m msgServer) SubmitPocBatch(ctx context.Context, msg *types.MsgSubmitPocBatch) (*types.MsgSubmitPocBatchResponse, error) {
	sdkCtx := charge(ctx, types.GasForBatches(len(msg.Batches)), "submit_poc_batch")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	host, err := m.host(sdkCtx, msg.Creator)
	if err != nil {
		return nil, err
	}
	record, err := m.round(sdkCtx, msg.EpochIndex, "batches are accepted from the block after POC_START to POC_END", epoch.Heights.Batches)
	if err != nil {
		return nil, err
	}
	commitment, err := m.newCommitment(sdkCtx, host, record)
	if err != nil {
		return nil, err
	}
	for _, batch := range msg.Batches {
		if err := commitment.take(batch); err != nil {
			return nil, err
		}
	}
	return &types.MsgSubmitPocBatchResponse{
		Accepted: uint64(len(commitment.accepted)), Duplicates: commitment.repeated,
	}, commitment.store()
}
