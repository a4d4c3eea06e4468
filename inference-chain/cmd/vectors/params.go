package main

import (
	"bytes"
	"fmt"

	"ninefold.dev/inference-chain/core/params"
)

func init() {
	registerVectors("params.json", paramsVectors)
	registerDocument("params.md", paramsDocument)
}

type paramsFile struct {
	Spec       string          `json:"spec"`
	Parameters []parameterCase `json:"parameters"`
	Rules      []ruleCase      `json:"rules"`
	Presets    presetsCase     `json:"presets"`
	FFNWidths  []ffnCase       `json:"ffn_widths"`
	Refused    []refusedCase   `json:"refused"`
}

type parameterCase struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Default string `json:"default"`
	Testnet string `json:"testnet"`
	Range   string `json:"range"`
	Unit    string `json:"unit"`
	Error   string `json:"error"`
	Doc     string `json:"doc"`
}

type ruleCase struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

type presetsCase struct {
	Default params.Params `json:"default"`
	Testnet params.Params `json:"testnet"`
}

type ffnCase struct {
	Model params.PocModel `json:"model"`
	Width outcome[u64]    `json:"width"`
}

// refusedCase is the testnet's preset with one change, and the whole error.
type refusedCase struct {
	Name  string        `json:"name"`
	Given params.Params `json:"given"`
	Error string        `json:"error"`
}

func paramsVectors() (any, error) {
	file := paramsFile{
		Spec:    "docs/spec/params.md",
		Presets: presetsCase{params.Default(), params.Testnet()},
	}
	for _, row := range params.Rows() {
		file.Parameters = append(file.Parameters, parameterCase(row))
	}
	for _, rule := range params.Rules() {
		file.Rules = append(file.Rules, ruleCase{rule.Name, rule.Error})
	}
	for _, model := range []params.PocModel{
		params.Default().PocModel,
		params.Testnet().PocModel,
		{Dim: 8192, NLayers: 40, NHeads: 64, NKvHeads: 8, VocabSize: 8192, FfnDimMultiplier: "1.3", MultipleOf: 4096, SeqLen: 256},
		{Dim: 96, FfnDimMultiplier: "1.0039", MultipleOf: 64},
		{Dim: 96, FfnDimMultiplier: "1.00390625", MultipleOf: 64},
	} {
		width, err := model.FFNWidth()
		file.FFNWidths = append(file.FFNWidths, ffnCase{model, outcomeOf(u64(width), err)})
	}
	refused, err := refusedParams()
	file.Refused = refused
	return file, err
}

func refusedParams() ([]refusedCase, error) {
	cases := []struct {
		name   string
		change func(*params.Params)
	}{
		{"an integer below its range", func(p *params.Params) { p.SampleSize = 0 }},
		{"an integer above its range", func(p *params.Params) { p.Lanes = 65 }},
		{"a fraction at an open end", func(p *params.Params) { p.PMismatch = "0.5" }},
		{"no decimal", func(p *params.Params) { p.CoverageBonus = "10%" }},
		{"another kind of proof", func(p *params.Params) { p.PocKind = "SERVED_MODEL" }},
		{"an epoch shorter than two PoC periods", func(p *params.Params) { p.InferenceBlocks = 24 }},
		{"an allocation longer than inference", func(p *params.Params) { p.AllocationBlocks = 36 }},
		{"heads that are too narrow", func(p *params.Params) { p.PocModel.NHeads = 8 }},
		{"kv heads that do not divide heads", func(p *params.Params) { p.PocModel.NKvHeads = 3 }},
		{"an FFN that is too wide", func(p *params.Params) {
			p.PocModel.Dim, p.PocModel.NHeads, p.PocModel.FfnDimMultiplier = 65_536, 64, "16"
		}},
		{"cq one too high", func(p *params.Params) { p.Cq++ }},
		{"a fraction that the radius does not hold", func(p *params.Params) { p.ValidFraction = "0.11" }},
		{"a radius for other outputs", func(p *params.Params) { p.PocModel.VocabSize = 8_196 }},
		{"a radius just beyond the tolerance", func(p *params.Params) { p.RTarget, p.Cq = "1.385596075508291", 172_063_939 }},
		{"a radius of two", func(p *params.Params) { p.RTarget = "2" }},
	}
	var refused []refusedCase
	for _, c := range cases {
		p := params.Testnet()
		c.change(&p)
		err := p.Validate()
		if err == nil {
			return nil, fmt.Errorf("%s: was not refused", c.name)
		}
		refused = append(refused, refusedCase{c.name, p, err.Error()})
	}
	return refused, nil
}

func paramsDocument() ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("<!-- Made by inference-chain/cmd/vectors from inference-chain/core/params. Do not edit. -->\n\n")
	out.WriteString("# Parameters\n\n")
	out.WriteString("Governance sets these with `MsgUpdateParams`. A change acts from the `POC_START` after next. ")
	out.WriteString("Forms, rules and derivations: [spec/params.md](spec/params.md). ")
	out.WriteString("In a range, `[` and `]` include the end, `(` and `)` do not.\n\n")
	out.WriteString("| Parameter | Default | Testnet | Range | Unit | What it does |\n|---|---|---|---|---|---|\n")
	for _, row := range params.Rows() {
		testnet := row.Testnet
		if testnet == row.Default {
			testnet = "same"
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s |\n",
			row.Name, row.Default, testnet, row.Range, row.Unit, row.Doc)
	}
	out.WriteString("\nBetween parameters:\n\n")
	for _, rule := range params.Rules() {
		fmt.Fprintf(&out, "- %s.\n", rule.Error)
	}
	return out.Bytes(), nil
}
