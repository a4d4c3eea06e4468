package draw_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/draw"
	"pgregory.net/rapid"
)

// group holds members' weights and answers as the chain's store does.
type group struct {
	weights    []uint64
	cumulative []uint64
	reads      int
}

func newGroup(weights ...uint64) *group {
	g := &group{weights: weights}
	var total uint64
	for _, weight := range weights {
		total += weight
		g.cumulative = append(g.cumulative, total)
	}
	return g
}

func (g *group) Len() int { return len(g.cumulative) }

func (g *group) Cumulative(rank int) (uint64, error) {
	g.reads++
	return g.cumulative[rank], nil
}

func (g *group) interval(rank int) draw.Interval {
	return draw.Interval{Start: g.cumulative[rank] - g.weights[rank], Weight: g.weights[rank]}
}

func (g *group) intervals(ranks ...int) []draw.Interval {
	var out []draw.Interval
	for _, rank := range ranks {
		out = draw.Exclude(out, g.interval(rank))
	}
	return out
}

// naive draws from a list that never held the excluded members, by linear search.
func naive(t require.TestingT, weights []uint64, excluded map[int]bool, seats uint64) draw.Panel {
	var total uint64
	for rank, weight := range weights {
		if !excluded[rank] {
			total += weight
		}
	}
	if total == 0 {
		return draw.Panel{}
	}
	counts := make([]uint64, len(weights))
	stream := jury(t)
	for range seats {
		point, err := stream.Uniform(total)
		require.NoError(t, err)
		for rank, weight := range weights {
			if excluded[rank] {
				continue
			}
			if point < weight {
				counts[rank]++
				break
			}
			point -= weight
		}
	}
	panel := draw.Panel{Electorate: total}
	for rank, count := range counts {
		if count > 0 {
			panel.Seats = append(panel.Seats, draw.Seat{Rank: rank, Count: count})
		}
	}
	return panel
}

func TestJuryEqualsTheReference(t *testing.T) {
	g := newGroup(5, 0, 10, 3, 7, 100)
	panel, err := draw.Jury(draw.JuryDraw{
		Seed: seed, Host: host, Members: g, Excluded: g.intervals(5, 2), Seats: 32,
	})
	require.NoError(t, err)
	require.Equal(t, draw.Panel{
		Electorate: 15,
		Seats:      []draw.Seat{{Rank: 0, Count: 12}, {Rank: 3, Count: 7}, {Rank: 4, Count: 13}},
	}, panel)
}

func TestJuryEqualsRemovingTheExcludedMembersFromTheList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(0, 1<<40))
		weights := rapid.SliceOfN(weight, 0, 24).Draw(t, "weights")
		flags := rapid.SliceOfN(rapid.Bool(), len(weights), len(weights)).Draw(t, "excluded")
		seats := rapid.Uint64Range(0, 64).Draw(t, "seats")
		g := newGroup(weights...)
		excluded := map[int]bool{}
		var intervals []draw.Interval
		for rank, out := range flags {
			if out {
				excluded[rank] = true
				intervals = draw.Exclude(intervals, g.interval(rank))
			}
		}
		got, err := draw.Jury(draw.JuryDraw{
			Seed: seed, Host: host, Members: g, Excluded: intervals, Seats: seats,
		})
		require.NoError(t, err)
		require.Equal(t, naive(t, weights, excluded, seats), got)
	})
}

func TestJuryWithoutElectorateSeatsNobody(t *testing.T) {
	cases := []struct {
		name     string
		members  draw.Members
		excluded []draw.Interval
	}{
		{"no members", newGroup(), nil},
		{"no group", nil, nil},
		{"only members without weight", newGroup(0, 0), nil},
		{"the only member is the host", newGroup(9), newGroup(9).intervals(0)},
		{"everybody is excluded", newGroup(1, 2, 3), newGroup(1, 2, 3).intervals(2, 0, 1)},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			panel, err := draw.Jury(draw.JuryDraw{
				Seed: seed, Host: host, Members: tc.members, Excluded: tc.excluded, Seats: 32,
			})
			require.NoError(t, err)
			require.Zero(t, panel.Electorate)
			require.Empty(t, panel.Seats)
		})
	}
}

