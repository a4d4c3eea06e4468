// Package upkeep does what a host owes the chain besides its proofs: its nodes
// are declared as they are, and its rewards are claimed.
package upkeep

import (
	"slices"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/inference-chain/x/inference/types"
)

// declaration is what a host says about its nodes.
type declaration struct {
	nodes []config.Node // as they should stand in the fleet
	held  []string      // ids of nodes about which nothing is said
}

// hardwareDiff is what has to be told to the chain so that an epoch's fleet is
// what is declared; nil when it is already. What the chain holds for people
// only (status, host and port) makes no difference, and addresses of nodes are
// not published.
func hardwareDiff(host string, d declaration, rows []types.HardwareNodeRow, epoch uint64) *types.MsgSubmitHardwareDiff {
	diff := &types.MsgSubmitHardwareDiff{Creator: host}
	known := map[string]types.HardwareNode{}
	for _, row := range rows {
		if node := row.At(epoch); node != nil && !slices.Contains(d.held, row.NodeId) {
			known[row.NodeId] = *node
		}
	}
	for _, spec := range d.nodes {
		want := hardwareOf(spec)
		have, there := known[spec.ID]
		delete(known, spec.ID)
		switch {
		case !there:
			diff.Add = append(diff.Add, want)
		case !slices.Equal(have.Models, want.Models) || !slices.Equal(have.Hardware, want.Hardware):
			want.Status, want.Host, want.Port = have.Status, have.Host, have.Port
			diff.Modify = append(diff.Modify, want)
		}
	}
	for id := range known {
		diff.Remove = append(diff.Remove, id)
	}
	slices.Sort(diff.Remove)
	if len(diff.Add)+len(diff.Modify)+len(diff.Remove) == 0 {
		return nil
	}
	return diff
}

func hardwareOf(spec config.Node) types.HardwareNode {
	node := types.HardwareNode{
		LocalId: spec.ID, Status: types.HardwareNodeStatus_HARDWARE_NODE_STATUS_INFERENCE, Models: spec.Models,
	}
	for _, h := range spec.Hardware {
		node.Hardware = append(node.Hardware, types.Hardware{Type: h.Type, Count: h.Count})
	}
	return node
}
