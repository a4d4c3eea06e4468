package weight

import "ninefold.dev/inference-chain/core/poc"

// Reason says why a host or a node has its weight. The values are those of
// the enumeration inference.v1.WeightReason.
type Reason uint8

// The reasons, of a node unless said otherwise.
const (
	Mined        Reason = iota + 1 // credited nonces of this round
	Preserved                      // served through PoC; of a host: all its nodes did
	Accepted                       // host: accepted by its jury
	NoQuorum                       // too few verdicts: at most the last mined credit
	Fraud                          // fraud: the whole host is zero
	Rejected                       // more seats against than for: the whole host is zero
	Unavailable                    // openings never came: the whole host is zero
	BelowMinimum                   // the host claims less than min_host_nonces
	NoBatch                        // nothing claimed
	Removed                        // node of the last epoch that was removed
	NotInFleet                     // declared too late for this round
	Jailed                         // jailed for good: the whole host is zero
	SoleMember                     // host: nobody else could judge it
	Genesis                        // stands in genesis
)

var reasonNames = [...]string{
	"unspecified", "mined", "preserved", "accepted", "no_quorum", "fraud", "rejected", "unavailable",
	"below_minimum", "no_batch", "removed", "not_in_fleet", "jailed", "sole_member", "genesis",
}

// String returns the reason's name.
func (r Reason) String() string {
	if int(r) >= len(reasonNames) {
		return reasonNames[0]
	}
	return reasonNames[r]
}

// judged is the reason that a jury's judgement gives to a host.
func judged(j poc.Judgement) Reason {
	switch j.Outcome {
	case poc.Accepted:
		if j.SoleMember {
			return SoleMember
		}
		return Accepted
	case poc.Fraud:
		return Fraud
	case poc.Unavailable:
		return Unavailable
	case poc.Rejected:
		return Rejected
	case poc.NoQuorum:
		return NoQuorum
	case poc.BelowMinimum:
		return BelowMinimum
	case poc.NoBatch:
		return NoBatch
	default:
		return 0
	}
}

// hostReason names what decided the host's weight: an outcome that zeroes it
// before jail, which forfeits less, and both before the state of its fleet.
func hostReason(host Host) Reason {
	reason := judged(host.Judgement)
	switch {
	case host.Judgement.Outcome.ZeroesHost():
		return reason
	case host.Jailed:
		return Jailed
	case host.Judgement.Outcome != poc.NoBatch:
		return reason
	}
	var fleet, serving, gone int
	for _, n := range host.Nodes {
		switch {
		case n.Standing == Gone:
			gone++
		case n.Standing == Fleet && n.Serves:
			fleet, serving = fleet+1, serving+1
		case n.Standing == Fleet:
			fleet++
		}
	}
	switch {
	case fleet > 0 && fleet == serving:
		return Preserved
	case fleet > 0:
		return NoBatch
	case gone > 0:
		return Removed
	default:
		return NotInFleet
	}
}
