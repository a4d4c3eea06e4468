package poc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"ninefold.dev/inference-chain/core/fixed"
)

// ErrNoFindings means that no seat found anything that a credit could follow.
var ErrNoFindings = errors.New("poc: a credit needs a seat that sampled at least one leaf")

// Findings are one holder's counts, standing for each of its seats.
type Findings struct {
	Holder  []byte // raw address, breaks ties of the ratio
	Seats   uint64
	Sampled uint64
	Invalid uint64
}

// Basis is what decides a credit: the sums over the seats that the trimming
// keeps.
type Basis struct {
	Sampled uint64
	Invalid uint64
}

// TrimmedBasis lists each holder's findings once per seat, m entries, by the
// ratio invalid/sampled and then by address, drops ⌊m/4⌋ at each end, and sums
// the rest. A quarter of lying seats thus moves nothing.
func TrimmedBasis(findings []Findings) (Basis, error) {
	sorted := slices.Clone(findings)
	slices.SortFunc(sorted, func(a, b Findings) int {
		return cmp.Or(fixed.CmpProducts(a.Invalid, b.Sampled, b.Invalid, a.Sampled),
			bytes.Compare(a.Holder, b.Holder))
	})
	var entries uint64
	for _, f := range sorted {
		if f.Sampled == 0 || f.Invalid > f.Sampled {
			return Basis{}, fmt.Errorf("%w: %d invalid of %d", ErrNoFindings, f.Invalid, f.Sampled)
		}
		var err error
		if entries, err = fixed.Add(entries, f.Seats); err != nil {
			return Basis{}, fmt.Errorf("seats: %w", err)
		}
	}
	if entries == 0 {
		return Basis{}, ErrNoFindings
	}
	from := entries / 4
	to := entries - from
	var basis Basis
	var at uint64
	for _, f := range sorted {
		kept := overlap(at, at+f.Seats, from, to)
		at += f.Seats
		if err := basis.add(f, kept); err != nil {
			return Basis{}, err
		}
	}
	return basis, nil
}

// overlap returns the length of [a, b) ∩ [from, to).
func overlap(a, b, from, to uint64) uint64 {
	low, high := max(a, from), min(b, to)
	if low >= high {
		return 0
	}
	return high - low
}

func (b *Basis) add(f Findings, seats uint64) error {
	sampled, err := fixed.Mul(f.Sampled, seats)
	if err != nil {
		return fmt.Errorf("sampled leaves: %w", err)
	}
	if b.Sampled, err = fixed.Add(b.Sampled, sampled); err != nil {
		return fmt.Errorf("sampled leaves: %w", err)
	}
	b.Invalid += f.Invalid * seats // never more than sampled
	return nil
}

// Credited returns claimed − ⌈2·claimed·I/S⌉, not below 0. Twice the share of
// invalid leaves is taken off, so that forging loses more than it adds; what
// trimming leaves of the gain stands in docs/spec/poc-judging.md.
// A basis without a sampled leaf credits nothing.
func (b Basis) Credited(claimed uint64) uint64 {
	if b.Invalid >= b.Sampled-b.Sampled/2 {
		return 0
	}
	// 2·I < S, so the quotient is at most claimed.
	penalty, err := fixed.MulDivCeil(claimed, 2*b.Invalid, b.Sampled)
	if err != nil || penalty > claimed {
		return 0
	}
	return claimed - penalty
}

// NodeCredit returns a node's part of its host's credit,
// ⌊claimed_node·credited/claimed⌋. A host that claimed nothing has none, and
// nothing outside claimed_node ≤ claimed and credited ≤ claimed is credited.
func NodeCredit(claimedNode, credited, claimed uint64) uint64 {
	if claimedNode > claimed || credited > claimed || claimed == 0 {
		return 0
	}
	part, err := fixed.MulDivFloor(claimedNode, credited, claimed)
	if err != nil {
		return 0
	}
	return part
}
