// Package rtarget derives a proof's radius from the share of valid nonces, for
// commands. It computes in floating point, so nothing of the state machine may
// import it: the chain checks cq, which follows from r_target in integers.
//
// Source: docs/spec/params.md.
package rtarget

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Tolerance is how far a proposal's r_target may lie from the derived one.
const Tolerance = 1e-9

var (
	// ErrFraction reports a share of valid nonces outside of (0, 0.5).
	ErrFraction = errors.New("valid_fraction must lie above 0 and below 0.5")
	// ErrOutputs reports an output width without a distribution to invert.
	ErrOutputs = errors.New("poc_model.vocab_size must be at least 3")
	// ErrPair reports an r_target that does not belong to its valid_fraction.
	ErrPair = errors.New("r_target does not follow from valid_fraction")
)

// FromFraction returns the radius within which a share p of random unit vectors of
// n dimensions lies around a fixed one: r = 2·√(BetaInv(p; (n−1)/2, (n−1)/2)). It is
// within 10⁻¹⁴ of 40-digit arithmetic from 256 to 131,072 dimensions.
func FromFraction(p float64, n uint64) (float64, error) {
	if !(p > 0 && p < 0.5) {
		return 0, fmt.Errorf("%w: got %v", ErrFraction, p)
	}
	if n < 3 {
		return 0, fmt.Errorf("%w: got %d", ErrOutputs, n)
	}
	return 2 * math.Sqrt(betaInverse(p, float64(n-1)/2)), nil
}

// Decimal writes a radius as the parameter r_target: the shortest decimal that
// reads back as the same number.
func Decimal(r float64) string {
	return strconv.FormatFloat(r, 'f', -1, 64)
}

// Check refuses a pair that a proposal must not contain. Both are decimals.
func Check(validFraction, rTarget string, outputs uint64) error {
	p, err := strconv.ParseFloat(validFraction, 64)
	if err != nil {
		return fmt.Errorf("%w: got %q", ErrFraction, validFraction)
	}
	given, err := strconv.ParseFloat(rTarget, 64)
	if err != nil {
		return fmt.Errorf("r_target: %w", err)
	}
	want, err := FromFraction(p, outputs)
	if err != nil {
		return err
	}
	if !(math.Abs(given-want) <= Tolerance) {
		return fmt.Errorf("%w: %s with poc_model.vocab_size %d gives %s, not %s",
			ErrPair, validFraction, outputs, Decimal(want), rTarget)
	}
	return nil
}
