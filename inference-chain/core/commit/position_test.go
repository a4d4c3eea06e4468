package commit

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestPositionPutsTheLaneAboveK(t *testing.T) {
	for _, tc := range []struct {
		name    string
		lane, k uint64
		want    uint64
		err     error
	}{
		{"lane 0, k 0 is 0", 0, 0, 0, nil},
		{"lane 0 leaves k as it is", 0, 7, 7, nil},
		{"lane 1 starts at 2^56", 1, 0, 1 << 56, nil},
		{"the last lane with the last k", 63, 1<<48 - 1, 63<<56 | (1<<48 - 1), nil},
		{"lane 64 is refused", 64, 0, 0, ErrLane},
		{"k 2^48 is refused", 0, 1 << 48, 0, ErrStep},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Position(tc.lane, tc.k)
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("Position(%d, %d) = %d, %v; want %d, %v", tc.lane, tc.k, got, err, tc.want, tc.err)
			}
			if err == nil {
				if lane, k := SplitPosition(got); lane != tc.lane || k != tc.k {
					t.Fatalf("split again into %d, %d", lane, k)
				}
			}
		})
	}
}

func TestNonceFollowsTheStrideFormula(t *testing.T) {
	for _, tc := range []struct {
		name    string
		stride  Stride
		lane, k uint64
		want    uint64
		err     error
	}{
		{"a single node with one lane counts up", Stride{0, 1, 1}, 0, 9, 9, nil},
		{"node 1 of 2, lane 3 of 16, k 5", Stride{1, 2, 16}, 3, 5, 1 + 2*(3+16*5), nil},
		{"the largest legal stride fits", Stride{255, 256, 64}, 63, 1<<48 - 1, 255 + 256*(63+64*(1<<48-1)), nil},
		{"the last nonce of all", Stride{0, 1, 1}, 0, math.MaxUint64, math.MaxUint64, nil},
		{"a node outside the fleet", Stride{2, 2, 16}, 0, 0, 0, ErrNodeIndex},
		{"a fleet without nodes", Stride{0, 0, 16}, 0, 0, 0, ErrNodeIndex},
		{"no lanes", Stride{0, 1, 0}, 0, 0, 0, ErrLane},
		{"more lanes than positions name", Stride{0, 1, 65}, 0, 0, 0, ErrLane},
		{"a lane outside the node", Stride{0, 1, 16}, 16, 0, 0, ErrLane},
		{"lanes·k overflows", Stride{0, 1, 2}, 0, 1 << 63, 0, ErrNonceOverflow},
		{"lane + lanes·k overflows", Stride{0, 1, 3}, 2, math.MaxUint64 / 3, 0, ErrNonceOverflow},
		{"node_count·steps overflows", Stride{0, 1 << 32, 1}, 0, 1 << 32, 0, ErrNonceOverflow},
		{"node_index is what overflows", Stride{1, 3, 1}, 0, math.MaxUint64 / 3, 0, ErrNonceOverflow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.stride.Nonce(tc.lane, tc.k)
			if got != tc.want || !errors.Is(err, tc.err) {
				t.Fatalf("got %d, %v; want %d, %v", got, err, tc.want, tc.err)
			}
		})
	}
}

func TestNonceAtRefusesAPositionOfALaneThatTheNodeLacks(t *testing.T) {
	x, err := Position(16, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Stride{0, 1, 16}).NonceAt(x); !errors.Is(err, ErrLane) {
		t.Fatalf("got %v", err)
	}
}

func TestLocateRefusesAnotherNodesNonce(t *testing.T) {
	if _, _, err := (Stride{0, 2, 16}).Locate(3); !errors.Is(err, ErrForeignNonce) {
		t.Fatalf("got %v", err)
	}
	if _, _, err := (Stride{0, 0, 16}).Locate(3); !errors.Is(err, ErrNodeIndex) {
		t.Fatalf("got %v", err)
	}
}

func TestNonceAndLocateAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Stride{NodeCount: rapid.Uint64Range(1, 256).Draw(t, "nodes"), Lanes: rapid.Uint64Range(1, 64).Draw(t, "lanes")}
		s.NodeIndex = rapid.Uint64Range(0, s.NodeCount-1).Draw(t, "node")
		lane := rapid.Uint64Range(0, s.Lanes-1).Draw(t, "lane")
		k := rapid.Uint64Range(0, MaxLaneNext-1).Draw(t, "k")
		nonce, err := s.Nonce(lane, k)
		if err != nil {
			t.Fatal(err)
		}
		gotLane, gotK, err := s.Locate(nonce)
		if err != nil || gotLane != lane || gotK != k {
			t.Fatalf("nonce %d located at %d, %d, %v; want %d, %d", nonce, gotLane, gotK, err, lane, k)
		}
	})
}

func TestEveryNonceBelongsToExactlyOneNodeLaneAndK(t *testing.T) {
	const nodes, lanes, steps = 3, 4, 5
	owners := make(map[uint64]int)
	for node := range uint64(nodes) {
		for lane := range uint64(lanes) {
			for k := range uint64(steps) {
				nonce, err := Stride{node, nodes, lanes}.Nonce(lane, k)
				if err != nil {
					t.Fatal(err)
				}
				owners[nonce]++
			}
		}
	}
	for nonce := range uint64(nodes * lanes * steps) {
		if owners[nonce] != 1 {
			t.Fatalf("nonce %d has %d owners", nonce, owners[nonce])
		}
	}
}
