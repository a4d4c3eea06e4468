package poc

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestTallyOutcome(t *testing.T) {
	for _, tc := range []struct {
		name  string
		tally Tally
		want  Outcome
	}{
		{"every seat honest", Tally{32, 32, 0, 0}, Accepted},
		{"17 of 32 honest", Tally{32, 17, 15, 0}, Accepted},
		{"half honest, half silent", Tally{32, 16, 0, 0}, NoQuorum},
		{"half honest, half fraud is a tie", Tally{32, 16, 16, 0}, NoQuorum},
		{"half honest, the rest mixed is a tie", Tally{32, 16, 10, 6}, NoQuorum},
		{"one seat more against than for", Tally{32, 15, 10, 6}, Rejected},
		{"17 of 32 fraud", Tally{32, 0, 17, 0}, Fraud},
		{"half fraud, half silent", Tally{32, 0, 16, 0}, Rejected},
		{"half fraud, half unavailable", Tally{32, 0, 16, 16}, Rejected},
		{"17 of 32 unavailable", Tally{32, 15, 0, 17}, Unavailable},
		{"a single seat decides", Tally{1, 0, 1, 0}, Fraud},
		{"three seats, two honest", Tally{3, 2, 1, 0}, Accepted},
		{"three seats, one honest, two silent", Tally{3, 1, 0, 0}, NoQuorum},
		{"three seats, one fraud, two silent", Tally{3, 0, 1, 0}, Rejected},
		{"nobody voted", Tally{32, 0, 0, 0}, NoQuorum},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.tally.Outcome(); got != tc.want {
				t.Fatalf("got %v, want %v", got, tc.want)
			}
		})
	}
}

func TestTallyOutcomeEqualsTheRuleForEverySmallJury(t *testing.T) {
	for s := range uint64(13) {
		for h := range s + 1 {
			for f := range s - h + 1 {
				for u := range s - h - f + 1 {
					want := NoQuorum
					switch {
					case f*2 > s:
						want = Fraud
					case u*2 > s:
						want = Unavailable
					case h*2 > s:
						want = Accepted
					case f+u > h:
						want = Rejected
					}
					if got := (Tally{s, h, f, u}).Outcome(); got != want {
						t.Fatalf("%d honest, %d fraud, %d unavailable of %d: %v, want %v", h, f, u, s, got, want)
					}
				}
			}
		}
	}
}

func ballot(holder byte, seats, invalid uint64) Ballot {
	return Ballot{[]byte{holder}, seats, Verdict{Sampled: 200, Invalid: invalid, WorkProof: proof()}}
}

func silent(holder byte, seats uint64) Ballot {
	return Ballot{[]byte{holder}, seats, Verdict{Sampled: 200, Unavailable: true}}
}

func TestJudge(t *testing.T) {
	jury := func(ballots ...Ballot) Case {
		return Case{Claimed: 1000, MinHostNonces: 32, Electorate: 500, Seats: 4, Ballots: ballots, Member: true}
	}
	with := func(c Case, change func(*Case)) Case {
		change(&c)
		return c
	}
	alone := Case{Claimed: 1000, MinHostNonces: 32, Member: true}
	for _, tc := range []struct {
		name     string
		c        Case
		outcome  Outcome
		credited uint64
	}{
		{"nothing claimed", with(alone, func(c *Case) { c.Claimed = 0 }), NoBatch, 0},
		{"one below the minimum, however judged", with(jury(ballot(1, 4, 0)), func(c *Case) {
			c.Claimed, c.Carried = 31, 31
		}), BelowMinimum, 0},
		{"exactly the minimum", with(jury(ballot(1, 4, 0)), func(c *Case) { c.Claimed = 32 }), Accepted, 32},
		{"accepted in full", jury(ballot(1, 2, 0), ballot(2, 2, 0)), Accepted, 1000},
		{"accepted with invalid leaves", jury(ballot(1, 4, 2)), Accepted, 980},
		{"a fraud seat is trimmed away", jury(ballot(1, 3, 0), ballot(2, 1, 200)), Accepted, 1000},
		{"an unavailable seat has no say in the credit", jury(ballot(1, 3, 2), silent(2, 1)), Accepted, 980},
		{"fraud", jury(ballot(1, 3, 5), ballot(2, 1, 0)), Fraud, 0},
		{"unavailable", jury(silent(1, 3), ballot(2, 1, 0)), Unavailable, 0},
		{"rejected", jury(silent(1, 1), ballot(2, 1, 200)), Rejected, 0},
		{"no quorum without an earlier credit", jury(ballot(1, 2, 0)), NoQuorum, 0},
		{"no quorum keeps the earlier credit", with(jury(ballot(1, 2, 0)), func(c *Case) { c.Carried = 700 }), NoQuorum, 700},
		{"no quorum never gives more than claimed", with(jury(), func(c *Case) { c.Carried = 2000 }), NoQuorum, 1000},
		{"the sole member is accepted unjudged", alone, Accepted, 1000},
		{"a newcomer whom nobody can judge", with(alone, func(c *Case) { c.Member = false }), NoQuorum, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Judge(tc.c, defaultTable(t))
			if err != nil || got.Outcome != tc.outcome || got.Credited != tc.credited || got.Claimed != tc.c.Claimed {
				t.Fatalf("got %+v, %v; want %v with %d", got, err, tc.outcome, tc.credited)
			}
			if sole := tc.c.Electorate == 0 && tc.outcome == Accepted; got.SoleMember != sole {
				t.Fatalf("sole member %t, want %t", got.SoleMember, sole)
			}
		})
	}
}

