package commit

import (
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
)

// BenchmarkCheck200 checks 200 openings spread over the largest batch; the
// goal is 5 ms.
func BenchmarkCheck200(b *testing.B) {
	tree := mustTree(b, ascending(MaxCount))
	want := make([]uint64, 200)
	for i := range want {
		want[i] = uint64(i) * MaxCount / 200
	}
	o, err := tree.Open(want)
	if err != nil {
		b.Fatal(err)
	}
	claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: []uint64{1 << 20}}
	b.ReportMetric(float64(len(o.Siblings)*SummarySize), "proof-bytes")
	for b.Loop() {
		if claim.Check(want, o)[0] != OK {
			b.Fatal("an honest leaf fails")
		}
	}
}

// BenchmarkCheck200Singly opens each leaf in a batch of its own, the most
// hashing that 200 leaves can cost.
func BenchmarkCheck200Singly(b *testing.B) {
	tree := mustTree(b, ascending(MaxCount))
	o, err := tree.Open([]uint64{31_337})
	if err != nil {
		b.Fatal(err)
	}
	claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: []uint64{1 << 20}}
	for b.Loop() {
		for range 200 {
			if claim.Check(o.Index, o)[0] != OK {
				b.Fatal("an honest leaf fails")
			}
		}
	}
}

// BenchmarkAccept256 accepts a whole message of 256 commitments; the goal is
// 5 ms.
func BenchmarkAccept256(b *testing.B) {
	limits := Limits{Lanes: 16, MaxBatches: 256, MaxNonces: 1 << 30, ValidFraction: fixed.One / 10}
	batches := make([]Batch, 256)
	for i := range batches {
		lanes := make([]uint64, 16)
		for l := range lanes {
			lanes[l] = uint64(i+1) * 100
		}
		batches[i] = batchOf(uint64(i+1), 160, lanes...)
	}
	for b.Loop() {
		var state State
		var err error
		for _, batch := range batches {
			if state, err = AcceptBatch(state, batch, limits); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNewTree65536(b *testing.B) {
	positions := ascending(MaxCount)
	for b.Loop() {
		mustTree(b, positions)
	}
}
