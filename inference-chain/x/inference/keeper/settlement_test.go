package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/reward"
	"ninefold.dev/inference-chain/x/inference/types"
)

func (m *machine) settled(index uint64, name string) types.SettleAmount {
	m.t.Helper()
	row, err := m.SettleAmounts.Get(m.ctx, collections.Join(index, []byte(testAddress(name))))
	require.NoError(m.t, err)
	return row
}

func (m *machine) unine(amount string) uint64 {
	m.t.Helper()
	value, err := number(amount)
	require.NoError(m.t, err)
	return value
}

// requireSupply asks for every unine to be where the books say: what was minted is
// in the module's account, on hosts' accounts, or burned.
func (m *machine) requireSupply() {
	m.t.Helper()
	treasury, err := m.treasury(m.ctx)
	require.NoError(m.t, err)
	var held, waiting uint64
	for _, balance := range m.bank.accounts {
		held += balance.AmountOf(types.BaseDenom).Uint64()
	}
	require.Equal(m.t, treasury.minted-treasury.expired, held)
	require.NoError(m.t, m.Unclaimed.Walk(m.ctx, nil, func(key collections.Pair[[]byte, uint64]) (bool, error) {
		row, err := m.SettleAmounts.Get(m.ctx, collections.Join(key.K2(), key.K1()))
		waiting += m.unine(row.Amount)
		return false, err
	}))
	require.Equal(m.t, uint64(m.bank.balance(types.ModuleName)), waiting, "the module holds exactly what can be claimed")
}

func TestAnEndedEpochPaysByWeightDutyAndPresence(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.set.blocks = map[string]uint64{string(testAddress("carol")): 7}
	m.verdict = func(index uint64, _, holder string) *types.Verdict {
		if index == 2 && holder == "bob" {
			return nil
		}
		return honestVerdict()
	}
	m.runTo(2, epoch.SetNewValidators)
	settlement, err := m.Settlements.Get(m.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, uint64(28), settlement.Blocks)
	require.Equal(t, m.record(1).Params.InitialEpochSubsidy, settlement.Subsidy)
	require.False(t, settlement.Done)
	m.block()
	m.requireNoFailures()

	subsidy := m.unine(settlement.Subsidy)
	for _, name := range []string{"alice", "bob", "carol"} {
		row := m.settled(1, name)
		weight := m.weightOf(1, "", name)
		byWeight, err := fixed.MulDivFloor(subsidy, weight, 1500)
		require.NoError(t, err)
		require.Equal(t, text(byWeight), row.ByWeight)
		bonus, err := fixed.Parse("0.1")
		require.NoError(t, err)
		want, err := reward.GetSettleAmount(
			reward.Epoch{Reward: subsidy, TotalWeight: 1500, Blocks: 28, CoverageBonus: bonus},
			reward.Host{Weight: weight, SeatsDrawn: row.SeatsDrawn, SeatsCast: row.SeatsCast, UnjailedBlocks: row.UnjailedBlocks, Covers: row.Covers},
		)
		require.NoError(t, err)
		require.Equal(t, text(want.Total), row.Amount)
		require.NotZero(t, row.SeatsDrawn)
	}
	require.True(t, m.settled(1, "alice").Covers)
	require.NotEqual(t, "0", m.settled(1, "alice").Bonus)
	require.False(t, m.settled(1, "bob").Covers)
	require.Zero(t, m.settled(1, "bob").SeatsCast)
	require.Equal(t, "0", m.settled(1, "bob").Amount)
	require.Equal(t, uint64(21), m.settled(1, "carol").UnjailedBlocks)
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_SETTLED, m.record(1).Status)
	require.Len(t, eventsOf[types.EventRewardSettled](m.kit), 3)
	m.requireSupply()

	decay, err := fixed.Parse(m.record(1).Params.DecayFactor)
	require.NoError(t, err)
	next, err := decay.MulFloor(subsidy)
	require.NoError(t, err)
	treasury, err := m.treasury(m.ctx)
	require.NoError(t, err)
	require.Equal(t, next, treasury.subsidy)
}

func TestTheCoverageOfAHostSaysWhichModelsItServes(t *testing.T) {
	m := newMachine(t, threeHosts())
	rows, all, err := m.GetParticipantModelCoverage(m.ctx, 0, testAddress("carol"))
	require.NoError(t, err)
	require.False(t, all)
	require.Equal(t, []types.ModelCoverage{{ModelId: "large", Weight: 200, Covered: true}, {ModelId: "small"}}, rows)
	rows, all, err = m.GetParticipantModelCoverage(m.ctx, 0, testAddress("stranger"))
	require.NoError(t, err)
	require.False(t, all)
	require.False(t, rows[0].Covered)
}

func TestASettlementsCursorPaysWhatOneBlockWouldPay(t *testing.T) {
	settle := func(hostsPerBlock uint64) []types.SettleAmount {
		n := threeHosts()
		n.params.SettlementHostsPerBlock = hostsPerBlock
		m := newMachine(t, n)
		m.runTo(3, epoch.PocStart)
		m.requireNoFailures()
		m.requireSupply()
		rows, err := values(m.ctx, m.SettleAmounts, collections.PairPrefix[uint64, []byte](1))
		require.NoError(t, err)
		return rows
	}
	once := settle(500)
	require.Len(t, once, 3)
	require.Equal(t, once, settle(1))
	require.Equal(t, once, settle(2))
}