func TestJudgeReportsWhatItCounted(t *testing.T) {
	got, err := Judge(Case{
		Claimed: 1000, MinHostNonces: 1, Electorate: 1, Seats: 9,
		Ballots: []Ballot{ballot(1, 5, 1), ballot(2, 2, 9), silent(3, 1)},
	}, defaultTable(t))
	if err != nil || got.Tally != (Tally{9, 5, 2, 1}) || got.Basis != (Basis{1000, 13}) {
		t.Fatalf("got %+v, %v", got, err)
	}
}

func TestJudgeRefusesBallotsThatWereNotDrawn(t *testing.T) {
	for _, tc := range []struct {
		name    string
		seats   uint64
		ballots []Ballot
		err     error
	}{
		{"more seats than drawn", 4, []Ballot{ballot(1, 3, 0), ballot(2, 2, 0)}, ErrSeats},
		{"seats that wrap", 4, []Ballot{ballot(1, 3, 0), ballot(2, math.MaxUint64, 0)}, ErrSeats},
		{"a ballot without a seat", 4, []Ballot{ballot(1, 0, 0)}, ErrSeats},
		{"a holder twice", 4, []Ballot{ballot(1, 1, 0), ballot(2, 1, 0), ballot(1, 1, 0)}, ErrSeats},
		{"a jury without seats", 0, nil, ErrSeats},
		{"an impossible sample", 4, []Ballot{{[]byte{1}, 1, Verdict{Sampled: 1001}}}, ErrSample},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Case{Claimed: 1000, MinHostNonces: 1, Electorate: 1, Seats: tc.seats, Ballots: tc.ballots}
			if _, err := Judge(c, defaultTable(t)); !errors.Is(err, tc.err) {
				t.Fatalf("got %v, want %v", err, tc.err)
			}
		})
	}
}

func TestOutcomesHaveNamesAndFateOfTheHost(t *testing.T) {
	for o, want := range map[Outcome]struct {
		name   string
		zeroes bool
	}{
		Accepted: {"accepted", false}, Fraud: {"fraud", true}, Unavailable: {"unavailable", true},
		Rejected: {"rejected", true}, NoQuorum: {"no_quorum", false}, BelowMinimum: {"below_minimum", false},
		NoBatch: {"no_batch", false}, 0: {"unspecified", false}, NoBatch + 1: {"unspecified", false}, 99: {"unspecified", false},
	} {
		if o.String() != want.name || o.ZeroesHost() != want.zeroes {
			t.Fatalf("%d is %v, zeroes %t", o, o, o.ZeroesHost())
		}
	}
}

func TestAJudgementNeverCreditsMoreThanClaimed(t *testing.T) {
	table := defaultTable(t)
	rapid.Check(t, func(t *rapid.T) {
		c := Case{
			Claimed: rapid.Uint64().Draw(t, "claimed"), MinHostNonces: rapid.Uint64Range(1, 40).Draw(t, "minimum"),
			Electorate: rapid.Uint64Range(0, 3).Draw(t, "electorate"), Seats: 32,
			Member: rapid.Bool().Draw(t, "member"), Carried: rapid.Uint64().Draw(t, "carried"),
		}
		for i := range rapid.IntRange(0, 6).Draw(t, "ballots") {
			b := ballot(byte(i), rapid.Uint64Range(1, 5).Draw(t, "seats"), rapid.Uint64Range(0, 8).Draw(t, "invalid"))
			if rapid.Bool().Draw(t, "unavailable") {
				b = silent(byte(i), b.Seats)
			}
			c.Ballots = append(c.Ballots, b)
		}
		got, err := Judge(c, table)
		if err != nil || got.Credited > c.Claimed || got.Outcome.ZeroesHost() && got.Credited != 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
	})
}

// FuzzJudge judges arbitrary ballots: a refusal is an error, never a panic.
func FuzzJudge(f *testing.F) {
	f.Add(uint64(1000), uint64(32), uint64(1), uint64(4), []byte{1, 3, 200, 0, 2, 1, 200, 5})
	f.Add(uint64(1<<64-1), uint64(0), uint64(1), uint64(1<<64-1), []byte{1, 0, 0, 0, 1, 1, 1, 1})
	table := defaultTable(f)
	f.Fuzz(func(t *testing.T, claimed, minimum, electorate, seats uint64, encoded []byte) {
		c := Case{Claimed: claimed, MinHostNonces: minimum, Electorate: electorate, Seats: seats}
		for ; len(encoded) >= 4; encoded = encoded[4:] {
			v := Verdict{
				Sampled: uint64(encoded[2]), Invalid: uint64(encoded[3]) >> 1, Unavailable: encoded[3]&1 == 1,
			}
			c.Ballots = append(c.Ballots, Ballot{encoded[:1], uint64(encoded[1]), v})
		}
		got, err := Judge(c, table)
		if err == nil && (got.Outcome == 0 || got.Credited > claimed) {
			t.Fatalf("judged %+v", got)
		}
	})
}

// BenchmarkJudge32 judges a host whose 32 seats are 32 holders.
func BenchmarkJudge32(b *testing.B) {
	table := defaultTable(b)
	c := Case{Claimed: 1 << 20, MinHostNonces: 32, Electorate: 1, Seats: 32}
	for i := range byte(32) {
		c.Ballots = append(c.Ballots, ballot(i, 1, uint64(i%3)))
	}
	for b.Loop() {
		if _, err := Judge(c, table); err != nil {
			b.Fatal(err)
		}
	}
}
