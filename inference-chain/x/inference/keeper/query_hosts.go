package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Participant returns a host.
func (q querier) Participant(ctx context.Context, req *types.QueryParticipantRequest) (*types.QueryParticipantResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	row, err := q.Keeper.Participants.Get(ctx, host)
	if err != nil {
		return nil, answered(err, "host %s", req.GetAddress())
	}
	return &types.QueryParticipantResponse{Participant: row}, nil
}

// Participants lists the hosts by address.
func (q querier) Participants(ctx context.Context, req *types.QueryParticipantsRequest) (*types.QueryParticipantsResponse, error) {
	hosts, next, err := paged(ctx, q.Keeper.Participants, req.GetPagination())
	if err != nil {
		return nil, err
	}
	return &types.QueryParticipantsResponse{Participants: hosts, Pagination: next}, nil
}

// HardwareNodes lists a host's nodes with the changes that wait, by node id.
func (q querier) HardwareNodes(ctx context.Context, req *types.QueryHardwareNodesRequest) (*types.QueryHardwareNodesResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	rows, err := q.hardwareRows(ctx, host)
	if err != nil {
		return nil, err
	}
	return &types.QueryHardwareNodesResponse{Nodes: rows}, nil
}

// Fleet lists a host's nodes as they stand in the epoch opened last, or as they
// would stand in the next one, in the order of node_index.
func (q querier) Fleet(ctx context.Context, req *types.QueryFleetRequest) (*types.QueryFleetResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	clock, err := q.ClockAt(ctx)
	if err != nil {
		return nil, answered(err, "the clock")
	}
	index := req.GetEpochIndex()
	if index != clock.Opened && index != clock.Opened+1 {
		return nil, status.Errorf(codes.NotFound, "fleets are known of the epochs %d and %d only; older ones stand in their groups",
			clock.Opened, clock.Opened+1)
	}
	fleet, err := q.FleetAt(ctx, index, host)
	if err != nil {
		return nil, err
	}
	serving, err := q.serving(ctx, index, clock, host, fleet)
	if err != nil {
		return nil, err
	}
	return &types.QueryFleetResponse{Nodes: fleet, Serving: serving}, nil
}

// serving says which nodes of a fleet keep serving through the epoch's PoC: slots
// are those of the epoch that judges it.
func (q querier) serving(ctx context.Context, index uint64, clock types.Clock, host []byte, fleet []types.HardwareNode) ([]bool, error) {
	slots := clock.Effective
	if index == clock.Opened {
		record, err := q.EpochAt(ctx, index)
		if err != nil {
			return nil, answered(err, "epoch %d", index)
		}
		slots = record.JudgedBy
	}
	serving := make([]bool, len(fleet))
	for i, node := range fleet {
		var err error
		if serving[i], err = q.HoldsPocSlot(ctx, slots, host, node.LocalId); err != nil {
			return nil, err
		}
	}
	return serving, nil
}

// FleetLoads lists the hosts that formations go through, with their loads.
func (q querier) FleetLoads(ctx context.Context, req *types.QueryFleetLoadsRequest) (*types.QueryFleetLoadsResponse, error) {
	loads, next, err := paged(ctx, q.Keeper.FleetLoads, req.GetPagination())
	if err != nil {
		return nil, err
	}
	return &types.QueryFleetLoadsResponse{Loads: loads, Pagination: next}, nil
}
