package testkit

import (
	"errors"
	"slices"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// orZero reads a row that may be missing.
func orZero[V any](row V, err error) V {
	if errors.Is(err, collections.ErrNotFound) {
		var none V
		return none
	}
	return must(row, err)
}

// Outcome is how a host was judged in an epoch, once it was formed.
func (c *Chain) Outcome(index uint64, address string) types.HostOutcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return orZero(c.app.Inference.HostOutcomes.Get(c.ctx(), collections.Join(index, []byte(rawAddress(address)))))
}

// Claimed is what each node of a host has claimed in an epoch.
func (c *Chain) Claimed(index uint64, address string) map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	claimed := map[string]uint64{}
	host := collections.NewPrefixedTripleRange[uint64, []byte, string](index)
	must(0, c.app.Inference.NodeClaims.Walk(c.ctx(), host, func(_ collections.Triple[uint64, []byte, string], row types.PocNodeClaims) (bool, error) {
		if row.Participant == address {
			claimed[row.NodeId] = row.Claimed
		}
		return false, nil
	}))
	return claimed
}

// VerdictsOn are the verdicts on a host in an epoch.
func (c *Chain) VerdictsOn(index uint64, address string) []types.StoredVerdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	var verdicts []types.StoredVerdict
	round := collections.NewPrefixedTripleRange[uint64, []byte, []byte](index)
	must(0, c.app.Inference.Verdicts.Walk(c.ctx(), round, func(_ collections.Triple[uint64, []byte, []byte], row types.StoredVerdict) (bool, error) {
		if row.Verdict.Participant == address {
			verdicts = append(verdicts, row)
		}
		return false, nil
	}))
	return verdicts
}

// MostExecuted is how often the message was accepted that was accepted most
// often: more than once is a doubled transaction.
func (c *Chain) MostExecuted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := 0
	for _, times := range c.executed {
		most = max(most, times)
	}
	return most
}

// Paid says for which epochs a host was paid.
func (c *Chain) Paid(address string) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	var paid []uint64
	must(0, c.app.Inference.SettleAmounts.Walk(c.ctx(), nil, func(_ collections.Pair[uint64, []byte], row types.SettleAmount) (bool, error) {
		if row.Participant == address && row.Claimed {
			paid = append(paid, row.EpochIndex)
		}
		return false, nil
	}))
	slices.Sort(paid)
	return paid
}
