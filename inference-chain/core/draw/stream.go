// Package draw turns a seed into integers that every replica, and the simulator,
// derives alike. It is the only source of chance in the state machine.
//
// Source: docs/spec/draw.md.
package draw

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

var (
	// ErrEmptyRange reports a draw from a range that holds no integer.
	ErrEmptyRange = errors.New("draw: the range to draw from is empty")
	// ErrFieldTooLong reports a field whose length does not fit its 32-bit prefix.
	ErrFieldTooLong = errors.New("draw: a field is longer than 2^32-1 bytes")
)

// wordsPerBlock is how many 64-bit words one SHA-256 digest yields.
const wordsPerBlock = sha256.Size / 8

// Stream is an unbounded sequence of 64-bit words: block i is
// SHA-256(fields ‖ be64(i)), read as four big-endian words. A Stream is a value
// of one drawing; it is not safe for concurrent use.
type Stream struct {
	message []byte // encoded fields, then room for the 8-byte block index
	index   uint64
	block   [sha256.Size]byte
	used    int // words of block already handed out
}

// NewStream starts the stream of a domain and its fields, each encoded as a
// 32-bit big-endian length and its bytes, so that no two field lists collide.
func NewStream(domain string, fields ...[]byte) (*Stream, error) {
	size := 8
	for _, field := range append([][]byte{[]byte(domain)}, fields...) {
		if uint64(len(field)) > math.MaxUint32 {
			return nil, fmt.Errorf("%w: %d bytes", ErrFieldTooLong, len(field))
		}
		size += 4 + len(field)
	}
	message := make([]byte, 0, size)
	message = appendField(message, []byte(domain))
	for _, field := range fields {
		message = appendField(message, field)
	}
	return &Stream{message: append(message, make([]byte, 8)...), used: wordsPerBlock}, nil
}

func appendField(message, field []byte) []byte {
	message = binary.BigEndian.AppendUint32(message, uint32(len(field)))
	return append(message, field...)
}

// Uint64 returns the next word of the stream.
func (s *Stream) Uint64() uint64 {
	if s.used == wordsPerBlock {
		binary.BigEndian.PutUint64(s.message[len(s.message)-8:], s.index)
		s.block = sha256.Sum256(s.message)
		s.index++
		s.used = 0
	}
	word := binary.BigEndian.Uint64(s.block[8*s.used:])
	s.used++
	return word
}

// Uniform returns an integer in [0, n), each with the same probability: words at
// or above the largest multiple of n are thrown away, the others reduced mod n.
func (s *Stream) Uniform(n uint64) (uint64, error) {
	if n == 0 {
		return 0, ErrEmptyRange
	}
	for {
		if value, ok := reduce(s.Uint64(), n); ok {
			return value, nil
		}
	}
}

// reduce maps a word to [0, n), n > 0, unless the word is one of the 2^64 mod n at
// the top, whose residues have no full cycle.
func reduce(word, n uint64) (value uint64, ok bool) {
	excess := -n % n
	return word % n, word <= math.MaxUint64-excess
}

// Distinct returns min(k, n) different integers of [0, n) in ascending order, by
// Floyd's method: every subset is equally likely and k draws suffice. With k ≥ n
// it returns the whole range and draws nothing.
//
// It is meant for samples: time O(k²) in moves, memory O(k).
func (s *Stream) Distinct(k, n uint64) ([]uint64, error) {
	if k >= n {
		return wholeRange(n), nil
	}
	chosen := make([]uint64, 0, k)
	for top := n - k; top < n; top++ {
		pick, err := s.Uniform(top + 1)
		if err != nil {
			return nil, err
		}
		at, taken := slices.BinarySearch(chosen, pick)
		if taken {
			// top has not been offered before, so it is free and the largest.
			pick, at = top, len(chosen)
		}
		chosen = slices.Insert(chosen, at, pick)
	}
	return chosen, nil
}

func wholeRange(n uint64) []uint64 {
	all := make([]uint64, n)
	for i := range all {
		all[i] = uint64(i)
	}
	return all
}
