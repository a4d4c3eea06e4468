package poc

import (
	"errors"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

func found(holder byte, seats, sampled, invalid uint64) Findings {
	return Findings{[]byte{holder}, seats, sampled, invalid}
}

func TestTrimmedBasis(t *testing.T) {
	for _, tc := range []struct {
		name     string
		findings []Findings
		want     Basis
		err      error
	}{
		{"a single seat is kept", []Findings{found(1, 1, 200, 3)}, Basis{200, 3}, nil},
		{"three seats are all kept", []Findings{found(1, 1, 200, 9), found(2, 2, 200, 0)}, Basis{600, 9}, nil},
		{"of four seats the ends go", []Findings{
			found(1, 1, 200, 9), found(2, 1, 200, 1), found(3, 1, 200, 0), found(4, 1, 200, 2),
		}, Basis{400, 3}, nil},
		{"a holder's seats are cut in two", []Findings{found(1, 5, 200, 0), found(2, 3, 200, 100)}, Basis{800, 100}, nil},
		{"a ratio counts, not a number", []Findings{
			found(1, 1, 10, 2), found(2, 1, 200, 3), found(3, 1, 200, 4), found(4, 1, 200, 5),
		}, Basis{400, 9}, nil},
		{"equal ratios go by address", []Findings{
			found(4, 1, 40, 4), found(3, 1, 30, 3), found(2, 1, 20, 2), found(1, 1, 10, 1),
		}, Basis{50, 5}, nil},
		{"nobody found anything", nil, Basis{}, ErrNoFindings},
		{"findings without a seat", []Findings{found(1, 0, 200, 0)}, Basis{}, ErrNoFindings},
		{"findings without a sample", []Findings{found(1, 1, 0, 0)}, Basis{}, ErrNoFindings},
		{"more invalid than sampled", []Findings{found(1, 1, 2, 3)}, Basis{}, ErrNoFindings},
		{"seats past 64 bits", []Findings{found(1, math.MaxUint64, 1, 0), found(2, 1, 1, 0)}, Basis{}, fixed.ErrOverflow},
		{"leaves past 64 bits", []Findings{found(1, math.MaxUint64, 3, 0)}, Basis{}, fixed.ErrOverflow},
		{"a sum past 64 bits", []Findings{
			found(1, 1, math.MaxUint64, 0), found(2, 1, math.MaxUint64, 0),
		}, Basis{}, fixed.ErrOverflow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := TrimmedBasis(tc.findings); got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("got %+v, %v; want %+v, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestCreditedRoundsThePenaltyUp(t *testing.T) {
	for _, tc := range []struct {
		name    string
		basis   Basis
		claimed uint64
		want    uint64
	}{
		{"nothing invalid, everything credited", Basis{200, 0}, 1000, 1000},
		{"1 % invalid takes 2 %", Basis{200, 2}, 1000, 980},
		{"a penalty of 1.005 is 2", Basis{200, 1}, 101, 99},
		{"a penalty of exactly 1", Basis{200, 1}, 100, 99},
		{"a penalty of 0.99 is 1", Basis{200, 1}, 99, 98},
		{"one below half", Basis{200, 99}, 1000, 10},
		{"half takes everything", Basis{200, 100}, 1000, 0},
		{"half of an odd sum, rounded down", Basis{201, 100}, 1000, 4},
		{"half of an odd sum, rounded up", Basis{201, 101}, 1000, 0},
		{"more than half", Basis{200, 200}, 1000, 0},
		{"no basis", Basis{}, 1000, 0},
		{"no claims", Basis{200, 1}, 0, 0},
		{"2^63 claims", Basis{200, 1}, 1 << 63, 1<<63 - (1<<63)/100 - 1},
		{"2^64 − 1 claims, 2·claimed·I past 64 bits", Basis{math.MaxUint64, 1<<62 + 1}, math.MaxUint64, 1<<63 - 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.basis.Credited(tc.claimed); got != tc.want {
				t.Fatalf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestCreditedEqualsTheFormulaInBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Basis{Sampled: rapid.Uint64Range(1, math.MaxUint64).Draw(t, "S")}
		b.Invalid = rapid.Uint64Range(0, b.Sampled).Draw(t, "I") >> rapid.IntRange(0, 63).Draw(t, "shift")
		claimed := rapid.Uint64().Draw(t, "claimed")
		s := new(big.Int).SetUint64(b.Sampled)
		penalty := new(big.Int).SetUint64(claimed)
		penalty.Mul(penalty, new(big.Int).SetUint64(b.Invalid)).Lsh(penalty, 1)
		penalty.Add(penalty, s).Sub(penalty, big.NewInt(1)).Quo(penalty, s)
		want := new(big.Int).SetUint64(claimed)
		if want.Sub(want, penalty).Sign() < 0 {
			want.SetInt64(0)
		}
		if got := b.Credited(claimed); got != want.Uint64() {
			t.Fatalf("got %d, want %v", got, want)
		}
	})
}

func TestNodeCredit(t *testing.T) {
	for _, tc := range []struct {
		name                    string
		node, credited, claimed uint64
		want                    uint64
	}{
		{"everything credited", 40, 100, 100, 40},
		{"rounded down", 33, 99, 100, 32},
		{"nothing credited", 40, 0, 100, 0},
		{"a host without claims", 0, 0, 0, 0},
		{"a node with more than its host", 101, 100, 100, 0},
		{"a credit above the claims", 40, 101, 100, 0},
		{"the 64-bit edge", math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := NodeCredit(tc.node, tc.credited, tc.claimed); got != tc.want {
				t.Fatalf("got %d, want %d", got, tc.want)
			}
		})
	}
}

func TestNodesNeverGetMoreThanTheirHostAndSplittingANodeGainsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := rapid.SliceOfN(rapid.Uint64Range(0, 1<<54), 1, 8).Draw(t, "claims")
		var claimed uint64
		for _, n := range nodes {
			claimed += n
		}
		credited := rapid.Uint64Range(0, claimed).Draw(t, "credited")
		var sum uint64
		for _, n := range nodes {
			part := NodeCredit(n, credited, claimed)
			cut := rapid.Uint64Range(0, n).Draw(t, "cut")
			if NodeCredit(cut, credited, claimed)+NodeCredit(n-cut, credited, claimed) > part {
				t.Fatalf("a node of %d gains when cut at %d", n, cut)
			}
			sum += part
		}
		if sum > credited {
			t.Fatalf("nodes get %d of %d", sum, credited)
		}
	})
}

// drawFindings draws holders with distinct addresses and small samples.
func drawFindings(t *rapid.T) []Findings {
	findings := make([]Findings, rapid.IntRange(1, 8).Draw(t, "holders"))
	for i := range findings {
		sampled := rapid.Uint64Range(1, 12).Draw(t, "sampled")
		findings[i] = found(byte(i), rapid.Uint64Range(1, 5).Draw(t, "seats"), sampled,
			rapid.Uint64Range(0, sampled).Draw(t, "invalid"))
	}
	return findings
}

func TestTrimmedBasisEqualsTheWrittenOutList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		findings := drawFindings(t)
		var list []Findings
		for _, f := range findings {
			for range f.Seats {
				list = append(list, f)
			}
		}
		slices.SortStableFunc(list, func(a, b Findings) int {
			left := big.NewRat(int64(a.Invalid), int64(a.Sampled))
			if c := left.Cmp(big.NewRat(int64(b.Invalid), int64(b.Sampled))); c != 0 {
				return c
			}
			return slices.Compare(a.Holder, b.Holder)
		})
		var want Basis
		for _, f := range list[len(list)/4 : len(list)-len(list)/4] {
			want.Sampled, want.Invalid = want.Sampled+f.Sampled, want.Invalid+f.Invalid
		}
		got, err := TrimmedBasis(findings)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		slices.Reverse(findings)
		if again, err := TrimmedBasis(findings); err != nil || again != got {
			t.Fatalf("in another order %+v, %v", again, err)
		}
	})
}

func TestAQuarterOfLyingSeatsMovesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		honest := rapid.Uint64Range(1, 96).Draw(t, "honest seats")
		liars := rapid.Uint64Range(0, honest/3).Draw(t, "lying seats")
		findings := []Findings{found(1, honest, 200, 0)}
		if liars > 0 {
			findings = append(findings, found(0, liars, 200, 200))
		}
		basis, err := TrimmedBasis(findings)
		if err != nil || basis.Credited(1<<40) != 1<<40 {
			t.Fatalf("%d liars beside %d leave %+v, %v", liars, honest, basis, err)
		}
	})
}

// FuzzCredit trims and credits arbitrary findings of four holders.
func FuzzCredit(f *testing.F) {
	f.Add(uint64(1), uint64(200), uint64(3), uint64(2), uint64(200), uint64(0), uint64(1000))
	f.Add(uint64(1<<63), uint64(1<<63), uint64(1), uint64(1<<62), uint64(7), uint64(7), uint64(1<<64-1))
	f.Fuzz(func(t *testing.T, seatsA, sampledA, invalidA, seatsB, sampledB, invalidB, claimed uint64) {
		basis, err := TrimmedBasis([]Findings{
			found(1, seatsA, sampledA, invalidA), found(2, seatsB, sampledB, invalidB),
		})
		if err != nil {
			return
		}
		if basis.Invalid > basis.Sampled || basis.Credited(claimed) > claimed {
			t.Fatalf("basis %+v credits %d of %d", basis, basis.Credited(claimed), claimed)
		}
		hi, lo := bits.Mul64(NodeCredit(claimed/2, basis.Credited(claimed), claimed), 2)
		if hi != 0 || lo > claimed {
			t.Fatalf("half a host gets %d of %d", lo/2, claimed)
		}
	})
}
