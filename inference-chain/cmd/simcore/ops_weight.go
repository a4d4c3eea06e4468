package main

import (
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/timeslot"
	"ninefold.dev/inference-chain/core/weight"
)

// form: outcome, sole member, claimed, credited, jailed, scale now, scale then, then
// for each node standing, claimed, serves, carried … → reason, mined, preserved,
// weight, then for each node reason, weight …
func form(x []uint64) ([]uint64, error) {
	host := weight.Host{Jailed: x[4] == 1, Judgement: poc.Judgement{
		Outcome: poc.Outcome(x[0]), SoleMember: x[1] == 1, Claimed: x[2], Credited: x[3],
	}}
	for i := 7; i+3 < len(x); i += 4 {
		host.Nodes = append(host.Nodes, weight.Node{
			Standing: weight.Standing(x[i]), Claimed: x[i+1], Serves: x[i+2] == 1, Carried: x[i+3],
		})
	}
	formed, err := weight.ComputeNewWeights(host, weight.Round{
		PocPeriod: 1, Generation: 1, Scale: weight.Scale{Now: x[5], Then: x[6]},
	})
	out := []uint64{uint64(formed.Reason), formed.Mined, formed.Preserved, formed.Weight}
	for _, n := range formed.Nodes {
		out = append(out, uint64(n.Reason), n.Weight)
	}
	return out, err
}

// powers: max_validators, weights… → (host, power)… by rank.
func powers(x []uint64) ([]uint64, error) {
	var candidates []weight.Candidate
	for i, w := range x[1:] {
		candidates = append(candidates, weight.Candidate{Address: address(uint64(i)), Weight: w})
	}
	set, err := weight.ConsensusPowers(candidates, x[0])
	var out []uint64
	for _, p := range set {
		out = append(out, uint64(p.Address[len(p.Address)-1])|uint64(p.Address[len(p.Address)-2])<<8, p.Power)
	}
	return out, err
}

// nodeThroughput: weight, per nonce, P, G → throughput.
func nodeThroughput(x []uint64) ([]uint64, error) {
	return []uint64{weight.Throughput(x[0], x[1], x[2], x[3])}, nil
}

// allocate: seed, required, total, fraction, max in row, number of hosts, then for
// each host weight, in row, full weight, fleet changed, then for each node host,
// throughput, pending … → throughput, end, (host, node)…
func allocate(x []uint64) ([]uint64, error) {
	hosts := make([]timeslot.Host, x[5])
	at := 6
	for i := range hosts {
		hosts[i] = timeslot.Host{Address: address(uint64(i)), Weight: x[at], History: timeslot.History{
			PreservedInRow: x[at+1], FullWeight: x[at+2], FleetChanged: x[at+3] == 1,
		}}
		at += 4
	}
	for ; at+2 < len(x); at += 3 {
		host := &hosts[x[at]]
		host.Nodes = append(host.Nodes, timeslot.Node{Throughput: x[at+1], Pending: x[at+2] == 1})
	}
	made, err := timeslot.Allocate(seedOf(x[0]), timeslot.Model{ID: "m", Required: x[1], Total: x[2]}, hosts, timeslot.Limits{
		MaxServingFraction: fixed.Dec(x[3]), MaxConsecutivePreservedEpochs: x[4],
	})
	out := []uint64{made.Throughput, uint64(made.Stop)}
	for _, pick := range made.Picks {
		out = append(out, uint64(pick.Host), uint64(pick.Node))
	}
	return out, err
}

// capPreserved: full weight, weights… → weights…
func capPreserved(x []uint64) ([]uint64, error) {
	return timeslot.CapPreserved(x[1:], x[0])
}
