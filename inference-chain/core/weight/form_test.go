package weight

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
	"pgregory.net/rapid"
)

func testRound() Round {
	return Round{
		ThroughputPerNonce: map[string]uint64{"m/a": 2_000_000, "m/b": 500_000},
		PocPeriod:          245, Generation: 61, Scale: Unscaled,
	}
}

func judgedAs(o poc.Outcome, claimed, credited uint64) poc.Judgement {
	return poc.Judgement{Outcome: o, Claimed: claimed, Credited: credited}
}

func prover(id string, claimed uint64) Node {
	return Node{ID: id, Claimed: claimed, Models: []string{"m/a"}}
}

func server(id string, carried uint64) Node {
	return Node{ID: id, Serves: true, Carried: carried, Models: []string{"m/b"}}
}

func TestComputeNewWeightsGivesEveryHostAndNodeItsReason(t *testing.T) {
	two := []Node{prover("p", 100), server("s", 40)}
	type node struct {
		reason Reason
		weight uint64
	}
	for _, tc := range []struct {
		name      string
		host      Host
		reason    Reason
		mined     uint64
		preserved uint64
		nodes     []node
	}{
		{
			"an accepted host",
			Host{Judgement: judgedAs(poc.Accepted, 100, 98), Nodes: two},
			Accepted, 98, 40,
			[]node{{Mined, 98}, {Preserved, 40}},
		},
		{
			"a credit is rounded down for each node",
			Host{Judgement: judgedAs(poc.Accepted, 99, 98), Nodes: []Node{prover("a", 33), prover("b", 66)}},
			Accepted, 97, 0,
			[]node{{Mined, 32}, {Mined, 65}},
		},
		{
			"an accepted host with an idle node",
			Host{Judgement: judgedAs(poc.Accepted, 9, 9), Nodes: []Node{prover("a", 9), prover("b", 0)}},
			Accepted, 9, 0,
			[]node{{Mined, 9}, {NoBatch, 0}},
		},
		{
			"a sole member",
			Host{
				Judgement: poc.Judgement{Outcome: poc.Accepted, SoleMember: true, Claimed: 100, Credited: 100},
				Nodes:     two,
			},
			SoleMember, 100, 40,
			[]node{{Mined, 100}, {Preserved, 40}},
		},
		{
			"no quorum touches the mined part alone",
			Host{Judgement: judgedAs(poc.NoQuorum, 100, 70), Nodes: two},
			NoQuorum, 70, 40,
			[]node{{NoQuorum, 70}, {Preserved, 40}},
		},
		{
			"below the minimum touches the mined part alone",
			Host{Judgement: judgedAs(poc.BelowMinimum, 100, 0), Nodes: two},
			BelowMinimum, 0, 40,
			[]node{{BelowMinimum, 0}, {Preserved, 40}},
		},
		{
			"no batch touches the mined part alone",
			Host{Judgement: judgedAs(poc.NoBatch, 0, 0), Nodes: []Node{prover("p", 0), server("s", 40)}},
			NoBatch, 0, 40,
			[]node{{NoBatch, 0}, {Preserved, 40}},
		},
		{
			"a host whose nodes all served",
			Host{Judgement: judgedAs(poc.NoBatch, 0, 0), Nodes: []Node{server("s", 40), server("t", 2)}},
			Preserved, 0, 42,
			[]node{{Preserved, 40}, {Preserved, 2}},
		},
		{
			"fraud takes everything",
			Host{Judgement: judgedAs(poc.Fraud, 100, 0), Nodes: two},
			Fraud, 0, 0,
			[]node{{Fraud, 0}, {Fraud, 0}},
		},
		{
			"rejection takes everything",
			Host{Judgement: judgedAs(poc.Rejected, 100, 0), Nodes: two},
			Rejected, 0, 0,
			[]node{{Rejected, 0}, {Rejected, 0}},
		},
		{
			"unavailable openings take everything",
			Host{Judgement: judgedAs(poc.Unavailable, 100, 0), Nodes: two},
			Unavailable, 0, 0,
			[]node{{Unavailable, 0}, {Unavailable, 0}},
		},
		{
			"jail takes everything",
			Host{Jailed: true, Judgement: judgedAs(poc.Accepted, 100, 100), Nodes: two},
			Jailed, 0, 0,
			[]node{{Jailed, 0}, {Jailed, 0}},
		},
		{
			"fraud is named before jail",
			Host{Jailed: true, Judgement: judgedAs(poc.Fraud, 100, 0), Nodes: two},
			Fraud, 0, 0,
			[]node{{Fraud, 0}, {Fraud, 0}},
		},
		{
			"what a serving node mined does not count",
			Host{
				Judgement: judgedAs(poc.Accepted, 100, 100),
				Nodes:     []Node{prover("p", 100), {ID: "s", Serves: true, Carried: 40, Claimed: 999}},
			},
			Accepted, 100, 40,
			[]node{{Mined, 100}, {Preserved, 40}},
		},
		{
			"late and removed nodes say so",
			Host{Judgement: judgedAs(poc.Accepted, 100, 100), Nodes: []Node{
				prover("p", 100),
				{ID: "late", Standing: Late},
				{ID: "gone", Standing: Gone, Serves: true, Carried: 7},
			}},
			Accepted, 100, 0,
			[]node{{Mined, 100}, {NotInFleet, 0}, {Removed, 0}},
		},
		{
			"a host that came after POC_START",
			Host{Judgement: judgedAs(poc.NoBatch, 0, 0), Nodes: []Node{{ID: "late", Standing: Late}}},
			NotInFleet, 0, 0,
			[]node{{NotInFleet, 0}},
		},
		{
			"a host that removed all its nodes",
			Host{Judgement: judgedAs(poc.NoBatch, 0, 0), Nodes: []Node{{ID: "gone", Standing: Gone}}},
			Removed, 0, 0,
			[]node{{Removed, 0}},
		},
		{
			"a host without any node",
			Host{Judgement: judgedAs(poc.NoBatch, 0, 0)},
			NotInFleet, 0, 0, nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ComputeNewWeights(tc.host, testRound())
			if err != nil || got.Reason != tc.reason || got.Mined != tc.mined || got.Preserved != tc.preserved ||
				got.Weight != tc.mined+tc.preserved || len(got.Nodes) != len(tc.nodes) {
				t.Fatalf("got %+v, %v", got, err)
			}
			for i, want := range tc.nodes {
				n := got.Nodes[i]
				if n.ID != tc.host.Nodes[i].ID || n.Claimed != tc.host.Nodes[i].Claimed ||
					n.Reason != want.reason || n.Weight != want.weight {
					t.Fatalf("node %d is %+v, want %v with %d", i, n, want.reason, want.weight)
				}
			}
		})
	}
}

