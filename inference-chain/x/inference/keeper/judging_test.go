package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// fourHosts have one node each, which belongs to the one model.
func fourHosts() network {
	return network{
		params: shortParams(),
		models: []string{"m"},
		hosts:  map[string]fleet{"alice": {"a": 400}, "bob": {"b": 300}, "carol": {"c": 300}, "dave": {"d": 200}},
	}
}

func TestOutcomesOfARound(t *testing.T) {
	about := func(accused string, found func() *types.Verdict) func(uint64, string, string) *types.Verdict {
		return func(_ uint64, host, _ string) *types.Verdict {
			if host == accused {
				return found()
			}
			return honestVerdict()
		}
	}
	unavailable := func() *types.Verdict { return &types.Verdict{Unavailable: true} }
	nothing := func() *types.Verdict { return nil }
	for _, tc := range []struct {
		name    string
		claims  fleet // of dave, who held 200
		verdict func(uint64, string, string) *types.Verdict
		reason  types.WeightReason
		node    types.WeightReason
		weight  uint64
	}{
		{
			"a host whose jury finds it honest is credited in full",
			fleet{"d": 250},
			about("nobody", nothing),
			types.WeightReason_WEIGHT_REASON_ACCEPTED, types.WeightReason_WEIGHT_REASON_MINED, 250,
		},
		{
			"a forging host loses everything",
			fleet{"d": 250},
			about("dave", fraudVerdict),
			types.WeightReason_WEIGHT_REASON_FRAUD, types.WeightReason_WEIGHT_REASON_FRAUD, 0,
		},
		{
			"a host that opens nothing loses everything",
			fleet{"d": 250},
			about("dave", unavailable),
			types.WeightReason_WEIGHT_REASON_UNAVAILABLE, types.WeightReason_WEIGHT_REASON_UNAVAILABLE, 0,
		},
		{
			"a host that nobody judges keeps at most its last credit",
			fleet{"d": 250},
			about("dave", nothing),
			types.WeightReason_WEIGHT_REASON_NO_QUORUM, types.WeightReason_WEIGHT_REASON_NO_QUORUM, 200,
		},
		{
			"a host that nobody judges gets no more than it claims",
			fleet{"d": 150},
			about("dave", nothing),
			types.WeightReason_WEIGHT_REASON_NO_QUORUM, types.WeightReason_WEIGHT_REASON_NO_QUORUM, 150,
		},
		{
			"claims just below the minimum are not judged",
			fleet{"d": 3},
			about("dave", fraudVerdict),
			types.WeightReason_WEIGHT_REASON_BELOW_MINIMUM, types.WeightReason_WEIGHT_REASON_BELOW_MINIMUM, 0,
		},
		{
			"claims at the minimum are judged",
			fleet{"d": 4},
			about("nobody", nothing),
			types.WeightReason_WEIGHT_REASON_ACCEPTED, types.WeightReason_WEIGHT_REASON_MINED, 4,
		},
		{
			"a host that claims nothing has nothing", nil, about("nobody", nothing),
			types.WeightReason_WEIGHT_REASON_NO_BATCH, types.WeightReason_WEIGHT_REASON_NO_BATCH, 0,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t, fourHosts())
			m.claims["dave"], m.verdict = tc.claims, tc.verdict
			m.runTo(1, epoch.SetNewValidators)
			m.requireNoFailures()

			outcome := m.outcome(1, "dave")
			require.Equal(t, tc.reason, outcome.Reason)
			require.Equal(t, tc.weight, outcome.Weight)
			require.Equal(t, tc.node, m.nodeOutcome(1, "dave", "d").Reason)
			require.Equal(t, tc.weight, m.weightOf(1, "", "dave"))
			for name, own := range map[string]uint64{"alice": 400, "bob": 300, "carol": 300} {
				require.Equal(t, own, m.weightOf(1, "", name), "the others are not disturbed")
			}
			require.Equal(t, 1000+tc.weight, m.group(1, "").TotalWeight)
		})
	}
}

