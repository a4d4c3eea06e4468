package timeslot_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/timeslot"
	"pgregory.net/rapid"
)

var (
	seed   = bytes.Repeat([]byte{7}, 32)
	proven = timeslot.History{FullWeight: 1}
	half   = timeslot.Limits{MaxServingFraction: fixed.One / 2, MaxConsecutivePreservedEpochs: 2}
)

func address(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }

// hostsOf gives each list of throughputs to a host of the same weight.
func hostsOf(throughputs ...[]uint64) []timeslot.Host {
	var hosts []timeslot.Host
	for i, nodes := range throughputs {
		host := timeslot.Host{Address: address(i), Weight: 100, History: proven}
		for j, n := range nodes {
			host.Nodes = append(host.Nodes, timeslot.Node{ID: fmt.Sprint(j), Throughput: n})
		}
		hosts = append(hosts, host)
	}
	return hosts
}

func allocate(t require.TestingT, required, total uint64, hosts []timeslot.Host, limits timeslot.Limits) timeslot.Allocation {
	made, err := timeslot.Allocate(seed, timeslot.Model{ID: "org/a", Required: required, Total: total}, hosts, limits)
	require.NoError(t, err)
	return made
}

func TestAnAllocationStopsAtItsLines(t *testing.T) {
	hosts := hostsOf([]uint64{10, 10}, []uint64{10, 10})
	cases := []struct {
		name     string
		required uint64
		fraction fixed.Dec
		picks    int
		stop     timeslot.Stop
	}{
		{"nothing is required", 0, fixed.One, 0, timeslot.StopRequired},
		{"one node is enough", 10, fixed.One, 1, timeslot.StopRequired},
		{"the node that crosses is kept", 11, fixed.One, 2, timeslot.StopRequired},
		{"half of the model, exactly", 40, fixed.One / 2, 2, timeslot.StopFraction},
		{"just above half: the node that crosses is kept", 40, fixed.One/2 + 1, 3, timeslot.StopFraction},
		{"no share may serve", 40, 0, 0, timeslot.StopFraction},
		{"both lines at once", 20, fixed.One / 2, 2, timeslot.StopRequired},
		{"more is required than there is", 41, fixed.One, 4, timeslot.StopFraction},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			limits := timeslot.Limits{MaxServingFraction: tc.fraction, MaxConsecutivePreservedEpochs: 2}
			made := allocate(t, tc.required, 40, hosts, limits)
			require.Len(t, made.Picks, tc.picks)
			require.Equal(t, uint64(10*tc.picks), made.Throughput)
			require.Equal(t, tc.stop, made.Stop)
		})
	}
}

func TestOnlyEligibleNodesAreTaken(t *testing.T) {
	cases := []struct {
		name   string
		change func(*timeslot.Host)
		limit  uint64
		picks  []timeslot.Pick
	}{
		{"all of them, by added_seq", func(*timeslot.Host) {}, 2, []timeslot.Pick{{0, 0}, {0, 1}, {0, 2}}},
		{"none with a change waiting", func(h *timeslot.Host) { h.Nodes[1].Pending = true }, 2, []timeslot.Pick{{0, 0}, {0, 2}}},
		{"one epoch below the limit", func(h *timeslot.Host) { h.History.PreservedInRow = 1 }, 2, []timeslot.Pick{{0, 0}, {0, 1}, {0, 2}}},
		{"at the limit", func(h *timeslot.Host) { h.History.PreservedInRow = 2 }, 2, nil},
		{"a limit of none", func(*timeslot.Host) {}, 0, nil},
		{"another fleet since the full round", func(h *timeslot.Host) { h.History.FleetChanged = true }, 2, nil},
		{"no full round yet", func(h *timeslot.Host) { h.History.FullWeight = 0 }, 2, nil},
		{"no weight", func(h *timeslot.Host) { h.Weight = 0 }, 2, nil},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			hosts := hostsOf([]uint64{1, 1, 1})
			tc.change(&hosts[0])
			made := allocate(t, 100, 100, hosts, timeslot.Limits{MaxServingFraction: fixed.One, MaxConsecutivePreservedEpochs: tc.limit})
			require.Equal(t, tc.picks, made.Picks)
			require.Equal(t, timeslot.StopExhausted, made.Stop)
		})
	}
}

func TestImpossibleAllocationsAreErrors(t *testing.T) {
	model := timeslot.Model{ID: "org/a", Required: math.MaxUint64, Total: math.MaxUint64}
	all := timeslot.Limits{MaxServingFraction: fixed.One, MaxConsecutivePreservedEpochs: 2}
	_, err := timeslot.Allocate(nil, model, nil, all)
	require.ErrorIs(t, err, draw.ErrSeedLength)
	_, err = timeslot.Allocate(seed, timeslot.Model{}, nil, all)
	require.ErrorIs(t, err, draw.ErrEmptyField)
	swapped := hostsOf([]uint64{1}, []uint64{1})
	swapped[0], swapped[1] = swapped[1], swapped[0]
	_, err = timeslot.Allocate(seed, model, swapped, all)
	require.ErrorIs(t, err, timeslot.ErrHostOrder)
	twice := hostsOf([]uint64{1}, []uint64{1})
	twice[1].Address = twice[0].Address
	_, err = timeslot.Allocate(seed, model, twice, all)
	require.ErrorIs(t, err, timeslot.ErrHostOrder)
	heavy := hostsOf([]uint64{1}, []uint64{1})
	heavy[0].Weight = math.MaxUint64
	_, err = timeslot.Allocate(seed, model, heavy, all)
	require.ErrorIs(t, err, fixed.ErrOverflow)
	fast := hostsOf([]uint64{math.MaxUint64 - 1, 2})
	_, err = timeslot.Allocate(seed, model, fast, all)
	require.ErrorIs(t, err, fixed.ErrOverflow)
}

