package app

import (
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

func (n *network) jailed(host actor) bool {
	n.t.Helper()
	v, err := n.app.Validators.Validators.Get(n.ctx(), host.address())
	require.NoError(n.t, err)
	return v.Jailed
}

func unjail(host actor) sdk.Msg {
	return slashingtypes.NewMsgUnjail(sdk.ValAddress(host.address()).String())
}

func TestAHostThatIsDownIsJailedAndComesBackByMessage(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	down := n.hosts[2]
	n.absent[string(down.cons.PubKey().Bytes())] = true
	for n.height < 30 && !n.jailed(down) {
		n.block()
	}
	require.True(t, n.jailed(down))
	require.Zero(t, n.power(down))
	require.Equal(t, int64(richStart), n.balance(down.address()), "slashing moves no coins")

	clear(n.absent)
	early := n.block(n.tx(down, unjail(down)))
	require.Equal(t, slashingtypes.ErrValidatorJailed.ABCICode(), early[0].Code, early[0].Log)
	n.until(n.height + 3)
	n.must(n.tx(down, unjail(down)))
	require.False(t, n.jailed(down))
	require.Equal(t, int64(40), n.power(down))
	n.until(n.height + 20)
	require.False(t, n.jailed(down))
}

func TestADoubleSignerForfeitsItsRewardAndReturnsWithAnotherKey(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.grantAll(n.hosts...)
	n.round(n.hosts, n.hosts)
	n.block()
	guilty := n.hosts[3]
	n.blame = []abci.Misbehavior{{
		Type: abci.MisbehaviorType_DUPLICATE_VOTE, Height: n.height - 1, Time: n.now, TotalVotingPower: 1,
		Validator: abci.Validator{Address: guilty.cons.PubKey().Address(), Power: n.power(guilty)},
	}}
	n.block()
	require.Zero(t, n.power(guilty))

	fresh := newActor("fresh key").cons
	proof, err := fresh.Sign(inference.ConsensusKeyProofBytes(testChainID, guilty.address()))
	require.NoError(t, err)
	n.must(n.tx(guilty, &inference.MsgUpdateParticipant{
		Creator: guilty.String(), ConsensusKey: fresh.PubKey().Bytes(), ConsensusKeyProof: proof,
	}))
	n.round(n.hosts, n.hosts[:3])
	n.until(n.height + 3)
	reward, err := n.app.Inference.SettleAmounts.Get(n.ctx(), rewardKey(1, guilty))
	require.NoError(t, err)
	require.Equal(t, "0", reward.Amount)
	require.Equal(t, "double_sign", reward.Forfeited)
	guilty.cons = fresh
	require.Positive(t, n.power(guilty))
}
