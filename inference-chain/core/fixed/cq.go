package fixed

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrRTarget reports a radius for which the integer test of the proof is not
// defined.
var ErrRTarget = errors.New("fixed: r_target must lie above 0 and below √2, where cq is positive")

// CqFromRTarget returns cq = ⌊(1 − r²/2)·2³²⌋ for a decimal r_target, exactly as a
// rational. cq is the cosine that a valid nonce must exceed, in units of 2⁻³².
//
// Radii of √2 and more are refused: there cq would not be positive, and from 2 on
// every nonce would be valid.
func CqFromRTarget(rTarget string) (uint64, error) {
	r, err := Parse(rTarget)
	if err != nil {
		return 0, fmt.Errorf("r_target: %w", err)
	}
	one := new(big.Int).SetUint64(uint64(One))
	two := new(big.Int).Lsh(new(big.Int).Mul(one, one), 1) // 2, in units of 10⁻³⁶
	square := new(big.Int).SetUint64(uint64(r))
	square.Mul(square, square)
	if r == 0 || square.Cmp(two) >= 0 {
		return 0, fmt.Errorf("%w: got %q", ErrRTarget, rTarget)
	}
	cosine := new(big.Int).Sub(two, square)
	cq := cosine.Lsh(cosine, 32)
	cq.Quo(cq, two)
	if cq.Sign() == 0 {
		return 0, fmt.Errorf("%w: cq of %q is 0", ErrRTarget, rTarget)
	}
	return cq.Uint64(), nil
}
