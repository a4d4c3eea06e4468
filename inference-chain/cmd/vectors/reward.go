package main

import (
	"fmt"
	"math"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	"ninefold.dev/inference-chain/core/reward"
)

func init() { registerVectors("reward.json", rewardVectors) }

type rewardFile struct {
	Spec     string         `json:"spec"`
	Emission []emissionCase `json:"epoch_reward"`
	Decay    decayCase      `json:"decay"`
	Settle   []settleCase   `json:"settle"`
	Coverage []coverageCase `json:"coverage"`
}

type emissionCase struct {
	Subsidy       u64    `json:"subsidy"`
	MintedTotal   u64    `json:"minted_total"`
	MaxSupply     u64    `json:"max_supply"`
	CoverageBonus string `json:"coverage_bonus"`
	Reward        u64    `json:"reward"`
}

// decayCase lists the subsidy of the first epochs, the first being the initial one.
type decayCase struct {
	Factor    string `json:"decay_factor"`
	Subsidies []u64  `json:"subsidies"`
}

type settleCase struct {
	Name           string                `json:"name"`
	Reward         u64                   `json:"reward"`
	TotalWeight    u64                   `json:"total_weight"`
	Blocks         u64                   `json:"blocks"`
	CoverageBonus  string                `json:"coverage_bonus"`
	Weight         u64                   `json:"weight"`
	SeatsDrawn     u64                   `json:"seats_drawn"`
	SeatsCast      u64                   `json:"seats_cast"`
	UnjailedBlocks u64                   `json:"unjailed_blocks"`
	Covers         bool                  `json:"covers"`
	Forfeited      string                `json:"forfeited"`
	Settlement     outcome[settlementOf] `json:"settlement"`
}

type settlementOf struct {
	ByWeight   u64    `json:"by_weight"`
	ByDuty     u64    `json:"by_duty"`
	ByPresence u64    `json:"by_presence"`
	Share      u64    `json:"share"`
	Bonus      u64    `json:"bonus"`
	Total      u64    `json:"total"`
	Reason     string `json:"reason"`
}

type coverageCase struct {
	Root    u64    `json:"root_weight"`
	Weights []u64  `json:"weights"`
	Spread  u64    `json:"coverage_spread"`
	Covered []bool `json:"covered"`
	Covers  bool   `json:"covers"`
}

const tenth = fixed.One / 10

func rewardVectors() (any, error) {
	file := rewardFile{Spec: "docs/spec/reward.md"}
	for _, build := range []func(*rewardFile) error{addEmission, addDecay, addSettle, addDrawnSettle, addCoverage} {
		if err := build(&file); err != nil {
			return nil, err
		}
	}
	return file, nil
}

func addEmission(file *rewardFile) error {
	p := params.Default()
	for _, e := range []reward.Emission{
		{Subsidy: p.InitialEpochSubsidy, MaxSupply: p.MaxSupply, CoverageBonus: tenth},
		{Subsidy: 1_000, MintedTotal: 8_900, MaxSupply: 10_000, CoverageBonus: tenth},
		{Subsidy: 1_000, MintedTotal: 8_901, MaxSupply: 10_000, CoverageBonus: tenth},
		{Subsidy: 1_000, MintedTotal: 10_000, MaxSupply: 10_000, CoverageBonus: tenth},
		{Subsidy: 1_000, MintedTotal: 10_001, MaxSupply: 10_000, CoverageBonus: tenth},
		{Subsidy: math.MaxInt64, MintedTotal: 1, MaxSupply: math.MaxInt64, CoverageBonus: fixed.One},
		{Subsidy: math.MaxUint64, MaxSupply: math.MaxUint64, CoverageBonus: 1},
	} {
		r, err := e.EpochReward()
		if err != nil {
			return err
		}
		file.Emission = append(file.Emission, emissionCase{
			u64(e.Subsidy), u64(e.MintedTotal), u64(e.MaxSupply), e.CoverageBonus.String(), u64(r),
		})
	}
	return nil
}

func addDecay(file *rewardFile) error {
	p := params.Default()
	factor, err := fixed.Parse(p.DecayFactor)
	if err != nil {
		return err
	}
	file.Decay.Factor = p.DecayFactor
	subsidy := p.InitialEpochSubsidy
	for range 24 {
		file.Decay.Subsidies = append(file.Decay.Subsidies, u64(subsidy))
		if subsidy, err = reward.NextSubsidy(subsidy, factor); err != nil {
			return err
		}
	}
	return nil
}

