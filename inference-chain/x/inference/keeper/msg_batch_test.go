package keeper

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/x/inference/types"
)

func submitBatch(msgs types.MsgServer, k *kit, msg *types.MsgSubmitPocBatch) (*types.MsgSubmitPocBatchResponse, error) {
	return msgs.SubmitPocBatch(k.ctx, msg)
}

// testBatch claims count of the nonces up to next on each of the 16 lanes.
func testBatch(node string, id, count, next uint64) types.PocBatch {
	root := make([]byte, commit.HashSize)
	root[0] = byte(id)
	return types.PocBatch{NodeId: node, BatchId: id, Count: count, Root: root, LaneNext: slices.Repeat([]uint64{next}, 16)}
}

// committing commits batches of a host in the round of epoch 1.
func committing(creator string, batches ...types.PocBatch) *types.MsgSubmitPocBatch {
	return &types.MsgSubmitPocBatch{Creator: creator, EpochIndex: 1, Batches: batches}
}

func TestABatchIsRefused(t *testing.T) {
	bob := addressText(t, testAddress("bob"))
	edited := func(edit func(*types.PocBatch)) *types.MsgSubmitPocBatch {
		batch := testBatch("b1", 1, 40, 25)
		edit(&batch)
		return committing(bob, batch)
	}
	later := committing(bob, testBatch("b1", 1, 40, 25))
	later.EpochIndex = 2
	for name, c := range map[string]struct {
		msg  *types.MsgSubmitPocBatch
		want expectation
	}{
		"from an account that is no host": {
			committing(addressText(t, testAddress("eve")), testBatch("b1", 1, 40, 25)), refusedWith(types.ErrNotRegistered),
		},
		"when there is none": {committing(bob), refusedWith(types.ErrField, "batches must have 1 to 256 entries")},
		"when there are 257": {
			committing(bob, slices.Repeat([]types.PocBatch{testBatch("b1", 1, 40, 25)}, 257)...),
			refusedWith(types.ErrTooMany, "batches has 257 entries, at most 256"),
		},
		"for another epoch": {later, refusedWith(types.ErrWrongEpoch, "epoch_index must be 1, got 2")},
		"of a node of another host": {
			committing(bob, testBatch("a1", 1, 40, 25)), refusedWith(types.ErrNodeNotInFleet, "node a1 in epoch 1"),
		},
		"whose node id cannot be one": {
			edited(func(b *types.PocBatch) { b.NodeId = "b 1" }), refusedWith(types.ErrInvalidBatch, "node_id must match"),
		},
		"with number zero":             {edited(func(b *types.PocBatch) { b.BatchId = 0 }), refusedWith(types.ErrBatchConflict, "node b1, batch 0")},
		"that leaves a gap":            {edited(func(b *types.PocBatch) { b.BatchId = 2 }), refusedWith(types.ErrBatchGap, "node b1, batch 2")},
		"with a root that is too long": {edited(func(b *types.PocBatch) { b.Root = make([]byte, 33) }), refusedWith(types.ErrInvalidBatch, "root must have 32 bytes, got 33")},
		"with 65 lanes": {
			edited(func(b *types.PocBatch) { b.LaneNext = make([]uint64, 65) }),
			refusedWith(types.ErrInvalidBatch, "lane_next has 65 entries, at most 64"),
		},
		"with fewer lanes than the epoch has": {
			edited(func(b *types.PocBatch) { b.LaneNext = b.LaneNext[:15] }), refusedWith(types.ErrInvalidBatch, "15, not 16"),
		},
		"with a lane beyond all nonces": {
			edited(func(b *types.PocBatch) { b.LaneNext[3] = commit.MaxLaneNext }), refusedWith(types.ErrInvalidBatch, "lane 3"),
		},
		"that claims nothing": {
			edited(func(b *types.PocBatch) { b.Count = 0 }), refusedWith(types.ErrInvalidBatch, "1 to 65536"),
		},
		"that claims more than fits a tree": {
			edited(func(b *types.PocBatch) { b.Count = 65537 }), refusedWith(types.ErrInvalidBatch, "65537"),
		},
		"that claims more nonces than it walked": {
			edited(func(b *types.PocBatch) { b.Count = 401 }), refusedWith(types.ErrInvalidBatch, "401 claims of 400 nonces"),
		},
		"that claims far fewer than chance": {
			edited(func(b *types.PocBatch) { b.LaneNext = slices.Repeat([]uint64{10_000}, 16) }), refusedWith(types.ErrSparseClaims, "node b1, batch 1"),
		},
		"that walks a lane backwards": {
			committing(bob, testBatch("b1", 1, 40, 25), testBatch("b1", 2, 40, 24)), refusedWith(types.ErrInvalidBatch, "node b1, batch 2"),
		},
		"when one of the message is bad, and none is stored": {
			committing(bob, testBatch("b1", 1, 40, 25), testBatch("b1", 3, 40, 50)), refusedWith(types.ErrBatchGap, "node b1, batch 3"),
		},
		"when the message holds two of a number": {
			committing(bob, testBatch("b1", 1, 40, 25), testBatch("b1", 1, 41, 25)), refusedWith(types.ErrBatchConflict, "node b1, batch 1"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			send(newRoundKit(t), submitBatch, c.msg, c.want)
		})
	}
}

