package testkit

import (
	"cmp"
	"context"
	"maps"
	"slices"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"ninefold.dev/inference-chain/x/inference/types"
)

// queries answers for the inference module, on one page each. The chain is
// locked while it does.
type queries struct {
	*types.UnimplementedQueryServer
	*Chain
}

func (q queries) epoch(index uint64) (*epochState, error) {
	e := q.epochs[index]
	if e == nil {
		return nil, sdkerrors.ErrKeyNotFound.Wrapf("epoch %d", index)
	}
	return e, nil
}

// CurrentStage implements the query of that name.
func (q queries) CurrentStage(context.Context, *types.QueryCurrentStageRequest) (*types.QueryCurrentStageResponse, error) {
	return &types.QueryCurrentStageResponse{
		Height: q.height(), Stage: types.Stage(q.stage()), Opened: q.opened, Effective: q.effective,
		Heights: wireHeights(q.heights), OpenedStatus: q.epochs[q.opened].record.Status,
	}, nil
}

// Epoch implements the query of that name.
func (q queries) Epoch(_ context.Context, r *types.QueryEpochRequest) (*types.QueryEpochResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochResponse{Epoch: e.record}, nil
}

// Round implements the query of that name.
func (q queries) Round(_ context.Context, r *types.QueryRoundRequest) (*types.QueryRoundResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	return &types.QueryRoundResponse{Round: e.round}, nil
}

func (q queries) modelList() []types.Model {
	var models []types.Model
	for _, id := range slices.Sorted(maps.Keys(q.models)) {
		models = append(models, q.models[id])
	}
	return models
}

// GovernanceModels implements the query of that name.
func (q queries) GovernanceModels(context.Context, *types.QueryGovernanceModelsRequest) (*types.QueryGovernanceModelsResponse, error) {
	return &types.QueryGovernanceModelsResponse{Models: q.modelList()}, nil
}

// EpochModels implements the query of that name.
func (q queries) EpochModels(context.Context, *types.QueryEpochModelsRequest) (*types.QueryEpochModelsResponse, error) {
	return &types.QueryEpochModelsResponse{Models: q.modelList()}, nil
}

// Participant implements the query of that name.
func (q queries) Participant(_ context.Context, r *types.QueryParticipantRequest) (*types.QueryParticipantResponse, error) {
	h := q.hosts[r.Address]
	if h == nil {
		return nil, sdkerrors.ErrKeyNotFound.Wrap(r.Address)
	}
	return &types.QueryParticipantResponse{Participant: h.participant}, nil
}

// HardwareNodes implements the query of that name.
func (q queries) HardwareNodes(_ context.Context, r *types.QueryHardwareNodesRequest) (*types.QueryHardwareNodesResponse, error) {
	answer := &types.QueryHardwareNodesResponse{}
	if h := q.hosts[r.Address]; h != nil {
		for _, id := range h.order {
			answer.Nodes = append(answer.Nodes, h.rows[id])
		}
	}
	return answer, nil
}

// Fleet implements the query of that name.
func (q queries) Fleet(_ context.Context, r *types.QueryFleetRequest) (*types.QueryFleetResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	fleet := e.fleets[r.Address]
	return &types.QueryFleetResponse{Nodes: fleet, Serving: make([]bool, len(fleet))}, nil
}

// EpochGroup implements the query of that name: every model has a subgroup.
func (q queries) EpochGroup(_ context.Context, r *types.QueryEpochGroupRequest) (*types.QueryEpochGroupResponse, error) {
	if _, err := q.epoch(r.EpochIndex); err != nil {
		return nil, err
	}
	group := types.EpochGroup{EpochIndex: r.EpochIndex, ModelId: r.ModelId}
	if r.ModelId == "" {
		group.SubGroupModels = slices.Sorted(maps.Keys(q.models))
	}
	return &types.QueryEpochGroupResponse{Group: group}, nil
}

