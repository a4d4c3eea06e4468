package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// threeHosts is a network of three hosts and two models: alice serves both, bob the
// small one, carol has two nodes of which one lists no model.
func threeHosts() network {
	return network{
		params: shortParams(),
		models: []string{"large", "small"},
		hosts:  map[string]fleet{"alice": {"a1": 500, "a2": 300}, "bob": {"b1": 400}, "carol": {"c1": 200, "c2": 100}},
		serves: map[string][]string{"alice/a2": {"small", "large"}, "bob/b1": {"small"}, "carol/c2": {}},
	}
}

func TestGenesisIsAnEffectiveEpochWithItsGroups(t *testing.T) {
	m := newMachine(t, threeHosts())

	record := m.record(0)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_EFFECTIVE, record.Status)
	require.Equal(t, types.EpochHeights{SetNewValidators: 0, NextPocStart: 15}, record.Heights)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_PLANNED, m.record(1).Status)
	require.Equal(t, []string{"large", "small"}, m.group(0, "").SubGroupModels)
	require.Equal(t, uint64(1500), m.group(0, "").TotalWeight)
	require.Equal(t, uint64(3), m.group(0, "").MemberCount)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_GENESIS, m.outcome(0, "bob").Reason)
	require.Len(t, m.set.handedOver, 1)
	require.Len(t, m.set.handedOver[0].members, 3)

	total, err := m.RootTotal(m.ctx)
	require.NoError(t, err)
	require.Equal(t, uint64(1500), total)
	weight, err := m.RootWeight(m.ctx, testAddress("carol"))
	require.NoError(t, err)
	require.Equal(t, uint64(300), weight)
}

func TestAWholeEpochFormsTwoTiersOfModels(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.claims["bob"] = fleet{"b1": 800}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()

	require.Equal(t, types.Clock{Opened: 1, Effective: 1, NextAddedSeq: 6, Participants: 3, FleetLoad: 3}, m.clock())
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_EFFECTIVE, m.record(1).Status)
	require.Equal(t, m.height+1, m.record(1).EffectiveFrom)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_SETTLED, m.record(0).Status, "genesis earns nothing")
	require.Equal(t, m.height, m.record(0).EffectiveTo)

	root := m.group(1, "")
	require.Equal(t, uint64(1900), root.TotalWeight)
	require.Equal(t, []string{"large", "small"}, root.SubGroupModels)
	require.Equal(t, uint64(800), m.weightOf(1, "", "alice"))
	require.Equal(t, uint64(800), m.weightOf(1, "", "bob"))

	large, small := m.group(1, "large"), m.group(1, "small")
	require.Equal(t, uint64(700), large.TotalWeight, "a1 and c1 belong to it; a2 only lists it")
	require.Equal(t, uint64(1100), small.TotalWeight, "a2 and b1 belong to it")
	require.Equal(t, uint64(2), large.MemberCount)
	require.Equal(t, uint64(3), small.MemberCount, "carol's c1 lists it after the large one")
	require.Equal(t, uint64(0), m.weightOf(1, "small", "carol"))
	require.Equal(t, "small", small.ModelSnapshot.Id)
	require.Equal(t, []uint64{0, 0}, small.ExpectedThroughputVector)
	// floor(700 * 2 tokens * 14 blocks / 3 blocks), node by node.
	require.Equal(t, uint64(500*2*14/3+200*2*14/3), large.TotalThroughput)

	for _, want := range []struct {
		model, host, node string
		info              types.MLNodeInfo
	}{
		{"large", "alice", "a1", types.MLNodeInfo{NodeId: "a1", Throughput: 4666, PocWeight: 500, TimeslotAllocation: []bool{true, false}}},
		{"small", "alice", "a1", types.MLNodeInfo{NodeId: "a1", TimeslotAllocation: []bool{false, false}}},
		{"", "carol", "c2", types.MLNodeInfo{NodeId: "c2", PocWeight: 100, TimeslotAllocation: []bool{false, false}}},
	} {
		row, err := m.EpochNodes.Get(m.ctx, collections.Join4(uint64(1), want.model, []byte(testAddress(want.host)), want.node))
		require.NoError(t, err)
		require.Equal(t, want.info, row.Info)
	}
	require.Equal(t, types.WeightReason_WEIGHT_REASON_ACCEPTED, m.outcome(1, "alice").Reason)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_MINED, m.nodeOutcome(1, "alice", "a2").Reason)
	require.Equal(t, uint64(32), m.outcome(1, "alice").SeatsHonest)
}