func TestANodeBelongsToItsFirstModelThatTheSnapshotKnows(t *testing.T) {
	for _, tc := range []struct {
		name       string
		listed     []string
		weight     uint64
		models     []string
		throughput uint64
	}{
		// 100·2·245/61 = 803.27…
		{"the first of its list", []string{"m/a", "m/b"}, 100, []string{"m/a", "m/b"}, 803},
		// 100·0.5·245/61 = 200.81…
		{"preference, not the order of ids", []string{"m/b", "m/a"}, 100, []string{"m/b", "m/a"}, 200},
		{"removed models are dropped", []string{"m/x", "m/b"}, 100, []string{"m/b"}, 200},
		{"no model left", []string{"m/x"}, 100, nil, 0},
		{"no model listed", nil, 100, nil, 0},
		// 1·2·245/61 = 8.03…
		{"the smallest weight joins", []string{"m/a"}, 1, []string{"m/a"}, 8},
		{"without weight it joins no subgroup", []string{"m/a"}, 0, nil, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			host := Host{
				Judgement: judgedAs(poc.Accepted, 100, tc.weight),
				Nodes:     []Node{{ID: "n", Models: tc.listed, Claimed: 100}},
			}
			got, err := ComputeNewWeights(host, testRound())
			if err != nil {
				t.Fatal(err)
			}
			n := got.Nodes[0]
			if n.Weight != tc.weight || !reflect.DeepEqual(n.Models, tc.models) || n.Throughput != tc.throughput {
				t.Fatalf("got %+v", n)
			}
		})
	}
}

