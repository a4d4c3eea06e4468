package broker

import (
	"context"
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/x/inference/types"
)

// UpdateNodeWithEpochData fills a node's EpochModels and EpochMLNodes from an
// epoch's group and its subgroups. A failure is noted with the node, keeps its
// old data and concerns no other node; the caller tries again.
func (b *Broker) UpdateNodeWithEpochData(ctx context.Context, id string, epoch uint64) error {
	view, err := b.chain.EpochView(ctx, epoch)
	if err != nil {
		err = fmt.Errorf("node %s: epoch %d: %w", id, epoch, err)
		return errors.Join(err, b.Update(ctx, id, func(n *NodeState) { n.EpochError = err.Error() }))
	}
	models, rows := map[string]types.Model{}, map[string]types.MLNodeInfo{}
	for model, nodes := range view.Nodes {
		info, listed := nodes[id]
		if !listed {
			continue
		}
		rows[model] = info
		if snapshot, known := view.Models[model]; known {
			models[model] = snapshot
		}
	}
	return b.Update(ctx, id, func(n *NodeState) {
		n.Epoch, n.HasEpoch, n.EpochError = epoch, true, ""
		n.EpochModels, n.EpochMLNodes = models, rows
	})
}
