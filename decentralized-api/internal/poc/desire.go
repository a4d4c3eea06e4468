package poc

import (
	"context"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/x/inference/types"
)

// roundFacts is what the chain says about the own host in a round; it does not
// change while the round lasts.
type roundFacts struct {
	record types.Epoch
	round  types.Round
	terms  Terms
	fleet  map[string]chain.FleetNode
	size   uint64 // of the fleet
}

// facts returns the facts of the opened epoch, fetched once.
func (o *Orchestrator) facts(ctx context.Context, epoch uint64) (*roundFacts, error) {
	if o.known != nil && o.known.record.Index == epoch {
		return o.known, nil
	}
	record, err := o.chain.Epoch(ctx, epoch)
	if err != nil {
		return nil, err
	}
	round, err := o.chain.Round(ctx, epoch)
	if err != nil {
		return nil, err
	}
	fleet, err := o.chain.Fleet(ctx, epoch, o.host)
	if err != nil {
		return nil, err
	}
	terms, err := TermsOf(record)
	if err != nil {
		return nil, err
	}
	facts := &roundFacts{
		record: record, round: round, terms: terms,
		fleet: make(map[string]chain.FleetNode, len(fleet)), size: uint64(len(fleet)),
	}
	for _, node := range fleet {
		facts.fleet[node.ID] = node
	}
	o.known = facts
	return facts, nil
}

// roundOf is the round of a node of the fleet.
func (f *roundFacts) roundOf(host [20]byte, node chain.FleetNode) plan.Round {
	return RoundOf(f.record, f.round, host, node.Index, f.size)
}

// inRound says what every node is to do while a round is open: those of the
// fleet take part in the given mode, those that hold POC_SLOT and those that
// came later serve.
func (f *roundFacts) inRound(host [20]byte, snapshot *broker.Snapshot, mode plan.Mode) map[string]plan.Target {
	targets := map[string]plan.Target{}
	for _, id := range snapshot.IDs() {
		member, listed := f.fleet[id]
		switch {
		case listed && !member.Serving:
			targets[id] = plan.Target{Mode: mode, Round: f.roundOf(host, member)}
		case listed:
			targets[id] = serving(snapshot.Nodes[id], types.Timeslot_POC_SLOT)
		default:
			targets[id] = serving(snapshot.Nodes[id], types.Timeslot_PRE_POC_SLOT)
		}
	}
	return targets
}

// serving is the target of a node that serves: the model it belongs to in the
// slot, with the epoch's arguments before its own. Without epoch data the
// first of its configured models that governance knows is loaded; a node that
// the epoch has no place for rests.
func serving(node broker.NodeState, slot types.Timeslot) plan.Target {
	if node.EpochError != "" {
		return plan.Target{} // blocked until its data is there; the others go on
	}
	id, belongs := node.BelongsTo(slot)
	model, known := node.EpochModels[id]
	if !belongs || !known {
		if len(node.EpochMLNodes) > 0 || len(node.Fallback) == 0 {
			return plan.Target{Mode: plan.Rest}
		}
		model = node.Fallback[0]
	}
	return plan.Target{Mode: plan.Serve, Model: plan.Model{
		ID: model.Id, Repo: model.HfRepo, Commit: model.HfCommit,
		Args: broker.MergeModelArgs(model.ModelArgs, node.Spec.Args),
	}}
}