func TestAForgingHostForfeitsTheRewardOfTheEpochThatJudgedIt(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.verdict = func(index uint64, host, _ string) *types.Verdict {
		if index == 2 && host == "dave" {
			return fraudVerdict()
		}
		return honestVerdict()
	}
	m.runTo(2, epoch.SetNewValidators)
	forfeit, err := m.Forfeits.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("dave"))))
	require.NoError(t, err)
	require.Equal(t, ReasonFraud, forfeit.Reason)
	require.Equal(t, uint64(0), m.weightOf(2, "", "dave"))

	m.runTo(3, epoch.PocStart)
	m.requireNoFailures()
	lost, err := m.SettleAmounts.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("dave"))))
	require.NoError(t, err)
	require.Equal(t, ReasonFraud, lost.Forfeited)
	require.Equal(t, "0", lost.Amount)
	require.NotEqual(t, "0", lost.ByWeight)
	waiting, err := m.Unclaimed.Has(m.ctx, collections.Join([]byte(testAddress("dave")), uint64(1)))
	require.NoError(t, err)
	require.False(t, waiting)
	paid, err := m.SettleAmounts.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("alice"))))
	require.NoError(t, err)
	require.NotEqual(t, "0", paid.Amount)
}

func TestTheFirstReasonOfAForfeitStands(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.verdict = func(_ uint64, host, _ string) *types.Verdict {
		if host == "dave" {
			return fraudVerdict()
		}
		return honestVerdict()
	}
	m.runTo(1, epoch.PocExchange)
	require.NoError(t, m.ForfeitReward(m.ctx, testAddress("dave"), "double_sign"))
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	forfeit, err := m.Forfeits.Get(m.ctx, collections.Join(uint64(0), []byte(testAddress("dave"))))
	require.NoError(t, err)
	require.Equal(t, "double_sign", forfeit.Reason)
}

func TestAHostBelowTheMinimumHasNoJury(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.claims["dave"] = fleet{"d": 3}
	m.runTo(1, epoch.PocValidationExchange)
	seats, drawn, err := m.JuryOf(m.ctx, 1, testAddress("dave"))
	require.NoError(t, err)
	require.Empty(t, seats)
	require.Zero(t, drawn)
	m.claims["dave"] = fleet{"d": 4}
	m.runTo(2, epoch.PocValidationExchange)
	_, drawn, err = m.JuryOf(m.ctx, 2, testAddress("dave"))
	require.NoError(t, err)
	require.Equal(t, uint64(32), drawn)
}

func TestASampleIsTheHoldersOwn(t *testing.T) {
	n := threeHosts()
	n.params.SampleSize = 10
	m := newMachine(t, n)
	m.runTo(1, epoch.PocValidationExchange)
	bobs, err := m.SampleOf(m.ctx, 1, testAddress("alice"), testAddress("bob"))
	require.NoError(t, err)
	carols, err := m.SampleOf(m.ctx, 1, testAddress("alice"), testAddress("carol"))
	require.NoError(t, err)
	require.Len(t, bobs, 10)
	require.NotEqual(t, bobs, carols)
	for _, ref := range bobs {
		first, node := uint64(0), "a1"
		if ref.Index >= 500 {
			first, node = 500, "a2"
		}
		require.Equal(t, types.SampleRef{Index: ref.Index, NodeId: node, NodeIndex: first / 500, BatchId: 1, Leaf: ref.Index - first}, ref)
	}
	_, err = m.SampleOf(m.ctx, 0, testAddress("alice"), testAddress("bob"))
	require.ErrorIs(t, err, collections.ErrNotFound, "epoch 0 has no round")
}

func TestAHostAloneIsAcceptedUnjudged(t *testing.T) {
	n := fourHosts()
	n.hosts = map[string]fleet{"alice": {"a": 400}}
	m := newMachine(t, n)
	m.claims["alice"] = fleet{"a": 900}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, types.WeightReason_WEIGHT_REASON_SOLE_MEMBER, m.outcome(1, "alice").Reason)
	require.Equal(t, uint64(900), m.weightOf(1, "", "alice"))
	require.Equal(t, uint64(0), m.outcome(1, "alice").SeatsDrawn)
}

