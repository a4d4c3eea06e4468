package keeper

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// continued imports an export into a machine that goes on at the next height with
// the same neighbours and the same script.
func (m *machine) continued(gs types.GenesisState) *machine {
	m.t.Helper()
	next := emptyMachine(m.t)
	next.ctx = next.ctx.WithBlockHeight(m.height + 1)
	next.bank.accounts = maps.Clone(m.bank.accounts)
	require.NoError(m.t, next.InitGenesis(next.ctx, gs))
	next.height, next.claims, next.verdict = m.height, m.claims, m.verdict
	next.set.jailed = m.set.jailed
	return next
}

func (m *machine) exported() types.GenesisState {
	m.t.Helper()
	gs, err := m.ExportGenesis(m.ctx)
	require.NoError(m.t, err)
	return *gs
}

func TestInEveryStageAnExportIsImportedUnchangedAndGoesOnAlike(t *testing.T) {
	n := threeHosts()
	n.params.SettlementHostsPerBlock, n.params.ModelLoadingBlocks = 1, 4
	n.params.InferenceBlocks = 15
	original := newMachine(t, n)
	original.verdict = func(index uint64, host, _ string) *types.Verdict {
		if index == 1 && host == "bob" {
			return fraudVerdict()
		}
		return honestVerdict()
	}
	original.set.jailed = append(original.set.jailed, testAddress("carol"))
	original.runTo(3, epoch.PocStart)
	_, _, err := original.ClaimRewards(original.ctx, testAddress("alice"))
	require.NoError(t, err)
	seen := map[epoch.Stage]bool{}
	for original.height < original.record(3).Heights.NextPocStart {
		stage, _, err := original.StageNow(original.ctx)
		require.NoError(t, err)
		seen[stage] = true
		gs := original.exported()
		next := original.continued(gs)
		require.Equal(t, gs, next.exported(), "height %d", original.height)
		require.Equal(t, original.rows(), next.rows(), "what follows from rows is written again, height %d", original.height)
		original.block()
		next.block()
		require.Equal(t, original.exported(), next.exported(), "height %d", original.height)
	}
	original.requireNoFailures()
	require.Len(t, seen, 9)
	requireEveryFieldFilled(t, original.exported())
}

// requireEveryFieldFilled asks for an export to hold rows of every kind, so that no
// part is compared only empty.
func requireEveryFieldFilled(t *testing.T, gs types.GenesisState) {
	t.Helper()
	elsewhere := []string{
		"Hosts",                                      // of new networks
		"Formation",                                  // between stages 6 and 8
		"Quotas",                                     // of messages
		"Developers", "UsedReceipts", "ServedTokens", // of serving
	}
	value := reflect.ValueOf(gs)
	for i := range value.NumField() {
		name := value.Type().Field(i).Name
		if !slices.Contains(elsewhere, name) {
			require.False(t, value.Field(i).IsZero() || value.Field(i).Kind() == reflect.Slice && value.Field(i).Len() == 0, name)
		}
	}
}

func TestANewNetworkIsExportedBeforeItsFirstBlock(t *testing.T) {
	m := newMachine(t, threeHosts())
	gs := m.exported()
	require.Empty(t, gs.Hosts)
	next := m.continued(gs)
	require.Equal(t, gs, next.exported())
}

func TestAnExportCannotContinueAtAHeightOutsideOfItsCycle(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(1, epoch.PocExchange)
	gs := m.exported()
	next := emptyMachine(t)
	err := next.InitGenesis(next.ctx, gs)
	require.ErrorIs(t, err, types.ErrInvalidGenesis)
	require.ErrorContains(t, err, "initial_height")
}

func TestANetworkMayStartAtALaterHeight(t *testing.T) {
	m := emptyMachine(t)
	m.ctx = m.ctx.WithBlockHeight(1000)
	n := threeHosts()
	require.NoError(t, m.InitGenesis(m.ctx, n.genesis(t)))
	require.Equal(t, types.EpochHeights{SetNewValidators: 999, NextPocStart: 1014}, m.record(0).Heights)
	require.Equal(t, int64(1000), m.record(0).EffectiveFrom)
}

