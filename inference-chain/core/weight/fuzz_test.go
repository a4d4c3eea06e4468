package weight

import (
	"testing"

	"ninefold.dev/inference-chain/core/poc"
)

// FuzzComputeNewWeights forms hosts from arbitrary facts: what contradicts
// itself is an error, never a panic, and weight always has a reason.
func FuzzComputeNewWeights(f *testing.F) {
	f.Add(byte(1), uint64(100), uint64(98), []byte{0, 100, 40, 1, 7, 9}, uint64(1), uint64(1), uint64(61))
	f.Add(byte(5), uint64(1<<64-1), uint64(1<<63), []byte{0, 255, 255}, uint64(1<<63), uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, outcome byte, claimed, credited uint64, nodes []byte, now, then, generation uint64) {
		host := Host{
			Jailed:    outcome&0x80 != 0,
			Judgement: poc.Judgement{Outcome: poc.Outcome(outcome & 0x0f), Claimed: claimed, Credited: credited},
		}
		for ; len(nodes) >= 3; nodes = nodes[3:] {
			host.Nodes = append(host.Nodes, Node{
				Standing: Standing(nodes[0] >> 1), Serves: nodes[0]&1 == 1, Models: []string{"m/a"},
				Claimed: uint64(nodes[1]), Carried: uint64(nodes[2]) << 56,
			})
		}
		round := testRound()
		round.Scale, round.Generation = Scale{now, then}, generation
		got, err := ComputeNewWeights(host, round)
		if err != nil {
			return
		}
		if got.Reason == 0 || got.Mined > credited || got.Weight != got.Mined+got.Preserved {
			t.Fatalf("got %+v", got)
		}
		for _, n := range got.Nodes {
			if n.Reason == 0 {
				t.Fatalf("node %+v has no reason", n)
			}
		}
	})
}

// BenchmarkComputeNewWeights forms a host of ten nodes that list eight models.
func BenchmarkComputeNewWeights(b *testing.B) {
	round := testRound()
	host := Host{Judgement: judgedAs(poc.Accepted, 10_000, 9_800)}
	for range 10 {
		n := prover("n", 1000)
		n.Models = []string{"m/a", "m/b", "m/c", "m/d", "m/e", "m/f", "m/g", "m/h"}
		host.Nodes = append(host.Nodes, n)
	}
	for b.Loop() {
		if _, err := ComputeNewWeights(host, round); err != nil {
			b.Fatal(err)
		}
	}
}
