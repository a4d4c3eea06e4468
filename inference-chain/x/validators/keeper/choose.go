package keeper

import (
	"ninefold.dev/inference-chain/core/weight"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

// seat is a member's place in the consensus set.
type seat struct {
	member inference.SetMember
	power  int64 // at least 1, at most weight.MaxTotalPower
}

// choose lets core/weight decide who validates with which power, strongest first.
func choose(members []inference.SetMember, maxValidators uint64) ([]seat, error) {
	candidates := make([]weight.Candidate, 0, len(members))
	byOperator := make(map[string]inference.SetMember, len(members)) // only asked, never walked
	for _, member := range members {
		candidates = append(candidates, weight.Candidate{Address: member.Operator, Weight: member.Weight})
		byOperator[string(member.Operator)] = member
	}
	powers, err := weight.ConsensusPowers(candidates, maxValidators)
	if err != nil {
		return nil, err
	}
	set := make([]seat, 0, len(powers))
	for _, p := range powers {
		set = append(set, seat{member: byOperator[string(p.Address)], power: int64(p.Power)})
	}
	return set, nil
}
