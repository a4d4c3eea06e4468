package reward

import "fmt"

// Forfeiture says for what a host loses an epoch's whole reward.
type Forfeiture uint8

// The forfeitures. A host that forfeited for both reasons carries the first found.
const (
	ForfeitedNothing    Forfeiture = iota
	ForfeitedFraud                 // judged fraud in the round that ended the epoch
	ForfeitedDoubleSign            // signed two blocks of one height
)

// String returns the forfeiture's name, empty when nothing is forfeited.
func (f Forfeiture) String() string {
	switch f {
	case ForfeitedNothing:
		return ""
	case ForfeitedFraud:
		return "fraud"
	case ForfeitedDoubleSign:
		return "double_sign"
	default:
		return fmt.Sprintf("forfeiture_%d", uint8(f))
	}
}

// Reason says which step decided a settlement: the first that left nothing, or the
// outcome when something is left.
type Reason uint8

// The reasons.
const (
	ReasonUnspecified Reason = iota
	ReasonPaid               // the share by weight, duty and presence
	ReasonCovered            // the same with the coverage bonus
	ReasonReduced            // less than by weight: seats without a verdict, or jail
	ReasonNoWeight           // no weight in the epoch
	ReasonRounded            // weight, but less than one unine's worth of it
	ReasonNoDuty             // seats drawn, and too few verdicts cast for one unine
	ReasonJailed             // jailed, or nearly, for the whole epoch
	ReasonFraud
	ReasonDoubleSign
)

var reasonNames = [...]string{
	"unspecified", "paid", "covered", "reduced", "no_weight", "rounded", "no_duty", "jailed", "fraud", "double_sign",
}

// String returns the reason's name as it stands in queries and vectors.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason_%d", uint8(r))
}

// Settlement is a host's reward of one epoch with every step that led to it, all in
// unine. ByWeight ≥ ByDuty ≥ ByPresence ≥ Share.
type Settlement struct {
	ByWeight   uint64     // a: what the weight alone earns
	ByDuty     uint64     // b: after seats without a verdict
	ByPresence uint64     // after blocks in jail
	Share      uint64     // after forfeiture
	Bonus      uint64     // for covering every model
	Total      uint64     // Share + Bonus, what is minted and can be claimed
	Forfeited  Forfeiture // for what the share is 0
	Reason     Reason
}

func reasonOf(host Host, s Settlement) Reason {
	switch {
	case host.Forfeited == ForfeitedFraud:
		return ReasonFraud
	case host.Forfeited != ForfeitedNothing:
		return ReasonDoubleSign
	case host.Weight == 0:
		return ReasonNoWeight
	case s.ByWeight == 0:
		return ReasonRounded
	case s.ByDuty == 0:
		return ReasonNoDuty
	case s.ByPresence == 0:
		return ReasonJailed
	case s.Share < s.ByWeight:
		return ReasonReduced
	case host.Covers:
		return ReasonCovered
	default:
		return ReasonPaid
	}
}

// GetSettleAmounts settles all hosts at once, in their order. The chain does the
// same host by host from a cursor.
func GetSettleAmounts(epoch Epoch, hosts []Host) ([]Settlement, error) {
	settlements := make([]Settlement, 0, len(hosts))
	for rank, host := range hosts {
		settled, err := GetSettleAmount(epoch, host)
		if err != nil {
			return nil, fmt.Errorf("host %d: %w", rank, err)
		}
		settlements = append(settlements, settled)
	}
	return settlements, nil
}