func TestBatchesAreAcceptedFromTheBlockAfterPocStartToPocEnd(t *testing.T) {
	heights := newRoundKit(t).heights
	wrong := refusedWith(types.ErrWrongStage, "from the block after POC_START to POC_END")
	for name, c := range map[string]struct {
		height int64
		want   expectation
	}{
		"the first block of POC_EXCHANGE takes them": {heights.PocStart + 1, expectation{}},
		"POC_END takes them":                         {heights.PocEnd, expectation{}},
		"POC_VALIDATION_START does not":              {heights.PocEnd + 1, wrong},
		"INFERENCE does not":                         {heights.SetNewValidators + 1, wrong},
		"the next POC_START does not":                {heights.NextPocStart, wrong},
	} {
		t.Run(name, func(t *testing.T) {
			k := newRoundKit(t)
			k.at(c.height)
			send(k, submitBatch, committing(k.text("bob"), testBatch("b1", 1, 40, 25)), c.want)
		})
	}
}

func TestBatchesAreNotAcceptedInPocStartItself(t *testing.T) {
	k := newRoundKit(t)
	k.opens(0)
	k.at(k.heights.PocStart)
	msg := committing(k.text("bob"), testBatch("b1", 1, 40, 25))
	send(k, submitBatch, msg, refusedWith(types.ErrWrongStage, "POC_START of epoch 1"))
}

func TestAcceptedBatchesCountForNodeAndHost(t *testing.T) {
	k := newRoundKit(t)
	alice := testAddress("alice")
	batches := []types.PocBatch{testBatch("a2", 1, 40, 25), testBatch("a1", 1, 30, 20), testBatch("a2", 2, 41, 50)}
	response := send(k, submitBatch, committing(k.text("alice"), batches...), expectation{})
	require.Equal(t, &types.MsgSubmitPocBatchResponse{Accepted: 3}, response)
	node, err := k.NodeClaims.Get(k.ctx, collections.Join3(uint64(1), []byte(alice), "a2"))
	require.NoError(t, err)
	require.Equal(t, types.PocNodeClaims{
		EpochIndex: 1, Participant: k.text("alice"), NodeId: "a2", NodeIndex: 1, LastBatchId: 2, Claimed: 81,
		LaneNext: slices.Repeat([]uint64{50}, 16),
	}, node)
	host, err := k.HostClaims.Get(k.ctx, collections.Join(uint64(1), []byte(alice)))
	require.NoError(t, err)
	require.Equal(t, types.PocHostClaims{EpochIndex: 1, Participant: k.text("alice"), Claimed: 111, Batches: 3}, host)
	stored, err := k.GetPoCBatchesForNode(k.ctx, 1, alice, "a2")
	require.NoError(t, err)
	require.Len(t, stored, 2)
	require.Equal(t, batches[2], stored[1].Batch)
	require.Equal(t, k.ctx.BlockHeight(), stored[1].Height)
	events := eventsOf[types.EventBatchAccepted](k.kit)
	require.Len(t, events, 3)
	require.Equal(t, types.EventBatchAccepted{EpochIndex: 1, Participant: k.text("alice"), NodeId: "a2", BatchId: 2, Count: 41}, events[2])
}

func TestAMessageSentAgainCountsNothingTwice(t *testing.T) {
	k := newRoundKit(t)
	msg := committing(k.text("bob"), testBatch("b1", 1, 40, 25), testBatch("b1", 2, 40, 50))
	send(k, submitBatch, msg, expectation{})
	before := snapshotState(k.at(k.ctx.BlockHeight() + 1).forget())
	require.Equal(t, &types.MsgSubmitPocBatchResponse{Duplicates: 2}, send(k, submitBatch, msg, expectation{}))
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
	msg.Batches = append(msg.Batches, testBatch("b1", 3, 40, 75), testBatch("b1", 3, 40, 75))
	require.Equal(t, &types.MsgSubmitPocBatchResponse{Accepted: 1, Duplicates: 3}, send(k, submitBatch, msg, expectation{}))
}

func TestABatchWithOtherContentUnderAStoredNumberIsAConflict(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitBatch, committing(k.text("bob"), testBatch("b1", 1, 40, 25)), expectation{})
	for name, edit := range map[string]func(*types.PocBatch){
		"another count": func(b *types.PocBatch) { b.Count = 41 },
		"another root":  func(b *types.PocBatch) { b.Root[31] = 1 },
		"other lanes":   func(b *types.PocBatch) { b.LaneNext[15] = 26 },
	} {
		t.Run(name, func(t *testing.T) {
			batch := testBatch("b1", 1, 40, 25)
			edit(&batch)
			send(k, submitBatch, committing(k.text("bob"), batch), refusedWith(types.ErrBatchConflict, "node b1, batch 1"))
		})
	}
}

