package keeper

import (
	"maps"
	"testing"

	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// wireMessage is a pointer to a generated message.
type wireMessage[M any] interface {
	*M
	proto.Message
}

// stages are heights of the fixture's round, one in each stage; where a message is
// sent is part of the input.
func (k *roundKit) stages() []int64 {
	h := k.heights
	return []int64{
		h.PocStart, h.PocStart + 1, h.PocEnd, h.PocValidationStart, h.PocValidationStart + 1,
		h.PocValidationEnd, h.PocValidationEnd + 1, h.SetNewValidators, h.SetNewValidators + 1, h.NextPocStart - 1,
	}
}

// populated is a kit of which every message finds what it is about: hosts with
// batches and verdicts, rewards that wait, a member in jail, a node that serves
// through PoC, a change of hardware and a consensus key that wait.
func populated(f *testing.F) *roundKit {
	f.Helper()
	k := judgingKit(f)
	_, err := submitVerdicts(k.msgs, k.kit, casting(k.text("alice"), testVerdict(k.text("carol"))))
	require.NoError(f, err)
	k.at(k.heights.PocStart + 1)
	_, err = submitBatch(k.msgs, k.kit, committing(k.text("alice"), testBatch("a2", 1, 40, 25)))
	require.NoError(f, err)
	_, err = submitHardware(k.msgs, k.kit, adding(k.text("dave"), *testNode("d2", 0)))
	require.NoError(f, err)
	_, err = updateParticipant(k.msgs, k.kit, rotation(f, "carol", "waiting"))
	require.NoError(f, err)
	serving := types.EpochNode{Participant: k.text("alice"), Models: []string{modelA}, Info: types.MLNodeInfo{
		NodeId: "a1", PocWeight: 50, TimeslotAllocation: []bool{true, true},
	}}
	require.NoError(f, k.EpochNodes.Set(k.ctx, collections.Join4(uint64(0), "", []byte(testAddress("alice")), "a1"), serving))
	require.NoError(f, k.JuryExclusions.Set(k.ctx, collections.Join(uint64(1), []byte(testAddress("bob")))))
	k.settled("bob", 3, 100)
	k.settled("bob", 4, 1)
	k.settled("dave", 4, 7)
	// Enough that a claim which paid too much would not fail for want of coins.
	require.NoError(f, k.bank.MintCoins(k.ctx, types.ModuleName, sdk.NewCoins(sdk.NewInt64Coin(types.BaseDenom, 1<<60))))
	return k.forgotten()
}

// forgotten drops the events of what came before.
func (k *roundKit) forgotten() *roundKit {
	k.forget()
	return k
}

// signers are who may sign a fuzzed message: as its bytes say, the governance
// account, a member, a host that is none, an account that is no host, nobody, and an
// address of another chain.
func (k *roundKit) signers() []string {
	return []string{
		"", k.Authority(), k.text("alice"), k.text("bob"), k.text("carol"), k.text("dave"), k.text("eve"),
		"nobody", "cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a",
	}
}

// fuzzed is a kind of message with its handler.
type fuzzed[M, R any, P wireMessage[M]] struct {
	handle func(types.MsgServer, *kit, P) (R, error)
	signer func(P, string) // puts a signer in
	again  bool            // whether the same content again is success
	seeds  []P
}

// fuzz decodes messages from bytes, lets somebody sign them and delivers each twice
// to its handler in some stage of a populated round. Whatever the input is: nothing
// panics; an error is one of the module's and leaves no trace; no coins move but those
// of the settled rows that end; what was accepted is accepted again without effect,
// unless again says that it cannot be repeated.
func (z fuzzed[M, R, P]) fuzz(f *testing.F) {
	k := populated(f)
	stages, signers, held := k.stages(), k.signers(), k.bank.copied()
	for i, seed := range z.seeds {
		wire, err := proto.Marshal(seed)
		require.NoError(f, err)
		for stage := range stages {
			f.Add(wire, byte(stage), byte(0))
			f.Add(wire, byte(stage), byte(1+(i+stage)%(len(signers)-1)))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, stage, signer byte) {
		message := P(new(M))
		if proto.Unmarshal(wire, message) != nil {
			return
		}
		if by := signers[int(signer)%len(signers)]; by != "" {
			z.signer(message, by)
		}
		at := *k.kit
		at.t = t
		at.ctx, _ = k.ctx.CacheContext()
		at.at(stages[int(stage)%len(stages)])
		*k.bank = *held.copied()
		z.deliver(t, k.msgs, &at, message)
	})
}

func (z fuzzed[M, R, P]) deliver(t *testing.T, msgs types.MsgServer, k *kit, message P) {
	t.Helper()
	before, held, waited := snapshotState(k), k.bank.copied(), waitingRewards(k)
	_, err := z.handle(msgs, k, message)
	after := snapshotState(k)
	requirePaid(k, held, waited)
	if err != nil {
		requireOwnError(t, err)
		require.True(t, maps.Equal(before, after), "a refused message changed the state: %s", err)
		return
	}
	checkSums(k)
	held = k.bank.copied()
	_, err = z.handle(msgs, k, message)
	if z.again {
		require.NoError(t, err, "the same content again is success")
	}
	require.True(t, maps.Equal(after, snapshotState(k)), "the same content again has no effect")
	require.Equal(t, held, k.bank, "the same content again moves no coins")
}

// requireOwnError refuses errors that carry no code a client could act on.
func requireOwnError(t *testing.T, err error) {
	t.Helper()
	space, code, _ := errorsmod.ABCIInfo(err, false)
	require.Equal(t, types.ModuleName, space, err.Error())
	require.Greater(t, code, uint32(1), err.Error())
}

// checkSums holds running totals against the rows they sum up.
func checkSums(k *kit) {
	claimed := map[string]uint64{}
	batches := map[string]uint64{}
	require.NoError(k.t, k.PocBatches.Walk(k.ctx, nil, func(_ byEpochAddressNodeBatch, row types.StoredPocBatch) (bool, error) {
		claimed[row.Participant] += row.Batch.Count
		batches[row.Participant]++
		return false, nil
	}))
	require.NoError(k.t, k.HostClaims.Walk(k.ctx, nil, func(_ byEpochAddress, row types.PocHostClaims) (bool, error) {
		require.Equal(k.t, claimed[row.Participant], row.Claimed)
		require.Equal(k.t, batches[row.Participant], row.Batches)
		return false, nil
	}))
	require.NoError(k.t, k.Participants.Walk(k.ctx, nil, func(host []byte, row types.Participant) (bool, error) {
		owner, err := k.ConsensusKeys.Get(k.ctx, row.ConsensusKey)
		require.NoError(k.t, err)
		require.Equal(k.t, host, owner, "a host owns the key it uses")
		return false, nil
	}))
	seen := map[collections.Pair[string, uint64]]string{}
	require.NoError(k.t, k.HardwareNodes.Walk(k.ctx, nil, func(_ collections.Pair[[]byte, string], row types.HardwareNodeRow) (bool, error) {
		for _, version := range []*types.HardwareNode{row.Current, row.Next} {
			if version == nil {
				continue
			}
			place := collections.Join(row.Participant, version.AddedSeq)
			require.Contains(k.t, []string{"", row.NodeId}, seen[place], "two nodes hold one place in the fleet")
			seen[place] = row.NodeId
		}
		return false, nil
	}))
}

func FuzzMsgUpdateParams(f *testing.F) {
	k := newRoundKit(f)
	bad := types.TestnetParams()
	bad.MaxSupply = "-1"
	fuzzed[types.MsgUpdateParams, *types.MsgUpdateParamsResponse, *types.MsgUpdateParams]{
		handle: updateParams, again: true,
		signer: func(m *types.MsgUpdateParams, by string) { m.Authority = by },
		seeds: []*types.MsgUpdateParams{
			{Authority: k.Authority(), Params: types.DefaultParams()},
			{Authority: k.Authority(), Params: bad},
			{Authority: k.text("alice")},
		},
	}.fuzz(f)
}

func FuzzMsgRegisterModel(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgRegisterModel, *types.MsgRegisterModelResponse, *types.MsgRegisterModel]{
		handle: registerModel, again: true,
		signer: func(m *types.MsgRegisterModel, by string) { m.Authority = by },
		seeds: []*types.MsgRegisterModel{
			{Authority: k.Authority(), Model: testModel("org/new")},
			{Authority: k.Authority(), Model: testModel(modelA)},
			{Authority: k.Authority()},
		},
	}.fuzz(f)
}

