package keeper

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// fleet gives each of a host's nodes a number: a weight in genesis, or the nonces
// it claims in a round.
type fleet map[string]uint64

// machine turns blocks for a keeper and plays the hosts: in each round they claim
// what the script says and every seat holder casts what it says.
type machine struct {
	*kit
	cms    storetypes.CommitMultiStore
	key    *storetypes.KVStoreKey
	height int64

	claims  map[string]fleet // by host name; claimed in every round
	verdict func(epoch uint64, host, holder string) *types.Verdict
	// during runs before a block's end.
	during func(stage epoch.Stage, record types.Epoch)

	names map[string]string // by raw address
	// failures are the steps that failed, as "step: error".
	failures []string
}

// shortParams are legal parameters of the shortest epochs: 28 blocks.
func shortParams() types.Params {
	p := types.TestnetParams()
	p.PocExchangeBlocks, p.PocValidationExchangeBlocks, p.ModelLoadingBlocks, p.InferenceBlocks = 2, 4, 3, 14
	return p
}

func machineModel(id string) types.Model {
	return types.Model{
		Id: id, Name: id, Version: "1", HfRepo: "ninefold/" + id, HfCommit: "0123456789abcdef0123456789abcdef01234567",
		VramGb: 8, ThroughputPerNonce: 2_000_000, UnitsOfComputePerToken: 3,
	}
}

// network is what a machine is founded with.
type network struct {
	params types.Params
	models []string
	hosts  map[string]fleet    // weights of genesis
	serves map[string][]string // models of a node by host/node; all models when absent
}

// newMachine founds a network whose first block is height 1. Every host claims its
// genesis weights in each round, and every seat holder finds it honest.
func newMachine(t testing.TB, n network) *machine {
	t.Helper()
	m := emptyMachine(t)
	require.NoError(t, m.InitGenesis(m.ctx, n.genesis(t)))
	m.claims = maps.Clone(n.hosts)
	return m
}

// emptyMachine is a machine before genesis.
func emptyMachine(t testing.TB) *machine {
	t.Helper()
	key := storetypes.NewKVStoreKey(types.StoreKey)
	stores := testutil.DefaultContextWithDB(t, key, storetypes.NewTransientStoreKey("transient_test"))
	bank := &fakeBank{accounts: map[string]sdk.Coins{}}
	set := &fakeValidatorSet{}
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	keeper, err := NewKeeper(cdc, runtime.NewKVStoreService(key), addressText(t, testAuthority()), testAddresses, bank, set)
	require.NoError(t, err)
	k := &kit{Keeper: keeper, t: t, bank: bank, set: set}
	k.ctx = stores.Ctx.WithChainID(testChainID).WithBlockTime(time.Unix(1_700_000_000, 0).UTC())
	m := &machine{kit: k, cms: stores.CMS, key: key, names: map[string]string{}}
	m.verdict = func(uint64, string, string) *types.Verdict { return honestVerdict() }
	return m
}

func (n network) genesis(t testing.TB) types.GenesisState {
	gs := types.GenesisState{Params: n.params}
	for _, id := range n.models {
		gs.Models = append(gs.Models, machineModel(id))
	}
	for _, name := range slices.Sorted(maps.Keys(n.hosts)) {
		host := types.GenesisHost{Participant: testParticipant(t, name)}
		for _, id := range slices.Sorted(maps.Keys(n.hosts[name])) {
			node := types.HardwareNode{LocalId: id, Models: n.models}
			if listed, some := n.serves[name+"/"+id]; some {
				node.Models = listed
			}
			host.Nodes = append(host.Nodes, types.GenesisNode{Node: node, Weight: n.hosts[name][id]})
		}
		gs.Hosts = append(gs.Hosts, host)
	}
	return gs
}

func testParticipant(t testing.TB, name string) types.Participant {
	key := sha256.Sum256([]byte("consensus key of " + name))
	return types.Participant{
		Address: addressText(t, testAddress(name)), Url: "https://" + name + ".example", ConsensusKey: key[:],
	}
}

