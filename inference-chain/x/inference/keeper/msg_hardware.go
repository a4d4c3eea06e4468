package keeper

import (
	"context"

	"ninefold.dev/inference-chain/x/inference/types"
)

// SubmitHardwareDiff changes the host's nodes for the epoch that opens next.
func (m msgServer) SubmitHardwareDiff(ctx context.Context, msg *types.MsgSubmitHardwareDiff) (*types.MsgSubmitHardwareDiffResponse, error) {
	nodes := len(msg.Add) + len(msg.Modify) + len(msg.Remove)
	sdkCtx := charge(ctx, types.GasForHardwareDiff(nodes), "submit_hardware_diff")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	host, err := m.host(sdkCtx, msg.Creator)
	if err != nil {
		return nil, err
	}
	change, err := m.SetHardwareNodes(sdkCtx, host, HardwareDiff{Add: msg.Add, Modify: msg.Modify, Remove: msg.Remove})
	if err != nil {
		return nil, err
	}
	response := &types.MsgSubmitHardwareDiffResponse{ActsFromEpoch: change.ActsFromEpoch}
	if change.Empty() {
		return response, nil
	}
	text, err := m.addressText(host)
	if err != nil {
		return nil, err
	}
	return response, emit(sdkCtx, &types.EventHardwareChanged{
		Participant: text, Added: change.Added, Modified: change.Modified, Removed: change.Removed,
		ActsFromEpoch: change.ActsFromEpoch,
	})
}
