package poc

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// ErrSeats means that ballots hold more seats than were drawn, that a holder
// votes twice or without a seat, or that a jury has members but no seats.
var ErrSeats = errors.New("poc: ballots do not match the drawn seats")

// Outcome is a jury's judgement of a host. The values are those of the
// enumeration inference.v1.Outcome.
type Outcome uint8

// The outcomes of a round for one host.
const (
	Accepted Outcome = iota + 1
	Fraud
	Unavailable
	Rejected
	NoQuorum
	BelowMinimum
	NoBatch
)

var outcomeNames = [...]string{
	"unspecified", "accepted", "fraud", "unavailable", "rejected", "no_quorum", "below_minimum", "no_batch",
}

// String returns the outcome's name.
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return outcomeNames[0]
	}
	return outcomeNames[o]
}

// ZeroesHost reports whether the outcome takes a host's whole weight, also
// what its preserved nodes would keep. The others touch only what it mined.
func (o Outcome) ZeroesHost() bool {
	return o == Fraud || o == Unavailable || o == Rejected
}

// Tally counts seats. Seats whose holder cast no verdict are only in Drawn.
type Tally struct {
	Drawn       uint64
	Honest      uint64
	Fraud       uint64
	Unavailable uint64
}

// Outcome decides by majorities of all drawn seats; where none has one, by
// whether the seats against outnumber those for.
func (t Tally) Outcome() Outcome {
	half := t.Drawn / 2 // x > ⌊s/2⌋ is 2·x > s
	switch {
	case t.Fraud > half:
		return Fraud
	case t.Unavailable > half:
		return Unavailable
	case t.Honest > half:
		return Accepted
	case t.Fraud+t.Unavailable > t.Honest:
		return Rejected
	default:
		return NoQuorum
	}
}

// Ballot is one holder's verdict with its seats on the jury.
type Ballot struct {
	Holder  []byte // raw address
	Seats   uint64
	Verdict Verdict
}

// Case is everything that decides a host's credit in one round.
type Case struct {
	Claimed       uint64 // nonces claimed by all its nodes
	MinHostNonces uint64 // min_host_nonces
	Electorate    uint64 // T′, weight that could judge it
	Seats         uint64 // seats drawn
	Ballots       []Ballot
	Member        bool // whether the host is a member of the effective epoch
	// Carried is the host's mined credit in the effective epoch, scaled where
	// the proof changed; 0 unless it was accepted there (genesis counts).
	Carried uint64
}

// Judgement is the decision on a host.
type Judgement struct {
	Outcome    Outcome
	SoleMember bool // accepted unjudged, because nobody else could judge
	Claimed    uint64
	Credited   uint64 // of Claimed
	Tally      Tally
	Basis      Basis // what decided the credit; zero without a jury's acceptance
}

// Judge decides a host's outcome and credit. It fails with ErrSeats, or when
// a verdict names an impossible sample.
func Judge(c Case, table *FraudTable) (Judgement, error) {
	j := Judgement{Claimed: c.Claimed}
	switch {
	case c.Claimed == 0:
		j.Outcome = NoBatch
		return j, nil
	case c.Claimed < c.MinHostNonces:
		j.Outcome = BelowMinimum
		return j, nil
	case c.Electorate == 0 && c.Member:
		j.Outcome, j.SoleMember, j.Credited = Accepted, true, c.Claimed
		return j, nil
	case c.Electorate == 0:
		j.Outcome, j.Credited = NoQuorum, min(c.Claimed, c.Carried)
		return j, nil
	}
	tally, findings, err := count(c, table)
	if err != nil {
		return Judgement{}, err
	}
	j.Tally, j.Outcome = tally, tally.Outcome()
	switch j.Outcome {
	case Accepted:
		if j.Basis, err = TrimmedBasis(findings); err != nil {
			return Judgement{}, err
		}
		j.Credited = j.Basis.Credited(c.Claimed)
	case NoQuorum:
		j.Credited = min(c.Claimed, c.Carried)
	default: // judged against: nothing is credited
	}
	return j, nil
}

// count tallies the ballots and collects the findings of those that opened.
func count(c Case, table *FraudTable) (Tally, []Findings, error) {
	tally, free := Tally{Drawn: c.Seats}, c.Seats
	findings := make([]Findings, 0, len(c.Ballots))
	if c.Seats == 0 || repeatedHolder(c.Ballots) {
		return Tally{}, nil, fmt.Errorf("%w: %d ballots for %d seats", ErrSeats, len(c.Ballots), c.Seats)
	}
	for _, b := range c.Ballots {
		if b.Seats == 0 || b.Seats > free {
			return Tally{}, nil, fmt.Errorf("%w: %d seats of %d are left for %X", ErrSeats, free, c.Seats, b.Holder)
		}
		free -= b.Seats
		kind, err := VerdictKind(b.Verdict, table)
		if err != nil {
			return Tally{}, nil, fmt.Errorf("verdict of %X: %w", b.Holder, err)
		}
		switch kind {
		case Unopened:
			tally.Unavailable += b.Seats
			continue
		case Fraudulent:
			tally.Fraud += b.Seats
		default:
			tally.Honest += b.Seats
		}
		findings = append(findings, Findings{b.Holder, b.Seats, b.Verdict.Sampled, b.Verdict.Invalid})
	}
	return tally, findings, nil
}

func repeatedHolder(ballots []Ballot) bool {
	sorted := slices.Clone(ballots)
	slices.SortFunc(sorted, func(a, b Ballot) int { return bytes.Compare(a.Holder, b.Holder) })
	for i := 1; i < len(sorted); i++ {
		if bytes.Equal(sorted[i-1].Holder, sorted[i].Holder) {
			return true
		}
	}
	return false
}
