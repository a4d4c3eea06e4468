package poc

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func proof() []byte { return make([]byte, DigestSize) }

func TestAVerdictMustBeConsistent(t *testing.T) {
	for _, tc := range []struct {
		name    string
		verdict Verdict
		drawn   uint64
		err     error
	}{
		{"honest", Verdict{Sampled: 200, WorkProof: proof()}, 200, nil},
		{"all invalid", Verdict{Sampled: 200, Invalid: 200, WorkProof: proof()}, 200, nil},
		{"structural without an invalid leaf", Verdict{Sampled: 200, Structural: true, WorkProof: proof()}, 200, nil},
		{"unavailable", Verdict{Sampled: 200, Unavailable: true}, 200, nil},
		{"fewer than drawn", Verdict{Sampled: 199, WorkProof: proof()}, 200, ErrSampled},
		{"more than drawn", Verdict{Sampled: 201, WorkProof: proof()}, 200, ErrSampled},
		{"more invalid than sampled", Verdict{Sampled: 200, Invalid: 201, WorkProof: proof()}, 200, ErrInvalid},
		{"unavailable with invalid leaves", Verdict{Sampled: 200, Invalid: 1, Unavailable: true}, 200, ErrUnavailable},
		{"unavailable and structural", Verdict{Sampled: 200, Unavailable: true, Structural: true}, 200, ErrUnavailable},
		{"unavailable with a proof", Verdict{Sampled: 200, Unavailable: true, WorkProof: proof()}, 200, ErrUnavailable},
		{"no proof", Verdict{Sampled: 200}, 200, ErrWorkProof},
		{"a short proof", Verdict{Sampled: 200, WorkProof: proof()[1:]}, 200, ErrWorkProof},
		{"a long proof", Verdict{Sampled: 200, WorkProof: append(proof(), 0)}, 200, ErrWorkProof},
		{"an empty sample", Verdict{WorkProof: proof()}, 0, ErrSample},
		{"the largest sample", Verdict{Sampled: 1000, WorkProof: proof()}, 1000, nil},
		{"a sample beyond the maximum", Verdict{Sampled: 1001, WorkProof: proof()}, 1001, ErrSample},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.verdict.Validate(tc.drawn); !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
		})
	}
}

func TestTheChainDecidesWhatCountsMean(t *testing.T) {
	table := defaultTable(t)
	for _, tc := range []struct {
		name    string
		verdict Verdict
		want    Kind
	}{
		{"nothing invalid is honest", Verdict{Sampled: 200}, Honest},
		{"4 of 200 are honest", Verdict{Sampled: 200, Invalid: 4}, Honest},
		{"5 of 200 are fraud", Verdict{Sampled: 200, Invalid: 5}, Fraudulent},
		{"2 of 2 cannot be proven fraud", Verdict{Sampled: 2, Invalid: 2}, Honest},
		{"one structural leaf is fraud", Verdict{Sampled: 200, Structural: true}, Fraudulent},
		{"no openings are unavailable", Verdict{Sampled: 200, Unavailable: true}, Unopened},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := VerdictKind(tc.verdict, table); got != tc.want || err != nil {
				t.Fatalf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
	if _, err := VerdictKind(Verdict{Sampled: 1001}, table); !errors.Is(err, ErrSample) {
		t.Fatalf("got %v", err)
	}
}

func TestKindsHaveNames(t *testing.T) {
	for k, want := range map[Kind]string{Honest: "honest", Fraudulent: "fraud", Unopened: "unavailable", 0: "unspecified"} {
		if k.String() != want {
			t.Fatalf("%d is %q, want %q", k, k, want)
		}
	}
}

func TestWorkProofIsSpelledOutByHand(t *testing.T) {
	digests := [][DigestSize]byte{{1}, {}, {3}}
	want := sha256.Sum256(slices.Concat(
		[]byte{0, 0, 0, 4}, []byte("work"),
		[]byte{0, 0, 0, 20}, testHolder,
		[]byte{0, 0, 0, 20}, testHost,
		[]byte{0, 0, 0, 0, 0, 0, 1, 2},
		digests[0][:], make([]byte, 32), digests[2][:],
	))
	if got := WorkProof(testHolder, testHost, 258, digests); got != want {
		t.Fatalf("got %x, want %x", got, want)
	}
}

func TestWorkProofDependsOnEveryField(t *testing.T) {
	digests := [][DigestSize]byte{{1}, {2}}
	proofs := [][DigestSize]byte{
		WorkProof(testHolder, testHost, 1, digests),
		WorkProof(testHost, testHolder, 1, digests),
		WorkProof(testHolder, testHost, 2, digests),
		WorkProof(testHolder, testHost, 1, [][DigestSize]byte{{2}, {1}}),
		WorkProof(testHolder, testHost, 1, digests[:1]),
		WorkProof(append(bytes.Clone(testHolder), testHost[0]), testHost[1:], 1, digests),
	}
	for i := range proofs {
		if slices.Contains(proofs[:i], proofs[i]) {
			t.Fatalf("proof %d equals an earlier one", i)
		}
	}
}

func TestMoreInvalidLeavesNeverTurnFraudIntoHonesty(t *testing.T) {
	table := defaultTable(t)
	rapid.Check(t, func(t *rapid.T) {
		v := Verdict{Sampled: rapid.Uint64Range(1, 300).Draw(t, "sampled")}
		v.Invalid = rapid.Uint64Range(0, v.Sampled-1).Draw(t, "invalid")
		before, err := VerdictKind(v, table)
		if err != nil {
			t.Fatal(err)
		}
		v.Invalid++
		after, err := VerdictKind(v, table)
		if err != nil || before == Fraudulent && after != Fraudulent {
			t.Fatalf("%v, then %v with one more, %v", before, after, err)
		}
	})
}