// slowly allocates by the words of the specification: a list of hosts that is
// searched from its start for every draw.
func slowly(t require.TestingT, model timeslot.Model, hosts []timeslot.Host, limits timeslot.Limits) []timeslot.Pick {
	stream, err := draw.SlotStream(seed, model.ID)
	require.NoError(t, err)
	queues := make([][]int, len(hosts))
	for i, host := range hosts {
		for j, node := range host.Nodes {
			if !node.Pending && host.History.Eligible(limits.MaxConsecutivePreservedEpochs) {
				queues[i] = append(queues[i], j)
			}
		}
	}
	var picks []timeslot.Pick
	var selected uint64
	for selected < model.Required && !limits.MaxServingFraction.AtLeast(selected, model.Total) {
		var total uint64
		for i, host := range hosts {
			if len(queues[i]) > 0 {
				total += host.Weight
			}
		}
		if total == 0 {
			return picks
		}
		point, err := stream.Uniform(total)
		require.NoError(t, err)
		for i, host := range hosts {
			if len(queues[i]) == 0 {
				continue
			}
			if point >= host.Weight {
				point -= host.Weight
				continue
			}
			picks = append(picks, timeslot.Pick{Host: i, Node: queues[i][0]})
			selected += host.Nodes[queues[i][0]].Throughput
			queues[i] = queues[i][1:]
			break
		}
	}
	return picks
}

func anyHosts(t *rapid.T) (hosts []timeslot.Host, total uint64) {
	for i := range rapid.IntRange(0, 20).Draw(t, "hosts") {
		host := timeslot.Host{
			Address: address(i), Weight: rapid.Uint64Range(0, 50).Draw(t, "weight"),
			History: timeslot.History{
				PreservedInRow: rapid.Uint64Range(0, 3).Draw(t, "in row"),
				FullWeight:     rapid.Uint64Range(0, 5).Draw(t, "full"),
				FleetChanged:   rapid.IntRange(0, 4).Draw(t, "changed") == 0,
			},
		}
		for j := range rapid.IntRange(0, 6).Draw(t, "nodes") {
			node := timeslot.Node{
				ID: fmt.Sprint(j), Throughput: rapid.Uint64Range(0, 30).Draw(t, "throughput"),
				Pending: rapid.IntRange(0, 4).Draw(t, "pending") == 0,
			}
			total += node.Throughput
			host.Nodes = append(host.Nodes, node)
		}
		hosts = append(hosts, host)
	}
	return hosts, total
}

func TestAnAllocationEqualsTheListSearchedForEveryDraw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts, total := anyHosts(t)
		model := timeslot.Model{ID: "org/a", Required: rapid.Uint64Range(0, total+10).Draw(t, "required"), Total: total}
		limits := timeslot.Limits{
			MaxServingFraction:            fixed.Dec(rapid.Uint64Range(0, uint64(fixed.One)).Draw(t, "fraction")),
			MaxConsecutivePreservedEpochs: rapid.Uint64Range(0, 3).Draw(t, "limit"),
		}
		made := allocate(t, model.Required, total, hosts, limits)
		require.Equal(t, slowly(t, model, hosts, limits), made.Picks)
		seen := map[timeslot.Pick]bool{}
		var sum uint64
		for i, pick := range made.Picks {
			require.False(t, seen[pick], "a node is taken once")
			seen[pick] = true
			require.True(t, hosts[pick.Host].History.Eligible(limits.MaxConsecutivePreservedEpochs))
			require.False(t, hosts[pick.Host].Nodes[pick.Node].Pending)
			require.Less(t, sum, model.Required, "pick %d comes before the line", i)
			require.False(t, limits.MaxServingFraction.AtLeast(sum, total), "pick %d comes before the line", i)
			sum += hosts[pick.Host].Nodes[pick.Node].Throughput
		}
		require.Equal(t, sum, made.Throughput)
	})
}

func TestHostsAreDrawnByTheirWeight(t *testing.T) {
	hosts := hostsOf([]uint64{1}, []uint64{1})
	hosts[0].Weight, hosts[1].Weight = 3, 1
	const rounds = 4_000
	var first int
	for i := range rounds {
		made, err := timeslot.Allocate(seed, timeslot.Model{ID: fmt.Sprint("m", i), Required: 1, Total: 2}, hosts, half)
		require.NoError(t, err)
		require.Len(t, made.Picks, 1)
		first += 1 - made.Picks[0].Host
	}
	// Six standard deviations of a binomial with 3/4 around 3,000.
	require.InDelta(t, 3_000, first, 165)
}
