package keeper

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// slowHosts is a network of four hosts whose blocks form one of them, unless more
// is needed; MODEL_LOADING has four blocks, two of them to spare.
func slowHosts() network {
	n := fourHosts()
	n.params.FormationHostsPerBlock, n.params.ModelLoadingBlocks, n.params.InferenceBlocks = 1, 4, 15
	return n
}

// formation returns the cursor of the formation under way.
func (m *machine) formation() types.FormationCursor {
	m.t.Helper()
	cursor, err := m.Formation.Get(m.ctx)
	require.NoError(m.t, err)
	return cursor
}

// requireLoads checks what formations are sized by against the rows of hardware.
func (m *machine) requireLoads() {
	m.t.Helper()
	var sum, left uint64
	cursor, err := valueOrZero(m.Formation.Get(m.ctx))
	require.NoError(m.t, err)
	require.NoError(m.t, m.FleetLoads.Walk(m.ctx, nil, func(host []byte, row types.FleetLoad) (bool, error) {
		rows, err := m.hardwareRows(m.ctx, host)
		require.NoError(m.t, err)
		require.Equal(m.t, types.FleetLoadOf(rows), row.Load)
		sum += row.Load
		passes, err := m.passesLeft(cursor, host)
		left += passes * row.Load
		return false, err
	}))
	require.Equal(m.t, sum, m.clock().FleetLoad)
	if cursor.EpochIndex > 0 && !cursor.Done {
		require.Equal(m.t, left, cursor.Remaining)
	}
	require.NoError(m.t, m.HardwareNodes.Walk(m.ctx, nil, func(key collections.Pair[[]byte, string], _ types.HardwareNodeRow) (bool, error) {
		known, err := m.FleetLoads.Has(m.ctx, key.K1())
		require.True(m.t, known, key.K2())
		return false, err
	}))
}

func TestAFormationHasRoomForEveryPassOverTheFleets(t *testing.T) {
	m := newMachine(t, slowHosts())
	m.runTo(1, epoch.PocStart)
	planned := m.record(2)
	planned.Params.Lanes++ // so that epoch 2 is judged before it is formed
	require.NoError(t, m.Epochs.Set(m.ctx, 2, planned))

	m.runTo(1, epoch.PocValidationEnd)
	require.Equal(t, uint64(4), m.formation().Remaining)
	m.block()
	require.Equal(t, uint64(2), m.formation().Remaining, "four hosts, with two of the four blocks to spare")

	m.runTo(2, epoch.PocValidationEnd)
	require.Equal(t, uint32(passJudge), m.formation().Phase)
	require.Equal(t, uint64(8), m.formation().Remaining)
	m.block()
	require.Equal(t, uint64(4), m.formation().Remaining, "four hosts twice, with two of the four blocks to spare")
	m.runTo(2, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(2), m.clock().Effective)
}

func TestWhoeverOnlyRegistersMakesAFormationNoWork(t *testing.T) {
	m := newMachine(t, slowHosts())
	strangers := 0
	m.during = func(epoch.Stage, types.Epoch) {
		for range 5 {
			m.register(fmt.Sprintf("stranger %d", strangers))
			strangers++
		}
	}
	m.runTo(1, epoch.PocValidationEnd)
	require.Equal(t, uint64(4), m.formation().Remaining)
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(1), m.clock().Effective)
	require.Greater(t, m.clock().Participants, uint64(50))
	require.Equal(t, uint64(4), m.clock().FleetLoad)
	_, err := m.HostOutcomes.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("stranger 0"))))
	require.ErrorIs(t, err, collections.ErrNotFound, "an account without a node leaves no rows")
}

