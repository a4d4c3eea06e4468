package keeper

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Models of the fixture's registry.
const (
	modelA = "org/model-a"
	modelB = "org/model-b"
)

// roundKit is a kit in the round of epoch 1, at the first height that accepts
// batches. Epoch 0 is effective and judges.
//
// alice, bob and carol are members with the weights 100, 60 and 40; dave
// registered later. alice has the nodes a1 and a2, the others one each: b1, c1, d1.
type roundKit struct {
	*kit
	msgs    types.MsgServer
	heights epoch.Heights
}

func newRoundKit(t testing.TB) *roundKit {
	t.Helper()
	params := types.TestnetParams()
	heights, err := epoch.Open(36, lengthsOf(params))
	require.NoError(t, err)
	k := &roundKit{kit: newKit(t), heights: heights}
	k.msgs = NewMsgServerImpl(k.Keeper)
	genesis, err := epoch.Genesis(1, lengthsOf(params))
	require.NoError(t, err)
	for _, record := range []types.Epoch{
		{Index: 0, Status: types.EpochStatus_EPOCH_STATUS_EFFECTIVE, Heights: types.EpochHeights(genesis), Params: params, EffectiveFrom: 1},
		{Index: 1, Status: types.EpochStatus_EPOCH_STATUS_OPENED, Heights: types.EpochHeights(heights), Params: params},
		{Index: 2, Status: types.EpochStatus_EPOCH_STATUS_PLANNED, Params: params},
	} {
		require.NoError(t, k.Epochs.Set(k.ctx, record.Index, record))
	}
	for _, id := range []string{modelA, modelB} {
		require.NoError(t, k.Models.Set(k.ctx, id, testModel(id)))
	}
	k.hosts()
	challenge, seed := sha256.Sum256([]byte("challenge")), sha256.Sum256([]byte("seed"))
	require.NoError(t, k.Rounds.Set(k.ctx, 1, types.Round{
		EpochIndex: 1, Challenge: challenge[:], ChallengeHeight: heights.PocStart,
		SamplingSeed: seed[:], SamplingHeight: heights.PocValidationStart,
	}))
	k.at(heights.PocStart + 1).forget()
	return k
}

// hosts registers the hosts with their nodes and makes three of them members.
func (k *roundKit) hosts() {
	require.NoError(k.t, k.Clock.Set(k.ctx, types.Clock{Opened: 1}))
	seq := uint64(1)
	for _, host := range []struct {
		name  string
		nodes []string
	}{{"alice", []string{"a1", "a2"}}, {"bob", []string{"b1"}}, {"carol", []string{"c1"}}, {"dave", []string{"d1"}}} {
		k.register(host.name)
		for _, id := range host.nodes {
			k.setNode(host.name, types.HardwareNodeRow{NodeId: id, Current: testNode(id, seq)})
			seq++
		}
	}
	clock, err := k.ClockAt(k.ctx)
	require.NoError(k.t, err)
	clock.NextAddedSeq = seq
	require.NoError(k.t, k.Clock.Set(k.ctx, clock))
	k.members(map[string]uint64{"alice": 100, "bob": 60, "carol": 40})
}

func (k *roundKit) register(name string) {
	host := testAddress(name)
	key := testKey(name).Public().(ed25519.PublicKey)
	require.NoError(k.t, k.Participants.Set(k.ctx, host, types.Participant{
		Address: k.text(name), Url: "https://" + name + ".example:9000", ConsensusKey: key, RegisteredHeight: 1,
	}))
	require.NoError(k.t, k.ConsensusKeys.Set(k.ctx, key, host))
}

func (k *roundKit) setNode(name string, row types.HardwareNodeRow) {
	row.Participant = k.text(name)
	host := testAddress(name)
	require.NoError(k.t, k.HardwareNodes.Set(k.ctx, collections.Join([]byte(host), row.NodeId), row))
	rows, err := k.hardwareRows(k.ctx, host)
	require.NoError(k.t, err)
	require.NoError(k.t, k.declareLoad(k.ctx, registered{host, types.Participant{Address: row.Participant}}, rows))
}

