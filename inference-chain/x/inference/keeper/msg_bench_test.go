package keeper

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// inProcessorTime runs an operation and reports, beside the time on the clock, the
// processor time of the thread that ran it.
func inProcessorTime(b *testing.B, operation func()) {
	b.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, runs := threadTime(b), 0
	for b.Loop() {
		operation()
		runs++
	}
	b.ReportMetric(float64(threadTime(b)-began)/float64(runs), "cpu-ns/op")
}

// threadTime is the processor time that this thread has had, in nanoseconds.
func threadTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_THREAD, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// BenchmarkBatches256 delivers one message of 256 commitments, one for each node of
// the largest fleet. Budget: 5 ms.
func BenchmarkBatches256(b *testing.B) {
	k := newRoundKit(b)
	batches := make([]types.PocBatch, 0, types.MaxBatchesPerMessage)
	for i, node := range manyNodes(types.MaxNodesPerHost) {
		node.AddedSeq = uint64(100 + i)
		k.setNode("dave", types.HardwareNodeRow{NodeId: node.LocalId, Current: &node})
		batches = append(batches, testBatch(node.LocalId, 1, 40, 25))
	}
	k.cms.Commit()
	msg := committing(k.text("dave"), batches...)
	inProcessorTime(b, func() {
		ctx, _ := k.ctx.CacheContext()
		_, err := k.msgs.SubmitPocBatch(ctx, msg)
		require.NoError(b, err)
	})
}

// manyMembers makes n hosts of weight 10 the members of epoch 0.
func (k *roundKit) manyMembers(n int) []sdk.AccAddress {
	members := make([]sdk.AccAddress, 0, n)
	for i := range n {
		members = append(members, testAddress(fmt.Sprintf("member %d", i)))
	}
	slices.SortFunc(members, func(a, b sdk.AccAddress) int { return bytes.Compare(a, b) })
	ranking, err := k.resumeRanking(k.ctx, 0, 0)
	require.NoError(k.t, err)
	for rank, member := range members {
		require.NoError(k.t, k.setRootMember(ranking, member, types.EpochMember{
			Weight: 10, Index: uint64(rank), CumulativeWeight: uint64(rank+1) * 10,
		}))
	}
	require.NoError(k.t, ranking.flush())
	root := types.EpochGroup{TotalWeight: uint64(n) * 10, MemberCount: uint64(n)}
	require.NoError(k.t, k.EpochGroups.Set(k.ctx, collections.Join(uint64(0), ""), root))
	return members
}

// BenchmarkVerdict delivers a message with one verdict, the jury drawn from 10,000
// members. Budget: 1 ms.
func BenchmarkVerdict(b *testing.B) {
	k := newRoundKit(b).judging()
	k.manyMembers(10_000)
	k.claims("dave", "d1", 100_000)
	jury, _, err := k.JuryOf(k.ctx, 1, testAddress("dave"))
	require.NoError(b, err)
	holder := jury[0].Holder
	require.NoError(b, k.Participants.Set(k.ctx, holder, types.Participant{Address: addressText(b, holder)}))
	k.cms.Commit()
	msg := casting(addressText(b, holder), testVerdict(k.text("dave")))
	inProcessorTime(b, func() {
		ctx, _ := k.ctx.CacheContext()
		_, err := k.msgs.SubmitPocValidation(ctx, msg)
		require.NoError(b, err)
	})
}
