package main

import (
	"math"

	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
)

type denseCase struct {
	Claims        u64  `json:"claims"`
	Walked        u64  `json:"walked"`
	ValidFraction u64  `json:"valid_fraction"` // 10⁻¹⁸
	Dense         bool `json:"dense"`
}

// batchChain submits batches one after the other to a node that has none.
type batchChain struct {
	Lanes         u64         `json:"lanes"`
	MaxBatches    u64         `json:"max_batches_per_node"`
	MaxNonces     u64         `json:"max_nonces_per_node"`
	ValidFraction u64         `json:"valid_fraction"` // 10⁻¹⁸
	Submitted     []batchCase `json:"submitted"`
}

type batchCase struct {
	ID       u64          `json:"batch_id"`
	Count    u64          `json:"count"`
	LaneNext []u64        `json:"lane_next"`
	Claimed  outcome[u64] `json:"claimed"` // by the node, afterwards
}

func addDense(file *commitFile) {
	const tenth = uint64(fixed.One) / 10
	for _, c := range [][3]uint64{
		{0, 0, tenth},
		{0, 9, tenth},
		{100, 1_000, tenth},
		{800, 10_000, tenth},
		{799, 10_000, tenth},
		{0, 800, tenth},
		{0, 850, tenth},
		{1 << 20, 10 << 20, tenth},
		{1<<20 - 7_000, 10 << 20, tenth},
		{1<<20 - 6_000, 10 << 20, tenth},
		{1, 64 * (1<<48 - 1), uint64(fixed.One)},
		{math.MaxUint64 - 1, math.MaxUint64, uint64(fixed.One)},
		{0, 1 << 63, 1},
	} {
		file.Dense = append(file.Dense, denseCase{
			u64(c[0]), u64(c[1]), u64(c[2]), commit.Dense(c[0], c[1], fixed.Dec(c[2])),
		})
	}
}

func addBatches(file *commitFile) {
	limits := commit.Limits{Lanes: 2, MaxBatches: 4, MaxNonces: 100, ValidFraction: fixed.One / 10}
	made := batchChain{
		u64(limits.Lanes), u64(limits.MaxBatches), u64(limits.MaxNonces), u64(limits.ValidFraction), nil,
	}
	var state commit.State
	rows := map[uint64]commit.Batch{}
	submit := func(id, count uint64, laneNext ...uint64) {
		batch := commit.Batch{ID: id, Count: count, Root: seedOf("root"), LaneNext: laneNext}
		state.Stored = nil
		if row, ok := rows[id]; ok {
			state.Stored = &row
		}
		next, err := commit.AcceptBatch(state, batch, limits)
		if err == nil {
			rows[id] = batch
		}
		state = next
		made.Submitted = append(made.Submitted, batchCase{
			u64(id), u64(count), u64s(laneNext), outcomeOf(u64(state.Claimed), err),
		})
	}
	submit(2, 10, 50, 50)       // a gap
	submit(1, 1, 4_000, 4_000)  // sparse
	submit(1, 10, 50, 50)       // accepted
	submit(1, 10, 50, 50)       // repeated
	submit(1, 11, 50, 50)       // in conflict
	submit(2, 10, 49, 60)       // a lane falls
	submit(2, 3, 51, 51)        // more than was walked
	submit(2, 40, 250, 50)      // accepted; one lane stands still
	submit(3, 51, 500, 500)     // above the node's maximum
	submit(3, 50, 500, 500)     // accepted, exactly the maximum
	submit(4, 0, 500, 500)      // empty
	submit(4, 1, 500, 500, 500) // a lane too many
	submit(5, 1, 501, 501)      // beyond the last batch
	file.Batches = []batchChain{made}
}
