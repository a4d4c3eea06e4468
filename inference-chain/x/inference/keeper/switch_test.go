package keeper

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// requireAbandoned asks for everything that must hold when epoch 1 was given up and
// epoch 0 stayed.
func requireAbandoned(t *testing.T, m *machine, reason string) {
	t.Helper()
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_ABANDONED, m.record(1).Status)
	require.Contains(t, m.record(1).AbandonedReason, reason)
	require.Equal(t, uint64(0), m.clock().Effective)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_EFFECTIVE, m.record(0).Status)
	require.Len(t, m.set.handedOver, 1, "only genesis handed a set over")
	abandoned := eventsOf[types.EventEpochAbandoned](m.kit)
	require.Len(t, abandoned, 1)
	require.Equal(t, uint64(1), abandoned[0].EpochIndex)
}

// requireGoesOn asks for the next cycle to work as if nothing had been.
func requireGoesOn(t *testing.T, m *machine) {
	t.Helper()
	m.runTo(2, epoch.SetNewValidators)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_EFFECTIVE, m.record(2).Status)
	require.Equal(t, uint64(0), m.record(2).JudgedBy)
	require.Equal(t, uint64(2), m.clock().Effective)
	require.Equal(t, uint64(2), m.set.handedOver[1].period)
}

func TestAnEpochWithoutWeightIsAbandoned(t *testing.T) {
	m := newMachine(t, fourHosts())
	claims := m.claims
	m.claims = nil
	m.runTo(1, epoch.SetNewValidators)
	requireAbandoned(t, m, "no weight")
	m.requireNoFailures()
	m.claims = claims
	requireGoesOn(t, m)
}

func TestAnEpochThatKeepsTooLittleOfTheOldPowerIsAbandoned(t *testing.T) {
	n := fourHosts()
	for _, tc := range []struct {
		name      string
		kept      uint64 // what alice held, of 900
		abandoned bool
	}{
		{"just below a third", 299, true},
		{"a third, rounded down to 18 digits", 300, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n.hosts = map[string]fleet{"alice": {"a": tc.kept}, "bob": {"b": 900 - tc.kept}}
			m := newMachine(t, n)
			m.claims = map[string]fleet{"alice": {"a": 100}}
			m.runTo(1, epoch.SetNewValidators)
			m.requireNoFailures()
			if tc.abandoned {
				requireAbandoned(t, m, "too little of the old weight")
			} else {
				require.Equal(t, uint64(1), m.clock().Effective)
			}
		})
	}
}

func TestAnEpochWhoseFormationIsNotFinishedIsAbandoned(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.runTo(1, epoch.PocValidationEnd)
	cursor, err := m.Formation.Get(m.ctx)
	require.NoError(t, err)
	cursor.HostsPerBlock, cursor.Remaining = 1, 0      // as if no host were left to hurry for
	require.NoError(t, m.Formation.Set(m.ctx, cursor)) // three blocks for four hosts
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	requireAbandoned(t, m, "formation is not complete: 3 members")
	_, err = m.Formation.Get(m.ctx)
	require.ErrorIs(t, err, collections.ErrNotFound)
	requireGoesOn(t, m)
}

func TestAnEpochWhoseSamplingSeedIsMissingIsAbandoned(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.during = func(stage epoch.Stage, record types.Epoch) {
		if record.Index == 1 && stage == epoch.PocValidationStart {
			m.ctx = m.ctx.WithHeaderHash(nil)
		}
	}
	m.verdict = nil
	m.runTo(1, epoch.PocValidationStart)
	m.claims = nil // nobody can cast
	require.NoError(t, m.HostClaims.Clear(m.ctx, nil))
	m.runTo(1, epoch.SetNewValidators)
	requireAbandoned(t, m, "never began")
	require.Len(t, m.failures, 2)
	require.Contains(t, m.failures[0], "draw_sample: ")
	require.Contains(t, m.failures[1], "take_snapshot: ")
}

func TestARefusedHandOverAbandonsTheEpochAndTheChainGoesOn(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.set.refuse = errors.New("no set today")
	m.runTo(1, epoch.SetNewValidators)
	requireAbandoned(t, m, "no set today")
	require.Len(t, m.failures, 1)
	require.True(t, strings.HasPrefix(m.failures[0], "switch_epoch: "))
	_, err := m.Settlements.Get(m.ctx, 0)
	require.ErrorIs(t, err, collections.ErrNotFound, "the failed switch left nothing")
	m.set.refuse = nil
	requireGoesOn(t, m)
}

func TestAWaitingConsensusKeyComesIntoUseAtTheSwitch(t *testing.T) {
	m := newMachine(t, fourHosts())
	old, fresh := testParticipant(t, "bob").ConsensusKey, make([]byte, 32)
	for _, stage := range []epoch.Stage{epoch.PocExchange, epoch.SetNewValidators} {
		m.runTo(1, stage)
		row, err := m.GetParticipant(m.ctx, testAddress("bob"))
		require.NoError(t, err)
		if stage == epoch.SetNewValidators {
			require.Equal(t, fresh, row.ConsensusKey)
			require.Empty(t, row.NextConsensusKey)
			continue
		}
		require.Equal(t, old, row.ConsensusKey)
		row.NextConsensusKey = fresh
		require.NoError(t, m.Participants.Set(m.ctx, testAddress("bob"), row))
		require.NoError(t, m.ConsensusKeys.Set(m.ctx, fresh, testAddress("bob")))
	}
	m.requireNoFailures()
	for _, member := range m.set.handedOver[1].members {
		if member.Operator.Equals(testAddress("bob")) {
			require.Equal(t, fresh, member.ConsensusKey)
		}
	}
	held, err := m.ConsensusKeys.Has(m.ctx, old)
	require.NoError(t, err)
	require.False(t, held, "the old key is free again")
}

func TestAKeyThatIsAskedForAfterFormationIsTheOneInUse(t *testing.T) {
	m := newMachine(t, fourHosts())
	m.during = func(stage epoch.Stage, record types.Epoch) {
		if record.Index != 1 || stage != epoch.SetNewValidators {
			return
		}
		row, err := m.GetParticipant(m.ctx, testAddress("bob"))
		require.NoError(t, err)
		row.NextConsensusKey = make([]byte, 32)
		require.NoError(t, m.Participants.Set(m.ctx, testAddress("bob"), row))
	}
	m.runTo(1, epoch.SetNewValidators)
	m.requireNoFailures()
	member, err := m.EpochMembers.Get(m.ctx, collections.Join3(uint64(1), "", []byte(testAddress("bob"))))
	require.NoError(t, err)
	require.Equal(t, make([]byte, 32), member.ConsensusKey)
}
