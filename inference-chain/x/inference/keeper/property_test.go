package keeper

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// drawnNetwork is a network of a few hosts with random nodes.
func drawnNetwork(r *rapid.T) network {
	n := network{params: shortParams(), models: []string{"m1", "m2"}, hosts: map[string]fleet{}, serves: map[string][]string{}}
	for h := range rapid.IntRange(1, 7).Draw(r, "hosts") {
		name := fmt.Sprintf("host-%d", h)
		n.hosts[name] = fleet{}
		for i := range rapid.IntRange(1, 3).Draw(r, "nodes") {
			id := fmt.Sprintf("n%d", i)
			n.hosts[name][id] = rapid.Uint64Range(1, 500).Draw(r, "weight")
			n.serves[name+"/"+id] = rapid.SampledFrom([][]string{nil, {"m1"}, {"m2"}, {"m1", "m2"}, {"m2", "m1"}}).Draw(r, "models")
		}
	}
	return n
}

// drawnVerdicts casts at random, but the same for the same (epoch, host, holder).
func drawnVerdicts(r *rapid.T) func(uint64, string, string) *types.Verdict {
	seed := rapid.Uint64().Draw(r, "verdicts")
	return func(index uint64, host, holder string) *types.Verdict {
		mixed := seed + index
		for _, b := range []byte(host + "/" + holder) {
			mixed = (mixed ^ uint64(b)) * 1_099_511_628_211
		}
		switch mixed >> 60 {
		case 0, 1:
			return nil
		case 2:
			return &types.Verdict{Unavailable: true}
		case 3, 4:
			return fraudVerdict()
		default:
			return honestVerdict()
		}
	}
}

func TestFormingHostsInAnyNumberOfBlocksGivesTheSameEpoch(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := drawnNetwork(r)
		n.params.ModelLoadingBlocks, n.params.InferenceBlocks = 20, 31
		n.params.MinKeptPower = "0"
		verdict := drawnVerdicts(r)
		claims := map[string]fleet{}
		for name, nodes := range n.hosts {
			claims[name] = fleet{}
			for id := range nodes {
				claims[name][id] = rapid.Uint64Range(0, 300).Draw(r, "claims")
			}
		}
		rescaled := rapid.Bool().Draw(r, "the proof changes")
		formed := func(hostsPerBlock uint64) types.GenesisState {
			m := newMachine(t, n)
			m.claims, m.verdict = claims, verdict
			if rescaled {
				m.runTo(1, epoch.PocStart)
				planned := m.record(2)
				planned.Params.Lanes++
				require.NoError(t, m.Epochs.Set(m.ctx, 2, planned))
			}
			m.runTo(2, epoch.PocValidationEnd)
			cursor, err := m.Formation.Get(m.ctx)
			require.NoError(t, err)
			cursor.HostsPerBlock, cursor.Remaining = hostsPerBlock, 0
			require.NoError(t, m.Formation.Set(m.ctx, cursor))
			m.runTo(2, epoch.SetNewValidators)
			m.requireNoFailures()
			return m.exported()
		}
		require.Equal(t, formed(1000), formed(rapid.Uint64Range(1, 3).Draw(r, "hosts a block")))
	})
}

func TestEveryHeightHasOneStageThroughChangesAndAbandonedEpochs(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		short := func() types.Params {
			p := types.TestnetParams()
			p.PocExchangeBlocks = rapid.Uint64Range(2, 4).Draw(r, "exchange")
			p.PocValidationExchangeBlocks = rapid.Uint64Range(4, 6).Draw(r, "validation")
			p.ModelLoadingBlocks = rapid.Uint64Range(3, 5).Draw(r, "loading")
			p.InferenceBlocks = lengthsOf(p).PocPeriod() + rapid.Uint64Range(0, 3).Draw(r, "inference")
			return p
		}
		n := fourHosts()
		n.params = short()
		m := newMachine(t, n)
		previous, blocks := epoch.Inference, map[epoch.Stage]uint64{}
		m.during = func(stage epoch.Stage, record types.Epoch) {
			require.True(t, stage == previous || stage == previous%epoch.Inference+1, "%s after %s at %d", stage, previous, m.height)
			if stage == epoch.PocStart && record.Index > 1 {
				last := m.record(record.Index - 1)
				require.Equal(t, last.Params.PocExchangeBlocks, blocks[epoch.PocExchange])
				require.Equal(t, last.Params.PocValidationExchangeBlocks, blocks[epoch.PocValidationExchange])
				require.Equal(t, last.Params.ModelLoadingBlocks, blocks[epoch.ModelLoading])
				require.Equal(t, last.Params.InferenceBlocks, blocks[epoch.Inference])
			}
			if stage == epoch.PocStart {
				clear(blocks)
			}
			previous = stage
			blocks[stage]++
			if rapid.IntRange(0, 7).Draw(r, "change") == 0 {
				require.NoError(t, m.Params.Set(m.ctx, short()))
			}
			m.claims = n.hosts
			if rapid.IntRange(0, 3).Draw(r, "nobody claims") == 0 {
				m.claims = nil
			}
		}
		for range 150 {
			m.block()
		}
		m.requireNoFailures()
	})
}

func TestTwoRunsEndInTheSameStateHash(t *testing.T) {
	run := func(procs int) string {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		m := newMachine(t, threeHosts())
		m.verdict = func(_ uint64, host, holder string) *types.Verdict {
			if host == "bob" && holder != "carol" {
				return fraudVerdict()
			}
			return honestVerdict()
		}
		var hashes string
		for range 4 * 28 {
			m.block()
			hashes += fmt.Sprintf("%X\n", m.cms.Commit().Hash)
		}
		m.requireNoFailures()
		return hashes
	}
	once := run(1)
	require.Equal(t, once, run(2))
	require.Equal(t, once, run(8))
}

