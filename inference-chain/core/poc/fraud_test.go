package poc

import (
	"errors"
	"math/big"
	"sync"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

const (
	defaultMismatch  = fixed.One / 2000
	defaultThreshold = fixed.One / 10_000_000
)

func TestFraudLimitOfTheDefaults(t *testing.T) {
	for _, tc := range []struct {
		name           string
		sampled, limit uint64
	}{
		{"of 200, 5 is fraud and 4 is not", 200, 5},
		// P(X ≥ 2) of 2 is 2.5·10⁻⁷, above the threshold of 10⁻⁷.
		{"two forged nonces can never be proven fraud", 2, 3},
		{"one forged nonce neither", 1, 2},
		// P(X = 3) of 3 is 1.25·10⁻¹⁰.
		{"three of three is fraud", 3, 3},
		{"the smallest host, 32 claims", 32, 4},
		{"the largest sample", 1000, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := FraudLimit(tc.sampled, defaultMismatch, defaultThreshold)
			if err != nil || got != tc.limit {
				t.Fatalf("got %d, %v; want %d", got, err, tc.limit)
			}
		})
	}
}

// tailBelow is P(X ≥ x | n, p) < t from the definition, in rationals.
func tailBelow(x, n uint64, p, t fixed.Dec) bool {
	rational := func(d fixed.Dec) *big.Rat {
		return new(big.Rat).SetFrac(new(big.Int).SetUint64(uint64(d)), new(big.Int).SetUint64(uint64(fixed.One)))
	}
	power := func(r *big.Rat, e uint64) *big.Rat {
		exponent := new(big.Int).SetUint64(e)
		return new(big.Rat).SetFrac(new(big.Int).Exp(r.Num(), exponent, nil), new(big.Int).Exp(r.Denom(), exponent, nil))
	}
	hit := rational(p)
	miss := new(big.Rat).Sub(big.NewRat(1, 1), hit)
	sum := new(big.Rat)
	for i := x; i <= n; i++ {
		ways := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		sum.Add(sum, ways.Mul(ways, power(hit, i)).Mul(ways, power(miss, n-i)))
	}
	return sum.Cmp(rational(t)) < 0
}

func TestFraudLimitIsWhereTheExactTailFallsBelowTheThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64Range(1, 40).Draw(t, "sampled")
		p := fixed.Dec(rapid.Uint64Range(1, uint64(fixed.One/2)-1).Draw(t, "mismatch"))
		threshold := fixed.Dec(rapid.Uint64Range(1, uint64(fixed.One/100)-1).Draw(t, "threshold"))
		limit, err := FraudLimit(n, p, threshold)
		if err != nil {
			t.Fatal(err)
		}
		if limit <= n && !tailBelow(limit, n, p, threshold) || limit > n+1 {
			t.Fatalf("%d of %d is called fraud", limit, n)
		}
		if limit == 0 || tailBelow(limit-1, n, p, threshold) {
			t.Fatalf("%d of %d is fraud already", limit-1, n)
		}
	})
}

func TestFraudLimitWhereTheTailMeetsTheThresholdExactly(t *testing.T) {
	// P(X ≥ 2) of 2 at 1/16 is 1/256: not below 1/256, below the next decimal.
	const mismatch, threshold = fixed.One / 16, fixed.One / 256
	for add, want := range map[fixed.Dec]uint64{0: 3, 1: 2} {
		if got, err := FraudLimit(2, mismatch, threshold+add); err != nil || got != want {
			t.Fatalf("threshold + %d: got %d, %v; want %d", add, got, err, want)
		}
	}
}

func TestFraudLimitRefusesWhatIsOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		name                string
		sampled             uint64
		mismatch, threshold fixed.Dec
		err                 error
	}{
		{"no sample", 0, defaultMismatch, defaultThreshold, ErrSample},
		{"a sample of 1001", 1001, defaultMismatch, defaultThreshold, ErrSample},
		{"a mismatch of 0", 200, 0, defaultThreshold, ErrMismatch},
		{"a mismatch of 0.5", 200, fixed.One / 2, defaultThreshold, ErrMismatch},
		{"a threshold of 0", 200, defaultMismatch, 0, ErrThreshold},
		{"a threshold of 0.01", 200, defaultMismatch, fixed.One / 100, ErrThreshold},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := FraudLimit(tc.sampled, tc.mismatch, tc.threshold); !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
		})
	}
	if _, err := NewFraudTable(0, defaultThreshold); !errors.Is(err, ErrMismatch) {
		t.Fatalf("got %v", err)
	}
}

func TestTheTableAgreesWithTheFunctionFromManyReaders(t *testing.T) {
	table := defaultTable(t)
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for n := uint64(1); n <= 60; n++ {
				want, wantErr := FraudLimit(n, defaultMismatch, defaultThreshold)
				if got, err := table.Limit(n); got != want || err != nil || wantErr != nil {
					t.Errorf("of %d: got %d, %v; want %d, %v", n, got, err, want, wantErr)
				}
			}
		})
	}
	readers.Wait()
	for _, n := range []uint64{0, MaxSample + 1} {
		if _, err := table.Limit(n); !errors.Is(err, ErrSample) {
			t.Fatalf("of %d: got %v", n, err)
		}
	}
}

func TestMoreSampledLeavesNeverLowerTheLimit(t *testing.T) {
	table := defaultTable(t)
	last := uint64(0)
	// Below 3 no number of invalid leaves is fraud, which n + 1 stands for.
	for n := uint64(3); n <= MaxSample; n++ {
		limit, err := table.Limit(n)
		if err != nil || limit < last {
			t.Fatalf("the limit falls from %d to %d at %d, %v", last, limit, n, err)
		}
		last = limit
	}
}

func defaultTable(t testing.TB) *FraudTable {
	t.Helper()
	table, err := NewFraudTable(defaultMismatch, defaultThreshold)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func BenchmarkFraudLimit200(b *testing.B) {
	for b.Loop() {
		if _, err := FraudLimit(200, defaultMismatch, defaultThreshold); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFraudLimitWorst is the costliest legal pair of parameters.
func BenchmarkFraudLimitWorst(b *testing.B) {
	for b.Loop() {
		if _, err := FraudLimit(MaxSample, fixed.One/2-1, 1); err != nil {
			b.Fatal(err)
		}
	}
}
