package main

import (
	"fmt"
	"math"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/timeslot"
)

func init() { registerVectors("timeslot.json", timeslotVectors) }

type timeslotFile struct {
	Spec        string           `json:"spec"`
	Allocations []allocationCase `json:"allocations"`
	Histories   []historyCase    `json:"histories"`
	Capped      []cappedCase     `json:"capped"`
}

type allocationCase struct {
	Name       string         `json:"name"`
	Seed       bytesHex       `json:"seed"`
	Model      string         `json:"model"`
	Required   u64            `json:"required"`
	Total      u64            `json:"total"`
	Fraction   string         `json:"max_serving_fraction"`
	MaxInRow   u64            `json:"max_consecutive_preserved_epochs"`
	Hosts      []slotHostCase `json:"hosts"`
	Picks      []pickCase     `json:"picks"` // in the order of the draws
	Throughput u64            `json:"throughput"`
	Stop       string         `json:"stop"`
}

type slotHostCase struct {
	Address bytesHex       `json:"address"`
	Weight  u64            `json:"weight"`
	InRow   u64            `json:"preserved_in_row"`
	Full    u64            `json:"full_weight"`
	Changed bool           `json:"fleet_changed"`
	Nodes   []slotNodeCase `json:"nodes"`
}

type slotNodeCase struct {
	Throughput u64  `json:"throughput"`
	Pending    bool `json:"pending"`
}

type pickCase struct {
	Host int `json:"host"`
	Node int `json:"node"`
}

// historyCase follows one host through formations, from the zero history.
type historyCase struct {
	Rounds   []roundCase `json:"rounds"`
	MaxInRow u64         `json:"max_consecutive_preserved_epochs"`
}

type roundCase struct {
	Weight    u64  `json:"weight"`
	Preserved bool `json:"any_preserved"`
	Changed   bool `json:"fleet_changed"`
	InRow     u64  `json:"preserved_in_row"`
	Full      u64  `json:"full_weight"`
	Since     bool `json:"changed_since"`
	Eligible  bool `json:"eligible"`
}

type cappedCase struct {
	Weights []u64          `json:"weights"`
	Full    u64            `json:"full_weight"`
	Capped  outcome[[]u64] `json:"capped"`
}

func timeslotVectors() (any, error) {
	file := timeslotFile{Spec: "docs/spec/timeslot.md"}
	if err := addAllocations(&file); err != nil {
		return nil, err
	}
	addHistories(&file)
	for _, c := range []struct {
		weights []uint64
		full    uint64
	}{
		{[]uint64{}, 5},
		{[]uint64{1, 2}, 4},
		{[]uint64{2, 2}, 4},
		{[]uint64{2, 3}, 4},
		{[]uint64{50, 100}, 100},
		{[]uint64{2, 3}, 0},
		{[]uint64{1 << 63, 1<<63 - 1}, 1 << 63},
		{[]uint64{math.MaxUint64, 1}, 1},
	} {
		capped, err := timeslot.CapPreserved(c.weights, c.full)
		file.Capped = append(file.Capped, cappedCase{u64s(c.weights), u64(c.full), outcomeOf(u64s(capped), err)})
	}
	return file, nil
}

// addAllocations draws hosts from a stream of core/draw, and asks each set of them
// for a little, for half and for more than there is.
func addAllocations(file *timeslotFile) error {
	for i, size := range []int{0, 1, 2, 3, 7, 8, 9, 33} {
		hosts, total, err := slotHosts(i, size)
		if err != nil {
			return err
		}
		for _, c := range []struct {
			name     string
			required uint64
			limits   timeslot.Limits
		}{
			{"a tenth", total / 10, timeslot.Limits{MaxServingFraction: fixed.One / 2, MaxConsecutivePreservedEpochs: 2}},
			{"all, half may serve", total, timeslot.Limits{MaxServingFraction: fixed.One / 2, MaxConsecutivePreservedEpochs: 2}},
			{"more than all", total + 1, timeslot.Limits{MaxServingFraction: fixed.One, MaxConsecutivePreservedEpochs: 3}},
		} {
			model := timeslot.Model{ID: fmt.Sprintf("org/model-%d", i), Required: c.required, Total: total}
			made, err := timeslot.Allocate(seedOf("slot"), model, hosts, c.limits)
			if err != nil {
				return err
			}
			file.Allocations = append(file.Allocations, allocationOf(c.name, model, hosts, c.limits, made))
		}
	}
	return nil
}

func slotHosts(set, size int) (hosts []timeslot.Host, total uint64, err error) {
	stream, err := draw.NewStream("vectors", []byte(fmt.Sprintf("timeslot %d", set)))
	if err != nil {
		return nil, 0, err
	}
	below := func(n uint64) uint64 {
		value, drawErr := stream.Uniform(n)
		if drawErr != nil {
			err = drawErr
		}
		return value
	}
	for i := range size {
		host := timeslot.Host{
			Address: []byte{byte(set), byte(i)}, Weight: below(1_000_000),
			History: timeslot.History{PreservedInRow: below(5) / 2, FullWeight: below(16), FleetChanged: below(16) == 0},
		}
		if below(10) == 0 {
			host.Weight = 0
		}
		for range below(5) {
			node := timeslot.Node{Throughput: below(1 << 40), Pending: below(12) == 0}
			total += node.Throughput
			host.Nodes = append(host.Nodes, node)
		}
		hosts = append(hosts, host)
	}
	return hosts, total, err
}

func allocationOf(name string, model timeslot.Model, hosts []timeslot.Host, limits timeslot.Limits, made timeslot.Allocation) allocationCase {
	c := allocationCase{
		Name: name, Seed: seedOf("slot"), Model: model.ID, Required: u64(model.Required), Total: u64(model.Total),
		Fraction: limits.MaxServingFraction.String(), MaxInRow: u64(limits.MaxConsecutivePreservedEpochs),
		Hosts: []slotHostCase{}, Picks: []pickCase{}, Throughput: u64(made.Throughput), Stop: made.Stop.String(),
	}
	for _, host := range hosts {
		h := slotHostCase{
			Address: host.Address, Weight: u64(host.Weight), InRow: u64(host.History.PreservedInRow),
			Full: u64(host.History.FullWeight), Changed: host.History.FleetChanged, Nodes: []slotNodeCase{},
		}
		for _, node := range host.Nodes {
			h.Nodes = append(h.Nodes, slotNodeCase{u64(node.Throughput), node.Pending})
		}
		c.Hosts = append(c.Hosts, h)
	}
	for _, pick := range made.Picks {
		c.Picks = append(c.Picks, pickCase{pick.Host, pick.Node})
	}
	return c
}

func addHistories(file *timeslotFile) {
	full := timeslot.Formed{Weight: 100}
	kept := timeslot.Formed{Weight: 90, AnyPreserved: true}
	changed := timeslot.Formed{Weight: 90, AnyPreserved: true, FleetChanged: true}
	for _, limit := range []uint64{0, 1, 2} {
		var h timeslot.History
		made := historyCase{MaxInRow: u64(limit)}
		for _, round := range []timeslot.Formed{kept, full, kept, kept, full, changed, kept, {Weight: 80, FleetChanged: true}, {}} {
			h = h.After(round)
			made.Rounds = append(made.Rounds, roundCase{
				u64(round.Weight), round.AnyPreserved, round.FleetChanged,
				u64(h.PreservedInRow), u64(h.FullWeight), h.FleetChanged, h.Eligible(limit),
			})
		}
		file.Histories = append(file.Histories, made)
	}
}