func FuzzMsgRemoveModel(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgRemoveModel, *types.MsgRemoveModelResponse, *types.MsgRemoveModel]{
		handle: removeModel,
		signer: func(m *types.MsgRemoveModel, by string) { m.Authority = by },
		seeds: []*types.MsgRemoveModel{
			{Authority: k.Authority(), ModelId: modelA},
			{Authority: k.Authority(), ModelId: "none"},
		},
	}.fuzz(f)
}

func FuzzMsgRegisterParticipant(f *testing.F) {
	fuzzed[types.MsgRegisterParticipant, *types.MsgRegisterParticipantResponse, *types.MsgRegisterParticipant]{
		handle: registerParticipant, again: true,
		signer: func(m *types.MsgRegisterParticipant, by string) { m.Creator = by },
		seeds:  []*types.MsgRegisterParticipant{registration(f, "eve"), registration(f, "bob")},
	}.fuzz(f)
}

func FuzzMsgUpdateParticipant(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgUpdateParticipant, *types.MsgUpdateParticipantResponse, *types.MsgUpdateParticipant]{
		handle: updateParticipant, again: true,
		signer: func(m *types.MsgUpdateParticipant, by string) { m.Creator = by },
		seeds: []*types.MsgUpdateParticipant{
			rotation(f, "bob", "second"), rotation(f, "bob", "bob"), rotation(f, "bob", "carol"), rotation(f, "carol", "carol"),
			{Creator: k.text("bob"), Url: "https://new.example", Metadata: "text"},
		},
	}.fuzz(f)
}

