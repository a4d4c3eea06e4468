package keeper

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// benchHosts is how many hosts the benchmarks of a block's work have; each has ten
// nodes that list eight models. The limit is set for 10,000.
var (
	benchHosts  = flag.Int("bench-hosts", 1_000, "hosts of the block benchmarks")
	benchEpochs = flag.Uint64("bench-epochs", 4, "epochs they turn; the pruner has work from the fourth on")
)

func largeNetwork(hosts int) network {
	n := network{params: types.DefaultParams(), hosts: map[string]fleet{}, serves: map[string][]string{}}
	for i := range 8 {
		n.models = append(n.models, fmt.Sprintf("model-%d", i))
	}
	for h := range hosts {
		name := fmt.Sprintf("host-%d", h)
		n.hosts[name] = fleet{}
		for i := range 10 {
			id := fmt.Sprintf("n%d", i)
			n.hosts[name][id] = uint64(10_000 + 17*h%991 + i)
			n.serves[name+"/"+id] = append(append([]string{}, n.models[i%8:]...), n.models[:i%8]...)
		}
	}
	n.params.PocExchangeBlocks, n.params.PocValidationExchangeBlocks, n.params.InferenceBlocks = 2, 4, 200
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 3, 1
	return n
}

// BenchmarkBlockWork turns whole epochs and reports the slowest begin and end of a
// block in each stage, in milliseconds. Committing the store is not counted.
func BenchmarkBlockWork(b *testing.B) {
	for b.Loop() {
		m := newMachine(b, largeNetwork(*benchHosts))
		worst := map[epoch.Stage]time.Duration{}
		for m.clock().Effective < *benchEpochs {
			m.timedBlock(worst)
		}
		for stage, took := range worst {
			b.ReportMetric(float64(took.Microseconds())/1000, stage.String()+"-ms")
		}
		m.requireNoFailures()
	}
}

// timedBlock turns a block and keeps the longest time that its begin and end took.
// As in a node, a block's writes reach the tree only when it is committed.
func (m *machine) timedBlock(worst map[epoch.Stage]time.Duration) {
	m.t.Helper()
	m.nextHeight()
	tree := m.ctx
	block, write := tree.CacheContext()
	m.ctx = block
	start := time.Now()
	require.NoError(m.t, m.BeginBlocker(m.ctx))
	took := time.Since(start)
	stage := m.deliver()
	start = time.Now()
	require.NoError(m.t, m.EndBlocker(m.ctx))
	took += time.Since(start)
	write()
	m.cms.Commit()
	m.ctx = tree
	worst[stage] = max(worst[stage], took)
}