func TestJuryDrawsUpToTheLargestTotalWeight(t *testing.T) {
	g := newGroup(math.MaxUint64-2, 1, 1)
	panel, err := draw.Jury(draw.JuryDraw{
		Seed: seed, Host: host, Members: g, Excluded: g.intervals(0), Seats: 16,
	})
	require.NoError(t, err)
	require.Equal(t, uint64(2), panel.Electorate)
	require.Equal(t, uint64(16), panel.Seats[0].Count+panel.Seats[1].Count)
	require.Equal(t, 1, panel.Seats[0].Rank)
}

func TestJuryReadsLogarithmicallyManyRows(t *testing.T) {
	weights := make([]uint64, 10_000)
	for i := range weights {
		weights[i] = uint64(i % 97)
	}
	g := newGroup(weights...)
	_, err := draw.Jury(draw.JuryDraw{Seed: seed, Host: host, Members: g, Seats: 32})
	require.NoError(t, err)
	require.LessOrEqual(t, g.reads, 1+32*14)
}

func TestJuryRefusesInconsistentIntervals(t *testing.T) {
	cases := []struct {
		name     string
		excluded []draw.Interval
	}{
		{"overlapping", []draw.Interval{{Start: 0, Weight: 3}, {Start: 2, Weight: 1}}},
		{"descending", []draw.Interval{{Start: 5, Weight: 1}, {Start: 0, Weight: 1}}},
		{"one past the total", []draw.Interval{{Start: 9, Weight: 2}}},
		{"wrapping around", []draw.Interval{{Start: 5, Weight: math.MaxUint64}}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := draw.Jury(draw.JuryDraw{
				Seed: seed, Host: host, Members: newGroup(4, 6), Excluded: tc.excluded, Seats: 1,
			})
			require.ErrorIs(t, err, draw.ErrExcluded)
		})
	}
}

var errStore = errors.New("store is closed")

type brokenGroup struct{ failAt int }

func (brokenGroup) Len() int { return 2 }

func (g brokenGroup) Cumulative(rank int) (uint64, error) {
	if rank == g.failAt {
		return 0, fmt.Errorf("rank %d: %w", rank, errStore)
	}
	return uint64(rank + 1), nil
}

func TestJuryHandsOnAFailedLookup(t *testing.T) {
	for _, failAt := range []int{0, 1} {
		d := draw.JuryDraw{Seed: seed, Host: host, Members: brokenGroup{failAt}, Seats: 32}
		_, err := draw.Jury(d)
		require.ErrorIs(t, err, errStore)
	}
	_, err := draw.Jury(draw.JuryDraw{Host: host, Members: newGroup(1), Seats: 1})
	require.ErrorIs(t, err, draw.ErrSeedLength)
}

func TestExcludeKeepsOrderAndTheCallersList(t *testing.T) {
	g := newGroup(1, 2, 3, 4)
	jailed := g.intervals(3, 1)
	require.Equal(t, []draw.Interval{{Start: 1, Weight: 2}, {Start: 6, Weight: 4}}, jailed)
	withHost := draw.Exclude(jailed, g.interval(2))
	require.Equal(t, []draw.Interval{{Start: 1, Weight: 2}, {Start: 3, Weight: 3}, {Start: 6, Weight: 4}}, withHost)
	require.Equal(t, withHost, draw.Exclude(withHost, g.interval(3)), "a jailed host is left out once")
	require.Len(t, jailed, 2)
}

func BenchmarkJuryOf32SeatsAmong10000Members(b *testing.B) {
	weights := make([]uint64, 10_000)
	for i := range weights {
		weights[i] = uint64(i%97 + 1)
	}
	g := newGroup(weights...)
	excluded := g.intervals(17, 4711)
	for b.Loop() {
		d := draw.JuryDraw{Seed: seed, Host: host, Members: g, Excluded: excluded, Seats: 32}
		if _, err := draw.Jury(d); err != nil {
			b.Fatal(err)
		}
	}
}
