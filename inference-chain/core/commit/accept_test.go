package commit

import (
	"errors"
	"math/big"
	"slices"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

var testLimits = Limits{Lanes: 2, MaxBatches: 3, MaxNonces: 100, ValidFraction: fixed.One / 10}

func batchOf(id, count uint64, laneNext ...uint64) Batch {
	return Batch{ID: id, Count: count, Root: make([]byte, HashSize), LaneNext: laneNext}
}

func TestAcceptBatch(t *testing.T) {
	after1 := State{LastID: 1, Claimed: 90, LaneNext: []uint64{300, 300}}
	stored := batchOf(1, 90, 300, 300)
	for _, tc := range []struct {
		name  string
		state State
		batch Batch
		err   error
	}{
		{"a first batch", State{}, batchOf(1, 10, 50, 50), nil},
		{"a batch in which one lane stands still", after1, batchOf(2, 10, 300, 400), nil},
		{"a first batch with id 0 conflicts", State{}, batchOf(0, 10, 50, 50), ErrBatchConflict},
		{"a first batch with id 2 leaves a gap", State{}, batchOf(2, 10, 50, 50), ErrBatchGap},
		{"an id after the next leaves a gap", after1, batchOf(3, 10, 400, 400), ErrBatchGap},
		{"an id beyond the maximum is never retryable", after1, batchOf(4, 10, 400, 400), ErrTooManyBatches},
		{"an old id without its row conflicts", after1, stored, ErrBatchConflict},
		{"a short root", State{}, Batch{1, 10, make([]byte, 31), []uint64{50, 50}}, ErrRootSize},
		{"a long root", State{}, Batch{1, 10, make([]byte, 33), []uint64{50, 50}}, ErrRootSize},
		{"a lane missing", State{}, batchOf(1, 10, 100), ErrLaneCount},
		{"a lane too many", State{}, batchOf(1, 10, 50, 50, 0), ErrLaneCount},
		{"a lane at 2^48", State{}, batchOf(1, 10, 0, 1<<48), ErrLaneBound},
		{"a lane that falls by one", after1, batchOf(2, 10, 299, 400), ErrLaneFalls},
		{"no claims", State{}, batchOf(1, 0, 50, 50), ErrCount},
		{"as many claims as nonces", State{}, batchOf(1, 2, 1, 1), nil},
		{"one claim more than nonces", State{}, batchOf(1, 3, 1, 1), ErrCountOfRange},
		{"as many claims as nonces since the last batch", after1, batchOf(2, 10, 305, 305), nil},
		{"one claim more than nonces since the last batch", after1, batchOf(2, 10, 305, 304), ErrCountOfRange},
		{"exactly the node's maximum", after1, batchOf(2, 10, 400, 400), nil},
		{"one above the node's maximum", after1, batchOf(2, 11, 400, 400), ErrTooManyNonces},
		{"claims sparser than chance", State{}, batchOf(1, 1, 1<<20, 1<<20), ErrSparseClaims},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := AcceptBatch(tc.state, tc.batch, testLimits)
			if !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
			want := tc.state
			if tc.err == nil {
				want = State{LastID: tc.batch.ID, Claimed: tc.state.Claimed + tc.batch.Count, LaneNext: tc.batch.LaneNext}
			}
			if got.LastID != want.LastID || got.Claimed != want.Claimed || !slices.Equal(got.LaneNext, want.LaneNext) {
				t.Fatalf("state %+v, want %+v", got, want)
			}
		})
	}
}

func TestTheLargestBatchIsAcceptedAndOneMoreIsNot(t *testing.T) {
	limits := Limits{Lanes: 1, MaxBatches: 1, MaxNonces: 1 << 22, ValidFraction: fixed.One / 10}
	if _, err := AcceptBatch(State{}, batchOf(1, 65_536, 650_000), limits); err != nil {
		t.Fatal(err)
	}
	if _, err := AcceptBatch(State{}, batchOf(1, 65_537, 650_000), limits); !errors.Is(err, ErrCount) {
		t.Fatalf("got %v", err)
	}
}

func TestTheSameBytesAgainAreRepeatedAndOthersConflict(t *testing.T) {
	stored := batchOf(1, 90, 300, 300)
	state := State{LastID: 2, Claimed: 95, LaneNext: []uint64{330, 330}, Stored: &stored}
	for _, tc := range []struct {
		name  string
		batch Batch
		err   error
	}{
		{"the same bytes", batchOf(1, 90, 300, 300), ErrBatchRepeated},
		{"another count", batchOf(1, 91, 300, 300), ErrBatchConflict},
		{"another lane", batchOf(1, 90, 300, 301), ErrBatchConflict},
		{"another root", Batch{1, 90, append([]byte{1}, make([]byte, 31)...), []uint64{300, 300}}, ErrBatchConflict},
		{"another id with those bytes", batchOf(2, 90, 300, 300), ErrBatchConflict},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := AcceptBatch(state, tc.batch, testLimits)
			if !errors.Is(err, tc.err) || got.LastID != 2 || got.Claimed != 95 {
				t.Fatalf("got %+v, %v; want %v", got, err, tc.err)
			}
		})
	}
}

