package chain

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/inference/types"
)

// ErrNotFormed means that an epoch has no group yet.
var ErrNotFormed = errors.New("epoch is not formed")

// EpochView is what a broker needs of a formed epoch: fetched once, kept until
// the next switch, never written to.
type EpochView struct {
	Index  uint64
	Models map[string]types.Model      // the epoch's copies, by id
	Groups map[string]types.EpochGroup // subgroups by model id, the root under ""
	// Nodes are the own host's nodes: model id (the root's is "") → node id.
	Nodes map[string]map[string]types.MLNodeInfo
	Peers map[string]Peer // members by address
}

// Peer is a member of an epoch.
type Peer struct {
	Weight       uint64
	ConsensusKey []byte
}

// viewCache keeps the views of the effective epoch and of the one that will
// follow it.
type viewCache struct {
	mu    sync.Mutex
	views map[uint64]*EpochView
}

const keptViews = 2

func (c *viewCache) get(epoch uint64) *EpochView {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.views[epoch]
}

func (c *viewCache) put(view *EpochView) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.views == nil {
		c.views = map[uint64]*EpochView{}
	}
	c.views[view.Index] = view
	for index := range c.views {
		if index+keptViews <= view.Index {
			delete(c.views, index)
		}
	}
}

// EpochView returns a formed epoch, fetched at the first call for it. It fails
// with ErrNotFormed before the formation is complete.
func (c *Client) EpochView(ctx context.Context, index uint64) (*EpochView, error) {
	if view := c.views.get(index); view != nil {
		return view, nil
	}
	record, err := c.Epoch(ctx, index)
	if err != nil {
		return nil, err
	}
	if s := record.Status; s < types.EpochStatus_EPOCH_STATUS_FORMED || s == types.EpochStatus_EPOCH_STATUS_ABANDONED {
		return nil, fmt.Errorf("%w: %d is %s", ErrNotFormed, index, s)
	}
	view := &EpochView{
		Index: index, Models: map[string]types.Model{}, Groups: map[string]types.EpochGroup{},
		Nodes: map[string]map[string]types.MLNodeInfo{}, Peers: map[string]Peer{},
	}
	for _, fetch := range []func(context.Context, *EpochView) error{c.fetchGroups, c.fetchNodes, c.fetchPeers} {
		if err := fetch(ctx, view); err != nil {
			return nil, fmt.Errorf("epoch %d: %w", index, err)
		}
	}
	c.views.put(view)
	return view, nil
}

// fetchGroups reads the root, the models and their subgroups.
func (c *Client) fetchGroups(ctx context.Context, view *EpochView) error {
	root, err := c.query.EpochGroup(ctx, &types.QueryEpochGroupRequest{EpochIndex: view.Index})
	if err != nil {
		return err
	}
	view.Groups[""] = root.Group
	for _, model := range root.Group.SubGroupModels {
		group, err := c.query.EpochGroup(ctx, &types.QueryEpochGroupRequest{EpochIndex: view.Index, ModelId: model})
		if err != nil {
			return err
		}
		view.Groups[model] = group.Group
	}
	return pages(func(page *query.PageRequest) (*query.PageResponse, error) {
		r, err := c.query.EpochModels(ctx, &types.QueryEpochModelsRequest{EpochIndex: view.Index, Pagination: page})
		if err != nil {
			return nil, err
		}
		for _, model := range r.Models {
			view.Models[model.Id] = model
		}
		return r.Pagination, nil
	})
}

// fetchNodes reads the own host's nodes in every group.
func (c *Client) fetchNodes(ctx context.Context, view *EpochView) error {
	for model := range view.Groups {
		rows := map[string]types.MLNodeInfo{}
		err := pages(func(page *query.PageRequest) (*query.PageResponse, error) {
			r, err := c.query.EpochNodes(ctx, &types.QueryEpochNodesRequest{
				EpochIndex: view.Index, ModelId: model, Address: c.host, Pagination: page,
			})
			if err != nil {
				return nil, err
			}
			for _, node := range r.Nodes {
				rows[node.Info.NodeId] = node.Info
			}
			return r.Pagination, nil
		})
		if err != nil {
			return err
		}
		view.Nodes[model] = rows
	}
	return nil
}

// fetchPeers reads the members of the root.
func (c *Client) fetchPeers(ctx context.Context, view *EpochView) error {
	return pages(func(page *query.PageRequest) (*query.PageResponse, error) {
		r, err := c.query.EpochMembers(ctx, &types.QueryEpochMembersRequest{EpochIndex: view.Index, Pagination: page})
		if err != nil {
			return nil, err
		}
		for _, m := range r.Members {
			view.Peers[m.Participant] = Peer{Weight: m.Weight, ConsensusKey: m.ConsensusKey}
		}
		return r.Pagination, nil
	})
}
