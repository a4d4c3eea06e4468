package keeper

import (
	"context"
	"maps"
	"slices"
	"strings"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// HardwareDiff is a change of a host's nodes. No id stands in it twice.
type HardwareDiff struct {
	Add    []types.HardwareNode
	Modify []types.HardwareNode // whole, by local_id
	Remove []string
}

// HardwareChange is what a diff did; what the host had declared before with the
// same content is left out.
type HardwareChange struct {
	Added, Modified, Removed []string
	ActsFromEpoch            uint64 // first epoch whose fleet sees it
}

// Empty says whether the diff changed nothing.
func (c HardwareChange) Empty() bool {
	return len(c.Added) == 0 && len(c.Modified) == 0 && len(c.Removed) == 0
}

// SetHardwareNodes applies a diff to the fleet of the epoch that opens next: all
// of it, or nothing and the error. Fleets of running epochs stay as they are. It
// fails with ErrUnknownModels naming every unknown id, ErrNodeExists,
// ErrNodeNotFound or ErrTooManyNodes.
func (k Keeper) SetHardwareNodes(ctx context.Context, host sdk.AccAddress, diff HardwareDiff) (HardwareChange, error) {
	if err := k.knowModels(ctx, diff); err != nil {
		return HardwareChange{}, err
	}
	f, err := k.editFleet(ctx, host)
	if err != nil {
		return HardwareChange{}, err
	}
	for _, node := range diff.Add {
		if err := f.add(node); err != nil {
			return HardwareChange{}, err
		}
	}
	for _, node := range diff.Modify {
		if err := f.modify(node); err != nil {
			return HardwareChange{}, err
		}
	}
	for _, id := range diff.Remove {
		f.remove(id)
	}
	if err := f.checkSize(); err != nil {
		return HardwareChange{}, err
	}
	if err := f.store(ctx, k); err != nil {
		return HardwareChange{}, err
	}
	return f.change, f.declare(ctx, k)
}

// knowModels fails with the ids that governance does not know, all of them.
func (k Keeper) knowModels(ctx context.Context, diff HardwareDiff) error {
	var unknown []string
	for _, node := range slices.Concat(diff.Add, diff.Modify) {
		for _, id := range node.Models {
			known, err := k.IsValidGovernanceModel(ctx, id)
			if err != nil {
				return err
			}
			if !known && !slices.Contains(unknown, id) {
				unknown = append(unknown, id)
			}
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return types.ErrUnknownModels.Wrap(strings.Join(unknown, ", "))
}

// fleetEdit is a host's rows while a diff is applied.
type fleetEdit struct {
	host   sdk.AccAddress
	text   string
	target uint64 // epoch that sees the diff first
	clock  types.Clock
	rows   map[string]types.HardwareNodeRow
	dirty  map[string]bool // ids whose row has to be written or deleted
	nodes  int             // nodes in the fleet of target
	change HardwareChange
}

// editFleet loads a host's rows, with changes that have taken over promoted.
func (k Keeper) editFleet(ctx context.Context, host sdk.AccAddress) (*fleetEdit, error) {
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return nil, err
	}
	text, err := k.addressText(host)
	if err != nil {
		return nil, err
	}
	stored, err := k.hardwareRows(ctx, host)
	if err != nil {
		return nil, err
	}
	f := &fleetEdit{
		host: host, text: text, target: clock.Opened + 1, clock: clock,
		rows:  make(map[string]types.HardwareNodeRow, len(stored)),
		dirty: map[string]bool{},
	}
	f.change.ActsFromEpoch = f.target
	for _, row := range stored {
		promoted, left := row.Promoted(clock.Opened)
		if promoted.NextEpoch != row.NextEpoch {
			f.dirty[row.NodeId] = true
		}
		if !left {
			continue
		}
		f.rows[row.NodeId] = promoted
		if promoted.At(f.target) != nil {
			f.nodes++
		}
	}
	return f, nil
}

func (f *fleetEdit) add(node types.HardwareNode) error {
	row := f.rows[node.LocalId]
	if present := row.At(f.target); present != nil {
		if present.SameAs(node) {
			return nil
		}
		return types.ErrNodeExists.Wrapf("%s; modify it, or remove it first", node.LocalId)
	}
	node.AddedSeq = f.clock.NextAddedSeq
	f.clock.NextAddedSeq++
	f.nodes++
	row.Participant, row.NodeId = f.text, node.LocalId
	f.put(row.Change(node, f.target))
	f.change.Added = append(f.change.Added, node.LocalId)
	return nil
}

func (f *fleetEdit) modify(node types.HardwareNode) error {
	row := f.rows[node.LocalId]
	present := row.At(f.target)
	if present == nil {
		return types.ErrNodeNotFound.Wrapf("%s; add it first", node.LocalId)
	}
	if present.SameAs(node) {
		return nil
	}
	node.AddedSeq = present.AddedSeq
	f.put(row.Change(node, f.target))
	f.change.Modified = append(f.change.Modified, node.LocalId)
	return nil
}

// remove does nothing for a node that is not there: of one that was removed before
// any fleet had seen it nothing is left, and its removal may be sent again.
func (f *fleetEdit) remove(id string) {
	row := f.rows[id]
	if row.At(f.target) == nil {
		return
	}
	f.nodes--
	removed, left := row.Removal(f.target)
	f.put(removed)
	if !left {
		delete(f.rows, id)
	}
	f.change.Removed = append(f.change.Removed, id)
}

func (f *fleetEdit) put(row types.HardwareNodeRow) {
	f.rows[row.NodeId] = row
	f.dirty[row.NodeId] = true
}

func (f *fleetEdit) checkSize() error {
	if f.nodes > types.MaxNodesPerHost {
		return types.ErrTooManyNodes.Wrapf("the fleet would hold %d, at most %d are possible", f.nodes, types.MaxNodesPerHost)
	}
	return nil
}

// store writes what changed, by ascending id.
func (f *fleetEdit) store(ctx context.Context, k Keeper) error {
	for _, id := range slices.Sorted(maps.Keys(f.dirty)) {
		key := collections.Join([]byte(f.host), id)
		row, left := f.rows[id]
		if !left {
			if err := k.HardwareNodes.Remove(ctx, key); err != nil {
				return err
			}
			continue
		}
		if err := k.HardwareNodes.Set(ctx, key, row); err != nil {
			return err
		}
	}
	if len(f.change.Added) == 0 {
		return nil
	}
	return k.Clock.Set(ctx, f.clock)
}

// declare notes what the host's rows add to formations, if some were written.
func (f *fleetEdit) declare(ctx context.Context, k Keeper) error {
	if len(f.dirty) == 0 {
		return nil
	}
	host := registered{address: f.host, row: types.Participant{Address: f.text}}
	rows := make([]types.HardwareNodeRow, 0, len(f.rows))
	for _, id := range slices.Sorted(maps.Keys(f.rows)) {
		rows = append(rows, f.rows[id])
	}
	return k.declareLoad(ctx, host, rows)
}
