package types

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func versions() (old, changed HardwareNode) {
	return HardwareNode{LocalId: "n", Port: "1", AddedSeq: 3}, HardwareNode{LocalId: "n", Port: "2", AddedSeq: 3}
}

func TestARowAnswersByEpoch(t *testing.T) {
	old, changed := versions()
	for name, c := range map[string]struct {
		row    HardwareNodeRow
		before *HardwareNode // in epoch 6
		from   *HardwareNode // in epoch 7
	}{
		"a node without change":     {HardwareNodeRow{Current: &old}, &old, &old},
		"a node that changes":       {HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 7}, &old, &changed},
		"a node that is new":        {HardwareNodeRow{Next: &changed, NextEpoch: 7}, nil, &changed},
		"a node that is removed":    {HardwareNodeRow{Current: &old, NextEpoch: 7, NextRemoved: true}, &old, nil},
		"no node":                   {HardwareNodeRow{}, nil, nil},
		"a change that took over":   {HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 6}, &changed, &changed},
		"a change of a later epoch": {HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 8}, &old, &old},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.before, c.row.At(6))
			require.Equal(t, c.from, c.row.At(7))
		})
	}
}

func TestAPromotedRowAnswersAsBefore(t *testing.T) {
	old, changed := versions()
	row, left := HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 7}.Promoted(7)
	require.True(t, left)
	require.Equal(t, HardwareNodeRow{Current: &changed}, row)
	row, left = HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 8}.Promoted(7)
	require.True(t, left)
	require.Equal(t, HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 8}, row, "the change still waits")
	_, left = HardwareNodeRow{Current: &old, NextEpoch: 7, NextRemoved: true}.Promoted(7)
	require.False(t, left)
}

func TestANodeAddedAgainAfterItsRemovalReplacesIt(t *testing.T) {
	old, changed := versions()
	row, left := HardwareNodeRow{Current: &old}.Removal(7)
	require.True(t, left)
	changed.AddedSeq = 9
	row = row.Change(changed, 7)
	require.Equal(t, HardwareNodeRow{Current: &old, Next: &changed, NextEpoch: 7}, row)
}
