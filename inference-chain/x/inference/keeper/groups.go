package keeper

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/weight"
	"ninefold.dev/inference-chain/x/inference/types"
)

// groupWriter writes one host's nodes into the root group and the subgroups, and
// adds them to the groups' totals.
type groupWriter struct {
	ctx    context.Context
	k      Keeper
	epoch  uint64
	host   registered
	models map[string]types.Model      // the epoch's snapshot, only asked
	groups map[string]types.EpochGroup // by model, the root's is ""
}

// write takes the nodes that have weight. A node belongs to the first of its
// models: only that row has weight, throughput and a slot; its rows under the
// other models say that it could serve them.
func (w groupWriter) write(root uint64, nodes []weight.NodeWeight) error {
	if err := w.add("", root, 0, true); err != nil {
		return err
	}
	members := map[string]uint64{}
	for _, node := range nodes {
		if node.Weight == 0 {
			continue
		}
		if err := w.writeNode(node, members); err != nil {
			return err
		}
	}
	for _, model := range slices.Sorted(maps.Keys(members)) {
		member := types.EpochMember{EpochIndex: w.epoch, ModelId: model, Participant: w.host.row.Address, Weight: members[model]}
		if err := w.k.EpochMembers.Set(w.ctx, collections.Join3(w.epoch, model, w.host.address), member); err != nil {
			return err
		}
		if err := w.add(model, members[model], 0, true); err != nil {
			return err
		}
	}
	return nil
}

func (w groupWriter) writeNode(node weight.NodeWeight, members map[string]uint64) error {
	belongs := types.MLNodeInfo{
		NodeId: node.ID, Throughput: node.Throughput, PocWeight: node.Weight, TimeslotAllocation: slots(len(node.Models) > 0),
	}
	if err := w.set("", belongs, node.Models); err != nil {
		return err
	}
	if err := w.add("", 0, node.Throughput, false); err != nil {
		return err
	}
	for i, model := range node.Models {
		info := types.MLNodeInfo{NodeId: node.ID, TimeslotAllocation: slots(false)}
		if i == 0 {
			info = belongs
			if err := w.add(model, 0, node.Throughput, false); err != nil {
				return err
			}
		}
		members[model] += info.PocWeight // at most the host's weight
		if err := w.set(model, info, node.Models); err != nil {
			return err
		}
	}
	return nil
}

// slots is the allocation a node enters an epoch with: it serves the model it
// belongs to before PoC, and nothing during PoC.
func slots(belongs bool) []bool {
	allocation := make([]bool, timeslots)
	allocation[types.Timeslot_PRE_POC_SLOT] = belongs
	return allocation
}

func (w groupWriter) set(model string, info types.MLNodeInfo, models []string) error {
	key := collections.Join4(w.epoch, model, w.host.address, info.NodeId)
	return w.k.EpochNodes.Set(w.ctx, key, types.EpochNode{
		EpochIndex: w.epoch, ModelId: model, Participant: w.host.row.Address, Info: info, Models: models,
	})
}

// add bumps a group's totals. A subgroup comes into being with its first node.
func (w groupWriter) add(model string, nonces, throughput uint64, member bool) error {
	group, touched := w.groups[model]
	if !touched {
		var err error
		if group, err = w.groupNow(model); err != nil {
			return err
		}
	}
	var err error
	if group.TotalWeight, err = fixed.Add(group.TotalWeight, nonces); err != nil {
		return fmt.Errorf("weight of group %q: %w", model, err)
	}
	// A throughput is a measure: it stops at its bound instead of failing.
	total, err := fixed.Add(group.TotalThroughput, throughput)
	if err != nil {
		total = weight.MaxThroughput
	}
	group.TotalThroughput = min(total, weight.MaxThroughput)
	if member {
		group.MemberCount++
	}
	w.groups[model] = group
	return nil
}

func (w groupWriter) groupNow(model string) (types.EpochGroup, error) {
	group, err := w.k.EpochGroups.Get(w.ctx, collections.Join(w.epoch, model))
	if err == nil || !errors.Is(err, collections.ErrNotFound) {
		return group, err
	}
	if model == "" {
		return emptyGroup(w.epoch, nil), nil
	}
	snapshot := w.models[model]
	return emptyGroup(w.epoch, &snapshot), nil
}

func (k Keeper) setGroups(ctx context.Context, index uint64, groups map[string]types.EpochGroup) error {
	for _, model := range slices.Sorted(maps.Keys(groups)) {
		if err := k.EpochGroups.Set(ctx, collections.Join(index, model), groups[model]); err != nil {
			return err
		}
	}
	return nil
}

// listSubGroups writes the ids of an epoch's subgroups into its root group.
func (k Keeper) listSubGroups(ctx context.Context, index uint64) error {
	root, subgroups, err := k.EpochGroupWithSubgroups(ctx, index)
	if err != nil {
		return err
	}
	root.SubGroupModels = nil
	for _, group := range subgroups {
		root.SubGroupModels = append(root.SubGroupModels, group.ModelId)
	}
	return k.EpochGroups.Set(ctx, collections.Join(index, ""), root)
}

// EpochGroupWithSubgroups returns an epoch's root group and its subgroups by model
// id. CurrentEpochGroupData is this for the effective epoch, with a page of members.
func (k Keeper) EpochGroupWithSubgroups(ctx context.Context, index uint64) (root types.EpochGroup, subgroups []types.EpochGroup, err error) {
	groups, err := values(ctx, k.EpochGroups, collections.PairPrefix[uint64, string](index))
	if err != nil {
		return root, nil, err
	}
	if len(groups) == 0 || groups[0].ModelId != "" {
		return root, nil, fmt.Errorf("root group of epoch %d: %w", index, collections.ErrNotFound)
	}
	return groups[0], groups[1:], nil
}