// members writes the root group of epoch 0.
func (k *roundKit) members(weights map[string]uint64) {
	names := make([]string, 0, len(weights))
	for name := range weights {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return bytes.Compare(testAddress(a), testAddress(b)) })
	ranking, err := k.resumeRanking(k.ctx, 0, 0)
	require.NoError(k.t, err)
	var total uint64
	for rank, name := range names {
		total += weights[name]
		require.NoError(k.t, k.setRootMember(ranking, testAddress(name), types.EpochMember{
			Participant: k.text(name), Weight: weights[name], Index: uint64(rank), CumulativeWeight: total,
		}))
	}
	require.NoError(k.t, ranking.flush())
	require.NoError(k.t, k.EpochGroups.Set(k.ctx, collections.Join(uint64(0), ""), types.EpochGroup{
		TotalWeight: total, MemberCount: uint64(len(names)),
	}))
}

// judging moves to the first height that accepts verdicts.
func (k *roundKit) judging() *roundKit {
	k.at(k.heights.PocValidationStart + 1)
	return k
}

// claims gives a host one batch of that many claims on its first node.
func (k *roundKit) claims(name, node string, count uint64) {
	host := []byte(testAddress(name))
	require.NoError(k.t, k.NodeClaims.Set(k.ctx, collections.Join3(uint64(1), host, node), types.PocNodeClaims{
		EpochIndex: 1, Participant: k.text(name), NodeId: node, LastBatchId: 1, Claimed: count,
	}))
	require.NoError(k.t, k.HostClaims.Set(k.ctx, collections.Join(uint64(1), host), types.PocHostClaims{
		EpochIndex: 1, Participant: k.text(name), Claimed: count, Batches: 1,
	}))
	require.NoError(k.t, k.PocBatches.Set(k.ctx, collections.Join4(uint64(1), host, node, uint64(1)), types.StoredPocBatch{
		EpochIndex: 1, Participant: k.text(name), Batch: types.PocBatch{NodeId: node, BatchId: 1, Count: count},
	}))
}

func (k *kit) text(name string) string { return addressText(k.t, testAddress(name)) }

// testKey is the consensus key of a name.
func testKey(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("consensus key of " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// keyProof signs (chain id, account) with a key.
func keyProof(key ed25519.PrivateKey, chainID string, account sdk.AccAddress) []byte {
	return ed25519.Sign(key, types.ConsensusKeyProofBytes(chainID, account))
}

func testModel(id string) types.Model {
	return types.Model{
		Id: id, Name: "a model", HfRepo: "org/repo", HfCommit: "0123456789abcdef0123456789abcdef01234567",
		VramGb: 80, ThroughputPerNonce: 1_000_000, UnitsOfComputePerToken: 1,
	}
}

// testNode is a node that lists model A; seq 0 makes it one for a message.
func testNode(id string, seq uint64) *types.HardwareNode {
	return &types.HardwareNode{
		LocalId: id, Status: types.HardwareNodeStatus_HARDWARE_NODE_STATUS_INFERENCE, Models: []string{modelA},
		Hardware: []types.Hardware{{Type: "NVIDIA H200", Count: 8}}, Host: "gpu.example", Port: "8080", AddedSeq: seq,
	}
}

// expectation is what a table says of a message: the error it is refused with and
// what that must say, or success where there is none.
type expectation struct {
	err  error
	says []string
}

func refusedWith(err error, says ...string) expectation { return expectation{err, says} }

// send delivers a message and holds its answer against what is expected of it. A
// refused message leaves neither a row nor an event.
func send[M, R any](k *roundKit, handle func(types.MsgServer, *kit, M) (R, error), message M, want expectation) R {
	k.t.Helper()
	before, events := snapshotState(k.kit), len(k.ctx.EventManager().Events())
	response, err := handle(k.msgs, k.kit, message)
	if want.err == nil {
		require.NoError(k.t, err)
		return response
	}
	require.ErrorIs(k.t, err, want.err)
	for _, fact := range want.says {
		require.ErrorContains(k.t, err, fact)
	}
	require.Equal(k.t, before, snapshotState(k.kit), "a refused message changed the state")
	require.Len(k.t, k.ctx.EventManager().Events(), events, "a refused message left an event")
	return response
}

// snapshotState writes down every row of the module's store.
func snapshotState(k *kit) map[string]string {
	state := map[string]string{}
	store := k.ctx.KVStore(k.key)
	iterator := store.Iterator(nil, nil)
	defer iterator.Close()
	for ; iterator.Valid(); iterator.Next() {
		state[string(iterator.Key())] = string(iterator.Value())
	}
	return state
}

// ids lists the ids of nodes in their order.
func ids(nodes []types.HardwareNode) []string {
	found := make([]string, 0, len(nodes))
	for _, node := range nodes {
		found = append(found, node.LocalId)
	}
	return found
}