func TestCreditedNoncesArePairwiseDistinctWhateverHostsSubmit(t *testing.T) {
	accepted := 0
	rapid.Check(t, func(r *rapid.T) {
		n := drawnNetwork(r)
		n.params.Lanes, n.params.MinKeptPower = 2, "0"
		m := newMachine(t, n)
		m.claims = nil
		server := NewMsgServerImpl(m.Keeper)
		m.during = func(_ epoch.Stage, record types.Epoch) {
			if rapid.IntRange(0, 2).Draw(r, "diff") == 0 {
				m.submitDrawnDiff(r, server, len(n.hosts))
			}
			if !epoch.Heights(record.Heights).Batches().Contains(m.height) {
				return
			}
			for range rapid.IntRange(0, 12).Draw(r, "messages") {
				write, store := m.ctx.CacheContext()
				if _, err := server.SubmitPocBatch(write, m.drawnMessage(r, record.Index, len(n.hosts))); err == nil {
					store()
					accepted++
				}
			}
		}
		for index := uint64(1); index <= 2; index++ {
			m.runTo(index, epoch.SetNewValidators)
			m.requireNoFailures()
			for host := range len(n.hosts) {
				m.requireDistinct(index, fmt.Sprintf("host-%d", host))
			}
		}
	})
	require.Greater(t, accepted, 100, "hosts that are never accepted prove nothing")
}

// submitDrawnDiff adds, changes or removes a node of a host, at any height.
func (m *machine) submitDrawnDiff(r *rapid.T, server types.MsgServer, hosts int) {
	msg := &types.MsgSubmitHardwareDiff{
		Creator: addressText(m.t, testAddress(fmt.Sprintf("host-%d", rapid.IntRange(0, hosts-1).Draw(r, "changed host")))),
	}
	id := rapid.SampledFrom([]string{"n0", "n1", "n2"}).Draw(r, "changed node")
	node := types.HardwareNode{LocalId: id, Models: rapid.SampledFrom([][]string{nil, {"m1"}, {"m2", "m1"}}).Draw(r, "lists")}
	switch rapid.IntRange(0, 2).Draw(r, "change") {
	case 0:
		msg.Add = []types.HardwareNode{node}
	case 1:
		msg.Modify = []types.HardwareNode{node}
	default:
		msg.Remove = []string{id}
	}
	write, store := m.ctx.CacheContext()
	if _, err := server.SubmitHardwareDiff(write, msg); err == nil {
		store()
	}
}

// drawnMessage commits a batch that mostly, but not always, goes on where the node
// stopped.
func (m *machine) drawnMessage(r *rapid.T, index uint64, hosts int) *types.MsgSubmitPocBatch {
	host := testAddress(fmt.Sprintf("host-%d", rapid.IntRange(0, hosts-1).Draw(r, "host")))
	node := rapid.SampledFrom([]string{"n0", "n0", "n1", "n2"}).Draw(r, "node")
	last, err := valueOrZero(m.NodeClaims.Get(m.ctx, collections.Join3(index, []byte(host), node)))
	require.NoError(m.t, err)
	batch := types.PocBatch{NodeId: node, BatchId: last.LastBatchId + 1, Count: rapid.Uint64Range(1, 6).Draw(r, "count"), Root: make([]byte, 32)}
	for lane := range 2 {
		next := rapid.Uint64Range(0, 6).Draw(r, "walked")
		if lane < len(last.LaneNext) && rapid.IntRange(0, 9).Draw(r, "goes on") > 0 {
			next += last.LaneNext[lane]
		}
		batch.LaneNext = append(batch.LaneNext, next)
	}
	if rapid.IntRange(0, 4).Draw(r, "another number") == 0 {
		batch.BatchId = rapid.Uint64Range(1, 5).Draw(r, "number")
	}
	return &types.MsgSubmitPocBatch{Creator: addressText(m.t, host), EpochIndex: index, Batches: []types.PocBatch{batch}}
}

// requireDistinct asks for the ranges of a host's batches to hold no nonce twice,
// and for no batch to claim more than its range.
func (m *machine) requireDistinct(index uint64, name string) {
	m.t.Helper()
	nodes, err := m.FleetAt(m.ctx, index, testAddress(name))
	require.NoError(m.t, err)
	lanes := m.record(index).Params.Lanes
	nonces := map[uint64]bool{}
	var claimed uint64
	for rank, node := range nodes {
		batches, err := m.GetPoCBatchesForNode(m.ctx, index, testAddress(name), node.LocalId)
		require.NoError(m.t, err)
		before := make([]uint64, lanes)
		for _, stored := range batches {
			size := uint64(0)
			for lane, next := range stored.Batch.LaneNext {
				for k := before[lane]; k < next; k++ {
					nonce := uint64(rank) + uint64(len(nodes))*(uint64(lane)+lanes*k)
					require.False(m.t, nonces[nonce])
					nonces[nonce] = true
					size++
				}
			}
			before = stored.Batch.LaneNext
			require.LessOrEqual(m.t, stored.Batch.Count, size)
			claimed += stored.Batch.Count
		}
	}
	outcome, err := valueOrZero(m.HostOutcomes.Get(m.ctx, collections.Join(index, []byte(testAddress(name)))))
	require.NoError(m.t, err)
	require.Equal(m.t, claimed, outcome.Claimed)
	require.LessOrEqual(m.t, outcome.Credited, uint64(len(nonces)))
}
