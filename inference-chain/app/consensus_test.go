package app

import (
	"runtime"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// refusedBatches is the dearest message that costs its sender nothing: all of its
// batches are looked at, and the last one is wrong.
func refusedBatches(host actor, epoch uint64) *inference.MsgSubmitPocBatch {
	msg := &inference.MsgSubmitPocBatch{Creator: host.String(), EpochIndex: epoch}
	one := batch(host, epoch, 1).Batches[0]
	for i := range inference.MaxBatchesPerMessage {
		next := one
		next.BatchId = uint64(i + 1)
		next.LaneNext = make([]uint64, len(one.LaneNext))
		for lane := range next.LaneNext {
			next.LaneNext[lane] = uint64(i + 1)
		}
		msg.Batches = append(msg.Batches, next)
	}
	msg.Batches[len(msg.Batches)-1].BatchId++
	return msg
}

func TestABlockEndsWhereItsGasDoes(t *testing.T) {
	params := inference.TestnetParams()
	params.MaxBatchesPerNode = inference.MaxBatchesPerMessage
	n := newNetworkWith(t, params, 100, 60, 40, 40)
	n.until(n.epoch(0).Heights.NextPocStart)
	n.gas = 8_000_000
	host := n.hosts[0]
	sequence := n.account(host).GetSequence()
	var txs [][]byte
	for i := range uint64(100) {
		txs = append(txs, n.sign(host, 0, sequence+i, refusedBatches(host, 1)))
	}
	var used int64
	for i, res := range n.block(txs...) {
		if used < MaxBlockGas {
			used += res.GasUsed
		} else {
			require.Zero(t, res.GasUsed, "transaction %d ran although no gas was left", i)
		}
		if used < MaxBlockGas {
			require.Equal(t, inference.ModuleName, res.Codespace, res.Log)
		} else {
			require.Equal(t, sdkerrors.ErrOutOfGas.ABCICode(), res.Code, res.Log)
		}
	}
	require.GreaterOrEqual(t, used, int64(MaxBlockGas), "there were more than a block holds")

	n.gas = MaxBlockGas + 1
	refused := n.check(n.sign(n.hosts[1], 0, n.account(n.hosts[1]).GetSequence(), diff(n.hosts[1], "x")))
	require.NotEqual(t, abci.CodeTypeOK, refused.Code, "no block could hold it")
}

// BenchmarkFullBlock reports the processor time of a block whose transactions use
// all of its gas, for several kinds of message.
func BenchmarkFullBlock(b *testing.B) {
	for _, kind := range []struct {
		name string
		gas  uint64
		msg  func(by, other actor) sdk.Msg
	}{
		{"transfers", 80_000, func(by, other actor) sdk.Msg { return sendCoins(by, other, 1) }},
		{"diffs", 100_000, func(by, _ actor) sdk.Msg { return diff(by, "x") }},
		{"one-batch-refused", 80_000, func(by, _ actor) sdk.Msg { return batch(by, 7, 1) }},
		{"256-batches-refused", 8_000_000, func(by, _ actor) sdk.Msg { return refusedBatches(by, 1) }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				fullBlock(b, kind.gas, kind.msg)
			}
		})
	}
}

func fullBlock(b *testing.B, gas uint64, msg func(by, other actor) sdk.Msg) {
	b.Helper()
	params := inference.TestnetParams()
	params.FreeMessagesPerStage, params.MaxBatchesPerNode = 1_000_000, inference.MaxBatchesPerMessage
	n := newNetworkWith(b, params, 100, 60, 40, 40)
	n.until(n.epoch(0).Heights.NextPocStart)
	n.gas = gas
	one := n.block(n.tx(n.hosts[0], msg(n.hosts[0], n.hosts[1])))[0]
	sequence := n.account(n.hosts[1]).GetSequence()
	var txs [][]byte
	for i := range uint64(MaxBlockGas / one.GasUsed) {
		txs = append(txs, n.sign(n.hosts[1], txFee, sequence+i, msg(n.hosts[1], n.hosts[2])))
	}
	m := &meter{b: b}
	before := m.threadTime()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	n.block(txs...)
	b.ReportMetric(float64((m.threadTime() - before).Milliseconds()), "cpu-ms")
	b.ReportMetric(float64(len(txs)), "transactions")
}
