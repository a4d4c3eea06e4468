package weight

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

func TestCapIsTheLargestThatLeavesEveryHostBelowAThird(t *testing.T) {
	for _, tc := range []struct {
		name    string
		weights []uint64
		want    uint64
		ok      bool
	}{
		{"nobody", nil, 0, false},
		{"one host", []uint64{9}, 0, false},
		{"two hosts", []uint64{9, 9}, 0, false},
		{"three equal hosts", []uint64{9, 9, 9}, 0, false},
		{"three hosts and one without weight", []uint64{9, 9, 9, 0}, 0, false},
		{"four equal hosts need no cap", []uint64{9, 9, 9, 9}, 9, true},
		{"one host of double weight", []uint64{100, 100, 100, 200}, 149, true},
		// Any c up to 27,000 satisfies 3c < 1 + 3c. At 27,001 both sides are
		// 81,003.
		{"a dust host and three large ones", []uint64{1, 27_000, 27_300, 27_400}, 27_000, true},
		{"three dust hosts and a large one", []uint64{1, 1, 1, 1_000}, 1, true},
		{"two large among five", []uint64{10, 10, 10, 1_000, 1_000}, 29, true},
		{"the 63-bit edge", []uint64{1 << 63, 1 << 63, 1 << 63, 1 << 63}, 1 << 63, true},
		{"the 64-bit edge", []uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, 1}, math.MaxUint64, true},
		// 3c < c + 3·2⁶², and all weights together are 1.25·2⁶⁴.
		{"a cap below a sum past 64 bits", []uint64{1 << 63, 1 << 62, 1 << 62, 1 << 62}, 3<<61 - 1, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, ok := Cap(tc.weights); got != tc.want || ok != tc.ok {
				t.Fatalf("got %d, %t; want %d, %t", got, ok, tc.want, tc.ok)
			}
		})
	}
}

func TestCapEqualsASearchOfEveryInteger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint64Range(0, 60), 0, 9).Draw(t, "weights")
		var want uint64
		for c := uint64(1); c <= 60; c++ {
			var sum uint64
			for _, w := range weights {
				sum += min(w, c)
			}
			if 3*c < sum && c <= slices.Max(weights) {
				want = c
			}
		}
		if got, ok := Cap(weights); got != want || ok != (want > 0) {
			t.Fatalf("got %d, %t; want %d", got, ok, want)
		}
	})
}

// candidates names hosts 1, 2, 3 … with the given weights.
func candidates(weights ...uint64) []Candidate {
	out := make([]Candidate, len(weights))
	for i, w := range weights {
		out[i] = Candidate{binary.BigEndian.AppendUint16(nil, uint16(i+1)), w}
	}
	return out
}

func TestConsensusPowers(t *testing.T) {
	type power struct {
		host  uint16
		power uint64
	}
	for _, tc := range []struct {
		name    string
		weights []uint64
		most    uint64
		want    []power
	}{
		{"a single host", []uint64{7}, 100, []power{{1, 7}}},
		{"three hosts are not capped", []uint64{1, 900, 5}, 100, []power{{2, 900}, {3, 5}, {1, 1}}},
		{"ties go to the lower address", []uint64{5, 5, 5}, 2, []power{{1, 5}, {2, 5}}},
		{"hosts without weight are out", []uint64{0, 5, 0}, 100, []power{{2, 5}}},
		{
			"a dust host and three large ones",
			[]uint64{1, 27_000, 27_300, 27_400},
			100,
			[]power{{4, 27_000}, {3, 27_000}, {2, 27_000}, {1, 1}},
		},
		{"the cap sees only the chosen", []uint64{9, 9, 900, 1}, 3, []power{{3, 900}, {1, 9}, {2, 9}}},
		{"exactly 2^53 stays", []uint64{1 << 52, 1 << 52}, 100, []power{{1, 1 << 52}, {2, 1 << 52}}},
		{"one above 2^53 is halved", []uint64{1<<52 + 1, 1 << 52}, 100, []power{{1, 1 << 51}, {2, 1 << 51}}},
		{"a power scaled to 0 is out", []uint64{1 << 54, 1}, 100, []power{{1, 1 << 53}}},
		{
			"the 64-bit edge",
			[]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64},
			100,
			[]power{{1, 1<<51 - 1}, {2, 1<<51 - 1}, {3, 1<<51 - 1}, {4, 1<<51 - 1}},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			set, err := ConsensusPowers(candidates(tc.weights...), tc.most)
			if err != nil {
				t.Fatal(err)
			}
			var got []power
			for _, p := range set {
				got = append(got, power{binary.BigEndian.Uint16(p.Address), p.Power})
			}
			if !slices.Equal(got, tc.want) {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAValidatorSetIsNeverEmpty(t *testing.T) {
	for _, weights := range [][]uint64{nil, {0}, {0, 0, 0, 0}} {
		if set, err := ConsensusPowers(candidates(weights...), 100); set != nil || !errors.Is(err, ErrEmptySet) {
			t.Fatalf("%v: got %v, %v", weights, set, err)
		}
	}
	if _, err := ConsensusPowers(candidates(5), 0); !errors.Is(err, ErrEmptySet) {
		t.Fatalf("got %v", err)
	}
}

// drawWeights draws weights of every size.
func drawWeights(t *rapid.T, least int) []uint64 {
	weights := make([]uint64, rapid.IntRange(least, 12).Draw(t, "hosts"))
	for i := range weights {
		weights[i] = rapid.Uint64().Draw(t, "weight")>>rapid.IntRange(0, 63).Draw(t, "shift") | 1
	}
	return weights
}

func TestPowersAreOrderedSmallAndIndependentOfTheInputsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := candidates(drawWeights(t, 1)...)
		most := rapid.Uint64Range(1, 14).Draw(t, "most")
		set, err := ConsensusPowers(hosts, most)
		if err != nil || uint64(len(set)) > most {
			t.Fatalf("%d validators, %v", len(set), err)
		}
		var sum uint64
		for i, p := range set {
			sum += p.Power
			if p.Power == 0 || p.Power > MaxTotalPower || i > 0 && p.Power > set[i-1].Power {
				t.Fatalf("validator %d has power %d after %v", i, p.Power, set[:i])
			}
		}
		if sum > MaxTotalPower {
			t.Fatalf("together %d", sum)
		}
		slices.Reverse(hosts)
		again, err := ConsensusPowers(hosts, most)
		if err != nil || !slices.EqualFunc(set, again, func(a, b Power) bool {
			return a.Power == b.Power && bytes.Equal(a.Address, b.Address)
		}) {
			t.Fatalf("in another order %v, not %v, %v", again, set, err)
		}
	})
}

