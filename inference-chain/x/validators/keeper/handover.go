package keeper

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/validators/types"
)

// Why a member of an epoch is not in its consensus set.
const (
	leftOutKey        = "its consensus key is not an Ed25519 key of 32 bytes"
	leftOutTombstoned = "its consensus key signed twice"
	leftOutTaken      = "its consensus key belongs to another host"
)

var _ inference.ValidatorSet = (*Keeper)(nil)

// HandOver replaces the whole consensus set by the members of a new epoch: the
// strongest maxValidators of them, capped below a third and scaled, as
// core/weight decides. The jailed time of the period that ends is written down.
//
// It only writes records; CometBFT is told at the end of the block. On an error
// the caller must drop what was written.
func (k *Keeper) HandOver(ctx context.Context, period uint64, members []inference.SetMember, maxValidators uint64) (inference.SetSummary, error) {
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	if err := k.turn(ctx, types.Period{Index: period, Since: height, MaxValidators: maxValidators}); err != nil {
		return inference.SetSummary{}, err
	}
	eligible, err := k.eligible(ctx, period, members, maxValidators)
	if err != nil {
		return inference.SetSummary{}, err
	}
	set, err := choose(eligible, maxValidators)
	if err != nil {
		return inference.SetSummary{}, err
	}
	if err := k.leave(ctx, set, height); err != nil {
		return inference.SetSummary{}, err
	}
	summary, err := k.take(ctx, set)
	if err != nil {
		return inference.SetSummary{}, err
	}
	return summary, k.redeem(ctx, members)
}

// eligible returns the strongest members whose key can validate, as many as the set
// has places; nobody weaker is looked at. Of two members with one key the stronger
// keeps it, of equals the lower address.
func (k *Keeper) eligible(ctx context.Context, period uint64, members []inference.SetMember, places uint64) ([]inference.SetMember, error) {
	var eligible []inference.SetMember
	taken := map[string]bool{} // only asked, never walked
	for _, member := range byStrength(members) {
		if uint64(len(eligible)) == places {
			break
		}
		reason, err := k.reasonAgainst(ctx, member)
		if err != nil {
			return nil, err
		}
		if reason == "" && taken[string(member.ConsensusKey)] {
			reason = leftOutTaken
		}
		if reason == "" {
			taken[string(member.ConsensusKey)] = true
			eligible = append(eligible, member)
			continue
		}
		operator, err := k.addressCodec.BytesToString(member.Operator)
		if err != nil {
			return nil, err
		}
		if err := emit(ctx, &types.EventMemberLeftOut{Period: period, Operator: operator, Reason: reason}); err != nil {
			return nil, err
		}
	}
	return eligible, nil
}

// byStrength lists members by falling weight, equals by ascending address.
func byStrength(members []inference.SetMember) []inference.SetMember {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b inference.SetMember) int {
		return cmp.Or(cmp.Compare(b.Weight, a.Weight), bytes.Compare(a.Operator, b.Operator))
	})
	return sorted
}

func (k *Keeper) reasonAgainst(ctx context.Context, member inference.SetMember) (string, error) {
	if len(member.ConsensusKey) != types.ConsensusKeySize {
		return leftOutKey, nil
	}
	row, found, err := get(ctx, k.ConsensusAddresses, []byte(types.AddressOf(member.ConsensusKey)))
	if err != nil || !found {
		return "", err
	}
	if row.Tombstoned {
		return leftOutTombstoned, nil
	}
	operator, err := k.addressCodec.StringToBytes(row.Operator)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(operator, member.Operator) {
		return leftOutTaken, nil
	}
	return "", nil
}

// leave takes the power of every validator that the new set does not have.
func (k *Keeper) leave(ctx context.Context, set []seat, height int64) error {
	staying := make(map[string]bool, len(set)) // only asked, never walked
	for _, s := range set {
		staying[string(s.member.Operator)] = true
	}
	operators, records, err := k.records(ctx)
	if err != nil {
		return err
	}
	for i, v := range records {
		if !v.InSet() || staying[string(operators[i])] {
			continue
		}
		v.Power, v.Weight, v.LeftHeight = 0, 0, height
		if err := k.setValidator(ctx, v); err != nil {
			return err
		}
	}
	return nil
}

// take writes the records of the new set. Somebody in it must be free to vote.
func (k *Keeper) take(ctx context.Context, set []seat) (inference.SetSummary, error) {
	var summary inference.SetSummary
	var voting int64
	for _, s := range set {
		v, err := k.seat(ctx, s)
		if err != nil {
			return inference.SetSummary{}, err
		}
		summary.Validators++
		summary.TotalPower += v.Power
		if v.MayVote() {
			voting += v.Power
		}
	}
	if voting == 0 {
		return inference.SetSummary{}, types.ErrEmptySet.Wrapf("of %d validators all are in jail", len(set))
	}
	return summary, nil
}

// redeem gives a double signer that came with another key, but is not among the
// strongest, a clean record all the same: its weight must not stay zero for a key
// that it no longer uses.
func (k *Keeper) redeem(ctx context.Context, members []inference.SetMember) error {
	operators, records, err := k.records(ctx)
	if err != nil {
		return err
	}
	for i, v := range records {
		if !v.Tombstoned {
			continue
		}
		at := slices.IndexFunc(members, func(m inference.SetMember) bool { return bytes.Equal(m.Operator, operators[i]) })
		if at < 0 {
			continue
		}
		reason, err := k.reasonAgainst(ctx, members[at])
		if err != nil {
			return err
		}
		if reason != "" {
			continue
		}
		if _, err := k.rekey(ctx, v, members[at].ConsensusKey); err != nil {
			return err
		}
	}
	return nil
}

// seat writes one validator of the new set, with the key the epoch froze.
func (k *Keeper) seat(ctx context.Context, s seat) (types.Validator, error) {
	operator, err := k.addressCodec.BytesToString(s.member.Operator)
	if err != nil {
		return types.Validator{}, err
	}
	v, known, err := k.validator(ctx, s.member.Operator)
	if err != nil {
		return types.Validator{}, err
	}
	if !known {
		v = types.Validator{Operator: operator, Moniker: operator}
	}
	v.Power, v.Weight, v.LeftHeight = s.power, s.member.Weight, 0
	if bytes.Equal(v.ConsensusKey, s.member.ConsensusKey) {
		return v, k.setValidator(ctx, v)
	}
	return k.rekey(ctx, v, s.member.ConsensusKey)
}
