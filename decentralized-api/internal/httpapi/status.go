package httpapi

import (
	"fmt"
	"slices"
	"time"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/poc"
)

// Status is what the operator sees of a broker.
type Status struct {
	ChainID string                          `json:"chain_id"`
	Host    string                          `json:"host"`
	Signer  string                          `json:"signer"`
	Clock   *Epoch                          `json:"clock"` // null before the chain was reached
	Weight  Weight                          `json:"weight"`
	Nodes   []Node                          `json:"nodes"`
	Proofs  map[string]poc.Tally            `json:"proofs"` // by node, of the opened epoch
	Outbox  map[string]map[outbox.State]int `json:"outbox"` // by kind
	Recent  []outbox.Entry                  `json:"recent"` // last intents

	// OldestOpen is when the oldest intent without an end was written; null when
	// all have one.
	OldestOpen *time.Time `json:"oldest_open"`
}

// Weight is what the host weighs, or is going to, and why.
type Weight struct {
	Epoch    uint64 `json:"epoch"`
	Expected uint64 `json:"expected"`
	Reason   string `json:"reason"`
}

// Node is one node for people.
type Node struct {
	ID         string        `json:"id"`
	Address    string        `json:"address"`
	Models     []string      `json:"models"`
	Configured bool          `json:"configured"`
	Enabled    bool          `json:"enabled"`
	Refused    string        `json:"refused,omitempty"`
	Reachable  bool          `json:"reachable"`
	State      string        `json:"state"`             // what the node shows
	Doing      string        `json:"doing,omitempty"`   // what its worker is about
	Serving    string        `json:"serving,omitempty"` // loaded model
	Round      string        `json:"round,omitempty"`   // challenge of the open round
	Slots      []string      `json:"slots,omitempty"`   // scheduled slots, as model: slot
	Problem    string        `json:"problem,omitempty"`
	EpochError string        `json:"epoch_error,omitempty"`
	Seen       time.Time     `json:"seen"`
	Report     broker.Report `json:"report"`
}

var slotNames = [...]string{"PRE_POC_SLOT", "POC_SLOT"}

// NodesOf shows the registry.
func NodesOf(snapshot *broker.Snapshot) []Node {
	nodes := []Node{}
	for _, id := range snapshot.IDs() {
		n := snapshot.Nodes[id]
		node := Node{
			ID: id, Address: n.Spec.Address, Models: n.Spec.Models, Configured: n.Configured, Enabled: n.Enabled,
			Refused: n.Refused, Reachable: n.Observed.Reachable, State: n.Report.Phase,
			Serving: n.Observed.Serving, Round: n.Observed.Challenge,
			Problem: n.Problem, EpochError: n.EpochError, Seen: n.Seen, Report: n.Report,
		}
		if n.Observed.Running.Mode != plan.None {
			node.Doing = n.Observed.Running.Mode.String()
		}
		for model, row := range n.EpochMLNodes {
			for slot, scheduled := range row.TimeslotAllocation {
				if scheduled && model != "" && slot < len(slotNames) {
					node.Slots = append(node.Slots, fmt.Sprintf("%s: %s", model, slotNames[slot]))
				}
			}
		}
		slices.Sort(node.Slots)
		nodes = append(nodes, node)
	}
	return nodes
}