func TestAGenesisThatIsWrongIsRefusedByItsField(t *testing.T) {
	for _, tc := range []struct {
		name string
		harm func(gs *types.GenesisState)
		want string
	}{
		{"a parameter out of range", func(gs *types.GenesisState) { gs.Params.Lanes = 0 }, "params: "},
		{"a malformed model", func(gs *types.GenesisState) { gs.Models[1].HfCommit = "main" }, "models[1]: "},
		{"a model twice", func(gs *types.GenesisState) { gs.Models[1].Id = gs.Models[0].Id }, "models[1].id: "},
		{"no founding host", func(gs *types.GenesisState) { gs.Hosts = nil }, "hosts: a new network needs"},
		{"an address that is none", func(gs *types.GenesisState) { gs.Hosts[1].Participant.Address = "nine1wrong" }, "hosts[1].participant.address: "},
		{"no address", func(gs *types.GenesisState) { gs.Hosts[1].Participant.Address = "" }, "hosts[1].participant.address: must be set"},
		{"a host twice", func(gs *types.GenesisState) { gs.Hosts[1].Participant.Address = gs.Hosts[0].Participant.Address }, "hosts[1].participant.address: "},
		{"a short consensus key", func(gs *types.GenesisState) { gs.Hosts[0].Participant.ConsensusKey = []byte{1} }, "hosts[0].participant.consensus_key: "},
		{"a consensus key twice", func(gs *types.GenesisState) {
			gs.Hosts[2].Participant.ConsensusKey = gs.Hosts[0].Participant.ConsensusKey
		}, "hosts[2].participant.consensus_key: "},
		{"a key that waits", func(gs *types.GenesisState) { gs.Hosts[0].Participant.NextConsensusKey = make([]byte, 32) }, "hosts[0].participant.next_consensus_key: "},
		{"a URL that is none", func(gs *types.GenesisState) { gs.Hosts[0].Participant.Url = "ftp://x" }, "hosts[0].participant.url: "},
		{"too much metadata", func(gs *types.GenesisState) { gs.Hosts[0].Participant.Metadata = strings.Repeat("x", 257) }, "hosts[0].participant.metadata: "},
		{"a host of the future", func(gs *types.GenesisState) { gs.Hosts[0].Participant.RegisteredHeight = 1 }, "hosts[0].participant.registered_height: "},
		{"a malformed node", func(gs *types.GenesisState) { gs.Hosts[0].Nodes[1].Node.LocalId = "a b" }, "hosts[0].nodes[1].node: "},
		{"a node twice", func(gs *types.GenesisState) { gs.Hosts[0].Nodes[1].Node.LocalId = "a1" }, "hosts[0].nodes[1].node.local_id: "},
		{"a model that is not approved", func(gs *types.GenesisState) { gs.Hosts[0].Nodes[0].Node.Models = []string{"x"} }, "hosts[0].nodes[0].node.models: x is not among models"},
		{"weights past 64 bits", func(gs *types.GenesisState) {
			gs.Hosts[0].Nodes[0].Weight, gs.Hosts[0].Nodes[1].Weight = 1<<63, 1<<63
		}, "hosts[0].nodes[1].weight: "},
		{"nobody with weight", func(gs *types.GenesisState) {
			for _, host := range gs.Hosts {
				for i := range host.Nodes {
					host.Nodes[i].Weight = 0
				}
			}
		}, "hosts: at least one node must have a weight"},
		{"rows of an export", func(gs *types.GenesisState) { gs.Verdicts = make([]types.StoredVerdict, 1) }, "verdicts: only an export"},
		{"a treasury of an export", func(gs *types.GenesisState) { gs.Treasury.Subsidy = "1" }, "treasury, formation: only an export"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gs := threeHosts().genesis(t)
			tc.harm(&gs)
			m := emptyMachine(t)
			err := m.InitGenesis(m.ctx, gs)
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAnExportThatIsWrongIsRefusedByItsField(t *testing.T) {
	m := newMachine(t, threeHosts())
	m.runTo(3, epoch.ModelLoading)
	for _, tc := range []struct {
		name string
		harm func(gs *types.GenesisState)
		want string
	}{
		{"founding hosts beside a clock", func(gs *types.GenesisState) { gs.Hosts = make([]types.GenesisHost, 1) }, "hosts: only a new network"},
		{"no treasury", func(gs *types.GenesisState) { gs.Treasury = types.Treasury{} }, "treasury.subsidy: "},
		{"a treasury of words", func(gs *types.GenesisState) { gs.Treasury.MintedTotal = "much" }, "treasury.minted_total: must be an integer"},
		{"an epoch that is effective before it opened", func(gs *types.GenesisState) { gs.Clock.Effective = 9 }, "clock.effective: "},
		{"a wrong number of hosts", func(gs *types.GenesisState) { gs.Clock.Participants++ }, "clock.participants: must be 3"},
		{"a wrong sum of loads", func(gs *types.GenesisState) { gs.Clock.FleetLoad++ }, "clock.fleet_load: must be 3"},
		{"a load that is not the nodes'", func(gs *types.GenesisState) { gs.FleetLoads[1].Load = 7 }, "fleet_loads[1].load: must be 1"},
		{"a host with nodes that no formation would come to", func(gs *types.GenesisState) { gs.FleetLoads = gs.FleetLoads[1:] }, "which has hardware_nodes[0], is missing"},
		{"a batch that is missing", func(gs *types.GenesisState) { gs.PocBatches = gs.PocBatches[:len(gs.PocBatches)-1] }, "poc_node_claims["},
		{"a host that claimed more than its nodes", func(gs *types.GenesisState) { gs.PocHostClaims[len(gs.PocHostClaims)-1].Claimed++ }, "poc_host_claims["},
		{"batches without a total", func(gs *types.GenesisState) { gs.PocHostClaims = gs.PocHostClaims[:len(gs.PocHostClaims)-1] }, "have no totals"},
		{"a member that is missing", func(gs *types.GenesisState) { gs.EpochGroups[len(gs.EpochGroups)-1].MemberCount++ }, "epoch_groups["},
		{"a member that weighs more than its nodes", func(gs *types.GenesisState) { gs.EpochNodes[len(gs.EpochNodes)-1].Info.PocWeight += 5 }, "epoch_members["},
		{"a reward that nobody minted", func(gs *types.GenesisState) { gs.SettleAmounts[0].Amount += "0" }, "settlements["},
		{"a reward of words", func(gs *types.GenesisState) { gs.SettleAmounts[0].Amount = "much" }, "settle_amounts[0].amount: must be an integer"},
		{"no planned epoch", func(gs *types.GenesisState) { gs.Epochs = gs.Epochs[:len(gs.Epochs)-1] }, "epochs: epoch 4, which the clock needs"},
		{"an epoch with illegal parameters", func(gs *types.GenesisState) { gs.Epochs[0].Params.SampleSize = 0 }, "epochs[0].params: "},
		{"a row twice", func(gs *types.GenesisState) { gs.EpochMembers[3] = gs.EpochMembers[2] }, "epoch_members: entry 3: its key stands twice"},
		{"a row without an address", func(gs *types.GenesisState) { gs.JuryDuties[1].Participant = "" }, "jury_duties: entry 1: address"},
		{"one key for two hosts", func(gs *types.GenesisState) { gs.Participants[1].ConsensusKey = gs.Participants[0].ConsensusKey }, "participants: entry 1: consensus key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gs := m.exported()
			tc.harm(&gs)
			next := emptyMachine(t)
			next.ctx = next.ctx.WithBlockHeight(m.height + 1)
			next.bank.accounts = maps.Clone(m.bank.accounts)
			err := next.InitGenesis(next.ctx, gs)
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestAnExportIsImportedWhileEpochsArePruned(t *testing.T) {
	n := threeHosts()
	n.params.EpochRetention, n.params.ClaimRetentionEpochs = 3, 1
	m := newMachine(t, n)
	m.runTo(5, epoch.SetNewValidators)
	n.params.MaxPrunedKeysPerBlock = 1
	require.NoError(t, m.Params.Set(m.ctx, n.params))
	partly := 0
	for range 70 {
		m.block()
		left, err := values(m.ctx, m.EpochMembers, collections.TripleSuperPrefix[uint64, string, []byte](1, ""))
		require.NoError(t, err)
		if len(left) > 0 && len(left) < len(n.hosts) {
			partly++
		}
		gs := m.exported()
		require.Equal(t, gs, m.continued(gs).exported(), "height %d", m.height)
	}
	m.requireNoFailures()
	require.Positive(t, partly, "a group of which some members are gone was exported")
}
