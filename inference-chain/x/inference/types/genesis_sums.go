package types

import (
	"errors"
	"fmt"
	"strconv"

	"ninefold.dev/inference-chain/core/fixed"
)

// checkSums refuses an export whose rows contradict each other: every sum that the
// chain keeps beside its parts is taken again. They hold after every block.
func (e exported) checkSums() error {
	return errors.Join(e.checkFleetLoads(), e.checkClaims(), e.checkGroups(), e.checkSettlements())
}

// checkFleetLoads refuses loads that do not follow from the rows of hardware: no
// formation would come to a host without one, and its weight would be lost.
func (e exported) checkFleetLoads() error {
	rows := map[string][]HardwareNodeRow{}
	for _, row := range e.HardwareNodes {
		rows[row.Participant] = append(rows[row.Participant], row)
	}
	loads, sum := make(map[string]bool, len(e.FleetLoads)), uint64(0)
	for i, row := range e.FleetLoads {
		if want := FleetLoadOf(rows[row.Participant]); row.Load != want {
			return ErrInvalidGenesis.Wrapf("fleet_loads[%d].load: must be %d for the nodes of %s, got %d", i, want, row.Participant, row.Load)
		}
		loads[row.Participant] = true
		sum += row.Load
	}
	for i, row := range e.HardwareNodes {
		if !loads[row.Participant] {
			return ErrInvalidGenesis.Wrapf("fleet_loads: %s, which has hardware_nodes[%d], is missing", row.Participant, i)
		}
	}
	if e.Clock.FleetLoad != sum {
		return ErrInvalidGenesis.Wrapf("clock.fleet_load: must be %d, the sum of fleet_loads, got %d", sum, e.Clock.FleetLoad)
	}
	return nil
}

// hostNode names a node of a host.
type hostNode struct{ host, node string }

// checkClaims compares the batches of the opened epoch with the totals of nodes and
// hosts.
func (e exported) checkClaims() error {
	if !e.records[e.Clock.Opened].standing() {
		return nil
	}
	nodes, hosts := map[hostNode]PocNodeClaims{}, map[string]PocHostClaims{}
	for _, row := range e.PocBatches {
		if row.EpochIndex != e.Clock.Opened {
			continue
		}
		at := hostNode{row.Participant, row.Batch.NodeId}
		node, host := nodes[at], hosts[row.Participant]
		node.LastBatchId++ // their ids have no gap
		host.Batches++
		var errs [2]error
		node.Claimed, errs[0] = fixed.Add(node.Claimed, row.Batch.Count)
		host.Claimed, errs[1] = fixed.Add(host.Claimed, row.Batch.Count)
		if err := errors.Join(errs[:]...); err != nil {
			return ErrInvalidGenesis.Wrapf("poc_batches of %s: %s", row.Participant, err)
		}
		nodes[at], hosts[row.Participant] = node, host
	}
	for i, row := range e.PocNodeClaims {
		at := hostNode{row.Participant, row.NodeId}
		if row.EpochIndex != e.Clock.Opened {
			continue
		}
		if sum := nodes[at]; row.Claimed != sum.Claimed || row.LastBatchId != sum.LastBatchId {
			return ErrInvalidGenesis.Wrapf("poc_node_claims[%d]: the batches of %s, node %s, are %d with %d nonces, it says %d with %d",
				i, at.host, at.node, sum.LastBatchId, sum.Claimed, row.LastBatchId, row.Claimed)
		}
		delete(nodes, at)
	}
	for i, row := range e.PocHostClaims {
		if row.EpochIndex != e.Clock.Opened {
			continue
		}
		if sum := hosts[row.Participant]; row.Claimed != sum.Claimed || row.Batches != sum.Batches {
			return ErrInvalidGenesis.Wrapf("poc_host_claims[%d]: the batches of %s are %d with %d nonces, it says %d with %d",
				i, row.Participant, sum.Batches, sum.Claimed, row.Batches, row.Claimed)
		}
		delete(hosts, row.Participant)
	}
	if len(nodes)+len(hosts) > 0 {
		return ErrInvalidGenesis.Wrap("poc_node_claims, poc_host_claims: batches of epoch clock.opened have no totals")
	}
	return nil
}