func FuzzMsgSubmitHardwareDiff(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgSubmitHardwareDiff, *types.MsgSubmitHardwareDiffResponse, *types.MsgSubmitHardwareDiff]{
		handle: submitHardware, again: true,
		signer: func(m *types.MsgSubmitHardwareDiff, by string) { m.Creator = by },
		seeds: []*types.MsgSubmitHardwareDiff{
			adding(k.text("bob"), manyNodes(3)...),
			{
				Creator: k.text("alice"), Add: manyNodes(1), Remove: []string{"a1"},
				Modify: []types.HardwareNode{editedNode(func(n *types.HardwareNode) { n.LocalId = "a2" })},
			},
			adding(k.text("bob"), editedNode(func(n *types.HardwareNode) { n.Models = []string{"unknown"} })),
			{Creator: k.text("dave"), Remove: []string{"d1", "d2"}},
		},
	}.fuzz(f)
}

func FuzzMsgSubmitPocBatch(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgSubmitPocBatch, *types.MsgSubmitPocBatchResponse, *types.MsgSubmitPocBatch]{
		handle: submitBatch, again: true,
		signer: func(m *types.MsgSubmitPocBatch, by string) { m.Creator = by },
		seeds: []*types.MsgSubmitPocBatch{
			committing(k.text("alice"), testBatch("a2", 1, 40, 25), testBatch("a2", 2, 40, 50)),
			committing(k.text("alice"), testBatch("a1", 1, 40, 25), testBatch("a2", 1, 40, 25), testBatch("a1", 1, 40, 25)),
			committing(k.text("bob"), testBatch("b1", 3, 40, 50)),
		},
	}.fuzz(f)
}

func FuzzMsgSubmitPocValidation(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgSubmitPocValidation, *types.MsgSubmitPocValidationResponse, *types.MsgSubmitPocValidation]{
		handle: submitVerdicts, again: true,
		signer: func(m *types.MsgSubmitPocValidation, by string) { m.Creator = by },
		seeds: []*types.MsgSubmitPocValidation{
			casting(k.text("alice"), testVerdict(k.text("dave")), testVerdict(k.text("carol"))),
			casting(k.text("carol"), types.Verdict{Participant: k.text("dave"), Sampled: 200, Unavailable: true}),
			casting(k.text("dave"), testVerdict(k.text("dave"))),
		},
	}.fuzz(f)
}

func FuzzMsgClaimReward(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgClaimReward, *types.MsgClaimRewardResponse, *types.MsgClaimReward]{
		handle: claimReward,
		signer: func(m *types.MsgClaimReward, by string) { m.Creator = by },
		seeds:  []*types.MsgClaimReward{{Creator: k.text("bob")}, {Creator: k.text("carol")}},
	}.fuzz(f)
}

func FuzzMsgDeposit(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgDeposit, *types.MsgDepositResponse, *types.MsgDeposit]{
		handle: func(msgs types.MsgServer, k *kit, m *types.MsgDeposit) (*types.MsgDepositResponse, error) {
			return msgs.Deposit(k.ctx, m)
		},
		signer: func(m *types.MsgDeposit, by string) { m.Creator = by },
		seeds:  []*types.MsgDeposit{{Creator: k.text("eve"), Amount: sdk.NewInt64Coin(types.BaseDenom, 5)}},
	}.fuzz(f)
}

func FuzzMsgWithdraw(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgWithdraw, *types.MsgWithdrawResponse, *types.MsgWithdraw]{
		handle: func(msgs types.MsgServer, k *kit, m *types.MsgWithdraw) (*types.MsgWithdrawResponse, error) {
			return msgs.Withdraw(k.ctx, m)
		},
		signer: func(m *types.MsgWithdraw, by string) { m.Creator = by },
		seeds:  []*types.MsgWithdraw{{Creator: k.text("eve"), Amount: sdk.NewInt64Coin(types.BaseDenom, 5)}},
	}.fuzz(f)
}

func FuzzMsgSettleUsage(f *testing.F) {
	k := newRoundKit(f)
	fuzzed[types.MsgSettleUsage, *types.MsgSettleUsageResponse, *types.MsgSettleUsage]{
		handle: func(msgs types.MsgServer, k *kit, m *types.MsgSettleUsage) (*types.MsgSettleUsageResponse, error) {
			return msgs.SettleUsage(k.ctx, m)
		},
		signer: func(m *types.MsgSettleUsage, by string) { m.Creator = by },
		seeds:  []*types.MsgSettleUsage{{Creator: k.text("bob"), ModelId: modelA}},
	}.fuzz(f)
}
