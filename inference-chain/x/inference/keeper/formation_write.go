package keeper

import (
	"maps"
	"slices"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/weight"
	"ninefold.dev/inference-chain/x/inference/types"
)

// timeslots is the length of vectors by Timeslot.
const timeslots = 2

// gone lists the nodes of the judging epoch that were not seen since, by id.
func gone(before map[string]nodeBefore, seen map[string]bool) []weight.Node {
	var nodes []weight.Node
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if !seen[id] {
			nodes = append(nodes, weight.Node{ID: id, Standing: weight.Gone})
		}
	}
	return nodes
}

// write stores a formed host: why it weighs what it does and, if it weighs
// anything, its rows in the groups.
func (f *formation) write(fact facts, formed weight.HostWeight) error {
	if err := f.writeOutcomes(fact, formed); err != nil {
		return err
	}
	if err := emit(f.ctx, &types.EventWeightComputed{
		EpochIndex: f.opened.Index, Participant: fact.host.row.Address,
		Weight: formed.Weight, Reason: types.WeightReason(formed.Reason),
	}); err != nil {
		return err
	}
	if formed.Weight == 0 {
		return nil
	}
	if err := f.writeRootMember(fact.host, formed); err != nil {
		return err
	}
	return f.writeNodes(fact.host, formed)
}

func (f *formation) writeOutcomes(fact facts, formed weight.HostWeight) error {
	host, j := fact.host, fact.judged
	err := f.k.HostOutcomes.Set(f.ctx, collections.Join(f.opened.Index, host.address), types.HostOutcome{
		EpochIndex: f.opened.Index, Participant: host.row.Address,
		Outcome: types.Outcome(j.Outcome), Reason: types.WeightReason(formed.Reason),
		Claimed: formed.Claimed, Credited: formed.Credited,
		MinedWeight: formed.Mined, PreservedWeight: formed.Preserved, Weight: formed.Weight,
		SeatsDrawn: j.Tally.Drawn, SeatsHonest: j.Tally.Honest, SeatsFraud: j.Tally.Fraud,
		SeatsUnavailable: j.Tally.Unavailable,
		CreditSampled:    j.Basis.Sampled, CreditInvalid: j.Basis.Invalid,
	})
	if err != nil {
		return err
	}
	for i, node := range formed.Nodes {
		outcome := types.NodeOutcome{
			EpochIndex: f.opened.Index, Participant: host.row.Address, NodeId: node.ID,
			Reason: types.WeightReason(node.Reason), Claimed: node.Claimed, Weight: node.Weight,
		}
		if fact.nodes[i].Standing == weight.Fleet {
			outcome.NodeIndex = uint64(i)
		}
		if err := f.k.NodeOutcomes.Set(f.ctx, collections.Join3(f.opened.Index, host.address, node.ID), outcome); err != nil {
			return err
		}
	}
	return nil
}

// writeRootMember gives a host its rank and its interval of the cumulative
// weights, and counts what it held in the epoch before.
func (f *formation) writeRootMember(host registered, formed weight.HostWeight) error {
	total, err := fixed.Add(f.cursor.TotalWeight, formed.Weight)
	if err != nil {
		return err
	}
	key := host.row.ConsensusKey
	if len(host.row.NextConsensusKey) > 0 {
		key = host.row.NextConsensusKey
	}
	member := types.EpochMember{
		EpochIndex: f.opened.Index, Participant: host.row.Address, Weight: formed.Weight,
		Index: f.cursor.Members, CumulativeWeight: total, ConsensusKey: key,
	}
	if err := f.k.setRootMember(f.ranking, host.address, member); err != nil {
		return err
	}
	f.cursor.Members++
	f.cursor.TotalWeight = total
	before, err := valueOrZero(f.k.EpochMembers.Get(f.ctx, collections.Join3(f.judges.Index, "", host.address)))
	f.cursor.KeptWeight += before.Weight // at most the judging epoch's total
	return err
}

// setRootMember writes a member of a root group and gives it the next rank.
func (k Keeper) setRootMember(ranking *ranking, address []byte, member types.EpochMember) error {
	if err := ranking.add(address, member.CumulativeWeight); err != nil {
		return err
	}
	return k.EpochMembers.Set(ranking.ctx, collections.Join3(member.EpochIndex, "", address), member)
}

func (f *formation) writeNodes(host registered, formed weight.HostWeight) error {
	writer := groupWriter{ctx: f.ctx, k: f.k, epoch: f.opened.Index, host: host, models: f.models, groups: f.groups}
	return writer.write(formed.Weight, formed.Nodes)
}

// flush writes the counters of the block.
func (f *formation) flush() error {
	if err := f.flushDuties(); err != nil {
		return err
	}
	if err := f.ranking.flush(); err != nil {
		return err
	}
	return f.k.setGroups(f.ctx, f.opened.Index, f.groups)
}

// finish closes the formation: the root lists its subgroups, and brokers may load.
func (f *formation) finish() error {
	if err := f.k.listSubGroups(f.ctx, f.opened.Index); err != nil {
		return err
	}
	f.opened.Status = types.EpochStatus_EPOCH_STATUS_FORMED
	if err := f.k.Epochs.Set(f.ctx, f.opened.Index, f.opened); err != nil {
		return err
	}
	return emit(f.ctx, &types.EventNextEpochReady{
		EpochIndex: f.opened.Index, TotalWeight: f.cursor.TotalWeight, Members: f.cursor.Members,
	})
}
