package main

import "ninefold.dev/inference-chain/core/poc"

type ballotCase struct {
	Holder      bytesHex `json:"holder"`
	Seats       u64      `json:"seats"`
	Sampled     u64      `json:"sampled"`
	Invalid     u64      `json:"invalid"`
	Unavailable bool     `json:"unavailable"`
	Structural  bool     `json:"structural"`
}

// judgementCase is a whole decision at the default parameters.
type judgementCase struct {
	Name          string       `json:"name"`
	Claimed       u64          `json:"claimed"`
	MinHostNonces u64          `json:"min_host_nonces"`
	Electorate    u64          `json:"electorate"`
	Seats         u64          `json:"seats"`
	Member        bool         `json:"member"`
	Carried       u64          `json:"carried"`
	Ballots       []ballotCase `json:"ballots"`
	Outcome       string       `json:"outcome"`
	SoleMember    bool         `json:"sole_member"`
	Credited      u64          `json:"credited"`
}

func addJudgements(file *pocFile) error {
	table, err := defaultFraudTable()
	if err != nil {
		return err
	}
	for _, named := range judgedCases() {
		c := named.c
		judgement, err := poc.Judge(c, table)
		if err != nil {
			return err
		}
		made := judgementCase{
			Name: named.name, Claimed: u64(c.Claimed), MinHostNonces: u64(c.MinHostNonces),
			Electorate: u64(c.Electorate), Seats: u64(c.Seats), Member: c.Member, Carried: u64(c.Carried),
			Ballots: []ballotCase{}, Outcome: judgement.Outcome.String(), SoleMember: judgement.SoleMember,
			Credited: u64(judgement.Credited),
		}
		for _, b := range c.Ballots {
			made.Ballots = append(made.Ballots, ballotCase{
				b.Holder, u64(b.Seats), u64(b.Verdict.Sampled), u64(b.Verdict.Invalid),
				b.Verdict.Unavailable, b.Verdict.Structural,
			})
		}
		file.Judgements = append(file.Judgements, made)
	}
	return nil
}

type namedCase struct {
	name string
	c    poc.Case
}

func judgedCases() []namedCase {
	opened := func(holder byte, seats, invalid uint64) poc.Ballot {
		return poc.Ballot{Holder: []byte{holder}, Seats: seats, Verdict: poc.Verdict{Sampled: 200, Invalid: invalid}}
	}
	silent := func(holder byte, seats uint64) poc.Ballot {
		return poc.Ballot{Holder: []byte{holder}, Seats: seats, Verdict: poc.Verdict{Sampled: 200, Unavailable: true}}
	}
	jury := func(claimed, carried uint64, ballots ...poc.Ballot) poc.Case {
		return poc.Case{
			Claimed: claimed, MinHostNonces: 32, Electorate: 500, Seats: 32, Member: true, Carried: carried,
			Ballots: ballots,
		}
	}
	malformed := opened(1, 17, 0)
	malformed.Verdict.Structural = true
	return []namedCase{
		{"nothing claimed", jury(0, 900)},
		{"below the minimum", jury(31, 900, opened(1, 32, 0))},
		{"exactly the minimum", jury(32, 0, opened(1, 32, 0))},
		{"accepted in full", jury(1_000, 0, opened(1, 20, 0), opened(2, 12, 0))},
		{"accepted with a penalty", jury(1_001, 0, opened(1, 20, 3), opened(2, 12, 4))},
		{"a lying quarter is trimmed", jury(1_000, 0, opened(1, 24, 0), opened(2, 8, 200))},
		{"a lying third costs its part", jury(1_000, 0, opened(1, 21, 0), opened(2, 11, 200))},
		{"fraud by counts", jury(1_000, 900, opened(1, 17, 5), opened(2, 15, 0))},
		{"fraud by structure", jury(1_000, 900, malformed, opened(2, 15, 0))},
		{"unavailable", jury(1_000, 900, silent(1, 17), opened(2, 15, 0))},
		{"rejected", jury(1_000, 900, silent(1, 8), opened(2, 9, 200), opened(3, 15, 0))},
		{"no quorum keeps what was carried", jury(1_000, 900, opened(1, 16, 0))},
		{"no quorum gives no more than claimed", jury(800, 900, opened(1, 16, 0))},
		{"no quorum after a round that was not accepted", jury(1_000, 0, opened(1, 16, 0))},
		{"a tie is no quorum", jury(1_000, 900, opened(1, 16, 0), opened(2, 16, 200))},
		{"a sole member", poc.Case{Claimed: 1_000, MinHostNonces: 32, Member: true}},
		{"a newcomer whom nobody can judge", poc.Case{Claimed: 1_000, MinHostNonces: 32}},
	}
}
