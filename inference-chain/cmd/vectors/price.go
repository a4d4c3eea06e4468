package main

import (
	"math"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/price"
)

func init() { registerVectors("price.json", priceVectors) }

type priceFile struct {
	Spec    string       `json:"spec"`
	Next    []nextCase   `json:"next"`
	Charges []chargeCase `json:"charges"`
	Divided []divideCase `json:"divided"`
}

type nextCase struct {
	Price    u64          `json:"unit_price"`
	Real     u64          `json:"real"`
	Expected u64          `json:"expected"`
	Next     outcome[u64] `json:"next"`
}

type chargeCase struct {
	Prompt     u64 `json:"prompt_tokens"`
	Completion u64 `json:"completion_tokens"`
	Units      u64 `json:"units_of_compute_per_token"`
	MaxCost    u64 `json:"max_cost"`
	Price      u64 `json:"unit_price"`
	Charge     u64 `json:"charge"`
}

type divideCase struct {
	Charge u64          `json:"charge"`
	Burn   string       `json:"serving_burn"`
	Burned outcome[u64] `json:"burned"`
}

func priceVectors() (any, error) {
	file := priceFile{Spec: "docs/spec/price.md"}
	for _, p := range []uint64{0, 1, 2, 48, 49, 50, 51, 99, 100, 1_000_000, price.Max - 1, price.Max, math.MaxUint64} {
		for _, load := range []price.Load{
			{Real: 61, Expected: 100},
			{Real: 60, Expected: 100},
			{Real: 40, Expected: 100},
			{Real: 39, Expected: 100},
			{},
			{Real: 1},
			{Real: math.MaxUint64, Expected: math.MaxUint64},
		} {
			next, err := price.Next(p, load)
			file.Next = append(file.Next, nextCase{u64(p), u64(load.Real), u64(load.Expected), outcomeOf(u64(next), err)})
		}
	}
	for _, c := range []struct {
		usage price.Usage
		p     uint64
	}{
		{price.Usage{PromptTokens: 30, CompletionTokens: 12, UnitsPerToken: 2, MaxCost: 1_000}, 1_000_000},
		{price.Usage{PromptTokens: 30, CompletionTokens: 12, UnitsPerToken: 2, MaxCost: 84}, 1_000_000},
		{price.Usage{PromptTokens: 30, CompletionTokens: 12, UnitsPerToken: 2, MaxCost: 83}, 1_000_000},
		{price.Usage{PromptTokens: 1, UnitsPerToken: 1, MaxCost: 10}, 1},
		{price.Usage{PromptTokens: 1 << 40, UnitsPerToken: 1 << 30, MaxCost: math.MaxUint64}, 1},
		{price.Usage{PromptTokens: 1, UnitsPerToken: 1, MaxCost: 10}, 1_000_001},
		{price.Usage{UnitsPerToken: 1, MaxCost: 10}, 1_000_000},
		{price.Usage{PromptTokens: 1, MaxCost: 10}, 1_000_000},
		{price.Usage{PromptTokens: math.MaxUint64, CompletionTokens: 1, UnitsPerToken: 1, MaxCost: 10}, 1},
		{price.Usage{PromptTokens: math.MaxUint64, UnitsPerToken: 2, MaxCost: 10}, 1},
		{price.Usage{PromptTokens: math.MaxUint64, UnitsPerToken: 1, MaxCost: math.MaxUint64}, price.Max},
		{price.Usage{PromptTokens: math.MaxUint64, UnitsPerToken: 1, MaxCost: math.MaxUint64}, 1},
	} {
		u := c.usage
		file.Charges = append(file.Charges, chargeCase{
			u64(u.PromptTokens), u64(u.CompletionTokens), u64(u.UnitsPerToken), u64(u.MaxCost), u64(c.p),
			u64(price.Charge(u, c.p)),
		})
	}
	for _, charge := range []uint64{0, 1, 19, 20, 21, 1_000_000_007, math.MaxUint64} {
		for _, burn := range []fixed.Dec{0, 1, fixed.One / 20, fixed.One, fixed.One + 1} {
			division, err := price.Divide(charge, burn)
			file.Divided = append(file.Divided, divideCase{u64(charge), burn.String(), outcomeOf(u64(division.Burned), err)})
		}
	}
	return file, nil
}
