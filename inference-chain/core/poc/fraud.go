package poc

import (
	"errors"
	"fmt"
	"math/big"
	"sync"

	"ninefold.dev/inference-chain/core/fixed"
)

// MaxSample is the largest sample that a verdict may report.
const MaxSample = 1000

// Errors of the fraud test.
var (
	ErrMismatch  = errors.New("poc: p_mismatch must lie above 0 and below 0.5")
	ErrThreshold = errors.New("poc: fraud_threshold must lie above 0 and below 0.01")
	ErrSample    = errors.New("poc: a sample has 1 to 1000 leaves")
)

// FraudLimit returns the least number of invalid leaves, out of sampled, that
// is fraud: the least x with P(X ≥ x) < threshold for X binomial with
// probability mismatch, or sampled + 1 when even all of them are not.
//
// With mismatch = a/b and q = b − a, the terms C(n, i)·aⁱ·qⁿ⁻ⁱ are integers,
// and each follows from the one before by an exact division.
func FraudLimit(sampled uint64, mismatch, threshold fixed.Dec) (uint64, error) {
	switch {
	case mismatch == 0 || mismatch >= fixed.One/2:
		return 0, fmt.Errorf("%w: %s", ErrMismatch, mismatch)
	case threshold == 0 || threshold >= fixed.One/100:
		return 0, fmt.Errorf("%w: %s", ErrThreshold, threshold)
	case sampled == 0 || sampled > MaxSample:
		return 0, fmt.Errorf("%w: %d", ErrSample, sampled)
	}
	a, b := reduced(mismatch)
	c, d := reduced(threshold)
	q := new(big.Int).Sub(b, a)
	n := new(big.Int).SetUint64(sampled)

	tail := new(big.Int).Exp(b, n, nil) // P(X ≥ 0)·bⁿ
	term := new(big.Int).Exp(q, n, nil) // P(X = 0)·bⁿ
	bound := new(big.Int).Mul(c, tail)
	scaled, divisor := new(big.Int), new(big.Int)
	limit := uint64(0)
	for scaled.Mul(tail, d).Cmp(bound) >= 0 {
		tail.Sub(tail, term)
		term.Mul(term, scaled.SetUint64(sampled-limit)).Mul(term, a)
		limit++
		term.Quo(term, divisor.SetUint64(limit).Mul(divisor, q))
	}
	return limit, nil
}

// reduced returns a decimal as a fraction in lowest terms.
func reduced(d fixed.Dec) (numerator, denominator *big.Int) {
	numerator = new(big.Int).SetUint64(uint64(d))
	denominator = new(big.Int).SetUint64(uint64(fixed.One))
	divisor := new(big.Int).GCD(nil, nil, numerator, denominator)
	return numerator.Quo(numerator, divisor), denominator.Quo(denominator, divisor)
}

// FraudTable remembers FraudLimit for one pair of parameters. It is safe for
// concurrent use.
type FraudTable struct {
	mismatch, threshold fixed.Dec

	mu     sync.Mutex
	limits [MaxSample + 1]uint64 // by sampled; 0 where not computed yet
}

// NewFraudTable returns the table of p_mismatch and fraud_threshold. It fails
// with ErrMismatch or ErrThreshold.
func NewFraudTable(mismatch, threshold fixed.Dec) (*FraudTable, error) {
	t := &FraudTable{mismatch: mismatch, threshold: threshold}
	if _, err := t.Limit(1); err != nil {
		return nil, err
	}
	return t, nil
}

// Limit returns the least number of invalid leaves out of sampled that is
// fraud. It fails with ErrSample.
func (t *FraudTable) Limit(sampled uint64) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sampled <= MaxSample && t.limits[sampled] > 0 {
		return t.limits[sampled], nil
	}
	limit, err := FraudLimit(sampled, t.mismatch, t.threshold)
	if err == nil {
		t.limits[sampled] = limit
	}
	return limit, err
}