// group names an epoch's group of a model; the root's model is empty.
type group struct {
	epoch uint64
	model string
}

// sum is a number of parts with their total.
type sum struct{ count, total uint64 }

func (s sum) with(part uint64) (sum, error) {
	total, err := fixed.Add(s.total, part)
	return sum{s.count + 1, total}, err
}

// checkGroups compares the members of epochs that have all rows with the totals of
// their groups, and each member's weight in a group with its nodes there.
func (e exported) checkGroups() error {
	members, nodes := map[group]sum{}, map[group]map[string]sum{}
	for i, row := range e.EpochMembers {
		if !e.records[row.EpochIndex].standing() {
			continue
		}
		at := group{row.EpochIndex, row.ModelId}
		var err error
		if members[at], err = members[at].with(row.Weight); err != nil {
			return ErrInvalidGenesis.Wrapf("epoch_members[%d].weight: %s", i, err)
		}
	}
	for i, row := range e.EpochNodes {
		at := group{row.EpochIndex, row.ModelId}
		if nodes[at] == nil {
			nodes[at] = map[string]sum{}
		}
		var err error
		if nodes[at][row.Participant], err = nodes[at][row.Participant].with(row.Info.PocWeight); err != nil {
			return ErrInvalidGenesis.Wrapf("epoch_nodes[%d].info.poc_weight: %s", i, err)
		}
	}
	for i, row := range e.EpochMembers {
		at := group{row.EpochIndex, row.ModelId}
		if e.records[row.EpochIndex].standing() && nodes[at][row.Participant].total != row.Weight {
			return ErrInvalidGenesis.Wrapf("epoch_members[%d].weight: the nodes of %s in group %q of epoch %d weigh %d together, got %d",
				i, row.Participant, row.ModelId, row.EpochIndex, nodes[at][row.Participant].total, row.Weight)
		}
	}
	for i, row := range e.EpochGroups {
		at := group{row.EpochIndex, row.ModelId}
		if e.records[row.EpochIndex].standing() && (sum{row.MemberCount, row.TotalWeight}) != members[at] {
			return ErrInvalidGenesis.Wrapf("epoch_groups[%d]: group %q of epoch %d has %d members with weight %d, it says %d with %d",
				i, row.ModelId, row.EpochIndex, members[at].count, members[at].total, row.MemberCount, row.TotalWeight)
		}
	}
	return nil
}

// checkSettlements compares what was minted for an epoch with its settled rewards,
// while all of them are kept.
func (e exported) checkSettlements() error {
	kept := map[uint64]bool{}
	for _, cursor := range e.Prunes {
		record, known := e.records[cursor.EpochIndex]
		kept[cursor.EpochIndex] = known && e.Clock.Opened-cursor.LastOpened <= record.Params.ClaimRetentionEpochs
	}
	settled := map[uint64]sum{}
	for i, row := range e.SettleAmounts {
		amount, err := unine(fmt.Sprintf("settle_amounts[%d].amount", i), row.Amount)
		if err != nil {
			return err
		}
		if settled[row.EpochIndex], err = settled[row.EpochIndex].with(amount); err != nil {
			return ErrInvalidGenesis.Wrapf("settle_amounts[%d].amount: %s", i, err)
		}
	}
	for i, row := range e.Settlements {
		if minted := strconv.FormatUint(settled[row.EpochIndex].total, 10); kept[row.EpochIndex] && row.Minted != minted {
			return ErrInvalidGenesis.Wrapf("settlements[%d].minted: the rewards of epoch %d are %s together, got %s",
				i, row.EpochIndex, minted, row.Minted)
		}
	}
	return nil
}