func TestAStrangerThatNobodyCanJudgeHasNoWeight(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.register("erin", types.HardwareNode{LocalId: "e", Models: []string{"m"}})
	m.claims["erin"] = fleet{"e": 500}
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		m.set.jailed = append(m.set.jailed, testAddress(name))
	}
	m.runTo(1, epoch.ModelLoading)
	m.requireNoFailures()
	require.Equal(t, types.WeightReason_WEIGHT_REASON_NO_QUORUM, m.outcome(1, "erin").Reason)
	require.Equal(t, uint64(0), m.outcome(1, "erin").Weight)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_SOLE_MEMBER, m.outcome(1, "alice").Reason)
}

func TestAMemberInJailSitsOnNoJury(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.set.jailed = append(m.set.jailed, testAddress("bob"), testAddress("stranger"))
	m.runTo(1, epoch.PocValidationStart)
	m.set.jailed = nil // leaving jail later changes nothing
	m.block()
	seats, drawn, err := m.JuryOf(m.ctx, 1, testAddress("alice"))
	require.NoError(t, err)
	require.Equal(t, uint64(32), drawn)
	for _, seat := range seats {
		require.Contains(t, []string{"carol", "dave"}, m.name(seat.Holder))
	}
	excluded, err := m.JuryExclusions.Has(m.ctx, collections.Join(uint64(1), []byte(testAddress("stranger"))))
	require.NoError(t, err)
	require.False(t, excluded, "who judges nobody needs no exclusion")
}

func TestADoubleSignerHasNoWeightUntilAnotherKeyWaits(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.set.tombstoned = append(m.set.tombstoned, testAddress("dave"))
	m.runTo(1, epoch.SetNewValidators)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_JAILED, m.outcome(1, "dave").Reason)
	require.Equal(t, uint64(0), m.weightOf(1, "", "dave"))

	row, err := m.GetParticipant(m.ctx, testAddress("dave"))
	require.NoError(t, err)
	row.NextConsensusKey = make([]byte, 32)
	require.NoError(t, m.Participants.Set(m.ctx, testAddress("dave"), row))
	m.runTo(2, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(200), m.weightOf(2, "", "dave"))
	row, err = m.GetParticipant(m.ctx, testAddress("dave"))
	require.NoError(t, err)
	require.Equal(t, make([]byte, 32), row.ConsensusKey)
	require.Empty(t, row.NextConsensusKey)
}

func TestSeatsWithoutAVerdictCountAgainstTheirHolder(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.verdict = func(_ uint64, _, holder string) *types.Verdict {
		if holder == "bob" {
			return nil
		}
		return honestVerdict()
	}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	var drawn uint64
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		duty, err := m.JuryDuties.Get(m.ctx, collections.Join(uint64(0), []byte(testAddress(name))))
		require.NoError(t, err)
		drawn += duty.Drawn
		if name == "bob" {
			require.Zero(t, duty.Cast)
			require.NotZero(t, duty.Drawn)
			continue
		}
		require.Equal(t, duty.Drawn, duty.Cast)
	}
	require.Equal(t, uint64(4*32), drawn)
}

func TestNodesThatLeftOrCameTooLateSayWhy(t *testing.T) {
	m := newMachine(t, fourHosts())
	// dave's node goes before POC_START, and another one comes after it.
	m.declare("dave", HardwareDiff{Remove: []string{"d"}})
	m.runTo(1, epoch.PocExchange)
	m.declare("dave", HardwareDiff{Add: []types.HardwareNode{{LocalId: "late", Models: []string{"m"}}}})
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, types.WeightReason_WEIGHT_REASON_REMOVED, m.outcome(1, "dave").Reason)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_REMOVED, m.nodeOutcome(1, "dave", "d").Reason)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_NOT_IN_FLEET, m.nodeOutcome(1, "dave", "late").Reason)
	require.Equal(t, uint64(0), m.weightOf(1, "", "dave"))
}

