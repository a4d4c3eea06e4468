package draw

import (
	"crypto/sha256"
	"errors"
	"fmt"
)

// Domains keep the three uses of a block's hash independent of each other.
const (
	DomainJury   = "jury"
	DomainSample = "sample"
	DomainSlot   = "slot"
)

var (
	// ErrSeedLength reports a seed that is not a 32-byte block hash. An empty hash
	// would make every draw of the chain predictable.
	ErrSeedLength = errors.New("draw: a seed is a block hash of 32 bytes")
	// ErrEmptyField reports a missing address or model id.
	ErrEmptyField = errors.New("draw: a field that identifies the drawing is empty")
)

// JuryStream is the stream that seats the judges of host (raw address bytes).
func JuryStream(seed, host []byte) (*Stream, error) {
	return seeded(DomainJury, seed, host)
}

// SampleStream is the stream from which a seat holder samples a host's claims.
// Each holder has its own, so that no forger can serve one sample to all.
func SampleStream(seed, holder, host []byte) (*Stream, error) {
	return seeded(DomainSample, seed, holder, host)
}

// SlotStream is the stream that allocates the timeslots of one model (its id as
// UTF-8 bytes).
func SlotStream(seed []byte, model string) (*Stream, error) {
	return seeded(DomainSlot, seed, []byte(model))
}

// Sample returns the indices, ascending and distinct, into a host's claims which
// holder has to verify: size of them, or all when there are fewer.
func Sample(seed, holder, host []byte, size, claims uint64) ([]uint64, error) {
	stream, err := SampleStream(seed, holder, host)
	if err != nil {
		return nil, err
	}
	return stream.Distinct(size, claims)
}

func seeded(domain string, seed []byte, fields ...[]byte) (*Stream, error) {
	if len(seed) != sha256.Size {
		return nil, fmt.Errorf("%w: got %d", ErrSeedLength, len(seed))
	}
	for position, field := range fields {
		if len(field) == 0 {
			return nil, fmt.Errorf("%w: field %d of domain %q", ErrEmptyField, position+1, domain)
		}
	}
	return NewStream(domain, append([][]byte{seed}, fields...)...)
}
