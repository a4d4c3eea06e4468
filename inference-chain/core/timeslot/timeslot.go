// Package timeslot decides which nodes keep serving during PoC, and what a host may
// gain by it.
//
// Source: docs/spec/timeslot.md. Throughputs are tokens a PoC period, weights are
// nonces.
package timeslot

import (
	"bytes"
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
)

// The slots, as indices into a node's allocation and a model's vectors.
const (
	PrePocSlot = 0
	PocSlot    = 1
	// Slots is the length of those vectors.
	Slots = 2
)

// ErrHostOrder reports hosts that do not stand in ascending order of address.
var ErrHostOrder = errors.New("timeslot: hosts must stand in strictly ascending order of address")

// Default is a node's allocation as formation writes it: it serves before PoC the
// model it belongs to, and during PoC nothing.
func Default(belongs bool) []bool {
	return []bool{PrePocSlot: belongs, PocSlot: false}
}

// Node is a node that belongs to the model whose slots are allocated.
type Node struct {
	ID         string
	Throughput uint64
	// Pending says that the node's row has a next version, or its model's registry
	// entry differs from the epoch's snapshot: what it will prove next is not what
	// it proved last, so it cannot keep its weight.
	Pending bool
}

// Host is a participant with the nodes that belong to the model.
type Host struct {
	Address []byte // raw
	Weight  uint64 // its root weight
	History History
	Nodes   []Node // by added_seq
}

// Model is what is asked of the allocation.
type Model struct {
	ID       string
	Required uint64 // what the model served in the last period
	Total    uint64 // throughput of all nodes that belong to it, eligible or not
}

// Limits are the parameters of an allocation.
type Limits struct {
	MaxServingFraction            fixed.Dec
	MaxConsecutivePreservedEpochs uint64
}

// Stop says what ended an allocation.
type Stop uint8

// The ends. A line that is reached before the first draw ends it without a pick.
const (
	StopRequired  Stop = iota + 1 // the required throughput is reached
	StopFraction                  // max_serving_fraction of the model is reached
	StopExhausted                 // no host with weight has an eligible node left
)

// String returns the name of the end as it stands in vectors.
func (s Stop) String() string {
	switch s {
	case StopRequired:
		return "required"
	case StopFraction:
		return "fraction"
	case StopExhausted:
		return "exhausted"
	default:
		return "unspecified"
	}
}

// Pick is one selected node.
type Pick struct {
	Host int // index into the hosts
	Node int // index into that host's nodes
}

// Allocation is the selection for one model, in the order it was drawn.
type Allocation struct {
	Picks      []Pick
	Throughput uint64
	Stop       Stop
}

// Allocate selects the nodes that get POC_SLOT for a model: a host is drawn with
// probability proportional to its weight among those that have an eligible node
// left, its next eligible node is taken, until the required throughput or
// max_serving_fraction of the model's is reached, or nobody is left. The node that
// crosses a line is kept.
//
// A draw below the remaining weight falls on the remaining hosts laid end to end by
// ascending address. It costs O(log hosts), as finding it in a tree of sums does.
func Allocate(seed []byte, model Model, hosts []Host, limits Limits) (Allocation, error) {
	stream, err := draw.SlotStream(seed, model.ID)
	if err != nil {
		return Allocation{}, err
	}
	a := allocating{hosts: hosts, limits: limits, next: make([]int, len(hosts))}
	if err := a.enter(); err != nil {
		return Allocation{}, err
	}
	var made Allocation
	for {
		if made.Stop = a.stop(model, made.Throughput); made.Stop != 0 {
			return made, nil
		}
		point, err := stream.Uniform(a.remaining.total())
		if err != nil {
			return Allocation{}, err
		}
		pick := a.take(a.remaining.find(point))
		made.Picks = append(made.Picks, pick)
		served := hosts[pick.Host].Nodes[pick.Node].Throughput
		if made.Throughput, err = fixed.Add(made.Throughput, served); err != nil {
			return Allocation{}, fmt.Errorf("throughput of %q: %w", model.ID, err)
		}
	}
}

// allocating is the state of one allocation.
type allocating struct {
	hosts     []Host
	limits    Limits
	next      []int // by host: its next eligible node, or the number of its nodes
	remaining sums  // weights of the hosts still in the draw
}

// enter puts every host into the draw that has weight and an eligible node.
func (a *allocating) enter() error {
	weights := make([]uint64, len(a.hosts))
	var total uint64
	for i, host := range a.hosts {
		if i > 0 && bytes.Compare(a.hosts[i-1].Address, host.Address) >= 0 {
			return fmt.Errorf("%w: %X at %d", ErrHostOrder, host.Address, i)
		}
		a.next[i] = len(host.Nodes)
		if host.History.Eligible(a.limits.MaxConsecutivePreservedEpochs) {
			a.next[i] = host.eligibleFrom(0)
		}
		if a.next[i] == len(host.Nodes) {
			continue
		}
		var err error
		if total, err = fixed.Add(total, host.Weight); err != nil {
			return fmt.Errorf("weights of an allocation: %w", err)
		}
		weights[i] = host.Weight
	}
	a.remaining = newSums(weights)
	return nil
}

// eligibleFrom is the first eligible node at or after an index, or their number.
func (h Host) eligibleFrom(at int) int {
	for at < len(h.Nodes) && h.Nodes[at].Pending {
		at++
	}
	return at
}

func (a *allocating) stop(model Model, selected uint64) Stop {
	switch {
	case selected >= model.Required:
		return StopRequired
	case a.limits.MaxServingFraction.AtLeast(selected, model.Total):
		return StopFraction
	case a.remaining.total() == 0:
		return StopExhausted
	default:
		return 0
	}
}

// take takes the next node of a host, and the host out of the draw with its last.
func (a *allocating) take(host int) Pick {
	pick := Pick{Host: host, Node: a.next[host]}
	a.next[host] = a.hosts[host].eligibleFrom(pick.Node + 1)
	if a.next[host] == len(a.hosts[host].Nodes) {
		a.remaining.remove(host, a.hosts[host].Weight)
	}
	return pick
}
