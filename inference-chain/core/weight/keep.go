package weight

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
)

// Why a formed epoch is abandoned and the old one stays effective.
var (
	ErrNoWeight  = errors.New("weight: the new epoch has no weight")
	ErrKeptPower = errors.New("weight: the kept hosts held too little of the old weight")
)

// Formed sums up a formation.
type Formed struct {
	Total    uint64 // weight of the new epoch
	OldTotal uint64 // weight of the effective epoch
	KeptOld  uint64 // of it, what the hosts held that have weight in the new one
}

// CheckKept asks whether the formed epoch may become effective: it has weight,
// and KeptOld is at least minKept of OldTotal, compared without rounding.
func (f Formed) CheckKept(minKept fixed.Dec) error {
	if f.Total == 0 {
		return ErrNoWeight
	}
	if !minKept.AtLeast(f.KeptOld, f.OldTotal) {
		return fmt.Errorf("%w: %d of %d, at least %s", ErrKeptPower, f.KeptOld, f.OldTotal, minKept)
	}
	return nil
}