func TestComputeNewWeightsRefusesFactsThatContradictEachOther(t *testing.T) {
	for _, tc := range []struct {
		name  string
		host  Host
		round Round
		err   error
	}{
		{"a round without generation", Host{Judgement: judgedAs(poc.NoBatch, 0, 0)}, Round{PocPeriod: 1}, ErrLengths},
		{"a host that was not judged", Host{}, testRound(), ErrUnjudged},
		{"a credit above the claims", Host{Judgement: judgedAs(poc.Accepted, 1, 2), Nodes: []Node{prover("p", 1)}}, testRound(), ErrUnjudged},
		{"claims that were not judged", Host{Judgement: judgedAs(poc.Accepted, 1, 1), Nodes: []Node{prover("p", 2)}}, testRound(), ErrClaims},
		{"judged claims that no node has", Host{Judgement: judgedAs(poc.Accepted, 2, 1), Nodes: []Node{prover("p", 1)}}, testRound(), ErrClaims},
		{"claims past 64 bits", Host{
			Judgement: judgedAs(poc.Accepted, 1, 1), Nodes: []Node{prover("p", math.MaxUint64), prover("q", 2)},
		}, testRound(), fixed.ErrOverflow},
		{"preserved weights past 64 bits", Host{
			Judgement: judgedAs(poc.NoBatch, 0, 0), Nodes: []Node{server("s", math.MaxUint64), server("t", 1)},
		}, testRound(), fixed.ErrOverflow},
		{"mined and preserved past 64 bits", Host{
			Judgement: judgedAs(poc.Accepted, 1, 1), Nodes: []Node{server("s", math.MaxUint64), prover("p", 1)},
		}, testRound(), fixed.ErrOverflow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := ComputeNewWeights(tc.host, tc.round); !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
		})
	}
}

func TestWeightsAtTheEdgeOf64Bits(t *testing.T) {
	host := Host{
		Judgement: judgedAs(poc.Accepted, 1<<63, 1<<63-1),
		Nodes:     []Node{prover("p", 1<<63), server("s", 1<<63)},
	}
	got, err := ComputeNewWeights(host, testRound())
	if err != nil || got.Mined != 1<<63-1 || got.Weight != math.MaxUint64 || got.Nodes[0].Throughput != MaxThroughput {
		t.Fatalf("got %+v, %v", got, err)
	}
}

// drawHost draws a host with consistent facts.
func drawHost(t *rapid.T) Host {
	var host Host
	host.Jailed = rapid.IntRange(0, 9).Draw(t, "jailed") == 0
	outcome := poc.Outcome(rapid.IntRange(int(poc.Accepted), int(poc.BelowMinimum)).Draw(t, "outcome"))
	for range rapid.IntRange(0, 5).Draw(t, "nodes") {
		n := Node{
			ID: "n", Standing: Standing(rapid.IntRange(0, 2).Draw(t, "standing")),
			Models:  rapid.SliceOfN(rapid.SampledFrom([]string{"m/a", "m/b", "m/x"}), 0, 3).Draw(t, "models"),
			Claimed: rapid.Uint64Range(0, 1<<40).Draw(t, "claimed"),
			Serves:  rapid.Bool().Draw(t, "serves"), Carried: rapid.Uint64Range(0, 1<<40).Draw(t, "carried"),
		}
		if n.mines() {
			host.Judgement.Claimed += n.Claimed
		}
		host.Nodes = append(host.Nodes, n)
	}
	if host.Judgement.Claimed == 0 {
		outcome = poc.NoBatch
	}
	host.Judgement.Outcome = outcome
	if outcome == poc.Accepted || outcome == poc.NoQuorum {
		host.Judgement.Credited = rapid.Uint64Range(0, host.Judgement.Claimed).Draw(t, "credited")
	}
	return host
}

