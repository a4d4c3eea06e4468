package commit

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// HashSize is the length of every hash, in bytes.
const HashSize = sha256.Size

// SummarySize is the length of an encoded Summary, in bytes.
const SummarySize = HashSize + 4 + 8 + 8

// ErrSummarySize means that bytes are not a whole number of summaries.
var ErrSummarySize = errors.New("not a whole number of summaries")

// Domain separators: a leaf can never be read as a parent or as a root.
const (
	tagLeaf   = 0x00
	tagParent = 0x01
	tagRoot   = 0x02
)

// Summary describes a subtree: its hash, its number of leaves, and its
// smallest and largest position. Carrying count and range upwards makes every
// opening below a violation of order show it.
type Summary struct {
	Hash  [HashSize]byte
	Count uint32
	Min   uint64
	Max   uint64
}

// Append appends hash ‖ be32(count) ‖ be64(min) ‖ be64(max) to b.
func (s Summary) Append(b []byte) []byte {
	b = append(b, s.Hash[:]...)
	b = binary.BigEndian.AppendUint32(b, s.Count)
	b = binary.BigEndian.AppendUint64(b, s.Min)
	return binary.BigEndian.AppendUint64(b, s.Max)
}

// DecodeSummaries reads consecutive encoded summaries. It fails with
// ErrSummarySize when the length is not a multiple of SummarySize.
func DecodeSummaries(b []byte) ([]Summary, error) {
	if len(b)%SummarySize != 0 {
		return nil, fmt.Errorf("%w: %d bytes, %d each", ErrSummarySize, len(b), SummarySize)
	}
	out := make([]Summary, 0, len(b)/SummarySize)
	for ; len(b) > 0; b = b[SummarySize:] {
		out = append(out, Summary{
			Hash:  [HashSize]byte(b[:HashSize]),
			Count: binary.BigEndian.Uint32(b[HashSize:]),
			Min:   binary.BigEndian.Uint64(b[HashSize+4:]),
			Max:   binary.BigEndian.Uint64(b[HashSize+12:]),
		})
	}
	return out, nil
}

// leaf summarises one position: SHA-256(0x00 ‖ be64(x)), 1, x, x.
func leaf(x uint64) Summary {
	var b [9]byte
	b[0] = tagLeaf
	binary.BigEndian.PutUint64(b[1:], x)
	return Summary{Hash: sha256.Sum256(b[:]), Count: 1, Min: x, Max: x}
}

// join summarises two neighbours: SHA-256(0x01 ‖ left ‖ right), the sum of
// the counts, the left minimum and the right maximum. It does not ask whether
// they are in order; the sum of lying counts may wrap.
func join(left, right Summary) Summary {
	b := make([]byte, 0, 1+2*SummarySize)
	b = append(b, tagParent)
	b = right.Append(left.Append(b))
	return Summary{
		Hash:  sha256.Sum256(b),
		Count: left.Count + right.Count,
		Min:   left.Min,
		Max:   right.Max,
	}
}

// root returns SHA-256(0x02 ‖ summary).
func (s Summary) root() [HashSize]byte {
	b := make([]byte, 0, 1+SummarySize)
	return sha256.Sum256(s.Append(append(b, tagRoot)))
}

// possible reports whether count strictly ascending positions fit between
// the claimed ends. Without it a subtree could hide behind a minimum above
// its maximum: its neighbours on both sides would look in order, and a copied
// half of a tree would cost a single leaf that cannot be opened.
func (s Summary) possible() bool {
	if s.Count == 0 || s.Min > s.Max {
		return false
	}
	if s.Count == 1 {
		return s.Min == s.Max
	}
	return s.Max-s.Min >= uint64(s.Count)-1
}
