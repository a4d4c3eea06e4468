package poc

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
)

// ErrBatchOrder means that the batches of a host are not listed by node index
// and then by id, each with at least one claim.
var ErrBatchOrder = errors.New("poc: batches must ascend by node index, then id, none of them empty")

// Batch is one accepted batch of a host.
type Batch struct {
	NodeIndex uint64 // rank of the node in the epoch's fleet
	ID        uint64 // number of the batch within the node, from 1
	Count     uint64 // nonces claimed
}

// Leaf names one sampled claim. Its place in the sample is its sample index.
type Leaf struct {
	Claim     uint64 // index among all claims of the host
	NodeIndex uint64
	BatchID   uint64
	Index     uint64 // leaf within the batch
}

// Claims returns the number of nonces that the batches claim together.
// It fails with ErrBatchOrder, or when the sum passes 64 bits.
func Claims(batches []Batch) (uint64, error) {
	var total uint64
	for i, b := range batches {
		if b.Count == 0 || i > 0 && !before(batches[i-1], b) {
			return 0, fmt.Errorf("%w: node %d, batch %d", ErrBatchOrder, b.NodeIndex, b.ID)
		}
		var err error
		if total, err = fixed.Add(total, b.Count); err != nil {
			return 0, fmt.Errorf("claims of a host: %w", err)
		}
	}
	return total, nil
}

func before(a, b Batch) bool {
	return a.NodeIndex < b.NodeIndex || a.NodeIndex == b.NodeIndex && a.ID < b.ID
}

// Sample returns the claims of host that holder has to verify: size distinct
// ones, or all when there are fewer, by ascending claim. The seed is the hash
// of POC_VALIDATION_START, 32 bytes.
func Sample(seed, holder, host []byte, size uint64, batches []Batch) ([]Leaf, error) {
	claims, err := Claims(batches)
	if err != nil {
		return nil, err
	}
	drawn, err := draw.Sample(seed, holder, host, size, claims)
	if err != nil {
		return nil, err
	}
	leaves := make([]Leaf, 0, len(drawn))
	var at int       // batch that is being walked
	var first uint64 // claim with which it begins
	for _, claim := range drawn {
		for claim-first >= batches[at].Count {
			first += batches[at].Count
			at++
		}
		leaves = append(leaves, Leaf{
			Claim: claim, NodeIndex: batches[at].NodeIndex, BatchID: batches[at].ID, Index: claim - first,
		})
	}
	return leaves, nil
}

// BatchSample is the part of a sample that lies in one batch.
type BatchSample struct {
	NodeIndex uint64
	BatchID   uint64
	First     int      // sample index of the first leaf; the others follow it
	Index     []uint64 // leaves within the batch, ascending
}

// ByBatch groups a sample by the batches it touches, in the sample's order.
func ByBatch(sample []Leaf) []BatchSample {
	var groups []BatchSample
	for i, leaf := range sample {
		last := len(groups) - 1
		if last < 0 || groups[last].NodeIndex != leaf.NodeIndex || groups[last].BatchID != leaf.BatchID {
			groups = append(groups, BatchSample{NodeIndex: leaf.NodeIndex, BatchID: leaf.BatchID, First: i})
			last++
		}
		groups[last].Index = append(groups[last].Index, leaf.Index)
	}
	return groups
}
