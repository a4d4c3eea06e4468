package app

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/address"
	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	govkeeper "github.com/cosmos/cosmos-sdk/x/gov/keeper"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"
)

// eventTallyFailed is emitted when the votes of a proposal could not be counted;
// the proposal is then rejected.
const eventTallyFailed = "tally_failed"

// weights tells what a vote counts.
type weights interface {
	// RootWeight is the weight of an account in the epoch in effect; zero for
	// who is not a member.
	RootWeight(ctx context.Context, address sdk.AccAddress) (uint64, error)
	// RootTotal is the weight of all members.
	RootTotal(ctx context.Context) (uint64, error)
}

// tally is a count of votes under way.
type tally struct {
	voted   math.LegacyDec
	total   math.Int
	results map[govv1.VoteOption]math.LegacyDec
}

func emptyTally() tally {
	zero := math.LegacyZeroDec()
	return tally{voted: zero, total: math.ZeroInt(), results: map[govv1.VoteOption]math.LegacyDec{
		govv1.OptionYes: zero, govv1.OptionAbstain: zero, govv1.OptionNo: zero, govv1.OptionNoWithVeto: zero,
	}}
}

// tallyByWeight counts votes by the voters' weight when the voting ends; nobody
// delegates, and capping a host's consensus power does not cap its vote.
//
// Governance tallies at a block's end, where an error would halt the chain: what
// cannot be counted rejects the proposal. The votes go in either case.
func tallyByWeight(weights weights, accounts address.Codec) govkeeper.CalculateVoteResultsAndVotingPowerFn {
	return func(ctx context.Context, gov govkeeper.Keeper, proposal govv1.Proposal) (math.LegacyDec, math.Int, map[govv1.VoteOption]math.LegacyDec, error) {
		t, err := countVotes(ctx, gov, proposal.Id, weights, accounts)
		if err != nil {
			sdk.UnwrapSDKContext(ctx).EventManager().EmitEvent(sdk.NewEvent(eventTallyFailed,
				sdk.NewAttribute(govtypes.AttributeKeyProposalID, fmt.Sprint(proposal.Id)),
				sdk.NewAttribute("error", err.Error())))
			t = emptyTally()
		}
		votes := collections.NewPrefixedPairRange[uint64, sdk.AccAddress](proposal.Id)
		return t.voted, t.total, t.results, gov.Votes.Clear(ctx, votes)
	}
}

func countVotes(ctx context.Context, gov govkeeper.Keeper, proposal uint64, weights weights, accounts address.Codec) (tally, error) {
	t := emptyTally()
	total, err := weights.RootTotal(ctx)
	if err != nil {
		return t, err
	}
	t.total = math.NewIntFromUint64(total)
	votes := collections.NewPrefixedPairRange[uint64, sdk.AccAddress](proposal)
	err = gov.Votes.Walk(ctx, votes, func(_ collections.Pair[uint64, sdk.AccAddress], vote govv1.Vote) (bool, error) {
		voter, err := accounts.StringToBytes(vote.Voter)
		if err != nil {
			return true, err
		}
		weight, err := weights.RootWeight(ctx, voter)
		if err != nil || weight == 0 {
			return false, err
		}
		return false, t.add(math.LegacyNewDecFromInt(math.NewIntFromUint64(weight)), vote.Options)
	})
	return t, err
}

// add counts one vote, which may be split over options.
func (t *tally) add(weight math.LegacyDec, options []*govv1.WeightedVoteOption) error {
	for _, option := range options {
		share, err := math.LegacyNewDecFromStr(option.Weight)
		if err != nil {
			return err
		}
		t.results[option.Option] = t.results[option.Option].Add(weight.Mul(share))
	}
	t.voted = t.voted.Add(weight)
	return nil
}

// membersOnly refuses votes of who is not a member, which would not count.
type membersOnly struct{ weights weights }

var _ govtypes.GovHooks = membersOnly{}

// AfterProposalVote refuses the vote of an account without weight.
func (m membersOnly) AfterProposalVote(ctx context.Context, _ uint64, voter sdk.AccAddress) error {
	weight, err := m.weights.RootWeight(ctx, voter)
	if err != nil {
		return err
	}
	if weight == 0 {
		return govtypes.ErrInvalidVote.Wrapf("%s is not a member of the epoch in effect", voter)
	}
	return nil
}

// AfterProposalSubmission allows everybody to propose.
func (membersOnly) AfterProposalSubmission(context.Context, uint64, sdk.AccAddress) error { return nil }

// AfterProposalDeposit allows everybody to deposit.
func (membersOnly) AfterProposalDeposit(context.Context, uint64, sdk.AccAddress) error { return nil }

// AfterProposalFailedMinDeposit does nothing.
func (membersOnly) AfterProposalFailedMinDeposit(context.Context, uint64) error { return nil }

// AfterProposalVotingPeriodEnded does nothing.
func (membersOnly) AfterProposalVotingPeriodEnded(context.Context, uint64) error { return nil }
