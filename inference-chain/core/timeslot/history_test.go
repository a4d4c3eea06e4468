package timeslot_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/timeslot"
	"pgregory.net/rapid"
)

func TestAHistoryCountsFromTheLastFullRound(t *testing.T) {
	full := timeslot.Formed{Weight: 100}
	preserved := timeslot.Formed{Weight: 100, AnyPreserved: true}
	changed := timeslot.Formed{Weight: 100, AnyPreserved: true, FleetChanged: true}
	cases := []struct {
		name   string
		rounds []timeslot.Formed
		want   timeslot.History
	}{
		{"never proven", nil, timeslot.History{}},
		{"one full round", []timeslot.Formed{full}, timeslot.History{FullWeight: 100}},
		{"preserved once", []timeslot.Formed{full, preserved}, timeslot.History{PreservedInRow: 1, FullWeight: 100}},
		{"preserved twice", []timeslot.Formed{full, preserved, preserved}, timeslot.History{PreservedInRow: 2, FullWeight: 100}},
		{"a full round starts again", []timeslot.Formed{full, preserved, {Weight: 90}}, timeslot.History{FullWeight: 90}},
		{"a changed fleet stays changed", []timeslot.Formed{full, changed, preserved}, timeslot.History{PreservedInRow: 2, FullWeight: 100, FleetChanged: true}},
		{"until the next full round", []timeslot.Formed{full, changed, {Weight: 80, FleetChanged: true}}, timeslot.History{FullWeight: 80}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var h timeslot.History
			for _, round := range tc.rounds {
				h = h.After(round)
			}
			require.Equal(t, tc.want, h)
		})
	}
}

func TestNobodyIsPreservedLongerThanTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Uint64Range(0, 4).Draw(t, "limit")
		var h timeslot.History
		var inRow uint64
		for range 40 {
			selected := h.Eligible(limit) && rapid.Bool().Draw(t, "selected")
			h = h.After(timeslot.Formed{Weight: 10, AnyPreserved: selected})
			if inRow++; !selected {
				inRow = 0
			}
			require.LessOrEqual(t, inRow, limit)
			require.Equal(t, inRow, h.PreservedInRow)
		}
	})
}

func TestOneGPUDeclaredAsTwoNodesIsPaidOnce(t *testing.T) {
	// Both nodes share a GPU of 100 nonces: 50 each when both prove. While the first
	// one serves, the second has the GPU to itself.
	capped, err := timeslot.CapPreserved([]uint64{50, 100}, 100)
	require.NoError(t, err)
	require.Equal(t, []uint64{33, 66}, capped)
}

func TestWeightsAreCappedTogether(t *testing.T) {
	cases := []struct {
		name    string
		weights []uint64
		full    uint64
		want    []uint64
	}{
		{"no nodes", nil, 5, nil},
		{"below the full round", []uint64{1, 2}, 4, []uint64{1, 2}},
		{"as in the full round", []uint64{2, 2}, 4, []uint64{2, 2}},
		{"one above", []uint64{2, 3}, 4, []uint64{1, 2}},
		{"no full round", []uint64{2, 3}, 0, []uint64{0, 0}},
		{"the largest weights", []uint64{1 << 63, 1<<63 - 1}, 1 << 63, []uint64{1 << 62, 1<<62 - 1}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := timeslot.CapPreserved(tc.weights, tc.full)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
	_, err := timeslot.CapPreserved([]uint64{math.MaxUint64, 1}, 1)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

func TestACappedHostNeverPassesItsFullRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint64Range(0, 1<<58), 0, 16).Draw(t, "weights")
		full := rapid.Uint64Range(0, 1<<62).Draw(t, "full")
		capped, err := timeslot.CapPreserved(weights, full)
		require.NoError(t, err)
		var sum uint64
		for i, w := range capped {
			require.LessOrEqual(t, w, weights[i])
			sum += w
		}
		require.LessOrEqual(t, sum, full)
	})
}

func TestANodeServesTheModelItBelongsTo(t *testing.T) {
	require.Equal(t, []bool{true, false}, timeslot.Default(true))
	require.Equal(t, []bool{false, false}, timeslot.Default(false))
}