func TestAnUnclaimedRewardExpiresAndIsBurned(t *testing.T) {
	n := threeHosts()
	n.params.ClaimRetentionEpochs = 2
	m := newMachine(t, n)
	m.runTo(2, epoch.Inference)
	claimed, epochs, err := m.ClaimRewards(m.ctx, testAddress("alice"))
	require.NoError(t, err)
	require.Equal(t, []uint64{1}, epochs)
	require.Equal(t, m.unine(m.settled(1, "alice").Amount), claimed)
	lost := m.unine(m.settled(1, "bob").Amount) + m.unine(m.settled(1, "carol").Amount)

	m.runTo(4, epoch.PocStart)
	waits, err := m.Unclaimed.Has(m.ctx, collections.Join([]byte(testAddress("bob")), uint64(1)))
	require.NoError(t, err)
	require.True(t, waits, "two epochs later it can still be claimed")
	m.runTo(4, epoch.Inference)
	m.requireNoFailures()
	_, err = m.SettleAmounts.Get(m.ctx, collections.Join(uint64(1), []byte(testAddress("bob"))))
	require.ErrorIs(t, err, collections.ErrNotFound)
	require.Len(t, eventsOf[types.EventRewardExpired](m.kit), 2, "alice's was claimed")
	treasury, err := m.treasury(m.ctx)
	require.NoError(t, err)
	require.Equal(t, lost, treasury.expired)
	m.requireSupply()
}

func TestRewardsNeverPassTheMaximumSupply(t *testing.T) {
	n := threeHosts()
	n.params.InitialEpochSubsidy, n.params.MaxSupply, n.params.SettlementHostsPerBlock = "1000", "2500", 1
	m := newMachine(t, n)
	m.runTo(8, epoch.PocStart)
	m.requireNoFailures()
	treasury, err := m.treasury(m.ctx)
	require.NoError(t, err)
	require.LessOrEqual(t, treasury.minted, uint64(2500))
	require.Greater(t, treasury.minted, uint64(2400))
	m.requireSupply()
}

func TestASettlementThatCannotGoOnDoesNotHoldUpOthers(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(2, epoch.SetNewValidators)
	broken, err := m.Settlements.Get(m.ctx, 1)
	require.NoError(t, err)
	broken.TotalWeight = 1 // less than its members weigh
	require.NoError(t, m.Settlements.Set(m.ctx, 1, broken))
	m.runTo(3, epoch.Inference)
	require.NotEmpty(t, m.failures)
	require.Contains(t, m.failures[0], "settle_epoch_1: ")
	require.Equal(t, types.EpochStatus_EPOCH_STATUS_SETTLED, m.record(2).Status)
	m.requireSupply()
}

func TestWhatAnOpenSettlementMayMintIsKeptFree(t *testing.T) {
	n := threeHosts()
	n.params.InitialEpochSubsidy, n.params.MaxSupply, n.params.DecayFactor = "1000", "1500", "1"
	m := newMachine(t, n)
	m.runTo(2, epoch.SetNewValidators)
	stuck, err := m.Settlements.Get(m.ctx, 1)
	require.NoError(t, err)
	require.Equal(t, "1000", stuck.Subsidy)
	stuck.TotalWeight = 1
	require.NoError(t, m.Settlements.Set(m.ctx, 1, stuck))
	m.runTo(3, epoch.SetNewValidators)
	second, err := m.Settlements.Get(m.ctx, 2)
	require.NoError(t, err)
	require.Equal(t, "363", second.Subsidy, "floor((1500 - 1000 * 1.1) / 1.1)")
}

func TestSupplyIsConservedThroughRandomEpochs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := fourHosts()
		n.params.ClaimRetentionEpochs = rapid.Uint64Range(1, 3).Draw(r, "claim retention")
		n.params.SettlementHostsPerBlock = rapid.Uint64Range(1, 5).Draw(r, "settled a block")
		n.params.MaxSupply = text(rapid.Uint64Range(1, 1<<40).Draw(r, "max supply"))
		n.params.MinKeptPower = "0"
		m := newMachine(t, n)
		m.verdict = func(uint64, string, string) *types.Verdict {
			return rapid.SampledFrom([]func() *types.Verdict{
				honestVerdict, honestVerdict, honestVerdict, fraudVerdict, func() *types.Verdict { return nil },
			}).Draw(r, "verdict")()
		}
		m.during = func(epoch.Stage, types.Epoch) {
			name := rapid.SampledFrom([]string{"alice", "bob", "carol", "dave", "nobody", "nobody", "nobody"}).Draw(r, "claims")
			_, _, err := m.ClaimRewards(m.ctx, testAddress(name))
			if err != nil && !types.ErrNothingToClaim.Is(err) {
				r.Fatal(err)
			}
		}
		for range 5 * 28 {
			m.block()
		}
		m.requireNoFailures()
		m.requireSupply()
	})
}
