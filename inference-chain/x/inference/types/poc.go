package types

import (
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/poc"
)

// maxAddressBytes bounds an address as text: 32 raw bytes in Bech32 with a prefix.
const maxAddressBytes = 90

// Commitment returns the batch as core reads it.
func (b PocBatch) Commitment() commit.Batch {
	return commit.Batch{ID: b.BatchId, Count: b.Count, Root: b.Root, LaneNext: b.LaneNext}
}

// validate checks what bounds the cost of looking at the batch at all.
func (b PocBatch) validate() error {
	switch {
	case !IsNodeID(b.NodeId):
		return ErrInvalidBatch.Wrapf("node_id must match [A-Za-z0-9._-]{1,%d}, got %q", MaxNodeIDBytes, b.NodeId)
	case len(b.Root) != commit.HashSize:
		return ErrInvalidBatch.Wrapf("node %s, batch %d: root must have %d bytes, got %d", b.NodeId, b.BatchId, commit.HashSize, len(b.Root))
	case len(b.LaneNext) > commit.MaxLanes:
		return ErrInvalidBatch.Wrapf("node %s, batch %d: lane_next has %d entries, at most %d are possible", b.NodeId, b.BatchId, len(b.LaneNext), commit.MaxLanes)
	}
	return nil
}

// Finding returns the verdict as core reads it.
func (v Verdict) Finding() poc.Verdict {
	return poc.Verdict{
		Sampled: v.Sampled, Invalid: v.Invalid, Unavailable: v.Unavailable,
		Structural: v.Structural, WorkProof: v.WorkProof,
	}
}

// validate checks what bounds the cost of looking at the verdict at all.
func (v Verdict) validate() error {
	if v.Participant == "" || len(v.Participant) > maxAddressBytes {
		return ErrInvalidVerdict.Wrapf("participant must be an address, got %d bytes", len(v.Participant))
	}
	if len(v.WorkProof) > poc.DigestSize {
		return ErrInvalidVerdict.Wrapf("%s: work_proof must have %d bytes, got %d", v.Participant, poc.DigestSize, len(v.WorkProof))
	}
	return nil
}
