package weight

import (
	"bytes"
	"cmp"
	"errors"
	"math/bits"
	"slices"
	"sort"
)

// MaxTotalPower bounds the consensus powers together: exact in every float64
// that reads them, and far below CometBFT's own limit.
const MaxTotalPower = uint64(1) << 53

// ErrEmptySet means that no host has weight, so that nobody could sign.
var ErrEmptySet = errors.New("weight: a validator set cannot be empty")

// Candidate is a host that may validate.
type Candidate struct {
	Address []byte // raw address
	Weight  uint64
}

// Power is a validator's consensus power, above 0.
type Power struct {
	Address []byte
	Power   uint64
}

// ConsensusPowers returns the validators of an epoch by falling weight, ties
// by rising address: the first maxValidators of them, capped by Cap, and
// shifted down by one power of two when they pass MaxTotalPower together.
// Hosts whose power is then 0 are out. It fails with ErrEmptySet when nobody
// is left.
func ConsensusPowers(candidates []Candidate, maxValidators uint64) ([]Power, error) {
	top := slices.Clone(candidates)
	slices.SortFunc(top, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), bytes.Compare(a.Address, b.Address))
	})
	top = top[:min(uint64(len(top)), maxValidators)]
	powers := make([]uint64, len(top))
	for i, c := range top {
		powers[i] = c.Weight
	}
	if limit, ok := Cap(powers); ok {
		for i := range powers {
			powers[i] = min(powers[i], limit)
		}
	}
	shift := downscale(powers)
	set := make([]Power, 0, len(top))
	for i, c := range top {
		if power := powers[i] >> shift; power > 0 {
			set = append(set, Power{Address: c.Address, Power: power})
		}
	}
	if len(set) == 0 {
		return nil, ErrEmptySet
	}
	return set, nil
}

// Cap returns the largest c, up to the largest weight, with 3c < Σ min(w, c):
// capped there, no host holds a third, so that none can stop the chain alone.
// There is none for three or fewer hosts with weight, however equal.
//
// The difference of the two sides is concave in c and 0 at 0, so that the c
// that fulfil it reach from 1 to the largest one.
func Cap(weights []uint64) (limit uint64, ok bool) {
	if len(weights) == 0 || !spares(weights, 1) {
		return 0, false
	}
	low, high := uint64(1), slices.Max(weights) // low fulfils it
	for low < high {
		middle := high - (high-low)/2
		if spares(weights, middle) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	return low, true
}

// spares reports 3c < Σ min(w, c), in 128 bits.
func spares(weights []uint64, c uint64) bool {
	hi, lo := total(weights, func(w uint64) uint64 { return min(w, c) })
	tripleHi, tripleLo := bits.Mul64(3, c)
	return tripleHi < hi || tripleHi == hi && tripleLo < lo
}

// downscale returns the least shift after which the powers sum to at most
// MaxTotalPower.
func downscale(powers []uint64) int {
	return sort.Search(64, func(shift int) bool {
		hi, lo := total(powers, func(p uint64) uint64 { return p >> shift })
		return hi == 0 && lo <= MaxTotalPower
	})
}

// total sums a function of the values in 128 bits.
func total(values []uint64, of func(uint64) uint64) (hi, lo uint64) {
	for _, v := range values {
		var carry uint64
		lo, carry = bits.Add64(lo, of(v), 0)
		hi += carry
	}
	return hi, lo
}
