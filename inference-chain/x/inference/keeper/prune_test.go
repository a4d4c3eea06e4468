package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
)

// notPruned are the collections that are not keyed by epoch.
var notPruned = []string{
	"params", "clock", "models", "participants", "consensus_keys", "hardware_nodes", "fleet_loads", "treasury", "formation",
	"prunes", "quotas", "developers",
	"unclaimed",     // keyed by host; goes with settle_amounts
	"served_tokens", // a ring keyed by height
}

func TestEveryEpochKeyedCollectionDeclaresARetention(t *testing.T) {
	m := emptyMachine(t)
	names := append([]string{}, notPruned...)
	for _, entry := range m.pruneTable() {
		names = append(names, entry.name)
		require.NotNil(t, entry.retention.epochs, entry.name)
		require.NotNil(t, entry.delete, entry.name)
	}
	var collections []string
	for _, collection := range m.Schema.ListCollections() {
		collections = append(collections, collection.GetName())
	}
	require.ElementsMatch(t, collections, names)
}

// rows counts all rows of the module.
func (m *machine) rows() int {
	m.t.Helper()
	total := 0
	for _, collection := range m.Schema.ListCollections() {
		total += m.rowsUnder(collection.GetPrefix())
	}
	return total
}

func (m *machine) rowsUnder(prefix []byte) int {
	m.t.Helper()
	iterator := m.ctx.KVStore(m.key).Iterator(prefix, []byte{prefix[0] + 1})
	defer iterator.Close()
	count := 0
	for ; iterator.Valid(); iterator.Next() {
		count++
	}
	return count
}

func TestTheStateLevelsOffOverSixtyEpochs(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 4, 3
	m := newMachine(t, n)
	var after []int
	for index := uint64(1); index <= 60; index++ {
		m.runTo(index+1, epoch.PocStart)
		after = append(after, m.rows())
	}
	m.requireNoFailures()
	require.Greater(t, after[3], after[0], "it grows at first")
	for index := 10; index < len(after); index++ {
		require.Equal(t, after[9], after[index], "after epoch %d", index+1)
	}
	_, err := m.EpochAt(m.ctx, 0)
	require.ErrorIs(t, err, collections.ErrNotFound)
}

func TestABlockPrunesAtMostItsBudget(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs, n.params.MaxPrunedKeysPerBlock = 3, 3, 2
	m := newMachine(t, n)
	for range 28 * 8 {
		m.block()
		before, cursors := m.rows(), m.rowsUnder(m.Prunes.GetPrefix())
		steps, err := m.pruneSteps(m.ctx)
		require.NoError(t, err)
		for _, s := range steps {
			require.NoError(t, s.run(m.ctx))
		}
		done := cursors - m.rowsUnder(m.Prunes.GetPrefix())
		require.LessOrEqual(t, before-m.rows(), 2+done, "two keys, and the cursors of epochs that are done")
	}
	m.requireNoFailures()
}

func TestAnAbandonedEpochLeavesOnlyItsRecord(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.runTo(1, epoch.PocValidationEnd)
	cursor, err := m.Formation.Get(m.ctx)
	require.NoError(t, err)
	cursor.HostsPerBlock, cursor.Remaining = 1, 0
	require.NoError(t, m.Formation.Set(m.ctx, cursor))
	m.runTo(1, epoch.Inference)
	m.requireNoFailures()
	for _, entry := range m.pruneTable() {
		left, _, err := entry.delete(m.ctx, 1, 1000)
		require.NoError(t, err)
		if entry.retention.lasting {
			require.Equal(t, uint64(1), left, entry.name)
		} else {
			require.Zero(t, left, entry.name)
		}
	}
}

func TestAnEpochThatStaysEffectiveIsNeverPruned(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 3, 1
	m := newMachine(t, n)
	m.runTo(2, epoch.SetNewValidators)
	m.claims = nil // every epoch from here on is abandoned
	m.runTo(12, epoch.Inference)
	m.requireNoFailures()
	require.Equal(t, uint64(2), m.clock().Effective)
	require.Equal(t, uint64(1500), m.group(2, "").TotalWeight)
	total, err := m.RootTotal(m.ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(1500), total)
	_, err = m.EpochAt(m.ctx, 5)
	require.ErrorIs(t, err, collections.ErrNotFound, "records of old abandoned epochs go")
	m.claims = n.hosts
	m.runTo(13, epoch.SetNewValidators)
	require.Equal(t, uint64(13), m.clock().Effective)
}

// TestWhatAnEpochPaidWaitsForItsClaimsHoweverLongItWasEffective: an epoch that carries
// the network through many that are abandoned is paid when it ends, and claims and what
// explains them are kept from then on.
func TestWhatAnEpochPaidWaitsForItsClaimsHoweverLongItWasEffective(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 4, 2
	m := newMachine(t, n)
	m.runTo(2, epoch.PocStart)
	m.claims = nil // the epochs from here on are abandoned
	m.runTo(8, epoch.PocStart)
	m.claims = n.hosts
	m.runTo(9, epoch.PocStart)
	require.Equal(t, uint64(8), m.clock().Effective)
	for opened := uint64(10); opened <= 12; opened++ {
		m.runTo(opened, epoch.PocStart)
		for _, host := range []string{"alice", "bob", "carol"} {
			row, err := m.SettleAmounts.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress(host))))
			if opened <= 10 {
				require.NoError(t, err, "%s at %d", host, opened)
				require.NotEqual(t, "0", row.Amount)
			} else {
				require.ErrorIs(t, err, collections.ErrNotFound)
			}
		}
	}
	_, err := m.EpochAt(m.ctx, 1)
	require.NoError(t, err, "the record lasts longer than the claims")
	m.requireNoFailures()
	m.runTo(13, epoch.PocStart)
	_, err = m.EpochAt(m.ctx, 1)
	require.ErrorIs(t, err, collections.ErrNotFound)
}

func TestAnEpochThatCannotBePrunedHoldsUpNoOther(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 3, 1
	m := newMachine(t, n)
	m.runTo(2, epoch.Inference)
	row, err := m.SettleAmounts.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("alice"))))
	require.NoError(t, err)
	row.Amount = "a word"
	require.NoError(t, m.SettleAmounts.Set(m.ctx, collections.Join(uint64(1), []byte(testAddress("alice"))), row))
	m.runTo(9, epoch.PocStart)
	require.NotEmpty(t, m.failures)
	for _, failure := range m.failures {
		require.Contains(t, failure, "prune_epoch_1: ")
	}
	_, err = m.EpochAt(m.ctx, 1)
	require.NoError(t, err)
	_, err = m.EpochAt(m.ctx, 3)
	require.ErrorIs(t, err, collections.ErrNotFound)
}
