package main

import (
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
)

// hostCase forms one host in a round of the models and lengths given.
type hostCase struct {
	Name      string       `json:"name"`
	Models    []modelCase  `json:"models"`
	Period    u64          `json:"poc_period"`
	Generate  u64          `json:"generation"`
	ScaleNow  u64          `json:"scale_now"`
	ScaleThen u64          `json:"scale_then"`
	Jailed    bool         `json:"jailed"`
	Outcome   string       `json:"outcome"`
	Sole      bool         `json:"sole_member"`
	Claimed   u64          `json:"claimed"`
	Credited  u64          `json:"credited"`
	Nodes     []formedNode `json:"nodes"`
	Reason    string       `json:"reason"`
	Mined     u64          `json:"mined"`
	Preserved u64          `json:"preserved"`
	Weight    u64          `json:"weight"`
}

type modelCase struct {
	ID       string `json:"id"`
	PerNonce u64    `json:"throughput_per_nonce"`
}

// formedNode is a node before and after.
type formedNode struct {
	ID         string   `json:"node_id"`
	Standing   string   `json:"standing"` // fleet, late or gone
	Listed     []string `json:"listed_models"`
	Claimed    u64      `json:"claimed"`
	Serves     bool     `json:"poc_slot"`
	Carried    u64      `json:"carried"`
	Reason     string   `json:"reason"`
	Weight     u64      `json:"weight"`
	Models     []string `json:"models"`
	Throughput u64      `json:"throughput"`
}

type namedHost struct {
	name  string
	scale weight.Scale
	host  weight.Host
}

func hostsToForm() []namedHost {
	judged := func(o poc.Outcome, claimed, credited uint64) poc.Judgement {
		return poc.Judgement{Outcome: o, Claimed: claimed, Credited: credited}
	}
	proves := weight.Node{ID: "p", Models: []string{"org/a", "org/b"}, Claimed: 101}
	idle := weight.Node{ID: "i", Models: []string{"org/a"}}
	serves := weight.Node{ID: "s", Models: []string{"org/gone", "org/b"}, Serves: true, Carried: 40}
	late := weight.Node{ID: "l", Models: []string{"org/a"}, Standing: weight.Late}
	gone := weight.Node{ID: "g", Models: []string{"org/a"}, Standing: weight.Gone, Serves: true, Carried: 7}
	homeless := weight.Node{ID: "h", Models: []string{"org/gone"}, Claimed: 52}
	all := []weight.Node{proves, idle, serves, late, gone, homeless}
	sole := judged(poc.Accepted, 153, 153)
	sole.SoleMember = true
	two := weight.Scale{Now: 2, Then: 3}
	return []namedHost{
		{"accepted", weight.Unscaled, weight.Host{Judgement: judged(poc.Accepted, 153, 150), Nodes: all}},
		{"sole member", weight.Unscaled, weight.Host{Judgement: sole, Nodes: all}},
		{"no quorum, the proof changed", two, weight.Host{Judgement: judged(poc.NoQuorum, 153, 99), Nodes: all}},
		{"below the minimum", weight.Unscaled, weight.Host{Judgement: judged(poc.BelowMinimum, 153, 0), Nodes: all}},
		{"fraud", weight.Unscaled, weight.Host{Judgement: judged(poc.Fraud, 153, 0), Nodes: all}},
		{"rejected", weight.Unscaled, weight.Host{Judgement: judged(poc.Rejected, 153, 0), Nodes: all}},
		{"unavailable", weight.Unscaled, weight.Host{Judgement: judged(poc.Unavailable, 153, 0), Nodes: all}},
		{"jailed", weight.Unscaled, weight.Host{Jailed: true, Judgement: judged(poc.Accepted, 153, 153), Nodes: all}},
		{"no batch", weight.Unscaled, weight.Host{Judgement: judged(poc.NoBatch, 0, 0), Nodes: []weight.Node{idle, serves}}},
		{"all nodes serve", two, weight.Host{Judgement: judged(poc.NoBatch, 0, 0), Nodes: []weight.Node{serves}}},
		{"all nodes came late", weight.Unscaled, weight.Host{Judgement: judged(poc.NoBatch, 0, 0), Nodes: []weight.Node{late}}},
		{"all nodes are gone", weight.Unscaled, weight.Host{Judgement: judged(poc.NoBatch, 0, 0), Nodes: []weight.Node{gone}}},
	}
}

func addHosts(file *weightFile) error {
	round := weight.Round{
		ThroughputPerNonce: map[string]uint64{"org/a": 2_000_000, "org/b": 500_000}, PocPeriod: 245, Generation: 61,
	}
	standings := map[weight.Standing]string{weight.Fleet: "fleet", weight.Late: "late", weight.Gone: "gone"}
	for _, c := range hostsToForm() {
		round.Scale = c.scale
		formed, err := weight.ComputeNewWeights(c.host, round)
		if err != nil {
			return err
		}
		j := c.host.Judgement
		made := hostCase{
			Name: c.name, Models: []modelCase{{"org/a", 2_000_000}, {"org/b", 500_000}},
			Period: u64(round.PocPeriod), Generate: u64(round.Generation),
			ScaleNow: u64(c.scale.Now), ScaleThen: u64(c.scale.Then), Jailed: c.host.Jailed,
			Outcome: j.Outcome.String(), Sole: j.SoleMember, Claimed: u64(j.Claimed), Credited: u64(j.Credited),
			Reason: formed.Reason.String(), Mined: u64(formed.Mined), Preserved: u64(formed.Preserved),
			Weight: u64(formed.Weight),
		}
		for i, n := range c.host.Nodes {
			got := formed.Nodes[i]
			made.Nodes = append(made.Nodes, formedNode{
				n.ID, standings[n.Standing], n.Models, u64(n.Claimed), n.Serves, u64(n.Carried),
				got.Reason.String(), u64(got.Weight), append([]string{}, got.Models...), u64(got.Throughput),
			})
		}
		file.Hosts = append(file.Hosts, made)
	}
	return nil
}
