package keeper

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// GetBalance knows the module's account by its name.
func (b *fakeBank) GetBalance(_ context.Context, holder sdk.AccAddress, denom string) sdk.Coin {
	name := string(holder)
	if holder.Equals(authtypes.NewModuleAddress(types.ModuleName)) {
		name = types.ModuleName
	}
	return sdk.Coin{Denom: denom, Amount: b.accounts[name].AmountOf(denom)}
}

// moment is a state as it was exported, with the bank's beside it.
type moment struct {
	bytes  []byte
	height int64
	bank   map[string]sdk.Coins
}

func (m *machine) moment() moment {
	m.t.Helper()
	gs := m.exported()
	bytes, err := gs.Marshal()
	require.NoError(m.t, err)
	return moment{bytes, m.height, maps.Clone(m.bank.accounts)}
}

func (o moment) genesis(t *testing.T) types.GenesisState {
	t.Helper()
	var gs types.GenesisState
	require.NoError(t, gs.Unmarshal(o.bytes))
	return gs
}

// imported starts a machine from a state beside the moment's bank.
func (o moment) imported(t *testing.T, gs types.GenesisState) error {
	t.Helper()
	next := emptyMachine(t)
	next.ctx = next.ctx.WithBlockHeight(o.height + 1)
	next.bank.accounts = maps.Clone(o.bank)
	return next.InitGenesis(next.ctx, gs)
}

// moments are a cycle's states, and one with a long past: epochs 4 and 5 were
// abandoned, and of those before everything is there.
func moments(t *testing.T) map[string]moment {
	n := threeHosts()
	n.params.SettlementHostsPerBlock, n.params.FormationHostsPerBlock = 1, 1
	n.params.ModelLoadingBlocks, n.params.InferenceBlocks = 6, 17
	m := newMachine(t, n)
	seen := map[string]moment{}
	for _, at := range []struct {
		name  string
		epoch uint64
		stage epoch.Stage
	}{
		{"proving", 3, epoch.PocExchange},
		{"judging", 3, epoch.PocValidationExchange},
		{"snapshot", 3, epoch.PocValidationEnd},
		{"formed", 3, epoch.SetNewValidators - 1},
		{"settling", 3, epoch.SetNewValidators},
	} {
		m.runTo(at.epoch, at.stage)
		if at.name == "formed" {
			for m.height < m.record(3).Heights.SetNewValidators-1 {
				m.block()
			}
		}
		seen[at.name] = m.moment()
	}
	_, _, err := m.ClaimRewards(m.ctx, testAddress("alice"))
	require.NoError(t, err)
	m.claims = nil
	m.runTo(5, epoch.Inference)
	m.requireNoFailures()
	seen["abandoned"] = m.moment()
	m.claims = n.hosts
	m.runTo(6, epoch.Inference)
	m.requireNoFailures()
	seen["taken over"] = m.moment()
	return seen
}

// without drops the rows that a condition names.
func without[R any](rows *[]R, drop func(R) bool) {
	var left []R
	for _, row := range *rows {
		if !drop(row) {
			left = append(left, row)
		}
	}
	*rows = left
}

// of finds the row of an epoch.
func of[R any](t *testing.T, rows []R, is func(R) bool) *R {
	t.Helper()
	for i := range rows {
		if is(rows[i]) {
			return &rows[i]
		}
	}
	t.Fatal("no such row")
	return nil
}

