package fixed

import (
	"errors"
	"fmt"
	"math/big"
)

// Outputs that a radius is related to a fraction for: below, the series of the
// normalising factor is no longer exact to 10⁻¹⁸; above, no proof network goes.
const (
	MinOutputs = 256
	MaxOutputs = 131_072
)

const (
	// fractionBits is the precision of what lies between a radius and its fraction.
	fractionBits = 256
	// farCosine is the n·c² from which less than 10⁻¹⁸ of the cosines lie beyond c.
	farCosine = 84
	// diameter is the largest distance between unit vectors.
	diameter = 2 * One
)

// inversePi is ⌊2²⁵⁶/π⌋.
const inversePi = "36857766746113450950918049192879587303648982663873843352614131972887216513712"

var (
	// ErrOutputs reports a number of outputs that no radius is derived for.
	ErrOutputs = errors.New("fixed: outputs must lie in [256, 131072]")
	// ErrFraction reports a fraction that no radius holds.
	ErrFraction = errors.New("fixed: a fraction of nonces must lie above 0 and below 1")
)

// FractionFromRTarget returns the fraction of random unit vectors of n dimensions
// that lie within r of a fixed one, which is the fraction of nonces that are valid by
// chance with n outputs. It differs from the exact value by less than 2·10⁻¹⁸.
func FractionFromRTarget(r Dec, n uint64) (Dec, error) {
	if n < MinOutputs || n > MaxOutputs {
		return 0, fmt.Errorf("%w: got %d", ErrOutputs, n)
	}
	if r >= diameter {
		return One, nil
	}
	cosine := cosineOf(r)
	between := central(new(big.Int).Abs(cosine), n)
	if cosine.Sign() < 0 {
		between.Neg(between)
	}
	half := between.Sub(unit(), between)
	half.Mul(half, new(big.Int).SetUint64(uint64(One)))
	return Dec(half.Rsh(half, fractionBits+1).Uint64()), nil
}

// RTargetFromFraction inverts FractionFromRTarget by bisection: it returns the
// smallest radius that holds the fraction.
func RTargetFromFraction(fraction Dec, n uint64) (Dec, error) {
	if fraction == 0 || fraction >= One {
		return 0, fmt.Errorf("%w: got %s", ErrFraction, fraction)
	}
	low, high := Dec(0), diameter // too small, large enough
	for high-low > 1 {
		middle := low + (high-low)/2
		got, err := FractionFromRTarget(middle, n)
		if err != nil {
			return 0, err
		}
		if got < fraction {
			low = middle
		} else {
			high = middle
		}
	}
	return high, nil
}

// cosineOf is 1 − r²/2 in units of 2⁻²⁵⁶, towards zero.
func cosineOf(r Dec) *big.Int {
	one := new(big.Int).SetUint64(uint64(One))
	two := new(big.Int).Lsh(new(big.Int).Mul(one, one), 1) // 2, in units of 10⁻³⁶
	square := new(big.Int).SetUint64(uint64(r))
	cosine := square.Sub(two, square.Mul(square, square))
	return cosine.Quo(cosine.Lsh(cosine, fractionBits), two)
}

// central is the fraction of random unit vectors whose cosine with a fixed one lies
// between −c and c, both in units of 2⁻²⁵⁶:
//
//	√(m/π)·(1 + 1/(4m²) − 19/(32m⁴) + 631/(128m⁶)) · c·(1−c²)^((n−1)/2) · Σ_k Π_{j<k} c²·(n+2j)/(3+2j)
//
// with m = 2n − 3. What stands before the dot is 2·Γ(n/2)/(√π·Γ((n−1)/2)) (DLMF
// 5.11.14), the rest the integral of (1−t²)^((n−3)/2) from 0 to c, by a series whose
// terms are all positive (DLMF 15.8.1).
func central(c *big.Int, n uint64) *big.Int {
	square := product(c, c)
	far := new(big.Int).Lsh(big.NewInt(farCosine), fractionBits)
	if new(big.Int).Mul(square, number(n)).Cmp(far) >= 0 {
		return unit()
	}
	term, sum, factor := unit(), unit(), new(big.Int)
	for k := uint64(0); term.Sign() > 0; k++ {
		term.Rsh(term.Mul(term, square), fractionBits)
		term.Quo(term.Mul(term, factor.SetUint64(n+2*k)), factor.SetUint64(3+2*k))
		sum.Add(sum, term)
	}
	m := number(2*n - 3)
	root := power(new(big.Int).Sub(unit(), square), n-1)
	pi, _ := new(big.Int).SetString(inversePi, 10)
	root.Sqrt(root.Mul(root.Mul(root, m), pi))
	between := product(product(root, c), sum)
	between.Mul(between, correction(m))
	between.Quo(between, new(big.Int).Lsh(exponent(m, 6), 7))
	if between.Cmp(unit()) > 0 {
		return unit()
	}
	return between
}

// correction is 128m⁶ + 32m⁴ − 76m² + 631.
func correction(m *big.Int) *big.Int {
	sum := new(big.Int).Lsh(exponent(m, 6), 7)
	sum.Add(sum, new(big.Int).Lsh(exponent(m, 4), 5))
	sum.Sub(sum, new(big.Int).Mul(exponent(m, 2), number(76)))
	return sum.Add(sum, number(631))
}

// power is base to the n, in units of 2⁻²⁵⁶, each product rounded down.
func power(base *big.Int, n uint64) *big.Int {
	result := unit()
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			result = product(result, base)
		}
		base = product(base, base)
	}
	return result
}

func product(a, b *big.Int) *big.Int {
	result := new(big.Int).Mul(a, b)
	return result.Rsh(result, fractionBits)
}

func exponent(m *big.Int, n int64) *big.Int { return new(big.Int).Exp(m, big.NewInt(n), nil) }

func number(n uint64) *big.Int { return new(big.Int).SetUint64(n) }

// unit is 1 in units of 2⁻²⁵⁶.
func unit() *big.Int { return new(big.Int).Lsh(big.NewInt(1), fractionBits) }
