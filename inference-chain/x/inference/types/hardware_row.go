package types

import "ninefold.dev/inference-chain/core/epoch"

// At returns the version of the node that an epoch runs on; nil when the epoch's
// fleet does not hold the node. It answers for the epoch opened last and for the
// one after it; what older epochs ran on stands in their groups.
func (r HardwareNodeRow) At(epoch uint64) *HardwareNode {
	if !r.turned(epoch) {
		return r.Current
	}
	return r.Next
}

// Promoted returns the row with a change that has taken over by the epoch made
// current, and whether a node is left.
func (r HardwareNodeRow) Promoted(epoch uint64) (HardwareNodeRow, bool) {
	if !r.turned(epoch) {
		return r, true
	}
	return r.settled(r.Next), !r.NextRemoved
}

// Change returns the row with a version that takes over with an epoch.
func (r HardwareNodeRow) Change(node HardwareNode, epoch uint64) HardwareNodeRow {
	if r.Current.Equal(&node) {
		return r.settled(r.Current)
	}
	r.Next, r.NextEpoch, r.NextRemoved = &node, epoch, false
	return r
}

// Removal returns the row with the node removed from an epoch on, and whether a
// row is left: a node that no fleet has seen leaves none.
func (r HardwareNodeRow) Removal(epoch uint64) (HardwareNodeRow, bool) {
	r.Next, r.NextEpoch, r.NextRemoved = nil, epoch, true
	return r, r.Current != nil
}

func (r HardwareNodeRow) turned(epoch uint64) bool {
	return r.NextEpoch != 0 && r.NextEpoch <= epoch
}

func (r HardwareNodeRow) settled(current *HardwareNode) HardwareNodeRow {
	r.Current, r.Next, r.NextEpoch, r.NextRemoved = current, nil, 0, false
	return r
}

// formationRows is how many rows a formation may write for the node: its outcome,
// its row in the root group, and one in the group of each model that it lists.
func (r HardwareNodeRow) formationRows() uint64 {
	return uint64(2 + max(r.Current.listed(), r.Next.listed()))
}

func (n *HardwareNode) listed() int {
	if n == nil {
		return 0
	}
	return len(n.Models)
}

// FleetLoadOf is what a host with these rows of hardware adds to the work of a
// formation.
func FleetLoadOf(rows []HardwareNodeRow) uint64 {
	var sum uint64
	for _, row := range rows {
		sum += row.formationRows()
	}
	return epoch.FormationLoad(sum)
}
