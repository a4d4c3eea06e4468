package main

import (
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/price"
	"ninefold.dev/inference-chain/core/reward"
	"ninefold.dev/inference-chain/core/throughput"
)

// operation answers one case. least is how many operands it needs; lists may follow.
type operation struct {
	least int
	run   func(x []uint64) ([]uint64, error)
}

// operations lists what can be asked, by the core package it asks.
func operations() map[string]operation {
	return map[string]operation{
		"fixed.floor":          {3, one(func(x []uint64) (uint64, error) { return fixed.MulDivFloor(x[0], x[1], x[2]) })},
		"fixed.ceil":           {3, one(func(x []uint64) (uint64, error) { return fixed.MulDivCeil(x[0], x[1], x[2]) })},
		"fixed.compare":        {4, compare},
		"draw.uniform":         {3, uniform},
		"draw.sample":          {5, sample},
		"draw.jury":            {4, jury},
		"epoch.heights":        {5, heights},
		"commit.dense":         {3, dense},
		"poc.limit":            {3, fraudLimit},
		"poc.outcome":          {4, tally},
		"poc.basis":            {5, basis},
		"poc.judge":            {9, judge},
		"weight.form":          {7, form},
		"weight.powers":        {1, powers},
		"weight.throughput":    {4, nodeThroughput},
		"timeslot.allocate":    {6, allocate},
		"timeslot.cap":         {1, capPreserved},
		"throughput.kept":      {3, kept},
		"price.next":           {3, nextPrice},
		"price.charge":         {5, charge},
		"reward.epoch":         {4, epochReward},
		"reward.settle":        {10, settle},
		"reward.coverage":      {2, coverage},
		"reward.next_subsidy":  {2, nextSubsidy},
		"params.valid_lengths": {5, validLengths},
	}
}

func one(f func(x []uint64) (uint64, error)) func([]uint64) ([]uint64, error) {
	return func(x []uint64) ([]uint64, error) {
		value, err := f(x)
		return []uint64{value}, err
	}
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// compare: a, b, c, d → whether a·b ≥ c·d.
func compare(x []uint64) ([]uint64, error) {
	return []uint64{bit(fixed.CmpProducts(x[0], x[1], x[2], x[3]) >= 0)}, nil
}

// heights: POC_START, the four lengths → the six heights.
func heights(x []uint64) ([]uint64, error) {
	h, err := epoch.Open(int64(x[0]), epoch.Lengths{
		PocExchange: x[1], PocValidationExchange: x[2], ModelLoading: x[3], Inference: x[4],
	})
	return []uint64{
		uint64(h.PocStart), uint64(h.PocEnd), uint64(h.PocValidationStart), uint64(h.PocValidationEnd),
		uint64(h.SetNewValidators), uint64(h.NextPocStart),
	}, err
}

// dense: claims, walked, p → whether dense.
func dense(x []uint64) ([]uint64, error) {
	return []uint64{bit(commit.Dense(x[0], x[1], fixed.Dec(x[2])))}, nil
}

// kept: weight, real, expected → weight.
func kept(x []uint64) ([]uint64, error) {
	return []uint64{throughput.ValidateThroughputPerformance(x[0], x[1], x[2])}, nil
}

// nextPrice: price, real, expected → price.
func nextPrice(x []uint64) ([]uint64, error) {
	next, err := price.Next(x[0], price.Load{Real: x[1], Expected: x[2]})
	return []uint64{next}, err
}

// charge: prompt, completion, units, max cost, price → charge.
func charge(x []uint64) ([]uint64, error) {
	return []uint64{price.Charge(price.Usage{
		PromptTokens: x[0], CompletionTokens: x[1], UnitsPerToken: x[2], MaxCost: x[3],
	}, x[4])}, nil
}

// epochReward: subsidy, minted, max supply, bonus → R.
func epochReward(x []uint64) ([]uint64, error) {
	r, err := reward.Emission{
		Subsidy: x[0], MintedTotal: x[1], MaxSupply: x[2], CoverageBonus: fixed.Dec(x[3]),
	}.EpochReward()
	return []uint64{r}, err
}

// nextSubsidy: subsidy, decay → subsidy.
func nextSubsidy(x []uint64) ([]uint64, error) {
	next, err := reward.NextSubsidy(x[0], fixed.Dec(x[1]))
	return []uint64{next}, err
}

// settle: R, T, blocks, bonus, weight, drawn, cast, unjailed, covers, forfeited →
// by weight, by duty, by presence, share, bonus, total, reason.
func settle(x []uint64) ([]uint64, error) {
	s, err := reward.GetSettleAmount(
		reward.Epoch{Reward: x[0], TotalWeight: x[1], Blocks: x[2], CoverageBonus: fixed.Dec(x[3])},
		reward.Host{
			Weight: x[4], SeatsDrawn: x[5], SeatsCast: x[6], UnjailedBlocks: x[7], Covers: x[8] == 1,
			Forfeited: reward.Forfeiture(x[9]),
		})
	return []uint64{s.ByWeight, s.ByDuty, s.ByPresence, s.Share, s.Bonus, s.Total, uint64(s.Reason)}, err
}

// coverage: root, spread, weights… → covers, covered…
func coverage(x []uint64) ([]uint64, error) {
	c, err := reward.GetParticipantModelCoverage(x[0], x[2:], x[1])
	out := []uint64{bit(c.Covers)}
	for _, covered := range c.Covered {
		out = append(out, bit(covered))
	}
	return out, err
}