func TestAnExportThatIsDamagedInOneWayIsRefused(t *testing.T) {
	seen := moments(t)
	for name, at := range seen {
		require.NoError(t, at.imported(t, at.genesis(t)), name)
	}
	type state = types.GenesisState
	record := func(gs *state, index uint64) *types.Epoch {
		return of(t, gs.Epochs, func(e types.Epoch) bool { return e.Index == index })
	}
	round := func(gs *state, index uint64) *types.Round {
		return of(t, gs.Rounds, func(r types.Round) bool { return r.EpochIndex == index })
	}
	group := func(gs *state, index uint64, model string) *types.EpochGroup {
		return of(t, gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == index && g.ModelId == model })
	}
	settlement := func(gs *state, index uint64) *types.Settlement {
		return of(t, gs.Settlements, func(s types.Settlement) bool { return s.EpochIndex == index })
	}
	cursor := func(gs *state, index uint64) *types.PruneCursor {
		return of(t, gs.Prunes, func(p types.PruneCursor) bool { return p.EpochIndex == index })
	}
	nobody := addressText(t, testAddress("nobody"))
	settled, settling, abandoned := types.EpochStatus_EPOCH_STATUS_SETTLED, types.EpochStatus_EPOCH_STATUS_SETTLING, types.EpochStatus_EPOCH_STATUS_ABANDONED
	for _, tc := range []struct {
		name string
		at   string
		harm func(gs *state)
		want string
	}{
		// Hosts.
		{"a fleet of nobody", "proving", func(gs *state) {
			gs.HardwareNodes = append(gs.HardwareNodes, types.HardwareNodeRow{Participant: nobody, NodeId: "x", Current: &types.HardwareNode{LocalId: "x", AddedSeq: 1}})
			gs.FleetLoads = append(gs.FleetLoads, types.FleetLoad{Participant: nobody, Load: 1})
			gs.Clock.FleetLoad++
		}, "hardware_nodes[5].participant: must be among participants, got " + nobody},
		{"a load of nobody", "proving", func(gs *state) {
			gs.FleetLoads = append(gs.FleetLoads, types.FleetLoad{Participant: nobody, Load: 1})
			gs.Clock.FleetLoad++
		}, "fleet_loads[3].participant: must be among participants"},
		{"hosts who are not registered", "proving", func(gs *state) {
			gs.Participants = gs.Participants[1:]
			gs.Clock.Participants--
		}, "participant: must be among participants"},
		{"a member that is not registered", "settling", func(gs *state) { gs.EpochMembers[0].Participant = nobody }, "epoch_members[0].participant: must be among participants"},
		{"a reward of nobody", "settling", func(gs *state) { gs.SettleAmounts[0].Participant = nobody }, "settle_amounts[0].participant: must be among participants"},
		{"a rank that would be given again", "proving", func(gs *state) { gs.Clock.NextAddedSeq-- }, "clock.next_added_seq: must be above 5"},
		{"ranks from the first again", "proving", func(gs *state) { gs.Clock.NextAddedSeq = 0 }, "clock.next_added_seq: must be above 1"},

		// Records.
		{"an effective epoch that is opened", "proving", func(gs *state) { record(gs, 2).Status = types.EpochStatus_EPOCH_STATUS_OPENED }, "epochs[2].status: of epoch 2 must be one of [EPOCH_STATUS_EFFECTIVE]"},
		{"an opened epoch that is planned", "proving", func(gs *state) { record(gs, 3).Status = types.EpochStatus_EPOCH_STATUS_PLANNED }, "epochs[3].status: "},
		{"an opened epoch that is settled", "proving", func(gs *state) { record(gs, 3).Status = settled }, "epochs[3].status: "},
		{"a planned epoch without a status", "proving", func(gs *state) { record(gs, 4).Status = 0 }, "epochs[4].status: "},
		{"two effective epochs", "proving", func(gs *state) { record(gs, 1).Status = types.EpochStatus_EPOCH_STATUS_EFFECTIVE }, "epochs[1].status: "},
		{"an epoch between that is settled", "abandoned", func(gs *state) { record(gs, 4).Status = settled }, "epochs[4].status: of epoch 4 must be one of [EPOCH_STATUS_ABANDONED]"},
		{"an epoch after the planned one", "proving", func(gs *state) { gs.Epochs = append(gs.Epochs, types.Epoch{Index: 9, Params: gs.Params}) }, "epochs[5].index: must be at most 4"},
		{"heights upside down", "proving", func(gs *state) {
			record(gs, 3).Heights.SetNewValidators, record(gs, 3).Heights.PocValidationEnd = 1, 2
		}, "epochs[3].heights: of epoch 3"},
		{"a stage of another length", "proving", func(gs *state) { record(gs, 3).Heights.PocEnd++ }, "epochs[3].heights: of epoch 3"},
		{"a planned epoch with heights", "proving", func(gs *state) { record(gs, 4).Heights.PocStart = 1000 }, "epochs[4].heights: of epoch 4"},
		{"no heights", "settling", func(gs *state) { record(gs, 3).Heights = types.EpochHeights{} }, "epochs[3].heights: "},
		{"genesis with a PoC period", "settling", func(gs *state) { record(gs, 0).Heights.PocStart = 1 }, "epochs[0].heights: of epoch 0"},
		{"an epoch that opened before its turn", "abandoned", func(gs *state) {
			h := &record(gs, 5).Heights
			for _, height := range []*int64{&h.PocStart, &h.PocEnd, &h.PocValidationStart, &h.PocValidationEnd, &h.SetNewValidators, &h.NextPocStart} {
				*height--
			}
		}, "epochs[4].heights.next_poc_start: must be at most"},
		{"effective from another height", "settling", func(gs *state) { record(gs, 3).EffectiveFrom++ }, "epochs[3].effective_from: of epoch 3"},
		{"an opened epoch that is effective from a height", "proving", func(gs *state) { record(gs, 3).EffectiveFrom = 1 }, "epochs[3].effective_from: of epoch 3, which is EPOCH_STATUS_OPENED, must be 0"},
		{"an effective epoch that ended", "settling", func(gs *state) { record(gs, 3).EffectiveTo = 1000 }, "epochs[3].effective_to: of epoch 3, which is EPOCH_STATUS_EFFECTIVE, must be 0"},
		{"an epoch that ended before it began", "settling", func(gs *state) { record(gs, 1).EffectiveTo = 1 }, "epochs[1].effective_to: "},
		{"judges who are missing", "proving", func(gs *state) { record(gs, 3).JudgedBy = 77 }, "epochs[3].judged_by: of epoch 3 must be clock.effective 2, got 77"},
		{"judges of another epoch", "formed", func(gs *state) { record(gs, 3).JudgedBy = 1 }, "epochs[3].judged_by: of epoch 3 must be clock.effective 2, got 1"},
		{"an effective epoch judged by a later one", "settling", func(gs *state) { record(gs, 3).JudgedBy = 77 }, "epochs[3].judged_by: must be an epoch before 3, got 77"},
		{"an effective epoch judged by another one", "settling", func(gs *state) { record(gs, 3).JudgedBy = 1 }, "epochs[3].judged_by: of epoch 3 must be the epoch with effective_to"},
		{"an epoch judged by one that was abandoned", "taken over", func(gs *state) { record(gs, 6).JudgedBy = 5 }, "epochs[6].judged_by: of epoch 6 must be an epoch that was effective; 5 is"},
		{"a planned epoch with judges", "proving", func(gs *state) { record(gs, 4).JudgedBy = 2 }, "epochs[4].judged_by: of epoch 4, which has not opened, must be 0"},

		// Rounds.
		{"no rounds", "proving", func(gs *state) { gs.Rounds = nil }, "rounds: that of epoch "},
		{"no round while hosts prove", "proving", func(gs *state) { without(&gs.Rounds, func(r types.Round) bool { return r.EpochIndex == 3 }) }, "rounds: that of epoch 3, which is EPOCH_STATUS_OPENED"},
		{"no round while hosts are judged", "judging", func(gs *state) { without(&gs.Rounds, func(r types.Round) bool { return r.EpochIndex == 3 }) }, "rounds: that of epoch 3"},
		{"no round of the epoch that is settled", "settling", func(gs *state) { without(&gs.Rounds, func(r types.Round) bool { return r.EpochIndex == 2 }) }, "rounds: that of epoch 2"},
		{"no round of an epoch whose rows are kept", "settling", func(gs *state) { without(&gs.Rounds, func(r types.Round) bool { return r.EpochIndex == 1 }) }, "rounds: that of epoch 1, whose prunes[1].collection has not come to them, is missing"},
		{"no challenge", "proving", func(gs *state) { round(gs, 3).Challenge = nil }, "]: epoch 3 needs a challenge of 32 bytes"},
		{"a challenge of another height", "proving", func(gs *state) { round(gs, 3).ChallengeHeight++ }, "]: epoch 3 needs a challenge of 32 bytes"},
		{"half a seed", "judging", func(gs *state) { round(gs, 3).SamplingSeed = round(gs, 3).SamplingSeed[:16] }, "]: epoch 3 needs a sampling_seed of 32 bytes"},
		{"a seed of another height", "judging", func(gs *state) { round(gs, 3).SamplingHeight++ }, "]: epoch 3 needs a sampling_seed of 32 bytes"},
		{"a formation without a seed", "snapshot", func(gs *state) { round(gs, 3).SamplingSeed, round(gs, 3).SamplingHeight = nil, 0 }, "rounds: that of epoch 3, which is being formed, must have a sampling_seed"},
		{"a formed epoch without a seed", "formed", func(gs *state) { round(gs, 3).SamplingSeed, round(gs, 3).SamplingHeight = nil, 0 }, "rounds: that of epoch 3, which is EPOCH_STATUS_FORMED, must have a sampling_seed"},
		{"a round of no epoch", "proving", func(gs *state) { gs.Rounds = append(gs.Rounds, types.Round{EpochIndex: 4}) }, "rounds[3].epoch_index: must be an epoch of epochs that has opened, got 4"},

		// Formation.
		{"no formation after the snapshot", "snapshot", func(gs *state) { gs.Formation = nil }, "formation: must be there while epoch 3 is EPOCH_STATUS_OPENED"},
		{"no formation of a formed epoch", "formed", func(gs *state) { gs.Formation = nil }, "formation: must be there while epoch 3 is EPOCH_STATUS_FORMED"},
		{"a formation of another epoch", "snapshot", func(gs *state) { gs.Formation.EpochIndex = 2 }, "formation.epoch_index: must be clock.opened 3, got 2"},
		{"a formation after the switch", "settling", func(gs *state) { gs.Formation = &types.FormationCursor{EpochIndex: 3} }, "formation: must be left out while epoch 3 is EPOCH_STATUS_EFFECTIVE"},
		{"a formation before the snapshot", "judging", func(gs *state) { gs.Formation = &types.FormationCursor{EpochIndex: 3} }, "epoch_groups: the root group of epoch 3, which is being formed, is missing"},
		{"a formation that is done too early", "snapshot", func(gs *state) { gs.Formation.Done = true }, "formation.done: must be false while epoch 3 is EPOCH_STATUS_OPENED"},
		{"a formation of a formed epoch that goes on", "formed", func(gs *state) { gs.Formation.Done = false }, "formation.done: must be true while epoch 3 is EPOCH_STATUS_FORMED"},
		{"a third pass", "snapshot", func(gs *state) { gs.Formation.Phase = 2 }, "formation.phase: must be 0 or 1, got 2"},
		{"a formation with another weight", "formed", func(gs *state) { gs.Formation.TotalWeight++ }, "formation: the root group of epoch 3 has 3 members with weight"},
		{"a formation with another member", "formed", func(gs *state) { gs.Formation.Members++ }, "formation: the root group of epoch 3 has 3 members with weight"},

		// Groups.
		{"no groups", "proving", func(gs *state) { gs.EpochGroups = nil }, "epoch_groups: the root group of epoch 2"},
		{"no root group of the effective epoch", "proving", func(gs *state) {
			without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 2 && g.ModelId == "" })
		}, "epoch_groups: the root group of epoch 2, which is EPOCH_STATUS_EFFECTIVE"},
		{"no root group of a formed epoch", "formed", func(gs *state) {
			without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 3 && g.ModelId == "" })
		}, "epoch_groups: the root group of epoch 3, which is being formed, is missing"},
		{"no root group of an epoch that is settled", "settling", func(gs *state) {
			without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 2 && g.ModelId == "" })
		}, "epoch_groups: the root group of epoch 2, which is EPOCH_STATUS_SETTLING"},
		{"members without their group", "proving", func(gs *state) {
			without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 2 && g.ModelId == "small" })
			group(gs, 2, "").SubGroupModels = []string{"large"}
		}, `epoch_groups: group "small" of epoch 2, which has epoch_members[`},
		{"a group that the root does not list", "proving", func(gs *state) { group(gs, 2, "").SubGroupModels = nil }, "epoch_groups: sub_group_models in the root group of epoch 2 must be"},
		{"a group that the root lists and that is missing", "proving", func(gs *state) {
			for _, rows := range []func(){
				func() {
					without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 2 && g.ModelId == "small" })
				},
				func() {
					without(&gs.EpochMembers, func(g types.EpochMember) bool { return g.EpochIndex == 2 && g.ModelId == "small" })
				},
				func() {
					without(&gs.EpochNodes, func(g types.EpochNode) bool { return g.EpochIndex == 2 && g.ModelId == "small" })
				},
			} {
				rows()
			}
		}, "epoch_groups: sub_group_models in the root group of epoch 2 must be"},
		{"a group without members", "proving", func(gs *state) {
			without(&gs.EpochMembers, func(m types.EpochMember) bool { return m.EpochIndex == 2 && m.ModelId == "small" })
		}, `group "small" of epoch 2 has 0 members`},
		{"an empty group", "proving", func(gs *state) {
			gs.EpochGroups = append(gs.EpochGroups, types.EpochGroup{EpochIndex: 2, ModelId: "zebra"})
			group(gs, 2, "").SubGroupModels = append(group(gs, 2, "").SubGroupModels, "zebra")
		}, `group "zebra" of epoch 2 must have members in epoch_members`},
		{"an effective epoch of nobody", "proving", func(gs *state) {
			without(&gs.EpochMembers, func(m types.EpochMember) bool { return m.EpochIndex == 2 })
			without(&gs.EpochNodes, func(n types.EpochNode) bool { return n.EpochIndex == 2 })
			without(&gs.EpochGroups, func(g types.EpochGroup) bool { return g.EpochIndex == 2 && g.ModelId != "" })
			top := group(gs, 2, "")
			top.TotalWeight, top.MemberCount, top.SubGroupModels = 0, 0, nil
		}, `group "" of epoch 2 must have members in epoch_members`},
		{"a member of a subgroup alone", "proving", func(gs *state) {
			member := of(t, gs.EpochMembers, func(m types.EpochMember) bool {
				return m.EpochIndex == 2 && m.ModelId == "" && m.Participant == addressText(t, testAddress("bob"))
			})
			top := group(gs, 2, "")
			top.TotalWeight -= member.Weight
			top.MemberCount--
			text := member.Participant
			without(&gs.EpochMembers, func(m types.EpochMember) bool { return m.EpochIndex == 2 && m.ModelId == "" && m.Participant == text })
		}, "].participant: must be in the root group of epoch 2 too"},
		{"a node without its member", "proving", func(gs *state) {
			node := *of(t, gs.EpochNodes, func(n types.EpochNode) bool {
				return n.EpochIndex == 2 && n.ModelId == "small" && n.Participant == addressText(t, testAddress("bob"))
			})
			node.ModelId, node.Info.PocWeight = "large", 0
			gs.EpochNodes = append(gs.EpochNodes, node)
		}, `].participant: must be a member of group "large" of epoch 2`},
		{"a member missing from an epoch that is settled", "settling", func(gs *state) { group(gs, 2, "").MemberCount++ }, `group "" of epoch 2 has 3 members`},

		// Cursors of the pruner.
		{"no cursors", "settling", func(gs *state) { gs.Prunes = nil }, "prunes: that of epoch 0, which is EPOCH_STATUS_SETTLED (epochs[0]), is missing"},
		{"no cursor of an abandoned epoch", "abandoned", func(gs *state) { without(&gs.Prunes, func(p types.PruneCursor) bool { return p.EpochIndex == 4 }) }, "prunes: that of epoch 4, which is EPOCH_STATUS_ABANDONED"},
		{"no cursor of an epoch that is settled", "settling", func(gs *state) { without(&gs.Prunes, func(p types.PruneCursor) bool { return p.EpochIndex == 2 }) }, "prunes: that of epoch 2, which is EPOCH_STATUS_SETTLING"},
		{"a cursor beyond the table", "settling", func(gs *state) { cursor(gs, 1).Collection = 20 }, "prunes[1].collection: must be at most 19, got 20"},
		{"a cursor that went ahead of the settlement", "settling", func(gs *state) { cursor(gs, 2).Collection = 1 }, "prunes[2].collection: of epoch 2, which is EPOCH_STATUS_SETTLING, must be 0, got 1"},
		{"a cursor of the effective epoch", "settling", func(gs *state) { gs.Prunes = append(gs.Prunes, types.PruneCursor{EpochIndex: 3}) }, "prunes[3].epoch_index: must be an epoch that ended; 3 is EPOCH_STATUS_EFFECTIVE"},
		{"a cursor of no epoch", "settling", func(gs *state) { gs.Prunes = append(gs.Prunes, types.PruneCursor{EpochIndex: 70}) }, "prunes[3].epoch_index: epoch 70 must stand in epochs while collection is below 19"},
		{"a last cursor of an epoch to come", "settling", func(gs *state) {
			gs.Prunes = append(gs.Prunes, types.PruneCursor{EpochIndex: 70, Collection: 19})
		}, "prunes[3].epoch_index: must be at most clock.opened 3, got 70"},
		{"rows that would go at once", "taken over", func(gs *state) { cursor(gs, 2).LastOpened = 0 }, "prunes[2].last_opened: of epoch 2 must be at least that and below clock.effective 6, got 0"},
		{"rows that would never go", "taken over", func(gs *state) { cursor(gs, 2).LastOpened = 6 }, "prunes[2].last_opened: of epoch 2 must be at least that and below clock.effective 6, got 6"},
		{"rows that would go before those of the epochs between", "taken over", func(gs *state) { cursor(gs, 3).LastOpened = 3 }, "prunes[3].last_opened: of epoch 3 must be the one before the epoch that took over from it, got 3"},
		{"an abandoned epoch that would stay", "taken over", func(gs *state) { cursor(gs, 4).LastOpened = 5 }, "prunes[4].last_opened: of epoch 4, which is EPOCH_STATUS_ABANDONED, must be 4, got 5"},

		// Settlements.
		{"no settlement of an epoch that is settled", "settling", func(gs *state) {
			without(&gs.Settlements, func(s types.Settlement) bool { return s.EpochIndex == 2 })
		}, "settlements: that of epoch 2, which is EPOCH_STATUS_SETTLING (epochs[2]), is missing"},
		{"no settlement of a settled epoch", "settling", func(gs *state) {
			without(&gs.Settlements, func(s types.Settlement) bool { return s.EpochIndex == 1 })
		}, "settlements: that of epoch 1, whose prunes[1].collection has not come to them, is missing"},
		{"a settlement of an abandoned epoch", "abandoned", func(gs *state) {
			gs.Settlements = append(gs.Settlements, types.Settlement{EpochIndex: 4, Minted: "0"})
		}, "].epoch_index: must be an epoch of epochs, other than 0, that was effective and ended, got 4"},
		{"a settlement that is done too early", "settling", func(gs *state) { settlement(gs, 2).Done = true }, "settlements[1].done: must be false while epoch 2 is EPOCH_STATUS_SETTLING"},
		{"a settlement that pays again", "settling", func(gs *state) { settlement(gs, 1).Done = false }, "settlements[0].done: must be true while epoch 1 is EPOCH_STATUS_SETTLED"},
		{"an epoch whose settlement is forgotten", "settling", func(gs *state) { record(gs, 2).Status = settled }, "settlements[1].done: must be true while epoch 2 is EPOCH_STATUS_SETTLED"},
		{"an epoch that would be settled again", "settling", func(gs *state) { record(gs, 1).Status = settling }, "settlements[0].done: must be false while epoch 1 is EPOCH_STATUS_SETTLING"},
		{"a settled epoch that is abandoned", "settling", func(gs *state) { record(gs, 1).Status = abandoned }, "epochs[1].effective_from: of epoch 1, which is EPOCH_STATUS_ABANDONED, must be 0"},
		{"a settlement of more blocks", "settling", func(gs *state) { settlement(gs, 2).Blocks++ }, "settlements[1].blocks: must be "},
		{"a settlement of less weight", "settling", func(gs *state) { settlement(gs, 2).TotalWeight-- }, "settlements[1].total_weight: must be "},
		{"a reward of an epoch that goes on", "settling", func(gs *state) {
			gs.SettleAmounts = append(gs.SettleAmounts, types.SettleAmount{EpochIndex: 3, Participant: gs.Participants[0].Address, Amount: "0"})
		}, "settle_amounts[3].epoch_index: must be an epoch of epochs that was effective and ended, got 3"},
		{"a reward of no epoch", "settling", func(gs *state) {
			gs.SettleAmounts = append(gs.SettleAmounts, types.SettleAmount{EpochIndex: 70, Participant: gs.Participants[0].Address, Amount: "0"})
		}, "settle_amounts[3].epoch_index: must be an epoch of epochs that was effective and ended, got 70"},

		// Money.
		{"more minted than settled", "settling", func(gs *state) { gs.Treasury.MintedTotal += "0" }, "treasury.minted_total: must be "},
		{"less minted than settled", "settling", func(gs *state) { gs.Treasury.MintedTotal = "1" }, "treasury.minted_total: must be "},
		{"minted words", "settling", func(gs *state) { gs.Treasury.MintedTotal = "much" }, `treasury.minted_total: must be an integer, got "much"`},
		{"more expired than minted", "settling", func(gs *state) { gs.Treasury.ExpiredTotal = "1" }, "treasury.expired_total: must be at most 0"},
		{"a claimed reward that waits again", "abandoned", func(gs *state) {
			for i := range gs.SettleAmounts {
				gs.SettleAmounts[i].Claimed = false
			}
		}, "balance of the module's account: must be "},
		{"a reward that nobody can claim", "settling", func(gs *state) { gs.SettleAmounts[0].Claimed = true }, "balance of the module's account: must be "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gs := seen[tc.at].genesis(t)
			tc.harm(&gs)
			err := seen[tc.at].imported(t, gs)
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestTheModuleAccountHoldsWhatWaitsOrNothingStarts: one unine more or less is refused,
// in an import and in a new network.
func TestTheModuleAccountHoldsWhatWaitsOrNothingStarts(t *testing.T) {
	unine := func(amount math.Int) sdk.Coins { return sdk.NewCoins(sdk.NewCoin(types.BaseDenom, amount)) }
	settling := moments(t)["settling"]
	held := settling.bank[types.ModuleName].AmountOf(types.BaseDenom)
	require.True(t, held.IsPositive())
	founded := threeHosts().genesis(t)
	for _, tc := range []struct {
		name string
		bank math.Int
		gs   types.GenesisState
		at   int64
		want string
	}{
		{"an import", held, settling.genesis(t), settling.height, ""},
		{"an import with less", held.SubRaw(1), settling.genesis(t), settling.height, "must be " + held.String() + "unine, the amounts in settle_amounts that are not claimed, the bank has " + held.SubRaw(1).String() + "unine"},
		{"an import with more", held.AddRaw(1), settling.genesis(t), settling.height, "the bank has " + held.AddRaw(1).String() + "unine"},
		{"an import with nothing", math.ZeroInt(), settling.genesis(t), settling.height, "the bank has 0unine"},
		{"a new network", math.ZeroInt(), founded, 0, ""},
		{"a new network with coins", math.OneInt(), founded, 0, "must be 0unine, the amounts in settle_amounts that are not claimed, the bank has 1unine"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at := moment{height: tc.at, bank: map[string]sdk.Coins{types.ModuleName: unine(tc.bank)}}
			err := at.imported(t, tc.gs)
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestAnExportGoesOnAtNoHeightThatHasPassed: each state says up to where the cycle has
// come, even where the stage of an earlier height is one of the cycle's.
func TestAnExportGoesOnAtNoHeightThatHasPassed(t *testing.T) {
	seen := moments(t)
	heights := of(t, seen["snapshot"].genesis(t).Epochs, func(e types.Epoch) bool { return e.Index == 3 }).Heights
	for _, tc := range []struct {
		at   string
		past int64
	}{
		{"proving", heights.PocStart},
		{"judging", heights.PocValidationStart},
		{"snapshot", heights.PocValidationEnd},
		{"formed", heights.PocValidationEnd},
		{"settling", heights.SetNewValidators},
	} {
		for first, refused := range map[int64]bool{tc.past: true, tc.past + 1: false} {
			at := seen[tc.at]
			at.height = first - 1
			err := at.imported(t, at.genesis(t))
			if !refused {
				require.NoError(t, err, tc.at)
				continue
			}
			require.ErrorIs(t, err, types.ErrInvalidGenesis, tc.at)
			require.ErrorContains(t, err, "initial_height: must be above", tc.at)
		}
	}
}

// TestWhateverStepsFailedAnExportIsImported: in every block of epochs that were
// abandoned for each reason there is, with a proof that changes, settlements over
// several blocks and rows that are pruned one by one.
func TestWhateverStepsFailedAnExportIsImported(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 3, 1
	n.params.SettlementHostsPerBlock, n.params.FormationHostsPerBlock = 1, 1
	m := newMachine(t, n)
	reasons, phases := map[string]bool{}, map[uint32]bool{}
	m.during = func(stage epoch.Stage, record types.Epoch) {
		m.set.refuse = nil
		switch {
		case record.Index == 2 && stage == epoch.PocValidationStart,
			record.Index == 5 && stage == epoch.PocStart && m.height%3 != 0:
			m.ctx = m.ctx.WithHeaderHash(nil)
		case record.Index == 3 && stage == epoch.SetNewValidators:
			m.set.refuse = errors.New("no set today")
		}
	}
	for m.clock().Opened < 12 {
		_, record, err := m.StageNow(m.ctx.WithBlockHeight(m.height + 1))
		require.NoError(t, err)
		m.claims = n.hosts
		if slices.Contains([]uint64{2, 6, 7}, record.Index) { // nobody could judge claims without a seed
			m.claims = nil
		}
		if m.clock().Opened == 8 {
			live := n.params
			live.PocExchangeBlocks, live.InferenceBlocks, live.MaxPrunedKeysPerBlock = 3, 15, 7
			require.NoError(t, m.Params.Set(m.ctx, live))
		}
		m.block()
		gs := m.exported()
		require.Equal(t, gs, m.continued(gs).exported(), "height %d", m.height)
		for _, record := range gs.Epochs {
			reasons[record.AbandonedReason] = true
		}
		if gs.Formation != nil {
			phases[gs.Formation.Phase] = true
		}
	}
	require.Len(t, reasons, 4, "none, no formation, a failed switch, and too little power kept")
	require.Len(t, phases, 2, "a formation was exported in both of its passes")
	require.Greater(t, m.clock().Effective, uint64(8))
}