func TestANodeCommitsAtMostItsNoncesAndBatches(t *testing.T) {
	k := newRoundKit(t)
	record, err := k.EpochAt(k.ctx, 1)
	require.NoError(t, err)
	record.Params.MaxNoncesPerNode, record.Params.MaxBatchesPerNode = 100, 3
	require.NoError(t, k.Epochs.Set(k.ctx, 1, record))
	bob := k.text("bob")
	send(k, submitBatch, committing(bob, testBatch("b1", 1, 40, 25), testBatch("b1", 2, 40, 50)), expectation{})
	send(k, submitBatch, committing(bob, testBatch("b1", 3, 21, 75)), refusedWith(types.ErrTooManyNonces, "80 and 21 more, at most 100"))
	send(k, submitBatch, committing(bob, testBatch("b1", 3, 20, 75)), expectation{})
	send(k, submitBatch, committing(bob, testBatch("b1", 4, 1, 76)), refusedWith(types.ErrTooManyBatches, "batch 4"))
}

func TestANodeThatServesThroughPocDoesNotProve(t *testing.T) {
	k := newRoundKit(t)
	for _, row := range []types.EpochNode{
		{Participant: k.text("alice"), Models: []string{modelA}, Info: types.MLNodeInfo{NodeId: "a1", TimeslotAllocation: []bool{true, true}}},
		{ModelId: modelA, Participant: k.text("alice"), Info: types.MLNodeInfo{NodeId: "a1", TimeslotAllocation: []bool{true, true}}},
	} {
		require.NoError(t, k.EpochNodes.Set(k.ctx, collections.Join4(uint64(0), row.ModelId, []byte(testAddress("alice")), "a1"), row))
	}
	alice := k.text("alice")
	send(k, submitBatch, committing(alice, testBatch("a1", 1, 40, 25)), refusedWith(types.ErrNodePreserved, "node a1 in epoch 1"))
	send(k, submitBatch, committing(alice, testBatch("a2", 1, 40, 25)), expectation{})
}

func TestANodeAddedAfterTheRoundOpenedIsNotInItsFleet(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, adding(k.text("bob"), *testNode("b2", 0)), expectation{})
	send(k, submitBatch, committing(k.text("bob"), testBatch("b2", 1, 40, 25)), refusedWith(types.ErrNodeNotInFleet, "node b2 in epoch 1"))
}

func TestClaimsAreSummedByNodeAndByModel(t *testing.T) {
	k := newRoundKit(t)
	node := testNode("c1", 4)
	node.Models = []string{"org/removed", modelB, modelA}
	k.setNode("carol", types.HardwareNodeRow{NodeId: "c1", Current: node})
	for name, batch := range map[string]types.PocBatch{
		"alice": testBatch("a1", 1, 40, 25), "bob": testBatch("b1", 1, 30, 20), "carol": testBatch("c1", 1, 20, 15),
	} {
		send(k, submitBatch, committing(k.text(name), batch), expectation{})
	}
	weight, err := k.CalculateNodeWeight(k.ctx, 1, testAddress("bob"), "b1")
	require.NoError(t, err)
	require.Equal(t, uint64(30), weight)
	for model, want := range map[string]uint64{modelA: 70, modelB: 20, "org/removed": 0} {
		power, err := k.CalculateModelPower(k.ctx, 1, model)
		require.NoError(t, err)
		require.Equal(t, want, power, model)
	}
	batches, err := k.GetPoCBatchesForModel(k.ctx, 1, modelB)
	require.NoError(t, err)
	require.Len(t, batches, 1)
	require.Equal(t, k.text("carol"), batches[0].Participant)
}

func TestAFormedNodeBelongsToTheModelOfItsRow(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitBatch, committing(k.text("bob"), testBatch("b1", 1, 30, 20)), expectation{})
	require.NoError(t, k.EpochNodes.Set(k.ctx, collections.Join4(uint64(1), "", []byte(testAddress("bob")), "b1"), types.EpochNode{
		EpochIndex: 1, Participant: k.text("bob"), Models: []string{modelB, modelA}, Info: types.MLNodeInfo{NodeId: "b1"},
	}))
	power, err := k.CalculateModelPower(k.ctx, 1, modelB)
	require.NoError(t, err)
	require.Equal(t, uint64(30), power)
}

func TestTheEventOfABatchIsTheTypedOne(t *testing.T) {
	for _, row := range []types.StoredPocBatch{
		{},
		{EpochIndex: 1 << 63, Participant: addressText(t, testAddress("bob")), Batch: testBatch("A.b_c-9", 64, 65536, 25)},
	} {
		typed, err := sdk.TypedEventToEvent(&types.EventBatchAccepted{
			EpochIndex: row.EpochIndex, Participant: row.Participant,
			NodeId: row.Batch.NodeId, BatchId: row.Batch.BatchId, Count: row.Batch.Count,
		})
		require.NoError(t, err)
		require.Equal(t, typed, acceptedEvent(row))
	}
}
