package poc

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// DigestSize is the length of a nonce's digest and of a work proof, in bytes.
const DigestSize = sha256.Size

// Why a verdict contradicts itself or the chain.
var (
	ErrSampled     = errors.New("poc: sampled differs from the drawn size")
	ErrInvalid     = errors.New("poc: invalid exceeds sampled")
	ErrUnavailable = errors.New("poc: an unavailable verdict has no findings and no work proof")
	ErrWorkProof   = errors.New("poc: a work proof has 32 bytes")
)

// Verdict is what a seat holder found in its sample: counts, not an opinion.
type Verdict struct {
	Sampled     uint64 // leaves of the sample
	Invalid     uint64 // of these, invalid ones
	Unavailable bool   // whether the openings never came
	Structural  bool   // whether an opening proved a malformed commitment
	WorkProof   []byte // DigestSize bytes; empty when unavailable
}

// Validate asks whether a verdict is consistent with itself and with the
// drawn size of its sample, 1 to MaxSample.
func (v Verdict) Validate(drawn uint64) error {
	switch {
	case drawn == 0 || drawn > MaxSample:
		return fmt.Errorf("%w: drawn %d", ErrSample, drawn)
	case v.Sampled != drawn:
		return fmt.Errorf("%w: %d, drawn %d", ErrSampled, v.Sampled, drawn)
	case v.Invalid > v.Sampled:
		return fmt.Errorf("%w: %d of %d", ErrInvalid, v.Invalid, v.Sampled)
	case v.Unavailable && (v.Invalid != 0 || v.Structural || len(v.WorkProof) != 0):
		return fmt.Errorf("%w: %d invalid, structural %t, %d bytes of proof",
			ErrUnavailable, v.Invalid, v.Structural, len(v.WorkProof))
	case !v.Unavailable && len(v.WorkProof) != DigestSize:
		return fmt.Errorf("%w: %d", ErrWorkProof, len(v.WorkProof))
	}
	return nil
}

// Kind is what the chain makes of a verdict.
type Kind uint8

// The three kinds of verdict.
const (
	Honest Kind = iota + 1
	Fraudulent
	Unopened
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Honest:
		return "honest"
	case Fraudulent:
		return "fraud"
	case Unopened:
		return "unavailable"
	default:
		return "unspecified"
	}
}

// VerdictKind decides what a valid verdict means: nothing but counts enters.
func VerdictKind(v Verdict, table *FraudTable) (Kind, error) {
	if v.Unavailable {
		return Unopened, nil
	}
	if v.Structural {
		return Fraudulent, nil
	}
	limit, err := table.Limit(v.Sampled)
	if err != nil {
		return 0, err
	}
	if v.Invalid >= limit {
		return Fraudulent, nil
	}
	return Honest, nil
}

// WorkProof returns SHA-256(lp("work") ‖ lp(holder) ‖ lp(host) ‖ be64(epoch) ‖
// digests), lp being a be32 length and the bytes. digests stand by sample
// index and are zero where a leaf was not opened. It shows later whether a
// verdict came with work.
func WorkProof(holder, host []byte, epoch uint64, digests [][DigestSize]byte) [DigestSize]byte {
	b := make([]byte, 0, 64+len(holder)+len(host)+len(digests)*DigestSize)
	for _, field := range [][]byte{[]byte("work"), holder, host} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	b = binary.BigEndian.AppendUint64(b, epoch)
	for _, digest := range digests {
		b = append(b, digest[:]...)
	}
	return sha256.Sum256(b)
}