func TestEventsTellWhatAnIndexerNeeds(t *testing.T) {
	m := newMachine(t, threeHosts())
	var stages []types.Stage
	var weights []types.EventWeightComputed
	var ready []types.EventNextEpochReady
	collect := func() {
		for _, changed := range eventsOf[types.EventStageChanged](m.kit) {
			require.Equal(t, m.height, changed.Height)
			stages = append(stages, changed.Stage)
		}
		weights = append(weights, eventsOf[types.EventWeightComputed](m.kit)...)
		ready = append(ready, eventsOf[types.EventNextEpochReady](m.kit)...)
	}
	for m.height < 28 {
		m.block()
		collect()
	}
	require.Equal(t, []types.Stage{9, 1, 2, 3, 4, 5, 6, 7, 8}, stages)
	require.Len(t, weights, 3)
	require.Equal(t, []types.EventNextEpochReady{{EpochIndex: 1, TotalWeight: 1500, Members: 3}}, ready)
	require.Equal(t, []types.EventEpochEffective{{EpochIndex: 1, TotalWeight: 1500}}, eventsOf[types.EventEpochEffective](m.kit))
	require.Equal(t, []types.EventValidatorsSwitched{{EpochIndex: 1, Validators: 3, TotalPower: 1500}}, eventsOf[types.EventValidatorsSwitched](m.kit))
}

func TestAModelRegisteredDuringAnEpochJoinsOnlyTheNextFormation(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(1, epoch.ModelLoading)
	_, err := m.SetModel(m.ctx, machineModel("new"))
	require.NoError(t, err)
	m.register("dave", types.HardwareNode{LocalId: "d1", Models: []string{"new", "small"}})
	m.claims["dave"] = fleet{"d1": 100}
	m.runTo(1, epoch.Inference)

	known, err := m.IsValidGovernanceModel(m.ctx, "new")
	require.NoError(t, err)
	require.True(t, known)
	_, err = m.GetEpochModel(m.ctx, 1, "new")
	require.ErrorIs(t, err, types.ErrModelNotFound)
	require.NotContains(t, m.group(1, "").SubGroupModels, "new")

	m.runTo(2, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, []string{"large", "new", "small"}, m.group(2, "").SubGroupModels)
	require.Equal(t, uint64(100), m.weightOf(2, "new", "dave"))
}

func TestARemovedModelIsDroppedFromNodesThatListIt(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(1, epoch.PocValidationExchange)
	require.NoError(t, m.RemoveModel(m.ctx, "small"))
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()

	require.Equal(t, []string{"large"}, m.group(1, "").SubGroupModels)
	require.Equal(t, uint64(1000), m.group(1, "large").TotalWeight, "a2 now belongs to its second model")
	require.Equal(t, uint64(400), m.weightOf(1, "", "bob"), "a node without a model keeps its root weight")
	require.Equal(t, uint64(0), m.weightOf(1, "large", "bob"))
}

func TestChangedParametersActFromThePocStartAfterNext(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(1, epoch.PocExchange)
	before := m.record(1)
	changed := shortParams()
	changed.PocExchangeBlocks, changed.InferenceBlocks = 5, 20
	require.NoError(t, m.Params.Set(m.ctx, changed))
	m.runTo(1, epoch.Inference)
	require.Equal(t, before.Heights, m.record(1).Heights, "nothing of the running epoch moves")
	require.Equal(t, shortParams(), m.record(2).Params)

	m.runTo(2, epoch.SetNewValidators)
	require.Equal(t, int64(2+1), m.record(2).Heights.PocEnd-m.record(2).Heights.PocStart)
	m.runTo(3, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, int64(5+1), m.record(3).Heights.PocEnd-m.record(3).Heights.PocStart)
	require.Equal(t, uint64(3), m.clock().Effective)
}

func TestAHostThatRegistersProvesInTheNextRoundAndJudgesLater(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(0, epoch.Inference)
	m.register("dave", types.HardwareNode{LocalId: "d1", Models: []string{"small"}})
	m.claims["dave"] = fleet{"d1": 5000}
	m.runTo(1, epoch.PocValidationExchange)
	for _, host := range []string{"alice", "bob", "carol"} {
		seats, drawn, err := m.JuryOf(m.ctx, 1, testAddress(host))
		require.NoError(t, err)
		require.Equal(t, uint64(32), drawn)
		for _, seat := range seats {
			require.NotEqual(t, testAddress("dave"), seat.Holder)
			require.NotEqual(t, testAddress(host), seat.Holder)
		}
	}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(5000), m.weightOf(1, "", "dave"))
}
