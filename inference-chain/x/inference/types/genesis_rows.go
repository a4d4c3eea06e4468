package types

import "slices"

// member names a host in an epoch's group.
type member struct {
	group
	host string
}

// checkRegistered refuses rows of hosts that are not registered. Nobody is ever
// taken from the registered, and a block that comes to such a row fails.
func (e exported) checkRegistered() error {
	known := make(map[string]bool, len(e.Participants))
	for _, row := range e.Participants {
		known[row.Address] = true
	}
	for _, field := range []struct {
		name string
		rows int
		host func(int) string
	}{
		{"hardware_nodes", len(e.HardwareNodes), func(i int) string { return e.HardwareNodes[i].Participant }},
		{"fleet_loads", len(e.FleetLoads), func(i int) string { return e.FleetLoads[i].Participant }},
		{"epoch_members", len(e.EpochMembers), func(i int) string { return e.EpochMembers[i].Participant }},
		{"epoch_nodes", len(e.EpochNodes), func(i int) string { return e.EpochNodes[i].Participant }},
		{"settle_amounts", len(e.SettleAmounts), func(i int) string { return e.SettleAmounts[i].Participant }},
	} {
		for i := range field.rows {
			// A malformed address has a better error where the row is written.
			if host := field.host(i); host != "" && !known[host] {
				return ErrInvalidGenesis.Wrapf("%s[%d].participant: must be among participants, got %s", field.name, i, host)
			}
		}
	}
	return nil
}

// checkSeq refuses a clock that would give a node the rank of another one.
func (e exported) checkSeq() error {
	for i, row := range e.HardwareNodes {
		for _, node := range []*HardwareNode{row.Current, row.Next} {
			if node != nil && node.AddedSeq >= e.Clock.NextAddedSeq {
				return ErrInvalidGenesis.Wrapf("clock.next_added_seq: must be above %d, the added_seq of %s in hardware_nodes[%d], got %d",
					node.AddedSeq, row.NodeId, i, e.Clock.NextAddedSeq)
			}
		}
	}
	return nil
}

// checkMembership refuses groups without members, members without their group, and
// nodes without their host, of epochs whose rows are not pruned yet.
func (e exported) checkMembership() error {
	members, sizes := make(map[member]bool, len(e.EpochMembers)), map[group]int{}
	for _, row := range e.EpochMembers {
		at := group{row.EpochIndex, row.ModelId}
		members[member{at, row.Participant}] = true
		sizes[at]++
	}
	if err := e.checkGroupRows(sizes); err != nil {
		return err
	}
	for i, row := range e.EpochMembers {
		at := group{row.EpochIndex, row.ModelId}
		if !e.records[row.EpochIndex].standing() {
			continue
		}
		if _, known := e.groups[at]; !known {
			return ErrInvalidGenesis.Wrapf("epoch_groups: group %q of epoch %d, which has epoch_members[%d], is missing", at.model, at.epoch, i)
		}
		if !members[member{root(at.epoch), row.Participant}] {
			return ErrInvalidGenesis.Wrapf("epoch_members[%d].participant: must be in the root group of epoch %d too, got %s", i, at.epoch, row.Participant)
		}
	}
	for i, row := range e.EpochNodes {
		at := group{row.EpochIndex, row.ModelId}
		if e.records[row.EpochIndex].standing() && !members[member{at, row.Participant}] {
			return ErrInvalidGenesis.Wrapf("epoch_nodes[%d].participant: must be a member of group %q of epoch %d, got %s", i, at.model, at.epoch, row.Participant)
		}
	}
	return nil
}

// checkGroupRows compares the groups with the epochs that need them. Only a root
// group may be empty, and only before its epoch takes over.
func (e exported) checkGroupRows(sizes map[group]int) error {
	listed := map[uint64][]string{}
	for i, row := range e.EpochGroups {
		record := e.records[row.EpochIndex]
		if !record.standing() {
			continue
		}
		if sizes[group{row.EpochIndex, row.ModelId}] == 0 && (row.ModelId != "" || record.wasEffective()) {
			return ErrInvalidGenesis.Wrapf("epoch_groups[%d]: group %q of epoch %d must have members in epoch_members", i, row.ModelId, row.EpochIndex)
		}
		if row.ModelId != "" {
			listed[row.EpochIndex] = append(listed[row.EpochIndex], row.ModelId)
		}
	}
	for i, record := range e.Epochs {
		if !record.standing() {
			continue
		}
		top, known := e.groups[root(record.Index)]
		if !known && record.Status != EpochStatus_EPOCH_STATUS_OPENED {
			return ErrInvalidGenesis.Wrapf("epoch_groups: the root group of epoch %d, which is %s (epochs[%d]), is missing", record.Index, record.Status, i)
		}
		want := listed[record.Index]
		if record.Status == EpochStatus_EPOCH_STATUS_OPENED {
			want = nil // the root lists them when the last host is formed
		}
		slices.Sort(want)
		if !slices.Equal(top.SubGroupModels, want) {
			return ErrInvalidGenesis.Wrapf("epoch_groups: sub_group_models in the root group of epoch %d must be %q, its subgroups, got %q", record.Index, want, top.SubGroupModels)
		}
	}
	return nil
}

// checkPrunes asks for the cursor of every epoch that ended: without one its rows
// would stay for ever, and its rewards would never expire.
func (e exported) checkPrunes() error {
	waiting := make(map[uint64]bool, len(e.Prunes))
	for i, cursor := range e.Prunes {
		waiting[cursor.EpochIndex] = true
		record, known := e.records[cursor.EpochIndex]
		if known && !record.ended() {
			return ErrInvalidGenesis.Wrapf("prunes[%d].epoch_index: must be an epoch that ended; %d is %s", i, record.Index, record.Status)
		}
		if err := e.checkAge(i, cursor); err != nil {
			return err
		}
		if record.Status == EpochStatus_EPOCH_STATUS_SETTLING && cursor.Collection != 0 {
			return ErrInvalidGenesis.Wrapf("prunes[%d].collection: of epoch %d, which is %s, must be 0, got %d", i, record.Index, record.Status, cursor.Collection)
		}
	}
	for i, record := range e.Epochs {
		if record.ended() && !waiting[record.Index] {
			return ErrInvalidGenesis.Wrapf("prunes: that of epoch %d, which is %s (epochs[%d]), is missing", record.Index, record.Status, i)
		}
	}
	return nil
}

// checkAge refuses a cursor whose rows would go too early or too late. The epoch that
// took over from a cursor's may be pruned before it.
func (e exported) checkAge(i int, cursor PruneCursor) error {
	record, known := e.records[cursor.EpochIndex]
	if !known {
		return nil
	}
	if !record.wasEffective() {
		if cursor.LastOpened != record.Index {
			return ErrInvalidGenesis.Wrapf("prunes[%d].last_opened: of epoch %d, which is %s, must be %d, got %d", i, record.Index, record.Status, record.Index, cursor.LastOpened)
		}
		return nil
	}
	if cursor.LastOpened < record.Index || cursor.LastOpened >= e.Clock.Effective {
		return ErrInvalidGenesis.Wrapf("prunes[%d].last_opened: of epoch %d must be at least that and below clock.effective %d, got %d", i, record.Index, e.Clock.Effective, cursor.LastOpened)
	}
	after, known := e.records[cursor.LastOpened+1]
	if known && (!after.wasEffective() || after.JudgedBy != record.Index) {
		return ErrInvalidGenesis.Wrapf("prunes[%d].last_opened: of epoch %d must be the one before the epoch that took over from it, got %d", i, record.Index, cursor.LastOpened)
	}
	return nil
}