func addSettle(file *rewardFile) error {
	small := reward.Epoch{Reward: 1_000, TotalWeight: 300, Blocks: 60, CoverageBonus: tenth}
	large := reward.Epoch{Reward: 1 << 61, TotalWeight: 1<<61 - 1, Blocks: 15_245, CoverageBonus: tenth}
	edge := reward.Epoch{Reward: math.MaxUint64, TotalWeight: math.MaxUint64, Blocks: 1, CoverageBonus: 0}
	for _, c := range []struct {
		name  string
		epoch reward.Epoch
		host  reward.Host
	}{
		{"a third, all duty done", small, reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 32, UnjailedBlocks: 60}},
		{"the same covering every model", small, reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 32, UnjailedBlocks: 60, Covers: true}},
		{"no seat was drawn", small, reward.Host{Weight: 100, UnjailedBlocks: 60}},
		{"half the duty, two thirds of the time", small, reward.Host{Weight: 100, SeatsDrawn: 32, SeatsCast: 16, UnjailedBlocks: 40, Covers: true}},
		{"fraud", small, reward.Host{Weight: 100, SeatsDrawn: 1, SeatsCast: 1, UnjailedBlocks: 60, Covers: true, Forfeited: reward.ForfeitedFraud}},
		{"a double sign", small, reward.Host{Weight: 300, UnjailedBlocks: 60, Forfeited: reward.ForfeitedDoubleSign}},
		{"no weight", small, reward.Host{UnjailedBlocks: 60, Covers: true}},
		{"no verdict cast", small, reward.Host{Weight: 100, SeatsDrawn: 3, UnjailedBlocks: 60}},
		{"jailed all the time", small, reward.Host{Weight: 100, SeatsDrawn: 3, SeatsCast: 3}},
		{"less than one unine", reward.Epoch{Reward: 2, TotalWeight: 300, Blocks: 1}, reward.Host{Weight: 149, UnjailedBlocks: 1}},
		{"products of 2^122", large, reward.Host{Weight: 1<<60 + 1, SeatsDrawn: 31, SeatsCast: 30, UnjailedBlocks: 15_244, Covers: true}},
		{"all of 2^64 - 1", edge, reward.Host{Weight: math.MaxUint64, UnjailedBlocks: 1, Covers: true}},
		{"a bonus beyond 64 bits", reward.Epoch{Reward: math.MaxUint64, TotalWeight: 1, Blocks: 1, CoverageBonus: tenth}, reward.Host{Weight: 1, UnjailedBlocks: 1, Covers: true}},
		{"an epoch without weight", reward.Epoch{Reward: 1, Blocks: 1}, reward.Host{}},
		{"an epoch without blocks", reward.Epoch{Reward: 1, TotalWeight: 1}, reward.Host{}},
		{"more weight than there is", small, reward.Host{Weight: 301, UnjailedBlocks: 60}},
		{"more seats cast than drawn", small, reward.Host{Weight: 1, SeatsDrawn: 1, SeatsCast: 2, UnjailedBlocks: 60}},
		{"more blocks than there were", small, reward.Host{Weight: 1, UnjailedBlocks: 61}},
	} {
		file.Settle = append(file.Settle, settleOf(c.name, c.epoch, c.host))
	}
	return nil
}

// addDrawnSettle adds cases whose numbers come from a stream of core/draw.
func addDrawnSettle(file *rewardFile) error {
	stream, err := draw.NewStream("vectors", []byte("reward"))
	if err != nil {
		return err
	}
	below := func(n uint64) uint64 { // n is never 0 here, which is Uniform's only error
		value, drawErr := stream.Uniform(n)
		if drawErr != nil {
			err = drawErr
		}
		return value
	}
	for i := range 48 {
		epoch := reward.Epoch{
			Reward: below(1 << (10 + i)), TotalWeight: 1 + below(1<<(8+i)), Blocks: 1 + below(20_000),
			CoverageBonus: fixed.Dec(below(uint64(fixed.One) + 1)),
		}
		host := reward.Host{
			Weight: below(epoch.TotalWeight + 1), SeatsDrawn: below(2_000),
			UnjailedBlocks: epoch.Blocks - below(1+epoch.Blocks/20), Covers: below(2) == 1,
			Forfeited: reward.Forfeiture(below(30) / 28),
		}
		host.SeatsCast = host.SeatsDrawn - below(1+host.SeatsDrawn/10)
		file.Settle = append(file.Settle, settleOf(fmt.Sprintf("drawn %d", i), epoch, host))
	}
	return err
}

func settleOf(name string, epoch reward.Epoch, host reward.Host) settleCase {
	s, err := reward.GetSettleAmount(epoch, host)
	return settleCase{
		Name: name, Reward: u64(epoch.Reward), TotalWeight: u64(epoch.TotalWeight), Blocks: u64(epoch.Blocks),
		CoverageBonus: epoch.CoverageBonus.String(), Weight: u64(host.Weight), SeatsDrawn: u64(host.SeatsDrawn),
		SeatsCast: u64(host.SeatsCast), UnjailedBlocks: u64(host.UnjailedBlocks), Covers: host.Covers,
		Forfeited: host.Forfeited.String(),
		Settlement: outcomeOf(settlementOf{
			u64(s.ByWeight), u64(s.ByDuty), u64(s.ByPresence), u64(s.Share), u64(s.Bonus), u64(s.Total), s.Reason.String(),
		}, err),
	}
}

func addCoverage(file *rewardFile) error {
	for _, c := range []struct {
		root    uint64
		weights []uint64
		spread  uint64
	}{
		{800, []uint64{700, 100}, 4},
		{800, []uint64{701, 99}, 4},
		{801, []uint64{700, 101}, 4},
		{801, []uint64{701, 100}, 4},
		{100, []uint64{25}, 4},
		{100, []uint64{24}, 4},
		{10, []uint64{5, 5}, 1},
		{10, []uint64{}, 4},
		{0, []uint64{0, 0}, 4},
		{1 << 63, []uint64{1 << 60, 1<<60 - 1}, 4},
		{math.MaxUint64, []uint64{math.MaxUint64, math.MaxUint64 / 9, math.MaxUint64 / 8}, 3},
	} {
		got, err := reward.GetParticipantModelCoverage(c.root, c.weights, c.spread)
		if err != nil {
			return err
		}
		file.Coverage = append(file.Coverage, coverageCase{
			u64(c.root), u64s(c.weights), u64(c.spread), append([]bool{}, got.Covered...), got.Covers,
		})
	}
	return nil
}
