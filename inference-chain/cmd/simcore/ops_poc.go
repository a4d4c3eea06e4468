package main

import (
	"encoding/binary"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	"ninefold.dev/inference-chain/core/poc"
)

// seedOf makes a block hash, and address an account, of a number: 24 or 16 zero
// bytes and be64.
func seedOf(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 24), n) }

func address(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 12), n) }

// uniform: seed, n, draws → the draws of the jury stream of host 1.
func uniform(x []uint64) ([]uint64, error) {
	stream, err := draw.JuryStream(seedOf(x[0]), address(1))
	if err != nil {
		return nil, err
	}
	out := make([]uint64, 0, x[2])
	for range x[2] {
		value, err := stream.Uniform(x[1])
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

// sample: seed, holder, host, size, claims → indices.
func sample(x []uint64) ([]uint64, error) {
	return draw.Sample(seedOf(x[0]), address(x[1]), address(x[2]), x[3], x[4])
}

type cumulated []uint64

func (c cumulated) Len() int { return len(c) }

func (c cumulated) Cumulative(rank int) (uint64, error) { return c[rank], nil }

// jury: seed, host, seats, excluded rank (or 2^64−1), weights… → T′, (rank, seats)…
func jury(x []uint64) ([]uint64, error) {
	weights := x[4:]
	members := make(cumulated, len(weights))
	var total uint64
	var excluded []draw.Interval
	for rank, w := range weights {
		if x[3] == uint64(rank) {
			excluded = draw.Exclude(excluded, draw.Interval{Start: total, Weight: w})
		}
		var err error
		if total, err = fixed.Add(total, w); err != nil {
			return nil, err
		}
		members[rank] = total
	}
	panel, err := draw.Jury(draw.JuryDraw{
		Seed: seedOf(x[0]), Host: address(x[1]), Members: members, Excluded: excluded, Seats: x[2],
	})
	out := []uint64{panel.Electorate}
	for _, seat := range panel.Seats {
		out = append(out, uint64(seat.Rank), seat.Count)
	}
	return out, err
}

// fraudLimit: sampled, mismatch, threshold → limit.
func fraudLimit(x []uint64) ([]uint64, error) {
	limit, err := poc.FraudLimit(x[0], fixed.Dec(x[1]), fixed.Dec(x[2]))
	return []uint64{limit}, err
}

// tally: drawn, honest, fraud, unavailable → outcome.
func tally(x []uint64) ([]uint64, error) {
	return []uint64{uint64(poc.Tally{Drawn: x[0], Honest: x[1], Fraud: x[2], Unavailable: x[3]}.Outcome())}, nil
}

// basis: claimed, then for each holder seats, sampled, invalid … (one operand more
// is padding) → S, I, credited. Holders are numbered in the order given.
func basis(x []uint64) ([]uint64, error) {
	var findings []poc.Findings
	for i := 1; i+2 < len(x); i += 3 {
		findings = append(findings, poc.Findings{
			Holder: address(uint64(i)), Seats: x[i], Sampled: x[i+1], Invalid: x[i+2],
		})
	}
	made, err := poc.TrimmedBasis(findings)
	return []uint64{made.Sampled, made.Invalid, made.Credited(x[0])}, err
}

// judge: claimed, min_host_nonces, electorate, seats, member, carried, mismatch,
// threshold, padding, then for each holder seats, sampled, invalid, unavailable,
// structural … → outcome, sole member, credited, honest, fraud, unavailable.
func judge(x []uint64) ([]uint64, error) {
	table, err := poc.NewFraudTable(fixed.Dec(x[6]), fixed.Dec(x[7]))
	if err != nil {
		return nil, err
	}
	c := poc.Case{
		Claimed: x[0], MinHostNonces: x[1], Electorate: x[2], Seats: x[3], Member: x[4] == 1, Carried: x[5],
	}
	for i := 9; i+4 < len(x); i += 5 {
		c.Ballots = append(c.Ballots, poc.Ballot{Holder: address(uint64(i)), Seats: x[i], Verdict: poc.Verdict{
			Sampled: x[i+1], Invalid: x[i+2], Unavailable: x[i+3] == 1, Structural: x[i+4] == 1,
		}})
	}
	j, err := poc.Judge(c, table)
	return []uint64{
		uint64(j.Outcome), bit(j.SoleMember), j.Credited, j.Tally.Honest, j.Tally.Fraud, j.Tally.Unavailable,
	}, err
}

// validLengths: the four lengths, allocation blocks → 1; refused lengths are null.
func validLengths(x []uint64) ([]uint64, error) {
	p := params.Default()
	p.PocExchangeBlocks, p.PocValidationExchangeBlocks, p.ModelLoadingBlocks, p.InferenceBlocks = x[0], x[1], x[2], x[3]
	p.AllocationBlocks = x[4]
	return []uint64{1}, p.Validate()
}
