// Package broker keeps the registry of compute nodes. One goroutine owns it
// and publishes immutable snapshots; everybody else reads those.
package broker

import (
	"slices"
	"time"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/x/inference/types"
)

// NodeState is everything known of one node. Values in a snapshot are never
// written to; its maps are replaced, not changed.
type NodeState struct {
	Spec       config.Node
	Configured bool   // stands in the configuration file
	Enabled    bool   // by the operator; acts from the next epoch
	Refused    string // why it may not be declared; empty when it may

	// Fallback are the node's models that governance knows, by preference: what
	// it can serve while there is no epoch data.
	Fallback []types.Model

	// What the node is in the current epoch group, see UpdateNodeWithEpochData.
	Epoch        uint64 // the data is from
	HasEpoch     bool   // whether there is data at all
	EpochError   string // why the last update failed; empty when it did not
	EpochModels  map[string]types.Model
	EpochMLNodes map[string]types.MLNodeInfo // by model id

	Observed plan.Node
	Report   Report
	Seen     time.Time // last answer
	Problem  string    // last failure; empty after a success
}

// Report is what a node says about itself, for people.
type Report struct {
	Phase        string   `json:"phase"`
	Engine       string   `json:"engine,omitempty"`
	Generated    uint64   `json:"generated_nonces"`
	Acknowledged uint64   `json:"acknowledged_nonces"`
	Verified     uint64   `json:"verified_nonces"`
	Rate         float64  `json:"nonces_per_second"`
	Problems     []string `json:"problems,omitempty"`
}

// Snapshot is the registry at one moment.
type Snapshot struct {
	Nodes map[string]NodeState
}

// IDs returns the ids of all nodes, ascending.
func (s *Snapshot) IDs() []string {
	ids := make([]string, 0, len(s.Nodes))
	for id := range s.Nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Observed returns what the plan needs of every node.
func (s *Snapshot) Observed() plan.Observed {
	observed := make(plan.Observed, len(s.Nodes))
	for id, node := range s.Nodes {
		observed[id] = node.Observed
	}
	return observed
}

// Declared returns the nodes that the chain should know, by id.
func (s *Snapshot) Declared() []config.Node {
	var specs []config.Node
	for _, id := range s.IDs() {
		if node := s.Nodes[id]; node.Enabled && node.Refused == "" {
			specs = append(specs, node.Spec)
		}
	}
	return specs
}

// Held returns the ids of nodes that may not be declared as they are. What the
// chain holds of them stays: a model that governance removed takes no node out
// of the fleet.
func (s *Snapshot) Held() []string {
	var ids []string
	for _, id := range s.IDs() {
		if node := s.Nodes[id]; node.Enabled && node.Refused != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// BelongsTo returns the model that the node belongs to in its epoch: the one
// scheduled for the slot. Before PoC that is the row with PRE_POC_SLOT, in PoC
// the one with POC_SLOT.
func (n NodeState) BelongsTo(slot types.Timeslot) (string, bool) {
	ids := make([]string, 0, len(n.EpochMLNodes))
	for id := range n.EpochMLNodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		slots := n.EpochMLNodes[id].TimeslotAllocation
		if id != "" && int(slot) < len(slots) && slots[slot] {
			return id, true
		}
	}
	return "", false
}
