package keeper

import (
	"context"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// CurrentEpochGroupData returns the effective epoch's root group with its
// subgroups, and a page of its members.
func (q querier) CurrentEpochGroupData(ctx context.Context, req *types.QueryCurrentEpochGroupDataRequest) (*types.QueryCurrentEpochGroupDataResponse, error) {
	clock, err := q.ClockAt(ctx)
	if err != nil {
		return nil, answered(err, "the clock")
	}
	root, subgroups, err := q.EpochGroupWithSubgroups(ctx, clock.Effective)
	if err != nil {
		return nil, answered(err, "root group of epoch %d", clock.Effective)
	}
	members, next, err := paged(ctx, q.Keeper.EpochMembers, req.GetPagination(),
		collections.TripleSuperPrefix[uint64, string, []byte](clock.Effective, ""))
	if err != nil {
		return nil, err
	}
	return &types.QueryCurrentEpochGroupDataResponse{Root: root, SubGroups: subgroups, Members: members, Pagination: next}, nil
}

// EpochGroup returns the root group, or a subgroup when a model is given.
func (q querier) EpochGroup(ctx context.Context, req *types.QueryEpochGroupRequest) (*types.QueryEpochGroupResponse, error) {
	group, err := q.EpochGroups.Get(ctx, collections.Join(req.GetEpochIndex(), req.GetModelId()))
	if err != nil {
		return nil, answered(err, "group of model %q in epoch %d", req.GetModelId(), req.GetEpochIndex())
	}
	return &types.QueryEpochGroupResponse{Group: group}, nil
}

// EpochMembers lists the members of a group by address.
func (q querier) EpochMembers(ctx context.Context, req *types.QueryEpochMembersRequest) (*types.QueryEpochMembersResponse, error) {
	members, next, err := paged(ctx, q.Keeper.EpochMembers, req.GetPagination(),
		collections.TripleSuperPrefix[uint64, string, []byte](req.GetEpochIndex(), req.GetModelId()))
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochMembersResponse{Members: members, Pagination: next}, nil
}

// EpochNodes lists the nodes of a group by host and id, all or one host's.
func (q querier) EpochNodes(ctx context.Context, req *types.QueryEpochNodesRequest) (*types.QueryEpochNodesResponse, error) {
	prefix := collections.QuadSuperPrefix[uint64, string, []byte, string](req.GetEpochIndex(), req.GetModelId())
	if req.GetAddress() != "" {
		host, err := q.requestedHost("address", req.GetAddress())
		if err != nil {
			return nil, err
		}
		prefix = collections.QuadSuperPrefix3[uint64, string, []byte, string](req.GetEpochIndex(), req.GetModelId(), host)
	}
	nodes, next, err := paged(ctx, q.Keeper.EpochNodes, req.GetPagination(), prefix)
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochNodesResponse{Nodes: nodes, Pagination: next}, nil
}

// ActiveParticipants lists the members of the effective root group with URLs.
func (q querier) ActiveParticipants(ctx context.Context, req *types.QueryActiveParticipantsRequest) (*types.QueryActiveParticipantsResponse, error) {
	clock, err := q.ClockAt(ctx)
	if err != nil {
		return nil, answered(err, "the clock")
	}
	active, next, err := pagedAs(ctx, q.Keeper.EpochMembers, req.GetPagination(), maxPage,
		func(key byEpochModelAddress, member types.EpochMember) (types.ActiveParticipant, error) {
			host, err := valueOrZero(q.Keeper.Participants.Get(ctx, key.K3()))
			return types.ActiveParticipant{
				Address: member.Participant, Url: host.Url, Weight: member.Weight, ConsensusKey: member.ConsensusKey,
			}, err
		},
		collections.TripleSuperPrefix[uint64, string, []byte](clock.Effective, ""))
	if err != nil {
		return nil, err
	}
	return &types.QueryActiveParticipantsResponse{EpochIndex: clock.Effective, Participants: active, Pagination: next}, nil
}
