package poc

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"slices"
	"testing"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	"pgregory.net/rapid"
)

var (
	testSeed   = bytes.Repeat([]byte{0xab}, 32)
	testHolder = bytes.Repeat([]byte{1}, 20)
	testHost   = bytes.Repeat([]byte{2}, 20)
)

func TestClaimsRefusesWhatTheChainNeverStores(t *testing.T) {
	for _, tc := range []struct {
		name    string
		batches []Batch
		want    uint64
		err     error
	}{
		{"no batches", nil, 0, nil},
		{"two nodes with two batches", []Batch{{0, 1, 5}, {0, 2, 6}, {3, 1, 7}, {3, 2, 8}}, 26, nil},
		{"an empty batch", []Batch{{0, 1, 5}, {0, 2, 0}}, 0, ErrBatchOrder},
		{"a batch twice", []Batch{{0, 1, 5}, {0, 1, 5}}, 0, ErrBatchOrder},
		{"a falling id", []Batch{{0, 2, 5}, {0, 1, 5}}, 0, ErrBatchOrder},
		{"a falling node", []Batch{{1, 1, 5}, {0, 2, 5}}, 0, ErrBatchOrder},
		{"the last sum that fits", []Batch{{0, 1, math.MaxUint64 - 1}, {0, 2, 1}}, math.MaxUint64, nil},
		{"a sum that does not fit", []Batch{{0, 1, math.MaxUint64}, {0, 2, 1}}, 0, fixed.ErrOverflow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, err := Claims(tc.batches); got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("got %d, %v; want %d, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestAllClaimsAreSampledWhenThereAreFewer(t *testing.T) {
	got, err := Sample(testSeed, testHolder, testHost, 10, []Batch{{0, 1, 2}, {2, 1, 1}, {2, 2, 2}})
	want := []Leaf{{0, 0, 1, 0}, {1, 0, 1, 1}, {2, 2, 1, 0}, {3, 2, 2, 0}, {4, 2, 2, 1}}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %v, %v; want %v", got, err, want)
	}
}

func TestEachHolderHasItsOwnSample(t *testing.T) {
	batches := []Batch{{0, 1, 1000}}
	a, errA := Sample(testSeed, testHolder, testHost, 20, batches)
	b, errB := Sample(testSeed, testHost, testHolder, 20, batches)
	if errA != nil || errB != nil || slices.Equal(a, b) {
		t.Fatalf("samples %v, %v (%v, %v)", a, b, errA, errB)
	}
}

func TestSampleRefusesASeedThatIsNoBlockHash(t *testing.T) {
	if _, err := Sample(nil, testHolder, testHost, 1, []Batch{{0, 1, 1}}); !errors.Is(err, draw.ErrSeedLength) {
		t.Fatalf("got %v", err)
	}
	if _, err := Sample(testSeed, testHolder, testHost, 1, []Batch{{0, 1, 0}}); !errors.Is(err, ErrBatchOrder) {
		t.Fatalf("got %v", err)
	}
}

// drawBatches draws a host's batches over a few nodes.
func drawBatches(t *rapid.T) []Batch {
	var batches []Batch
	for node := range rapid.Uint64Range(1, 4).Draw(t, "nodes") {
		for id := range rapid.Uint64Range(0, 4).Draw(t, "batches") {
			batches = append(batches, Batch{node * 2, id + 1, rapid.Uint64Range(1, 40).Draw(t, "count")})
		}
	}
	return batches
}

func TestASampleIsDistinctInOrderAndInsideItsBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batches := drawBatches(t)
		size := rapid.Uint64Range(1, 60).Draw(t, "size")
		sample, err := Sample(testSeed, testHolder, testHost, size, batches)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := Claims(batches)
		if err != nil || uint64(len(sample)) != min(size, claims) {
			t.Fatalf("%d leaves of %d claims for a size of %d, %v", len(sample), claims, size, err)
		}
		var all []Leaf
		for _, b := range batches {
			for i := range b.Count {
				all = append(all, Leaf{uint64(len(all)), b.NodeIndex, b.ID, i})
			}
		}
		for i, leaf := range sample {
			if leaf != all[leaf.Claim] || i > 0 && leaf.Claim <= sample[i-1].Claim {
				t.Fatalf("leaf %d is %+v, claim %d is %+v", i, leaf, leaf.Claim, all[leaf.Claim])
			}
		}
	})
}

func TestByBatchLosesNoLeafAndKeepsItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample, err := Sample(testSeed, testHolder, testHost, 25, drawBatches(t))
		if err != nil {
			t.Fatal(err)
		}
		next := 0
		for _, group := range ByBatch(sample) {
			if group.First != next || len(group.Index) == 0 {
				t.Fatalf("group %+v begins at %d", group, next)
			}
			for i, index := range group.Index {
				leaf := sample[group.First+i]
				got := Leaf{leaf.Claim, group.NodeIndex, group.BatchID, index}
				if !reflect.DeepEqual(got, leaf) {
					t.Fatalf("sample %d is %+v, grouped as %+v", group.First+i, leaf, got)
				}
			}
			next += len(group.Index)
		}
		if next != len(sample) {
			t.Fatalf("%d of %d leaves are grouped", next, len(sample))
		}
	})
}