func TestFromFourHostsOnNobodyHoldsAThird(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := drawWeights(t, 4)
		limit, ok := Cap(weights)
		if !ok {
			t.Fatalf("no cap for %v", weights)
		}
		sum, most := new(big.Int), new(big.Int)
		for _, w := range weights {
			power := new(big.Int).SetUint64(min(w, limit))
			if sum.Add(sum, power); power.Cmp(most) > 0 {
				most = power
			}
		}
		if most.Mul(most, big.NewInt(3)).Cmp(sum) >= 0 {
			t.Fatalf("a third of %v or more at the cap %d", sum, limit)
		}
	})
}

// One shift for all keeps shares: no power is off by more than one unit of it.
func TestScalingKeepsSharesToOneUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		powers := drawWeights(t, 1)
		shift := downscale(powers)
		hi, lo := total(powers, func(p uint64) uint64 { return p >> shift })
		if hi != 0 || lo > MaxTotalPower || lo == 0 {
			t.Fatalf("shift %d leaves %d:%d", shift, hi, lo)
		}
		if shift > 0 {
			hi, lo = total(powers, func(p uint64) uint64 { return p >> (shift - 1) })
			if hi == 0 && lo <= MaxTotalPower {
				t.Fatalf("a shift of %d would do", shift-1)
			}
		}
	})
}

func TestCheckKept(t *testing.T) {
	const third = fixed.One / 3 // 0.333333333333333333
	for _, tc := range []struct {
		name   string
		formed Formed
		least  fixed.Dec
		err    error
	}{
		{"everybody is kept", Formed{90, 90, 90}, third, nil},
		{"exactly a third", Formed{90, 90, 30}, third, nil},
		{"one below a third", Formed{90, 90, 29}, third, ErrKeptPower},
		{"new weight does not make up for old hosts", Formed{1 << 40, 90, 29}, third, ErrKeptPower},
		{"no new weight", Formed{0, 90, 90}, third, ErrNoWeight},
		{"nothing need be kept", Formed{1, 90, 0}, 0, nil},
		{"all must be kept", Formed{1, 90, 89}, fixed.One, ErrKeptPower},
		{"the 64-bit edge", Formed{1, math.MaxUint64, math.MaxUint64 / 3}, third, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.formed.CheckKept(tc.least); !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
		})
	}
}

// FuzzConsensusPowers makes sets of arbitrary weights.
func FuzzConsensusPowers(f *testing.F) {
	f.Add([]byte{}, uint64(100))
	f.Add(bytes.Repeat([]byte{0xff}, 40), uint64(4))
	f.Fuzz(func(t *testing.T, encoded []byte, most uint64) {
		var weights []uint64
		for ; len(encoded) >= 8; encoded = encoded[8:] {
			weights = append(weights, binary.BigEndian.Uint64(encoded))
		}
		set, err := ConsensusPowers(candidates(weights...), most)
		var sum uint64
		for _, p := range set {
			sum += p.Power
		}
		if (err == nil) != (sum > 0) || sum > MaxTotalPower {
			t.Fatalf("%d validators with %d, %v", len(set), sum, err)
		}
	})
}

// BenchmarkConsensusPowers ranks 10,000 hosts and caps the first 100.
func BenchmarkConsensusPowers(b *testing.B) {
	weights := make([]uint64, 10_000)
	for i := range weights {
		weights[i] = uint64(i*7919%10_007) + 1
	}
	hosts := candidates(weights...)
	for b.Loop() {
		if _, err := ConsensusPowers(hosts, 100); err != nil {
			b.Fatal(err)
		}
	}
}
