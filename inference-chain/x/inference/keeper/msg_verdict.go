package keeper

import (
	"context"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// SubmitPocValidation casts verdicts of a seat holder, all of them or none.
func (m msgServer) SubmitPocValidation(ctx context.Context, msg *types.MsgSubmitPocValidation) (*types.MsgSubmitPocValidationResponse, error) {
	sdkCtx := charge(ctx, types.GasForVerdicts(len(msg.Verdicts)), "submit_poc_validation")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	holder, err := m.host(sdkCtx, msg.Creator)
	if err != nil {
		return nil, err
	}
	record, err := m.round(sdkCtx, msg.EpochIndex, "verdicts are accepted from the block after POC_VALIDATION_START to POC_VALIDATION_END", epoch.Heights.Verdicts)
	if err != nil {
		return nil, err
	}
	box, err := m.newBallotBox(sdkCtx, holder, record)
	if err != nil {
		return nil, err
	}
	for _, verdict := range msg.Verdicts {
		if err := box.take(verdict); err != nil {
			return nil, err
		}
	}
	return &types.MsgSubmitPocValidationResponse{
		Accepted: uint64(len(box.cast)), Duplicates: box.repeated,
	}, box.store()
}