// register adds a host with nodes after genesis, as its messages would: the nodes
// belong to the epoch that opens next.
func (m *machine) register(name string, nodes ...types.HardwareNode) {
	m.t.Helper()
	host := testAddress(name)
	row := testParticipant(m.t, name)
	row.RegisteredHeight = m.height
	require.NoError(m.t, m.Participants.Set(m.ctx, host, row))
	require.NoError(m.t, m.ConsensusKeys.Set(m.ctx, row.ConsensusKey, host))
	require.NoError(m.t, m.countParticipant(m.ctx))
	m.declare(name, HardwareDiff{Add: nodes})
}

// declare changes a host's nodes for the epoch that opens next.
func (m *machine) declare(name string, diff HardwareDiff) {
	m.t.Helper()
	_, err := m.SetHardwareNodes(m.ctx, testAddress(name), diff)
	require.NoError(m.t, err)
}

// block turns one block.
func (m *machine) block() {
	m.t.Helper()
	m.nextHeight()
	require.NoError(m.t, m.BeginBlocker(m.ctx))
	m.deliver()
	require.NoError(m.t, m.EndBlocker(m.ctx))
	m.noteFailures()
}

// noteFailures keeps the steps that failed in this block.
func (m *machine) noteFailures() {
	m.t.Helper()
	for _, failed := range eventsOf[types.EventStepFailed](m.kit) {
		m.failures = append(m.failures, failed.Step+": "+failed.Error)
	}
}

// nextHeight moves to the next height, which has a hash of its own.
func (m *machine) nextHeight() {
	m.height++
	hash := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("block"), uint64(m.height)))
	m.ctx = m.ctx.WithBlockHeight(m.height).WithHeaderHash(hash[:]).WithEventManager(sdk.NewEventManager())
}

// deliver does what a block's messages would, and returns its stage.
func (m *machine) deliver() epoch.Stage {
	m.t.Helper()
	stage, record, err := m.StageNow(m.ctx)
	require.NoError(m.t, err)
	m.play(stage, record)
	if m.during != nil {
		m.during(stage, record)
	}
	return stage
}

// play lets the hosts do what a stage asks of them.
func (m *machine) play(stage epoch.Stage, record types.Epoch) {
	h := record.Heights
	switch {
	case stage == epoch.PocExchange && m.height == h.PocStart+1:
		for _, name := range slices.Sorted(maps.Keys(m.claims)) {
			m.claim(record.Index, name, m.claims[name])
		}
	case stage == epoch.PocValidationExchange && m.height == h.PocValidationStart+1:
		m.castAll(record.Index)
	}
}

// claim writes a host's batches, one for each node of the fleet that claims.
func (m *machine) claim(index uint64, name string, claimed fleet) {
	m.t.Helper()
	host, text := testAddress(name), addressText(m.t, testAddress(name))
	nodes, err := m.FleetAt(m.ctx, index, host)
	require.NoError(m.t, err)
	total := types.PocHostClaims{EpochIndex: index, Participant: text}
	for rank, node := range nodes {
		count := claimed[node.LocalId]
		serves, err := m.HoldsPocSlot(m.ctx, m.clock().Effective, host, node.LocalId)
		require.NoError(m.t, err)
		if count == 0 || serves {
			continue
		}
		root := sha256.Sum256([]byte(name + node.LocalId))
		require.NoError(m.t, m.PocBatches.Set(m.ctx, collections.Join4(index, []byte(host), node.LocalId, uint64(1)), types.StoredPocBatch{
			EpochIndex: index, Participant: text, Height: m.height,
			Batch: types.PocBatch{NodeId: node.LocalId, BatchId: 1, Count: count, Root: root[:], LaneNext: []uint64{10 * count}},
		}))
		require.NoError(m.t, m.NodeClaims.Set(m.ctx, collections.Join3(index, []byte(host), node.LocalId), types.PocNodeClaims{
			EpochIndex: index, Participant: text, NodeId: node.LocalId, NodeIndex: uint64(rank),
			LastBatchId: 1, Claimed: count, LaneNext: []uint64{10 * count},
		}))
		total.Claimed += count
		total.Batches++
	}
	if total.Claimed > 0 {
		require.NoError(m.t, m.HostClaims.Set(m.ctx, collections.Join(index, []byte(host)), total))
	}
}

