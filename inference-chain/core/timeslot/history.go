package timeslot

import "ninefold.dev/inference-chain/core/fixed"

// History is what limits a host that lets nodes serve through PoC. The zero value
// is a host that has never proven all of its nodes.
type History struct {
	// PreservedInRow is in how many epochs in a row, up to the effective one, the
	// host had preserved nodes.
	PreservedInRow uint64
	// FullWeight is the host's weight in its last full round, in which every node
	// of its fleet proved. Zero before the first.
	FullWeight uint64
	// FleetChanged says that a node came, went or changed since that round.
	FleetChanged bool
}

// Eligible says whether the host's nodes may be selected: it has a full round to be
// measured by, has the same fleet since, and is below the limit of epochs in a row.
func (h History) Eligible(maxInRow uint64) bool {
	return h.FullWeight > 0 && !h.FleetChanged && h.PreservedInRow < maxInRow
}

// Formed is what a formation found out about a host.
type Formed struct {
	Weight       uint64
	AnyPreserved bool // a node of its fleet held POC_SLOT
	FleetChanged bool // its fleet is not that of the epoch before
}

// After returns the history after a formation. A round without preserved nodes is
// full: it starts the count again and becomes the measure, with the fleet it had.
func (h History) After(f Formed) History {
	if !f.AnyPreserved {
		return History{FullWeight: f.Weight}
	}
	return History{
		PreservedInRow: h.PreservedInRow + 1,
		FullWeight:     h.FullWeight,
		FleetChanged:   h.FleetChanged || f.FleetChanged,
	}
}

// CapPreserved returns the weights of a host's nodes in an epoch in which some are
// preserved: when they pass the weight of its last full round together, each becomes
// ⌊w·full/sum⌋. Otherwise one GPU declared as two nodes would prove for the one while
// the other keeps its weight, and be paid twice.
//
// It fails with fixed.ErrOverflow when the weights pass 64 bits together.
func CapPreserved(weights []uint64, full uint64) ([]uint64, error) {
	var sum uint64
	var err error
	for _, w := range weights {
		if sum, err = fixed.Add(sum, w); err != nil {
			return nil, err
		}
	}
	capped := append([]uint64(nil), weights...)
	if sum <= full {
		return capped, nil
	}
	for i, w := range weights {
		if capped[i], err = fixed.MulDivFloor(w, full, sum); err != nil {
			return nil, err
		}
	}
	return capped, nil
}
