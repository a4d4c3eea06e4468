package keeper

import (
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
)

// facts are everything that decides a host's weight.
type facts struct {
	host   registered
	judged judged
	nodes  []weight.Node
	jailed bool // for good
}

func (f *formation) read(host registered) (facts, error) {
	fact := facts{host: host}
	var err error
	if fact.judged, err = f.judge(host); err != nil {
		return facts{}, err
	}
	fact.nodes = f.nodesOf(host)
	fact.jailed, err = f.jailedForGood(host)
	return fact, err
}

// formHost writes everything the epoch has to know of one host. One that has no
// node, and had none, leaves no rows, and no formation comes to it any more.
func (f *formation) formHost(fact facts) error {
	if err := f.countDuty(fact.judged); err != nil {
		return err
	}
	if fact.judged.Outcome == poc.Fraud {
		if err := f.forfeit(fact.host); err != nil {
			return err
		}
	}
	if len(fact.nodes) == 0 && fact.judged.Claimed == 0 {
		return f.k.forgetFleet(f.ctx, fact.host, f.rows.fleets[string(fact.host.address)])
	}
	formed, err := weight.ComputeNewWeights(weight.Host{
		Jailed: fact.jailed, Judgement: fact.judged.Judgement, Nodes: fact.nodes,
	}, f.round)
	if err != nil {
		return err
	}
	return f.write(fact, formed)
}

// jailedForGood says whether the host's key signed twice and no other one waits.
func (f *formation) jailedForGood(host registered) (bool, error) {
	if len(host.row.NextConsensusKey) > 0 {
		return false, nil
	}
	return f.k.validators.IsTombstoned(f.ctx, host.address)
}

// nodesOf lists the facts of a host's nodes: the fleet in the order of node_index,
// then nodes declared too late, then members of the judging epoch that are gone.
func (f *formation) nodesOf(host registered) []weight.Node {
	rows := f.rows.fleets[string(host.address)]
	before, claimed := f.rows.before[string(host.address)], f.rows.claimed[string(host.address)]
	nodes := make([]weight.Node, 0, len(rows))
	seen := make(map[string]bool, len(rows))
	for _, node := range fleetOf(rows, f.opened.Index) {
		was := before[node.LocalId]
		nodes, seen[node.LocalId] = append(nodes, weight.Node{
			ID: node.LocalId, Models: node.Models, Claimed: claimed[node.LocalId], Serves: was.serves, Carried: was.weight,
		}), true
	}
	for _, row := range rows {
		if !seen[row.NodeId] && row.At(f.opened.Index+1) != nil {
			nodes, seen[row.NodeId] = append(nodes, weight.Node{ID: row.NodeId, Standing: weight.Late}), true
		}
	}
	return append(nodes, gone(before, seen)...)
}