// castAll lets every seat holder of every jury cast what the script says.
func (m *machine) castAll(index uint64) {
	m.t.Helper()
	claims, err := values(m.ctx, m.HostClaims, collections.PairPrefix[uint64, []byte](index))
	require.NoError(m.t, err)
	for _, row := range claims {
		host, err := testAddresses.StringToBytes(row.Participant)
		require.NoError(m.t, err)
		seats, _, err := m.JuryOf(m.ctx, index, host)
		require.NoError(m.t, err)
		record, err := m.EpochAt(m.ctx, index)
		require.NoError(m.t, err)
		for _, seat := range seats {
			m.cast(index, host, seat, min(row.Claimed, record.Params.SampleSize))
		}
	}
}

func (m *machine) cast(index uint64, host sdk.AccAddress, seat JurySeat, sampled uint64) {
	verdict := m.verdict(index, m.name(host), m.name(seat.Holder))
	if verdict == nil {
		return
	}
	verdict.Participant, verdict.Sampled = addressText(m.t, host), sampled
	require.NoError(m.t, m.Verdicts.Set(m.ctx, collections.Join3(index, []byte(host), []byte(seat.Holder)), types.StoredVerdict{
		EpochIndex: index, Holder: addressText(m.t, seat.Holder), Seats: seat.Seats, Verdict: *verdict, Height: m.height,
	}))
}

func honestVerdict() *types.Verdict { return &types.Verdict{WorkProof: make([]byte, 32)} }

func fraudVerdict() *types.Verdict {
	return &types.Verdict{Structural: true, WorkProof: make([]byte, 32)}
}

// name returns the name of an address.
func (m *machine) name(address []byte) string {
	if name, known := m.names[string(address)]; known {
		return name
	}
	for _, name := range slices.Sorted(maps.Keys(m.claims)) {
		if bytes.Equal(testAddress(name), address) {
			m.names[string(address)] = name
			return name
		}
	}
	return "stranger"
}

func (m *machine) clock() types.Clock {
	m.t.Helper()
	clock, err := m.ClockAt(m.ctx)
	require.NoError(m.t, err)
	return clock
}

// runTo turns blocks until the first block of an epoch's stage has ended.
func (m *machine) runTo(index uint64, stage epoch.Stage) {
	m.t.Helper()
	for range 10_000 {
		m.block()
		now, record, err := m.StageNow(m.ctx)
		require.NoError(m.t, err)
		if record.Index == index && now == stage {
			return
		}
	}
	m.t.Fatalf("epoch %d never came to %s", index, stage)
}

// requireNoFailures fails the test when a step failed.
func (m *machine) requireNoFailures() {
	m.t.Helper()
	require.Empty(m.t, m.failures)
}

func (m *machine) outcome(index uint64, name string) types.HostOutcome {
	m.t.Helper()
	row, err := m.HostOutcomes.Get(m.ctx, collections.Join(index, []byte(testAddress(name))))
	require.NoError(m.t, err)
	return row
}

func (m *machine) nodeOutcome(index uint64, name, node string) types.NodeOutcome {
	m.t.Helper()
	row, err := m.NodeOutcomes.Get(m.ctx, collections.Join3(index, []byte(testAddress(name)), node))
	require.NoError(m.t, err)
	return row
}

// weightOf is a host's weight in a group; 0 for who is no member.
func (m *machine) weightOf(index uint64, model, name string) uint64 {
	m.t.Helper()
	row, err := valueOrZero(m.EpochMembers.Get(m.ctx, collections.Join3(index, model, []byte(testAddress(name)))))
	require.NoError(m.t, err)
	return row.Weight
}

func (m *machine) group(index uint64, model string) types.EpochGroup {
	m.t.Helper()
	row, err := m.EpochGroups.Get(m.ctx, collections.Join(index, model))
	require.NoError(m.t, err)
	return row
}

func (m *machine) record(index uint64) types.Epoch {
	m.t.Helper()
	row, err := m.EpochAt(m.ctx, index)
	require.NoError(m.t, err)
	return row
}