func TestImpossibleLimitsAreNamed(t *testing.T) {
	for _, limits := range []Limits{
		{Lanes: 0, MaxBatches: 1, MaxNonces: 1},
		{Lanes: 65, MaxBatches: 1, MaxNonces: 1},
		{Lanes: 1, MaxBatches: 1, MaxNonces: 1, ValidFraction: fixed.One + 1},
	} {
		if _, err := AcceptBatch(State{}, batchOf(1, 1, 1), limits); !errors.Is(err, ErrLimits) {
			t.Fatalf("%+v: got %v", limits, err)
		}
	}
}

func TestAcceptedStateDoesNotAliasTheMessage(t *testing.T) {
	batch := batchOf(1, 10, 50, 50)
	state, err := AcceptBatch(State{}, batch, testLimits)
	if err != nil {
		t.Fatal(err)
	}
	batch.LaneNext[0] = 7
	if state.LaneNext[0] != 50 {
		t.Fatal("the state changed with the message")
	}
}

func TestDenseAtItsBoundaries(t *testing.T) {
	const tenth = fixed.One / 10
	for _, tc := range []struct {
		name string
		c, w uint64
		p    fixed.Dec
		want bool
	}{
		{"nothing walked, nothing owed", 0, 0, tenth, true},
		{"m = 0 while p·w stays below 1", 0, 9, tenth, true},
		{"m = c", 100, 1000, tenth, true},
		{"m below c", 101, 1000, tenth, true},
		// m = 1000: 36·1000 + 4096 = 40,096, whose root is 200.24.
		{"a gap of 200 at m = 1000", 800, 10_000, tenth, true},
		{"a gap of 201 at m = 1000", 799, 10_000, tenth, false},
		// m = 153: 36·153 + 4096 = 9,604 = 98².
		{"a gap of exactly the bound", 55, 1530, tenth, true},
		{"one claim below the bound", 54, 1530, tenth, false},
		// m = 80: 36·80 + 4096 = 6,976, root 83.5: no claims at all pass.
		{"none of 80 expected", 0, 800, tenth, true},
		// m = 85: 7,156, root 84.6.
		{"none of 85 expected", 0, 850, tenth, false},
		{"the largest walk, all valid, none claimed", 0, 64 * (1<<48 - 1), fixed.One, false},
		{"the largest walk, all claimed", 64 * (1<<48 - 1), 64 * (1<<48 - 1), fixed.One, true},
		{"2^64 − 1 walked, all owed", 1<<64 - 2, 1<<64 - 1, fixed.One, true},
		{"a gap whose square passes 2^64", 1, 1<<64 - 1, fixed.One, false},
		{"more owed than 64 bits hold", 1<<64 - 1, 1<<64 - 1, fixed.One + 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Dense(tc.c, tc.w, tc.p); got != tc.want {
				t.Fatalf("got %v", got)
			}
		})
	}
}

func TestDenseEqualsTheRuleInBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.Uint64().Draw(t, "w")
		p := rapid.Uint64Range(0, uint64(fixed.One)).Draw(t, "p")
		m := new(big.Int).Mul(new(big.Int).SetUint64(p), new(big.Int).SetUint64(w))
		m.Quo(m, new(big.Int).SetUint64(uint64(fixed.One)))
		bound := new(big.Int).Mul(m, big.NewInt(36))
		bound.Add(bound, big.NewInt(4096))
		edge := new(big.Int).Sub(m, new(big.Int).Sqrt(bound))
		edge.Add(edge, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
		if edge.Sign() < 0 {
			edge.SetInt64(0)
		}
		c := edge.Uint64()
		gap := new(big.Int).Sub(m, edge)
		want := gap.Sign() <= 0 || new(big.Int).Mul(gap, gap).Cmp(bound) <= 0
		if got := Dense(c, w, fixed.Dec(p)); got != want {
			t.Fatalf("Dense(%d, %d, %d) = %v", c, w, p, got)
		}
	})
}

// Whatever is submitted, in any order and repeatedly, what the chain counts is
// what the accepted batches claim, within what their ranges hold.
func TestAcceptedBatchesNeverClaimMoreThanTheirRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, rows, claimed := State{}, map[uint64]Batch{}, uint64(0)
		for range rapid.IntRange(1, 12).Draw(t, "messages") {
			batch := batchOf(rapid.Uint64Range(0, 4).Draw(t, "id"), rapid.Uint64Range(0, 60).Draw(t, "count"),
				rapid.Uint64Range(0, 300).Draw(t, "lane 0"), rapid.Uint64Range(0, 300).Draw(t, "lane 1"))
			state.Stored = nil
			if row, ok := rows[batch.ID]; ok {
				state.Stored = &row
			}
			next, err := AcceptBatch(state, batch, testLimits)
			if err == nil {
				rows[batch.ID], claimed = batch, claimed+batch.Count
			}
			state = next
		}
		var walked uint64
		for _, k := range state.LaneNext {
			walked += k
		}
		if state.Claimed != claimed || claimed > walked || claimed > testLimits.MaxNonces ||
			state.LastID != uint64(len(rows)) || state.LastID > testLimits.MaxBatches {
			t.Fatalf("state %+v after %d batches claiming %d", state, len(rows), claimed)
		}
	})
}
