package main

import (
	"math"

	"ninefold.dev/inference-chain/core/poc"
)

type findingsCase struct {
	Holder  bytesHex `json:"holder"`
	Seats   u64      `json:"seats"`
	Sampled u64      `json:"sampled"`
	Invalid u64      `json:"invalid"`
}

type creditCase struct {
	Claimed  u64            `json:"claimed"`
	Findings []findingsCase `json:"findings"`
	Sampled  u64            `json:"sampled"` // S, after trimming
	Invalid  u64            `json:"invalid"` // I, after trimming
	Credited u64            `json:"credited"`
}

func addCredits(file *pocFile) error {
	found := func(holder byte, seats, sampled, invalid uint64) poc.Findings {
		return poc.Findings{Holder: []byte{holder}, Seats: seats, Sampled: sampled, Invalid: invalid}
	}
	for _, c := range []struct {
		claimed  uint64
		findings []poc.Findings
	}{
		{1_000, []poc.Findings{found(1, 1, 200, 3)}},
		{1_001, []poc.Findings{found(1, 1, 200, 9), found(2, 2, 200, 0)}},
		{4_194_304, []poc.Findings{found(1, 1, 200, 9), found(2, 1, 200, 1), found(3, 1, 200, 0), found(4, 1, 200, 2)}},
		{4_194_304, []poc.Findings{found(1, 5, 200, 0), found(2, 3, 200, 100)}},
		{4_194_304, []poc.Findings{found(1, 1, 10, 2), found(2, 1, 200, 3), found(3, 1, 200, 4), found(4, 1, 200, 5)}},
		{999, []poc.Findings{found(4, 1, 40, 4), found(3, 1, 30, 3), found(2, 1, 20, 2), found(1, 1, 10, 1)}},
		{1_000, []poc.Findings{found(1, 24, 200, 0), found(2, 8, 200, 200)}},
		{1_000, []poc.Findings{found(1, 16, 200, 0), found(2, 16, 200, 200)}},
		{math.MaxUint64, []poc.Findings{found(1, 1, 200, 1)}},
		{1 << 63, []poc.Findings{found(1, 1, 199, 99)}},
	} {
		basis, err := poc.TrimmedBasis(c.findings)
		if err != nil {
			return err
		}
		made := creditCase{
			Claimed: u64(c.claimed), Sampled: u64(basis.Sampled), Invalid: u64(basis.Invalid),
			Credited: u64(basis.Credited(c.claimed)),
		}
		for _, f := range c.findings {
			made.Findings = append(made.Findings, findingsCase{f.Holder, u64(f.Seats), u64(f.Sampled), u64(f.Invalid)})
		}
		file.Credits = append(file.Credits, made)
	}
	return nil
}
