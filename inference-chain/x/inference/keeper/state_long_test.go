//go:build long

package keeper

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"ninefold.dev/inference-chain/core/epoch"
)

var (
	stateHosts  = flag.Int("state-hosts", 1_000, "hosts of the test of the state over time")
	stateEpochs = flag.Uint64("state-epochs", 200, "epochs it turns")
)

// manyHosts is a network whose epochs are as short as pruning allows.
func manyHosts(hosts int) network {
	n := network{params: shortParams(), models: []string{"m1", "m2"}, hosts: map[string]fleet{}}
	for h := range hosts {
		n.hosts[fmt.Sprintf("host-%d", h)] = fleet{"n0": uint64(100 + h%7)}
	}
	n.params.ModelLoadingBlocks, n.params.InferenceBlocks = 5, 20
	n.params.SeatsPerHost, n.params.EpochRetention, n.params.ClaimRetentionEpochs = 4, 4, 3
	return n
}

// committedBlock turns a block whose writes reach the tree when it is committed, as
// in a node, and returns the gas of its begin and end: what they read and wrote.
func (m *machine) committedBlock() uint64 {
	m.t.Helper()
	m.nextHeight()
	tree := m.ctx
	block, write := tree.CacheContext()
	meter := storetypes.NewInfiniteGasMeter()
	m.ctx = block.WithGasMeter(meter)
	require.NoError(m.t, m.BeginBlocker(m.ctx))
	m.ctx = block
	m.deliver()
	m.ctx = block.WithGasMeter(meter)
	require.NoError(m.t, m.EndBlocker(m.ctx))
	m.noteFailures()
	write()
	m.cms.Commit()
	m.ctx = tree
	return meter.GasConsumed()
}

// size counts the rows of the module and their bytes.
func (m *machine) size() (rows, bytes int) {
	m.t.Helper()
	iterator := m.ctx.KVStore(m.key).Iterator(nil, nil)
	defer iterator.Close()
	for ; iterator.Valid(); iterator.Next() {
		rows++
		bytes += len(iterator.Key()) + len(iterator.Value())
	}
	return rows, bytes
}

// TestStateAndWorkLevelOff turns -state-epochs epochs with -state-hosts hosts. After
// the retentions have passed, neither the state nor the work of an epoch's heaviest
// block grows.
func TestStateAndWorkLevelOff(t *testing.T) {
	m := newMachine(t, manyHosts(*stateHosts))
	var rows, bytes, work []int
	for index := uint64(1); index <= *stateEpochs; index++ {
		var most uint64
		for m.clock().Opened <= index {
			most = max(most, m.committedBlock())
		}
		if index%5 == 0 {
			r, b := m.size()
			rows, bytes, work = append(rows, r), append(bytes, b), append(work, int(most))
			t.Logf("epoch %d: %d rows, %d bytes, %d gas in the heaviest block", index, r, b, most)
		}
	}
	m.requireNoFailures()
	require.Equal(t, *stateEpochs, m.clock().Effective)
	stage, _, err := m.StageNow(m.ctx)
	require.NoError(t, err)
	require.Equal(t, epoch.PocStart, stage)
	for name, series := range map[string][]int{"rows": rows, "bytes": bytes, "work": work} {
		settled := series[2:] // from epoch 15: retentions are 4 epochs at most
		early, late := settled[:len(settled)/2], settled[len(settled)/2:]
		require.Less(t, slices.Max(late)*100, slices.Max(early)*102, name)
	}
}
