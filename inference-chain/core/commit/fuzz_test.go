package commit

import (
	"encoding/binary"
	"slices"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
)

// words reads big-endian words, bounded by the input's own length.
func words(b []byte) []uint64 {
	var out []uint64
	for ; len(b) >= 8; b = b[8:] {
		out = append(out, binary.BigEndian.Uint64(b))
	}
	return out
}

// FuzzCheck feeds arbitrary claims and openings: no input may panic, and the
// results always match the question in number.
func FuzzCheck(f *testing.F) {
	tree := mustTree(f, ascending(5))
	o, err := tree.Open([]uint64{1, 4})
	if err != nil {
		f.Fatal(err)
	}
	var index, xs, siblings []byte
	for i := range o.Index {
		index = binary.BigEndian.AppendUint64(index, o.Index[i])
		xs = binary.BigEndian.AppendUint64(xs, o.X[i])
	}
	for _, s := range o.Siblings {
		siblings = s.Append(siblings)
	}
	root := tree.Root()
	f.Add(uint64(5), root[:], index, index, xs, siblings, uint64(100))
	f.Add(uint64(1<<63), root[:], index, index, xs, siblings, uint64(0))
	f.Add(uint64(0), []byte{}, []byte{}, []byte{}, []byte{}, []byte{}, uint64(0))
	f.Fuzz(func(t *testing.T, count uint64, root, want, index, xs, siblings []byte, next uint64) {
		claim := Claim{Count: count, Next: []uint64{next}}
		copy(claim.Root[:], root)
		decoded, err := DecodeSummaries(siblings[:len(siblings)/SummarySize*SummarySize])
		if err != nil {
			t.Fatal(err)
		}
		asked := words(want)
		got := claim.Check(asked, Opening{Index: words(index), X: words(xs), Siblings: decoded})
		if len(got) != len(asked) {
			t.Fatalf("%d results for %d leaves", len(got), len(asked))
		}
	})
}

// FuzzForgedOpening changes one byte of an honest opening's positions or
// siblings: whatever the byte, no changed opening may pass or accuse.
func FuzzForgedOpening(f *testing.F) {
	f.Add(uint16(11), uint64(3), uint16(0), byte(1))
	f.Add(uint16(300), uint64(77), uint16(60), byte(0x80))
	f.Fuzz(func(t *testing.T, n uint16, at uint64, offset uint16, flip byte) {
		if n == 0 || flip == 0 {
			return
		}
		tree := mustTree(t, ascending(int(n)))
		at %= tree.Count()
		o, err := tree.Open([]uint64{at})
		if err != nil {
			t.Fatal(err)
		}
		encoded := binary.BigEndian.AppendUint64(nil, o.X[0])
		for _, s := range o.Siblings {
			encoded = s.Append(encoded)
		}
		encoded[int(offset)%len(encoded)] ^= flip
		o.X[0] = binary.BigEndian.Uint64(encoded)
		if o.Siblings, err = DecodeSummaries(encoded[8:]); err != nil {
			t.Fatal(err)
		}
		claim := Claim{Count: tree.Count(), Root: tree.Root(), Next: []uint64{1 << 20}}
		if got := claim.Check([]uint64{at}, o); !slices.Equal(got, []Result{Invalid}) {
			t.Fatalf("leaf %d of %d is %v", at, n, got)
		}
	})
}

// FuzzAcceptBatch submits arbitrary batches to arbitrary states.
func FuzzAcceptBatch(f *testing.F) {
	f.Add(uint64(0), uint64(0), []byte{}, uint64(1), uint64(2), 32, []byte{0, 0, 0, 0, 0, 0, 0, 9}, uint64(1), uint64(fixed.One/10))
	f.Add(uint64(1<<64-1), uint64(1<<64-1), []byte{1}, uint64(1<<64-1), uint64(1<<64-1), 0, []byte{2}, uint64(64), uint64(fixed.One))
	f.Fuzz(func(t *testing.T, last, claimed uint64, lanes []byte, id, count uint64, rootSize int, next []byte, laneCount, p uint64) {
		state := State{LastID: last, Claimed: claimed, LaneNext: words(lanes)}
		batch := Batch{ID: id, Count: count, Root: make([]byte, max(0, min(rootSize, 64))), LaneNext: words(next)}
		limits := Limits{Lanes: laneCount, MaxBatches: 64, MaxNonces: 1 << 22, ValidFraction: fixed.Dec(p)}
		got, err := AcceptBatch(state, batch, limits)
		if err != nil {
			if got.LastID != last || got.Claimed != claimed {
				t.Fatalf("a refused batch changed the state to %+v", got)
			}
			return
		}
		if got.LastID != last+1 || got.Claimed != claimed+count || got.Claimed > limits.MaxNonces {
			t.Fatalf("accepted into %+v", got)
		}
	})
}
