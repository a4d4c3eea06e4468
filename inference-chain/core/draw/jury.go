package draw

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

var (
	// ErrExcluded reports excluded intervals that are not ascending, overlap, or
	// reach beyond the total weight.
	ErrExcluded = errors.New("draw: excluded intervals must be ascending, disjoint and inside the total weight")
	// ErrCumulative reports a draw that no member's cumulative weight covers.
	ErrCumulative = errors.New("draw: cumulative weights do not rise to the total weight")
)

// Members gives the electorate of a jury by rank: members in ascending order of
// address, as written at formation. It is a lookup and not a slice because a jury
// is computed when asked, and reads about Seats·log2(Len) rows of the store.
type Members interface {
	// Len is the number of members.
	Len() int
	// Cumulative is the weight of members 0 … rank together. It never falls.
	Cumulative(rank int) (uint64, error)
}

// Interval is the weight one member occupies among the cumulative weights:
// [Start, Start+Weight).
type Interval struct {
	Start, Weight uint64
}

// JuryDraw is everything that decides a jury.
type JuryDraw struct {
	Seed     []byte     // hash of POC_VALIDATION_START, 32 bytes
	Host     []byte     // raw address of the judged host
	Members  Members    // the effective epoch's root group
	Excluded []Interval // the host itself and jailed members, ascending
	Seats    uint64     // draws, with replacement
}

// Seat says how many times a member was drawn.
type Seat struct {
	Rank  int    // index into Members
	Count uint64 // at least 1
}

// Panel is the outcome of drawing a jury.
type Panel struct {
	// Electorate is T′, the weight that could be drawn. Zero means that nobody may
	// judge this host; Seats is then empty.
	Electorate uint64
	// Seats lists the drawn members by ascending rank; counts sum to JuryDraw.Seats.
	Seats []Seat
}

// Jury draws the judges of a host, each seat with probability proportional to
// weight among the members that are not excluded.
//
// Instead of copying the list without the excluded members, a draw from [0, T′)
// is shifted over every excluded interval that starts at or below it.
func Jury(d JuryDraw) (Panel, error) {
	stream, err := JuryStream(d.Seed, d.Host)
	if err != nil {
		return Panel{}, err
	}
	total, err := totalWeight(d.Members)
	if err != nil {
		return Panel{}, err
	}
	electorate, err := electorate(total, d.Excluded)
	if err != nil || electorate == 0 {
		return Panel{}, err
	}
	ranks := make([]int, 0, min(d.Seats, 128))
	for range d.Seats {
		point, err := stream.Uniform(electorate)
		if err != nil {
			return Panel{}, err
		}
		rank, err := find(d.Members, shift(point, d.Excluded))
		if err != nil {
			return Panel{}, err
		}
		ranks = append(ranks, rank)
	}
	return Panel{Electorate: electorate, Seats: countSeats(ranks)}, nil
}

// Exclude adds one member's interval to ascending intervals, keeping the order.
// Adding an interval that is already there changes nothing: a jailed host is not
// left out twice. The argument is not modified, so that one list of jailed
// members serves the juries of all hosts.
func Exclude(intervals []Interval, member Interval) []Interval {
	at, found := slices.BinarySearchFunc(intervals, member, func(a, b Interval) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.Weight, b.Weight))
	})
	if found {
		return intervals
	}
	return slices.Insert(slices.Clone(intervals), at, member)
}

func totalWeight(members Members) (uint64, error) {
	if members == nil || members.Len() == 0 {
		return 0, nil
	}
	return members.Cumulative(members.Len() - 1)
}

func electorate(total uint64, excluded []Interval) (uint64, error) {
	var end, weight uint64
	for _, interval := range excluded {
		next, carry := bits.Add64(interval.Start, interval.Weight, 0)
		if carry != 0 || interval.Start < end || next > total {
			return 0, fmt.Errorf("%w: [%d, +%d) after %d, total %d",
				ErrExcluded, interval.Start, interval.Weight, end, total)
		}
		end = next
		weight += interval.Weight
	}
	return total - weight, nil
}

func shift(point uint64, excluded []Interval) uint64 {
	for _, interval := range excluded {
		if interval.Start > point {
			break
		}
		point += interval.Weight
	}
	return point
}

// find returns the member whose interval covers point. sort.Search cannot be
// used: a lookup may fail.
func find(members Members, point uint64) (int, error) {
	low, high := 0, members.Len()
	for low < high {
		middle := int(uint(low+high) >> 1)
		cumulative, err := members.Cumulative(middle)
		if err != nil {
			return 0, err
		}
		if cumulative > point {
			high = middle
		} else {
			low = middle + 1
		}
	}
	if low == members.Len() {
		return 0, fmt.Errorf("%w: nobody covers %d", ErrCumulative, point)
	}
	return low, nil
}

func countSeats(ranks []int) []Seat {
	slices.Sort(ranks)
	var seats []Seat
	for _, rank := range ranks {
		if last := len(seats) - 1; last >= 0 && seats[last].Rank == rank {
			seats[last].Count++
			continue
		}
		seats = append(seats, Seat{Rank: rank, Count: 1})
	}
	return seats
}
