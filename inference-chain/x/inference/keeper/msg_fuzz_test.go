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

// fuzzMessage decodes messages from bytes and delivers each of them twice to a
// handler over a populated keeper. Whatever the bytes are: nothing panics; an error
// is one of the module's and leaves no trace; what was accepted is accepted again
// without effect, unless again says that the message cannot be repeated.
func fuzzMessage[M, R any, P wireMessage[M]](f *testing.F, populated *roundKit, handle func(types.MsgServer, *kit, P) (R, error), again bool, seeds ...P) {
	for _, seed := range seeds {
		bytes, err := proto.Marshal(seed)
		require.NoError(f, err)
		f.Add(bytes)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		message := P(new(M))
		if proto.Unmarshal(wire, message) != nil {
			return
		}
		k := *populated.kit
		k.t = t
		k.ctx, _ = populated.ctx.CacheContext()
		before := snapshotState(&k)
		_, err := handle(populated.msgs, &k, message)
		after := snapshotState(&k)
		if err != nil {
			requireOwnError(t, err)
			require.True(t, maps.Equal(before, after), "a refused message changed the state: %s", err)
			return
		}
		checkSums(&k)
		_, err = handle(populated.msgs, &k, message)
		if again {
			require.NoError(t, err, "the same content again is success")
		}
		require.True(t, maps.Equal(after, snapshotState(&k)), "the same content again has no effect")
	})
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
	fuzzMessage(f, k, updateParams, true,
		&types.MsgUpdateParams{Authority: k.Authority(), Params: types.DefaultParams()},
		&types.MsgUpdateParams{Authority: k.Authority(), Params: bad},
		&types.MsgUpdateParams{Authority: k.text("alice")})
}

func FuzzMsgRegisterModel(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, registerModel, true,
		&types.MsgRegisterModel{Authority: k.Authority(), Model: testModel("org/new")},
		&types.MsgRegisterModel{Authority: k.Authority(), Model: testModel(modelA)},
		&types.MsgRegisterModel{Authority: k.Authority()})
}

func FuzzMsgRemoveModel(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, removeModel, false,
		&types.MsgRemoveModel{Authority: k.Authority(), ModelId: modelA},
		&types.MsgRemoveModel{Authority: k.Authority(), ModelId: "none"})
}

func FuzzMsgRegisterParticipant(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, registerParticipant, true, registration(f, "eve"), registration(f, "bob"))
}

func FuzzMsgUpdateParticipant(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, updateParticipant, true,
		rotation(f, "bob", "second"), rotation(f, "bob", "bob"), rotation(f, "bob", "carol"),
		&types.MsgUpdateParticipant{Creator: k.text("bob"), Url: "https://new.example", Metadata: "text"})
}

func FuzzMsgSubmitHardwareDiff(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, submitHardware, true,
		adding(k.text("bob"), manyNodes(3)...),
		&types.MsgSubmitHardwareDiff{
			Creator: k.text("alice"), Add: manyNodes(1), Remove: []string{"a1"},
			Modify: []types.HardwareNode{editedNode(func(n *types.HardwareNode) { n.LocalId = "a2" })},
		},
		adding(k.text("bob"), editedNode(func(n *types.HardwareNode) { n.Models = []string{"unknown"} })))
}

func FuzzMsgSubmitPocBatch(f *testing.F) {
	k := newRoundKit(f)
	_, err := submitBatch(k.msgs, k.kit, committing(k.text("bob"), testBatch("b1", 1, 40, 25)))
	require.NoError(f, err)
	fuzzMessage(f, k, submitBatch, true,
		committing(k.text("bob"), testBatch("b1", 1, 40, 25), testBatch("b1", 2, 40, 50)),
		committing(k.text("alice"), testBatch("a1", 1, 40, 25), testBatch("a2", 1, 40, 25), testBatch("a1", 1, 40, 25)),
		committing(k.text("bob"), testBatch("b1", 3, 40, 50)))
}

func FuzzMsgSubmitPocValidation(f *testing.F) {
	k := judgingKit(f)
	_, err := submitVerdicts(k.msgs, k.kit, casting(k.text("alice"), testVerdict(k.text("carol"))))
	require.NoError(f, err)
	fuzzMessage(f, k, submitVerdicts, true,
		casting(k.text("alice"), testVerdict(k.text("dave")), testVerdict(k.text("carol"))),
		casting(k.text("bob"), types.Verdict{Participant: k.text("dave"), Sampled: 200, Unavailable: true}),
		casting(k.text("dave"), testVerdict(k.text("dave"))))
}

func FuzzMsgClaimReward(f *testing.F) {
	k := newRoundKit(f)
	k.settled("bob", 3, 100)
	k.settled("bob", 4, 1)
	// The fake bank is not rolled back between runs: keep it solvent.
	require.NoError(f, k.bank.MintCoins(k.ctx, types.ModuleName, sdk.NewCoins(sdk.NewInt64Coin(types.BaseDenom, 1<<60))))
	fuzzMessage(f, k, claimReward, false,
		&types.MsgClaimReward{Creator: k.text("bob")}, &types.MsgClaimReward{Creator: k.text("carol")})
}

func FuzzMsgDeposit(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, func(msgs types.MsgServer, k *kit, msg *types.MsgDeposit) (*types.MsgDepositResponse, error) {
		return msgs.Deposit(k.ctx, msg)
	}, true, &types.MsgDeposit{Creator: k.text("eve"), Amount: sdk.NewInt64Coin(types.BaseDenom, 5)})
}

func FuzzMsgWithdraw(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, func(msgs types.MsgServer, k *kit, msg *types.MsgWithdraw) (*types.MsgWithdrawResponse, error) {
		return msgs.Withdraw(k.ctx, msg)
	}, true, &types.MsgWithdraw{Creator: k.text("eve"), Amount: sdk.NewInt64Coin(types.BaseDenom, 5)})
}

func FuzzMsgSettleUsage(f *testing.F) {
	k := newRoundKit(f)
	fuzzMessage(f, k, func(msgs types.MsgServer, k *kit, msg *types.MsgSettleUsage) (*types.MsgSettleUsageResponse, error) {
		return msgs.SettleUsage(k.ctx, msg)
	}, true, &types.MsgSettleUsage{Creator: k.text("bob"), ModelId: modelA})
}