// EpochMembers implements the query of that name.
func (q queries) EpochMembers(_ context.Context, r *types.QueryEpochMembersRequest) (*types.QueryEpochMembersResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	return &types.QueryEpochMembersResponse{Members: e.members}, nil
}

// EpochNodes implements the query of that name: a node belongs to the first of
// its models.
func (q queries) EpochNodes(_ context.Context, r *types.QueryEpochNodesRequest) (*types.QueryEpochNodesResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	answer := &types.QueryEpochNodesResponse{}
	for _, node := range e.fleets[r.Address] {
		if r.ModelId == "" || slices.Contains(node.Models, r.ModelId) {
			answer.Nodes = append(answer.Nodes, types.EpochNode{Info: types.MLNodeInfo{
				NodeId: node.LocalId, TimeslotAllocation: []bool{r.ModelId == node.Models[0], false},
			}})
		}
	}
	return answer, nil
}

// PocBatches implements the query of that name.
func (q queries) PocBatches(_ context.Context, r *types.QueryPocBatchesRequest) (*types.QueryPocBatchesResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	batches := slices.Clone(e.batches[r.Address])
	slices.SortFunc(batches, func(a, b types.StoredPocBatch) int {
		return cmp.Or(cmp.Compare(a.Batch.NodeId, b.Batch.NodeId), cmp.Compare(a.Batch.BatchId, b.Batch.BatchId))
	})
	return &types.QueryPocBatchesResponse{Batches: batches}, nil
}

// Jury implements the query of that name.
func (q queries) Jury(_ context.Context, r *types.QueryJuryRequest) (*types.QueryJuryResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	panel, members, err := q.jury(e, r.Address)
	if err != nil {
		return nil, err
	}
	answer := &types.QueryJuryResponse{}
	for _, seat := range panel.Seats {
		answer.Seats = append(answer.Seats, types.Seat{Holder: members[seat.Rank].Participant, Seats: seat.Count})
	}
	return answer, nil
}

// HolderSeats implements the query of that name.
func (q queries) HolderSeats(_ context.Context, r *types.QueryHolderSeatsRequest) (*types.QueryHolderSeatsResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	answer := &types.QueryHolderSeatsResponse{}
	for _, address := range slices.Sorted(maps.Keys(q.hosts)) {
		claimed, seats := e.claimed(address), q.seats(e, address, r.Holder)
		if claimed < e.record.Params.MinHostNonces || seats == 0 {
			continue
		}
		cast := slices.ContainsFunc(e.verdicts[address], func(v types.StoredVerdict) bool { return v.Holder == r.Holder })
		answer.Seats = append(answer.Seats, types.HolderSeat{Participant: address, Seats: seats, Claimed: claimed, Cast: cast})
	}
	return answer, nil
}

// Weight implements the query of that name.
func (q queries) Weight(_ context.Context, r *types.QueryWeightRequest) (*types.QueryWeightResponse, error) {
	e, err := q.epoch(r.EpochIndex)
	if err != nil {
		return nil, err
	}
	outcome := e.outcomes[r.Address]
	return &types.QueryWeightResponse{Host: outcome, Explanation: outcome.Outcome.String()}, nil
}

// Quota implements the query of that name: nothing is used up here.
func (q queries) Quota(_ context.Context, r *types.QueryQuotaRequest) (*types.QueryQuotaResponse, error) {
	if q.hosts[r.Address] == nil {
		return nil, sdkerrors.ErrKeyNotFound.Wrap(r.Address)
	}
	return &types.QueryQuotaResponse{Free: q.params.FreeMessagesPerStage, Stage: types.Stage(q.stage())}, nil
}

// Claimable implements the query of that name.
func (q queries) Claimable(_ context.Context, r *types.QueryClaimableRequest) (*types.QueryClaimableResponse, error) {
	return &types.QueryClaimableResponse{Amount: "0", Epochs: q.claimable(r.Address)}, nil
}
