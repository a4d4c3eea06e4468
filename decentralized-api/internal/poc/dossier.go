package poc

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/core/commit"
	corepoc "ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Commitments is what the chain says about a host's commitments in a round.
type Commitments interface {
	// Fleet returns the host's nodes in the order of their index.
	Fleet(ctx context.Context, epoch uint64, host string) ([]chain.FleetNode, error)
	// Batches returns the host's accepted batches, by node id and number.
	Batches(ctx context.Context, epoch uint64, host string) ([]types.PocBatch, error)
}

// dossier is everything the chain holds of one host's commitments, in the
// order in which claims are numbered.
type dossier struct {
	host    [20]byte
	batches []dossierBatch
	lanes   uint64
	nodes   uint64 // size of the fleet
}

type dossierBatch struct {
	node  string
	index uint64 // of the node
	id    uint64
	claim commit.Claim
}

// openDossier collects the commitments of a host; lanes are the epoch's.
func openDossier(ctx context.Context, c Commitments, epoch uint64, host string, lanes uint64) (*dossier, error) {
	raw, err := chain.ParseAddress(host)
	if err != nil {
		return nil, err
	}
	fleet, err := c.Fleet(ctx, epoch, host)
	if err != nil {
		return nil, fmt.Errorf("fleet of %s: %w", host, err)
	}
	index := make(map[string]uint64, len(fleet))
	for _, node := range fleet {
		index[node.ID] = node.Index
	}
	batches, err := c.Batches(ctx, epoch, host)
	if err != nil {
		return nil, fmt.Errorf("batches of %s: %w", host, err)
	}
	d := &dossier{host: raw, lanes: lanes, nodes: uint64(len(fleet))}
	for _, b := range batches {
		at, known := index[b.NodeId]
		if !known || len(b.Root) != commit.HashSize {
			return nil, fmt.Errorf("batch %d of %s/%s does not fit the fleet", b.BatchId, host, b.NodeId)
		}
		d.batches = append(d.batches, dossierBatch{
			node: b.NodeId, index: at, id: b.BatchId,
			claim: commit.Claim{Count: b.Count, Root: [commit.HashSize]byte(b.Root), Next: b.LaneNext},
		})
	}
	slices.SortFunc(d.batches, func(a, b dossierBatch) int {
		return cmp.Or(cmp.Compare(a.index, b.index), cmp.Compare(a.id, b.id))
	})
	for i := 1; i < len(d.batches); i++ {
		if d.batches[i].index == d.batches[i-1].index {
			d.batches[i].claim.Previous = d.batches[i-1].claim.Next
		}
	}
	return d, nil
}

// sample returns the leaves that holder has to verify.
func (d *dossier) sample(seed []byte, holder [20]byte, size uint64) ([]corepoc.Leaf, error) {
	batches := make([]corepoc.Batch, len(d.batches))
	for i, b := range d.batches {
		batches[i] = corepoc.Batch{NodeIndex: b.index, ID: b.id, Count: b.claim.Count}
	}
	return corepoc.Sample(seed, holder[:], d.host[:], size, batches)
}

// batch finds the batch of a sampled leaf.
func (d *dossier) batch(index, id uint64) dossierBatch {
	at, _ := slices.BinarySearchFunc(d.batches, [2]uint64{index, id}, func(b dossierBatch, want [2]uint64) int {
		return cmp.Or(cmp.Compare(b.index, want[0]), cmp.Compare(b.id, want[1]))
	})
	return d.batches[at]
}

// nonceAt is the nonce at a position of one of the host's nodes.
func (d *dossier) nonceAt(index, x uint64) (uint64, error) {
	return commit.Stride{NodeIndex: index, NodeCount: d.nodes, Lanes: d.lanes}.NonceAt(x)
}