func TestHostsThatDeclareNodesWhileAnEpochFormsDoNotKeepItFromEnding(t *testing.T) {
	m := newMachine(t, slowHosts())
	late := 0
	m.during = func(stage epoch.Stage, record types.Epoch) {
		if stage != epoch.ModelLoading || record.Index != 1 {
			return
		}
		for range 20 {
			m.register(fmt.Sprintf("late %d", late), types.HardwareNode{LocalId: "n", Models: []string{"m"}})
			late++
		}
	}
	m.runTo(1, epoch.PocValidationEnd)
	for range 4 {
		m.block()
		m.requireLoads()
	}
	require.True(t, m.formation().Done)
	require.Equal(t, uint64(4), m.formation().Members)
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(1), m.clock().Effective)
	require.Equal(t, 80, late)
}

func TestAHostOfManyRowsCountsAsSeveral(t *testing.T) {
	n := fourHosts()
	n.params.FormationHostsPerBlock, n.params.ModelLoadingBlocks, n.params.InferenceBlocks = 10, 30, 50
	n.models = []string{"m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"}
	n.hosts["alice"] = fleet{}
	for i := range 256 {
		n.hosts["alice"][fmt.Sprintf("n%03d", i)] = 4
	}
	m := newMachine(t, n)
	m.requireLoads()
	require.Equal(t, uint64(26+3), m.clock().FleetLoad, "256 nodes of ten rows")

	m.runTo(1, epoch.PocValidationEnd)
	for range 5 {
		before := m.formation()
		m.block()
		after := m.formation()
		m.requireLoads()
		formed := before.Remaining - after.Remaining
		require.True(t, formed <= 10 || formed == 26, "a block took %d: a host that is larger than a block's share goes alone", formed)
	}
	require.True(t, m.formation().Done)
}

func TestAHostWithoutNodesIsForgottenOnceNoGroupKnowsIt(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.runTo(1, epoch.PocExchange)
	m.declare("dave", HardwareDiff{Remove: []string{"d"}})
	m.runTo(2, epoch.SetNewValidators)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_REMOVED, m.outcome(2, "dave").Reason, "it was a member of epoch 1")
	require.Equal(t, uint64(4), m.clock().FleetLoad)

	m.runTo(3, epoch.SetNewValidators)
	m.requireNoFailures()
	m.requireLoads()
	require.Equal(t, uint64(3), m.clock().FleetLoad)
	known, err := m.FleetLoads.Has(m.ctx, testAddress("dave"))
	require.NoError(t, err)
	require.False(t, known)
	rows, err := m.hardwareRows(m.ctx, testAddress("dave"))
	require.NoError(t, err)
	require.Empty(t, rows, "what told of its removed node is gone")

	m.declare("dave", HardwareDiff{Add: []types.HardwareNode{{LocalId: "d", Models: []string{"m"}}}})
	m.runTo(4, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(4), m.clock().FleetLoad)
	require.NotZero(t, m.weightOf(4, "", "dave"), "it comes back as any new host")
}

func TestLoadsFollowFromWhatIsDeclaredAtAnyTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newMachine(t, slowHosts())
		names := []string{"alice", "bob", "carol", "dave"}
		m.during = func(epoch.Stage, types.Epoch) {
			name := rapid.SampledFrom(names).Draw(r, "host")
			var diff HardwareDiff
			for _, id := range rapid.SliceOfNDistinct(rapid.IntRange(0, 59), 0, 40, rapid.ID).Draw(r, "nodes") {
				node := types.HardwareNode{LocalId: fmt.Sprint(id)}
				if rapid.Bool().Draw(r, "lists the model") {
					node.Models = []string{"m"}
				}
				diff.Add = append(diff.Add, node)
			}
			if len(diff.Add) == 0 { // all go
				fleet, err := m.FleetAt(m.ctx, m.clock().Opened+1, testAddress(name))
				require.NoError(r, err)
				diff.Remove = ids(fleet)
			}
			_, _ = m.SetHardwareNodes(m.ctx, testAddress(name), diff) // some exist already
		}
		for range rapid.IntRange(1, 70).Draw(r, "blocks") {
			m.block()
			m.requireLoads()
		}
		m.requireNoFailures()
	})
}
