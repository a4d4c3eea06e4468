package weight

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
)

// Why a host cannot be formed. Each means that the caller's facts contradict
// each other, not that the host did something wrong.
var (
	ErrClaims   = errors.New("weight: the nodes' claims differ from the judged ones")
	ErrUnjudged = errors.New("weight: the host has no outcome, or a credit above its claims")
	ErrLengths  = errors.New("weight: a round generates for at least one block")
)

// Standing is a node's relation to the epoch's fleet.
type Standing uint8

const (
	// Fleet: among the host's nodes as they stood at POC_START.
	Fleet Standing = iota
	// Late: declared after POC_START.
	Late
	// Gone: a node of the effective group that the fleet lacks.
	Gone
)

// Node is what decides one node's weight.
type Node struct {
	ID       string
	Standing Standing
	// Models are the models it lists, by preference.
	Models []string
	// Claimed are the nonces it claimed in this round.
	Claimed uint64
	// Serves says that it holds POC_SLOT: it keeps Carried, and nothing that
	// it mined counts.
	Serves bool
	// Carried is its poc_weight in the effective group.
	Carried uint64
}

// mines reports whether the node's claims count.
func (n Node) mines() bool { return n.Standing == Fleet && !n.Serves }

// Host is what decides one host's weight.
type Host struct {
	// Jailed says that the host is jailed for good and can hold no weight.
	Jailed    bool
	Judgement poc.Judgement
	Nodes     []Node
}

// Round is what the hosts of one epoch have in common.
type Round struct {
	// ThroughputPerNonce gives each model of the epoch's snapshot its
	// throughput_per_nonce, in 10^-6 tokens a block.
	ThroughputPerNonce map[string]uint64
	// PocPeriod is P, the blocks of stages 1 to 8.
	PocPeriod uint64
	// Generation is G, the blocks of stages 2 and 3.
	Generation uint64
	// Scale is applied to preserved weights.
	Scale Scale
}

// NodeWeight is a node as it enters the epoch.
type NodeWeight struct {
	ID      string
	Reason  Reason
	Claimed uint64
	Weight  uint64
	// Models are the listed models that the snapshot knows, by preference.
	// The node belongs to the first one, whose subgroup alone counts its
	// weight and throughput. Empty when it has no weight or no model is left;
	// it then joins no subgroup.
	Models []string
	// Throughput is what it serves of the model it belongs to, in tokens a
	// PoC period.
	Throughput uint64
}

// HostWeight is a host as it enters the epoch.
type HostWeight struct {
	Reason    Reason
	Claimed   uint64
	Credited  uint64 // of Claimed, before rounding per node
	Mined     uint64 // sum over nodes that proved
	Preserved uint64 // sum over nodes that served
	Weight    uint64 // Mined + Preserved
	Nodes     []NodeWeight
}

// ComputeNewWeights forms one host: each node's part of the credit, or the
// weight it preserves, with a reason for everything. Every division rounds
// down. It fails only when the facts contradict each other or a sum passes
// 64 bits.
func ComputeNewWeights(host Host, round Round) (HostWeight, error) {
	if err := check(host, round); err != nil {
		return HostWeight{}, err
	}
	out := HostWeight{
		Reason: hostReason(host), Claimed: host.Judgement.Claimed, Credited: host.Judgement.Credited,
		Nodes: make([]NodeWeight, len(host.Nodes)),
	}
	for i, n := range host.Nodes {
		w := nodeWeight(n, host, round.Scale)
		sum := &out.Mined
		if n.Serves {
			sum = &out.Preserved
		}
		var err error
		if *sum, err = fixed.Add(*sum, w.Weight); err != nil {
			return HostWeight{}, fmt.Errorf("weight of node %q: %w", n.ID, err)
		}
		if w.Weight > 0 {
			w.Models, w.Throughput = belong(n.Models, w.Weight, round)
		}
		out.Nodes[i] = w
	}
	var err error
	if out.Weight, err = fixed.Add(out.Mined, out.Preserved); err != nil {
		return HostWeight{}, fmt.Errorf("weight of a host: %w", err)
	}
	return out, nil
}

func check(host Host, round Round) error {
	if round.Generation == 0 {
		return fmt.Errorf("%w: %d", ErrLengths, round.Generation)
	}
	j := host.Judgement
	if judged(j) == 0 || j.Credited > j.Claimed {
		return fmt.Errorf("%w: %v, %d of %d", ErrUnjudged, j.Outcome, j.Credited, j.Claimed)
	}
	var claimed uint64
	for _, n := range host.Nodes {
		if !n.mines() {
			continue
		}
		var err error
		if claimed, err = fixed.Add(claimed, n.Claimed); err != nil {
			return fmt.Errorf("claims of node %q: %w", n.ID, err)
		}
	}
	if claimed != j.Claimed {
		return fmt.Errorf("%w: %d, judged %d", ErrClaims, claimed, j.Claimed)
	}
	return nil
}

// zeroed reports whether nothing of the host counts, preserved or mined.
func zeroed(host Host) bool { return host.Jailed || host.Judgement.Outcome.ZeroesHost() }

func nodeWeight(n Node, host Host, scale Scale) NodeWeight {
	w := NodeWeight{ID: n.ID, Claimed: n.Claimed}
	j := host.Judgement
	switch {
	case n.Standing == Gone:
		w.Reason = Removed
	case n.Standing != Fleet:
		w.Reason = NotInFleet
	case zeroed(host):
		w.Reason = hostReason(host)
	case n.Serves:
		w.Reason, w.Weight = Preserved, scale.Apply(n.Carried)
	case n.Claimed == 0:
		w.Reason = NoBatch
	case j.Outcome == poc.Accepted:
		w.Reason, w.Weight = Mined, poc.NodeCredit(n.Claimed, j.Credited, j.Claimed)
	default: // below the minimum, where nothing is credited, or no quorum
		w.Reason, w.Weight = judged(j), poc.NodeCredit(n.Claimed, j.Credited, j.Claimed)
	}
	return w
}
