package poc

import (
	"context"
	"fmt"
	"slices"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/commit"
	corepoc "ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Recompute lets the own nodes recompute nonces of a host in a round, one
// decision for each in their order. The round is the judged host's, as far as
// decisions depend on it: its node and the size of its fleet are not set.
type Recompute func(ctx context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error)

// trial is one holder's sample of one host.
type trial struct {
	epoch  uint64
	round  plan.Round // of the host
	holder [20]byte
	name   string // address of the host, as the verdict gives it
	claims *dossier
	sample []corepoc.Leaf
}

// findings are what the openings of a sample show before anything is
// recomputed, by sample index.
type findings struct {
	results []commit.Result
	nonces  []uint64 // of the leaves that are OK
}

// check compares openings with the commitments. What is missing, in excess or
// malformed only ever harms the leaves it concerns.
func (t trial) check(o types.Openings) (findings, error) {
	found := findings{
		results: make([]commit.Result, len(t.sample)), nonces: make([]uint64, len(t.sample)),
	}
	type name struct {
		node string
		id   uint64
	}
	opened := make(map[name]commit.Opening, len(o.Batches))
	for _, b := range o.Batches {
		opened[name{b.NodeId, b.BatchId}] = fromWire(b)
	}
	for _, part := range corepoc.ByBatch(t.sample) {
		b := t.claims.batch(part.NodeIndex, part.BatchID)
		opening := opened[name{b.node, b.id}]
		for i, result := range b.claim.Check(part.Index, opening) {
			found.results[part.First+i] = result
			if result != commit.OK {
				continue
			}
			at, _ := slices.BinarySearch(opening.Index, part.Index[i])
			nonce, err := t.claims.nonceAt(part.NodeIndex, opening.X[at])
			if err != nil {
				return findings{}, fmt.Errorf("leaf %d: %w", part.First+i, err)
			}
			found.nonces[part.First+i] = nonce
		}
	}
	return found, nil
}

// judge recomputes what was opened and reaches a verdict. A leaf is invalid
// when it does not pass the check or its nonce recomputes as not valid.
func (t trial) judge(ctx context.Context, o types.Openings, recompute Recompute) (types.Verdict, error) {
	found, err := t.check(o)
	if err != nil {
		return types.Verdict{}, err
	}
	var nonces []uint64
	for i, result := range found.results {
		if result == commit.OK {
			nonces = append(nonces, found.nonces[i])
		}
	}
	var decisions []mlnode.Decision
	if len(nonces) > 0 {
		if decisions, err = recompute(ctx, t.round, nonces); err != nil {
			return types.Verdict{}, err
		}
		if len(decisions) != len(nonces) {
			return types.Verdict{}, fmt.Errorf("%d decisions for %d nonces", len(decisions), len(nonces))
		}
	}
	return t.verdict(found, decisions), nil
}

func (t trial) verdict(found findings, decisions []mlnode.Decision) types.Verdict {
	v := types.Verdict{Participant: t.name, Sampled: uint64(len(t.sample))}
	digests := make([][corepoc.DigestSize]byte, len(t.sample))
	for i, result := range found.results {
		switch result {
		case commit.OK:
			digests[i] = decisions[0].Digest
			if !decisions[0].Valid {
				v.Invalid++
			}
			decisions = decisions[1:]
		case commit.Structural:
			v.Structural = true
			v.Invalid++
		default:
			v.Invalid++
		}
	}
	proof := corepoc.WorkProof(t.holder[:], t.claims.host[:], t.epoch, digests)
	v.WorkProof = proof[:]
	return v
}

// unavailable is the verdict on a host whose openings never came.
func (t trial) unavailable() types.Verdict {
	return types.Verdict{Participant: t.name, Sampled: uint64(len(t.sample)), Unavailable: true}
}