func TestANodeIsNeverInBothSumsAndAHostNeverMinesMoreThanItsCredit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := drawHost(t)
		got, err := ComputeNewWeights(host, testRound())
		if err != nil {
			t.Fatal(err)
		}
		var mined, preserved uint64
		for i, n := range got.Nodes {
			switch n.Reason {
			case Preserved:
				preserved += n.Weight
				if !host.Nodes[i].Serves {
					t.Fatalf("node %d keeps a weight without serving", i)
				}
			case Mined, NoQuorum:
				mined += n.Weight
				if host.Nodes[i].Serves || n.Weight > n.Claimed {
					t.Fatalf("node %d mines %d of %d", i, n.Weight, n.Claimed)
				}
			default:
				if n.Weight != 0 || n.Reason == 0 {
					t.Fatalf("node %d has %d for the reason %v", i, n.Weight, n.Reason)
				}
			}
		}
		if mined != got.Mined || preserved != got.Preserved || got.Weight != mined+preserved ||
			mined > host.Judgement.Credited || got.Reason == 0 {
			t.Fatalf("got %+v: mined %d, preserved %d", got, mined, preserved)
		}
	})
}

// Whoever splits a node into two has as much or less: of what it mined, of
// what it preserved, and after scaling.
func TestSplittingANodeNeverRaisesAHostsWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		host := drawHost(t)
		if len(host.Nodes) == 0 {
			return
		}
		round := testRound()
		round.Scale = Scale{Now: rapid.Uint64Range(0, 1000).Draw(t, "now"), Then: rapid.Uint64Range(0, 1000).Draw(t, "then")}
		whole, err := ComputeNewWeights(host, round)
		if err != nil {
			t.Fatal(err)
		}
		first := host.Nodes[0]
		second := first
		second.Claimed = rapid.Uint64Range(0, first.Claimed).Draw(t, "claims cut off")
		second.Carried = rapid.Uint64Range(0, first.Carried).Draw(t, "weight cut off")
		first.Claimed, first.Carried = first.Claimed-second.Claimed, first.Carried-second.Carried
		host.Nodes = append([]Node{first, second}, host.Nodes[1:]...)
		split, err := ComputeNewWeights(host, round)
		if err != nil || split.Weight > whole.Weight {
			t.Fatalf("split %d, whole %d, %v", split.Weight, whole.Weight, err)
		}
	})
}

func TestScaleRoundsDownAndCarriesNothingUnmeasured(t *testing.T) {
	for _, tc := range []struct {
		name    string
		scale   Scale
		w, want uint64
	}{
		{"unscaled", Unscaled, math.MaxUint64, math.MaxUint64},
		{"a third as many nonces", Scale{1, 3}, 100, 33},
		{"three times as many", Scale{3, 1}, 100, 300},
		{"the product passes 64 bits", Scale{1 << 62, 1 << 63}, 1 << 63, 1 << 62},
		{"nobody was accepted in both", Scale{}, 100, 0},
		{"a result past 64 bits", Scale{2, 1}, 1 << 63, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.scale.Apply(tc.w); got != tc.want {
				t.Fatalf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestThroughput(t *testing.T) {
	for _, tc := range []struct {
		name                               string
		weight, perNonce, period, generate uint64
		want                               uint64
	}{
		{"one token a nonce and block, P = G", 7, 1_000_000, 10, 10, 7},
		{"rounded down once", 3, 333_333, 10, 1, 9},
		{"no weight", 0, 1_000_000, 10, 10, 0},
		{"no generation", 7, 1_000_000, 10, 0, 0},
		{"the product passes 128 bits", math.MaxUint64, math.MaxUint64, math.MaxUint64, 1, MaxThroughput},
		{"the largest value", MaxThroughput, 1_000_000, 1, 1, MaxThroughput},
		{"one above the largest", MaxThroughput + 1, 1_000_000, 1, 1, MaxThroughput},
		{"one below the largest", MaxThroughput - 1, 1_000_000, 1, 1, MaxThroughput - 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := Throughput(tc.weight, tc.perNonce, tc.period, tc.generate); got != tc.want {
				t.Fatalf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestReasonsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for r := Mined; r <= Genesis; r++ {
		if name := r.String(); name == "unspecified" || seen[name] {
			t.Fatalf("%d is %q", r, name)
		}
		seen[r.String()] = true
	}
	if (Genesis+1).String() != "unspecified" || Reason(0).String() != "unspecified" {
		t.Fatal("a reason beyond the last one has a name")
	}
}