func TestANodeThatServedThroughPocKeepsItsWeight(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.serve(0, "alice", "a1")
	m.claims["alice"] = fleet{"a1": 9999, "a2": 350}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	outcome := m.outcome(1, "alice")
	require.Equal(t, uint64(350), outcome.MinedWeight, "nothing that a1 mined counts")
	require.Equal(t, uint64(500), outcome.PreservedWeight)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_PRESERVED, m.nodeOutcome(1, "alice", "a1").Reason)
	require.Equal(t, types.WeightReason_WEIGHT_REASON_MINED, m.nodeOutcome(1, "alice", "a2").Reason)
	require.Equal(t, uint64(850), m.weightOf(1, "", "alice"))
	node, err := m.EpochNodes.Get(m.ctx, collections.Join4(uint64(1), "large", []byte(testAddress("alice")), "a1"))
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, node.Info.TimeslotAllocation, "a slot is not inherited")
}

// serve gives a node POC_SLOT, in the subgroup it belongs to and in the root group.
func (m *machine) serve(index uint64, host, node string) {
	m.t.Helper()
	root, err := m.EpochNodes.Get(m.ctx, collections.Join4(index, "", []byte(testAddress(host)), node))
	require.NoError(m.t, err)
	for _, model := range []string{"", root.Models[0]} {
		key := collections.Join4(index, model, []byte(testAddress(host)), node)
		row, err := m.EpochNodes.Get(m.ctx, key)
		require.NoError(m.t, err)
		row.Info.TimeslotAllocation = []bool{true, true}
		require.NoError(m.t, m.EpochNodes.Set(m.ctx, key, row))
	}
}

func TestCarriedWeightsAreScaledWhenTheProofChanged(t *testing.T) {
	n := threeHosts()
	n.hosts = map[string]fleet{"alice": {"a1": 500, "a2": 300}, "bob": {"b1": 400}, "carol": {"c1": 400}}
	m := newMachine(t, n)
	changed := shortParams()
	changed.PocExchangeBlocks = 5 // twice the generation: G = 6 instead of 3
	m.runTo(1, epoch.PocExchange)
	require.NoError(t, m.Params.Set(m.ctx, changed)) // frozen at the POC_START of 2, for 3
	m.runTo(2, epoch.SetNewValidators)
	m.serve(2, "alice", "a1")
	m.claims = map[string]fleet{"alice": {"a2": 600}, "bob": {"b1": 800}, "carol": {"c1": 900}}
	m.verdict = func(_ uint64, host, _ string) *types.Verdict {
		if host == "carol" {
			return nil
		}
		return honestVerdict()
	}
	m.runTo(3, epoch.ModelLoading)
	m.requireNoFailures()
	cursor, err := m.Formation.Get(m.ctx)
	require.NoError(t, err)
	// alice and bob were accepted in both: 800 + 400 claims then, 600 + 800 now.
	require.Equal(t, uint64(1200), cursor.ScaleOld)
	require.Equal(t, uint64(1400), cursor.ScaleNew)
	m.runTo(3, epoch.SetNewValidators)
	m.requireNoFailures()
	require.Equal(t, uint64(500*1400/1200), m.outcome(3, "alice").PreservedWeight)
	require.Equal(t, uint64(600), m.outcome(3, "alice").MinedWeight)
	require.Equal(t, uint64(400*1400/1200), m.outcome(3, "carol").Weight, "no_quorum keeps the scaled credit")
	require.Equal(t, types.WeightReason_WEIGHT_REASON_NO_QUORUM, m.outcome(3, "carol").Reason)
	duty, err := m.JuryDuties.Get(m.ctx, collections.Join(uint64(2), []byte(testAddress("bob"))))
	require.NoError(t, err)
	require.LessOrEqual(t, duty.Drawn, uint64(2*32), "two passes count a duty once")
}
