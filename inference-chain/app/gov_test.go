package app

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

const (
	yes     = govv1.OptionYes
	no      = govv1.OptionNo
	veto    = govv1.OptionNoWithVeto
	abstain = govv1.OptionAbstain
	silent  = govv1.OptionEmpty
)

func authority() string { return authtypes.NewModuleAddress(govtypes.ModuleName).String() }

// propose submits a proposal with a full deposit, and returns its number.
func (n *network) propose(by actor, msgs ...sdk.Msg) uint64 {
	n.t.Helper()
	proposal, err := govv1.NewMsgSubmitProposal(msgs, unine(10_000_000), by.String(), "", "title", "summary", false)
	require.NoError(n.t, err)
	n.must(n.tx(by, proposal))
	id, err := n.app.Gov.ProposalID.Peek(n.ctx())
	require.NoError(n.t, err)
	return id - 1
}

// decide lets the hosts vote and waits for the end of the voting.
func (n *network) decide(id uint64, votes ...govv1.VoteOption) *govv1.Proposal {
	n.t.Helper()
	var txs [][]byte
	for i, option := range votes {
		if option != silent {
			txs = append(txs, n.tx(n.hosts[i], govv1.NewMsgVote(n.hosts[i].address(), id, option, "")))
		}
	}
	n.must(txs...)
	n.until(n.height + int64(votingTime/blockTime) + 1)
	proposal, err := n.app.Gov.Proposals.Get(n.ctx(), id)
	require.NoError(n.t, err)
	return &proposal
}

func TestVotesCountByWeight(t *testing.T) {
	// The cap on consensus power does not cap votes: 100 outvotes 90.
	for name, tc := range map[string]struct {
		votes  []govv1.VoteOption
		passes bool
	}{
		"the heavy host alone outvotes the three light ones": {[]govv1.VoteOption{yes, no, no, no}, true},
		"the light ones do not outvote it":                   {[]govv1.VoteOption{no, yes, yes, yes}, false},
		"a quorum of weight is needed":                       {[]govv1.VoteOption{silent, yes, yes, silent}, false},
		"abstaining counts for the quorum alone":             {[]govv1.VoteOption{abstain, yes, no, yes}, true},
		"a third of vetoes rejects":                          {[]govv1.VoteOption{yes, veto, veto, veto}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 100, 30, 30, 30)
			added := model("org/new")
			id := n.propose(n.hosts[1], &inference.MsgRegisterModel{Authority: authority(), Model: added})
			proposal := n.decide(id, tc.votes...)
			require.Equal(t, tc.passes, proposal.Status == govv1.StatusPassed, proposal.FailedReason)
			known, err := n.app.Inference.IsValidGovernanceModel(n.ctx(), added.Id)
			require.NoError(t, err)
			require.Equal(t, tc.passes, known)
			left := 0
			require.NoError(t, n.app.Gov.Votes.Walk(n.ctx(), nil, func(voteKey, govv1.Vote) (bool, error) { left++; return false, nil }))
			require.Zero(t, left, "counted votes are removed")
		})
	}
}

func TestASplitVoteCountsInParts(t *testing.T) {
	n := newNetwork(t, 100, 30, 30, 30)
	id := n.propose(n.hosts[0], &inference.MsgRegisterModel{Authority: authority(), Model: model("org/new")})
	split := govv1.WeightedVoteOptions{{Option: yes, Weight: "0.3"}, {Option: no, Weight: "0.7"}}
	n.must(n.tx(n.hosts[0], govv1.NewMsgVoteWeighted(n.hosts[0].address(), id, split, "")))
	proposal := n.decide(id, silent, yes)
	require.Equal(t, "60", proposal.FinalTallyResult.YesCount)
	require.Equal(t, "70", proposal.FinalTallyResult.NoCount)
	require.Equal(t, govv1.StatusRejected, proposal.Status)
}

func TestOnlyMembersVote(t *testing.T) {
	n := newNetwork(t, 100, 30, 30, 30)
	stranger := newActor("stranger")
	n.must(n.tx(n.hosts[0], sendCoins(n.hosts[0], stranger, 50_000_000)))
	id := n.propose(stranger, &inference.MsgRegisterModel{Authority: authority(), Model: model("org/new")})
	res := n.block(n.tx(stranger, govv1.NewMsgVote(stranger.address(), id, yes, "")))
	require.Equal(t, govtypes.ErrInvalidVote.ABCICode(), res[0].Code, res[0].Log)
}

func TestParametersChangedByGovernanceActInTheEpochAfterNext(t *testing.T) {
	n := newNetwork(t, 100, 30, 30, 30)
	params := inference.TestnetParams()
	params.InferenceBlocks += 10
	id := n.propose(n.hosts[0], &inference.MsgUpdateParams{Authority: authority(), Params: params})
	require.Equal(t, govv1.StatusPassed, n.decide(id, yes).Status)
	n.until(n.epoch(0).Heights.NextPocStart)
	require.NotEqual(t, params.InferenceBlocks, n.epoch(1).Params.InferenceBlocks, "frozen at genesis")
	require.Equal(t, params.InferenceBlocks, n.epoch(2).Params.InferenceBlocks)
}

func TestAProposalWithParametersThatContradictIsNotTaken(t *testing.T) {
	n := newNetwork(t, 100, 30, 30, 30)
	params := inference.TestnetParams()
	params.ValidFraction = "0.2"
	msg, err := govv1.NewMsgSubmitProposal(
		[]sdk.Msg{&inference.MsgUpdateParams{Authority: authority(), Params: params}},
		unine(10_000_000), n.hosts[0].String(), "", "title", "summary", false,
	)
	require.NoError(t, err)
	before, err := n.app.Gov.ProposalID.Peek(n.ctx())
	require.NoError(t, err)
	res := n.block(n.tx(n.hosts[0], msg))
	require.Equal(t, govtypes.ErrInvalidProposalMsg.ABCICode(), res[0].Code, res[0].Log)
	require.Contains(t, res[0].Log, "r_target must lie within 10^-9")
	after, err := n.app.Gov.ProposalID.Peek(n.ctx())
	require.NoError(t, err)
	require.Equal(t, before, after)
}
