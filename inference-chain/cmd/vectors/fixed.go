package main

import (
	"math"

	"ninefold.dev/inference-chain/core/fixed"
)

func init() { registerVectors("fixed.json", fixedVectors) }

type fixedFile struct {
	Spec      string         `json:"spec"`
	MulDiv    []mulDivCase   `json:"mul_div"`
	Decimals  []decimalCase  `json:"decimals"`
	Cq        []cqCase       `json:"cq"`
	Fractions []fractionCase `json:"fractions"`
}

type mulDivCase struct {
	A     u64          `json:"a"`
	B     u64          `json:"b"`
	C     u64          `json:"c"`
	Floor outcome[u64] `json:"floor"`
	Ceil  outcome[u64] `json:"ceil"`
}

type decimalCase struct {
	Text  string       `json:"text"`
	Units outcome[u64] `json:"units"` // 10⁻¹⁸
}

type cqCase struct {
	RTarget string       `json:"r_target"`
	Cq      outcome[u64] `json:"cq"`
}

type fractionCase struct {
	RTarget  string       `json:"r_target"`
	Outputs  u64          `json:"outputs"`
	Fraction outcome[u64] `json:"fraction"` // 10⁻¹⁸
}

func fixedVectors() (any, error) {
	file := fixedFile{Spec: "docs/spec/fixed.md"}
	const most = math.MaxUint64
	for _, c := range [][3]uint64{
		{0, 0, 1},
		{7, 3, 2},
		{1, 1, 0},
		{most, most, most},
		{most, most, most - 1},
		{most, 2, 2},
		{1 << 61, 1, 3},
		{1 << 62, 3, 4},
		{1<<63 - 1, 1<<63 - 1, 1 << 63},
		{1 << 63, 2, 1},
		{1 << 63, 1 << 63, 1<<63 + 1},
		{1_190_112_520_884_487_201, 31, 2},
		{251_084_150_938, 999_581_526_415_103_226, 1_000_000_000_000_000_000},
	} {
		floor, floorErr := fixed.MulDivFloor(c[0], c[1], c[2])
		ceil, ceilErr := fixed.MulDivCeil(c[0], c[1], c[2])
		file.MulDiv = append(file.MulDiv, mulDivCase{
			u64(c[0]), u64(c[1]), u64(c[2]), outcomeOf(u64(floor), floorErr), outcomeOf(u64(ceil), ceilErr),
		})
	}
	for _, text := range []string{
		"0", "1", "0.1", "0.10", "0.000000000000000001", "18.446744073709551615", "18.446744073709551616",
		"0.0000000000000000001", "", ".", "1.", ".5", "-1", "1e-7", " 1", "0x1",
	} {
		value, err := fixed.Parse(text)
		file.Decimals = append(file.Decimals, decimalCase{text, outcomeOf(u64(value), err)})
	}
	for _, text := range []string{
		"1.38559607450829", "1.40416532873109", "1.4041677899910951", "1.3971164020989417", "1",
		"0.000000000000000001", "1.4142135622084324", "1.4142135623", "1.414213562373095048", "0", "1.5", "2", "2.5",
	} {
		cq, err := fixed.CqFromRTarget(text)
		file.Cq = append(file.Cq, cqCase{text, outcomeOf(u64(cq), err)})
	}
	fractions, err := fractionCases()
	file.Fractions = fractions
	return file, err
}

func fractionCases() ([]fractionCase, error) {
	var cases []fractionCase
	for _, outputs := range []uint64{255, 256, 1_024, 8_196, 131_071, 131_072, 131_073} {
		for _, text := range []string{
			"0", "1.271295316358995601", "1.38559607450829", "1.3971164020989417", "1.4041677899910951",
			"1.414213562373095048", "1.414213562373095049", "1.42", "2",
		} {
			r, err := fixed.Parse(text)
			if err != nil {
				return nil, err
			}
			fraction, err := fixed.FractionFromRTarget(r, outputs)
			cases = append(cases, fractionCase{text, u64(outputs), outcomeOf(u64(fraction), err)})
		}
	}
	return cases, nil
}
