package app

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/authz"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// claimed is what a host of the script proves in a round, with lanes walked as far
// as chance says.
const claimed = 32

// warm is the key of a host's broker.
func warm(host actor) actor { return newActor("broker of " + host.String()) }

// grantAll lets every host's warm key send for it.
func (n *network) grantAll(hosts ...actor) {
	n.t.Helper()
	var txs [][]byte
	for _, host := range hosts {
		var grants []sdk.Msg
		for _, typeURL := range inference.FreeMessages() {
			grant, err := authz.NewMsgGrant(host.address(), warm(host).address(), authz.NewGenericAuthorization(typeURL), nil)
			require.NoError(n.t, err)
			grants = append(grants, grant)
		}
		txs = append(txs, n.tx(host, grants...))
	}
	n.must(txs...)
}

// exec wraps messages for a warm key.
func exec(by actor, msgs ...sdk.Msg) sdk.Msg {
	e := authz.NewMsgExec(by.address(), msgs)
	return &e
}

// batch claims nonces of a host's node, as dense as chance.
func batch(host actor, epoch, count uint64) *inference.MsgSubmitPocBatch {
	lanes := make([]uint64, inference.TestnetParams().Lanes)
	for i := range lanes {
		lanes[i] = count * 10 / uint64(len(lanes))
	}
	return &inference.MsgSubmitPocBatch{Creator: host.String(), EpochIndex: epoch, Batches: []inference.PocBatch{{
		NodeId: "n1", BatchId: 1, Count: count, Root: bytes.Repeat([]byte{7}, 32), LaneNext: lanes,
	}}}
}

// verdicts judges every host on whose jury the holder sits as honest.
func (n *network) verdicts(holder actor, epoch uint64, hosts []actor) *inference.MsgSubmitPocValidation {
	n.t.Helper()
	msg := &inference.MsgSubmitPocValidation{Creator: holder.String(), EpochIndex: epoch}
	for _, host := range hosts {
		seats, _, err := n.app.Inference.JuryOf(n.ctx(), epoch, host.address())
		require.NoError(n.t, err)
		for _, seat := range seats {
			if seat.Holder.Equals(holder.address()) {
				msg.Verdicts = append(msg.Verdicts, inference.Verdict{
					Participant: host.String(), Sampled: claimed, WorkProof: bytes.Repeat([]byte{9}, 32),
				})
			}
		}
	}
	return msg
}

// round runs the cycle of the next epoch: the warm keys of provers commit, those
// of judges find everything honest. It ends with SET_NEW_VALIDATORS.
func (n *network) round(provers, judges []actor) inference.Epoch {
	n.t.Helper()
	n.until(n.epoch(n.clock().Opened).Heights.NextPocStart)
	opened := n.epoch(n.clock().Opened)
	n.must(n.commits(provers, opened.Index)...)
	n.until(opened.Heights.PocValidationStart)
	n.must(n.judgements(judges, provers, opened.Index)...)
	n.until(opened.Heights.SetNewValidators)
	return n.epoch(opened.Index)
}

func (n *network) commits(provers []actor, epoch uint64) [][]byte {
	n.t.Helper()
	var txs [][]byte
	for _, host := range provers {
		txs = append(txs, n.free(warm(host), exec(warm(host), batch(host, epoch, claimed))))
	}
	return txs
}

func (n *network) judgements(judges, provers []actor, epoch uint64) [][]byte {
	n.t.Helper()
	var txs [][]byte
	for _, judge := range judges {
		if msg := n.verdicts(judge, epoch, provers); len(msg.Verdicts) > 0 {
			txs = append(txs, n.free(warm(judge), exec(warm(judge), msg)))
		}
	}
	return txs
}

// register makes a newcomer with coins a host that proves with one node.
func (n *network) register(newcomer actor) {
	n.t.Helper()
	n.must(n.txPaying(n.hosts[0], txFee, sendCoins(n.hosts[0], newcomer, 10_000_000)))
	proof, err := newcomer.cons.Sign(inference.ConsensusKeyProofBytes(testChainID, newcomer.address()))
	require.NoError(n.t, err)
	n.must(n.tx(newcomer, &inference.MsgRegisterParticipant{
		Creator: newcomer.String(), Url: "https://new.example", ConsensusKey: newcomer.cons.PubKey().Bytes(), ConsensusKeyProof: proof,
	}))
	n.must(n.free(newcomer, &inference.MsgSubmitHardwareDiff{Creator: newcomer.String(), Add: []inference.HardwareNode{node("n1")}}))
}

func TestTwoEpochsThroughTransactions(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.grantAll(n.hosts...)
	newcomer := newActor("newcomer")
	n.register(newcomer)
	n.grantAll(newcomer)
	supply := n.supply()

	everybody := slices.Concat(n.hosts, []actor{newcomer})
	first := n.round(everybody, n.hosts)
	require.Equal(t, inference.EpochStatus_EPOCH_STATUS_EFFECTIVE, first.Status, first.AbandonedReason)
	require.Equal(t, uint64(1), n.clock().Effective)
	n.block()
	require.Equal(t, int64(claimed), n.power(newcomer), "the newcomer validates")
	weight, err := n.app.Inference.RootWeight(n.ctx(), newcomer.address())
	require.NoError(t, err)
	require.Equal(t, uint64(claimed), weight)
	require.Equal(t, supply, n.supply(), "epoch 0 earns nothing, and grants were paid before")

	second := n.round(everybody, everybody)
	require.Equal(t, inference.EpochStatus_EPOCH_STATUS_EFFECTIVE, second.Status, second.AbandonedReason)
	n.until(n.height + 3)

	settled, err := n.app.Inference.Settlements.Get(n.ctx(), 1)
	require.NoError(t, err)
	require.True(t, settled.Done)
	for _, host := range everybody {
		before := n.balance(host.address())
		n.must(n.free(warm(host), exec(warm(host), &inference.MsgClaimReward{Creator: host.String()})))
		require.Greater(t, n.balance(host.address()), before)
	}
	treasury, err := n.app.Inference.Treasury.Get(n.ctx())
	require.NoError(t, err)
	require.Equal(t, treasury.MintedTotal, n.supply().Sub(supply).String(), "only rewards are minted")
}

// TestTheSameHashHoweverManyThreads runs the same script with different numbers of
// threads.
func TestTheSameHashHoweverManyThreads(t *testing.T) {
	run := func(threads int) []byte {
		defer setThreads(threads)()
		n := newNetwork(t, 100, 60, 40, 40)
		n.grantAll(n.hosts...)
		n.round(n.hosts, n.hosts)
		n.round(n.hosts, n.hosts)
		n.until(n.height + 3)
		return n.hash
	}
	want := run(1)
	require.NotEmpty(t, want)
	for _, threads := range []int{2, 8} {
		require.Equal(t, want, run(threads), "%d threads", threads)
	}
}
