package main

import (
	"encoding/binary"
	"math"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
)

func init() { registerVectors("weight.json", weightVectors) }

type weightFile struct {
	Spec       string           `json:"spec"`
	Credits    []nodeCreditCase `json:"node_credits"`
	Scales     []scaleCase      `json:"scales"`
	Throughput []throughputCase `json:"throughputs"`
	Kept       []keptCase       `json:"kept"`
	Powers     []powersCase     `json:"powers"`
	Hosts      []hostCase       `json:"hosts"`
}

type nodeCreditCase struct {
	ClaimedNode u64 `json:"claimed_node"`
	Credited    u64 `json:"credited"`
	Claimed     u64 `json:"claimed"`
	Credit      u64 `json:"credit"`
}

type scaleCase struct {
	Now    u64 `json:"now"`
	Then   u64 `json:"then"`
	Weight u64 `json:"weight"`
	Scaled u64 `json:"scaled"`
}

type throughputCase struct {
	Weight     u64 `json:"poc_weight"`
	PerNonce   u64 `json:"throughput_per_nonce"`
	PocPeriod  u64 `json:"poc_period"`
	Generation u64 `json:"generation"`
	Throughput u64 `json:"throughput"`
}

type keptCase struct {
	Total        u64  `json:"total"`
	OldTotal     u64  `json:"old_total"`
	KeptOld      u64  `json:"kept_old"`
	MinKeptPower u64  `json:"min_kept_power"` // 10⁻¹⁸
	Kept         bool `json:"kept"`
}

// powersCase gives hosts the addresses 0001, 0002 …; a host that does not validate
// has power 0.
type powersCase struct {
	Weights       []u64 `json:"weights"`
	MaxValidators u64   `json:"max_validators"`
	Powers        []u64 `json:"powers"` // by host, as weights
	Order         []int `json:"order"`  // hosts by rank, from 0
}

func weightVectors() (any, error) {
	file := weightFile{Spec: "docs/spec/weight.md"}
	addNodeCredits(&file)
	addScales(&file)
	addThroughputs(&file)
	addKept(&file)
	for _, build := range []func(*weightFile) error{addPowers, addHosts} {
		if err := build(&file); err != nil {
			return nil, err
		}
	}
	return file, nil
}

func addNodeCredits(file *weightFile) {
	for _, c := range [][3]uint64{
		{40, 100, 100},
		{33, 99, 100},
		{66, 98, 99},
		{40, 0, 100},
		{0, 100, 100},
		{1 << 62, 1<<63 - 1, 1 << 63},
		{math.MaxUint64, math.MaxUint64, math.MaxUint64},
	} {
		file.Credits = append(file.Credits, nodeCreditCase{
			u64(c[0]), u64(c[1]), u64(c[2]), u64(poc.NodeCredit(c[0], c[1], c[2])),
		})
	}
}

func addScales(file *weightFile) {
	for _, c := range [][3]uint64{
		{1, 1, math.MaxUint64},
		{1, 3, 100},
		{3, 1, 100},
		{0, 0, 100},
		{0, 5, 100},
		{5, 0, 100},
		{1 << 62, 1 << 63, 1 << 63},
		{2, 1, 1 << 63},
		{123_457, 98_765, 1_000_003},
	} {
		scale := weight.Scale{Now: c[0], Then: c[1]}
		file.Scales = append(file.Scales, scaleCase{u64(c[0]), u64(c[1]), u64(c[2]), u64(scale.Apply(c[2]))})
	}
}

func addThroughputs(file *weightFile) {
	for _, c := range [][4]uint64{
		{7, 1_000_000, 10, 10},
		{3, 333_333, 10, 1},
		{100, 2_000_000, 245, 61},
		{100, 500_000, 25, 9},
		{0, 1_000_000, 10, 10},
		{4_194_304, 12_345_678, 245, 61},
		{1<<63 - 1, 1_000_000, 1, 1},
		{1 << 63, 1_000_000, 1, 1},
		{math.MaxUint64, math.MaxUint64, math.MaxUint64, 1},
	} {
		file.Throughput = append(file.Throughput, throughputCase{
			u64(c[0]), u64(c[1]), u64(c[2]), u64(c[3]), u64(weight.Throughput(c[0], c[1], c[2], c[3])),
		})
	}
}

func addKept(file *weightFile) {
	const third = uint64(fixed.One) / 3
	for _, c := range [][4]uint64{
		{90, 90, 90, third},
		{90, 90, 30, third},
		{90, 90, 29, third},
		{1 << 40, 90, 29, third},
		{0, 90, 90, third},
		{1, 90, 0, 0},
		{1, 90, 89, uint64(fixed.One)},
		{1, math.MaxUint64, math.MaxUint64 / 3, third},
	} {
		formed := weight.Formed{Total: c[0], OldTotal: c[1], KeptOld: c[2]}
		file.Kept = append(file.Kept, keptCase{
			u64(c[0]), u64(c[1]), u64(c[2]), u64(c[3]), formed.CheckKept(fixed.Dec(c[3])) == nil,
		})
	}
}

func addPowers(file *weightFile) error {
	for _, c := range []struct {
		weights []uint64
		most    uint64
	}{
		{[]uint64{7}, 100},
		{[]uint64{1, 900, 5}, 100},
		{[]uint64{9, 9, 9, 9}, 100},
		{[]uint64{100, 100, 100, 200}, 100},
		{[]uint64{1, 27_000, 27_300, 27_400}, 100},
		{[]uint64{1, 1, 1, 1_000}, 100},
		{[]uint64{10, 10, 10, 1_000, 1_000}, 100},
		{[]uint64{5, 0, 5, 5, 5}, 100},
		{[]uint64{5, 5, 5}, 2},
		{[]uint64{9, 9, 900, 1}, 3},
		{[]uint64{1 << 52, 1 << 52}, 100},
		{[]uint64{1<<52 + 1, 1 << 52}, 100},
		{[]uint64{1 << 54, 1}, 100},
		{[]uint64{1 << 63, 1 << 63, 1 << 63, 1 << 63, 1 << 62}, 100},
		{[]uint64{math.MaxUint64, math.MaxUint64, math.MaxUint64, 1}, 100},
		{[]uint64{1 << 63, 1 << 62, 1 << 62, 1 << 62}, 100},
	} {
		made := powersCase{
			Weights: u64s(c.weights), MaxValidators: u64(c.most), Powers: make([]u64, len(c.weights)),
		}
		var candidates []weight.Candidate
		for i, w := range c.weights {
			candidates = append(candidates, weight.Candidate{Address: binary.BigEndian.AppendUint16(nil, uint16(i+1)), Weight: w})
		}
		set, err := weight.ConsensusPowers(candidates, c.most)
		if err != nil {
			return err
		}
		for _, p := range set {
			host := int(binary.BigEndian.Uint16(p.Address)) - 1
			made.Powers[host] = u64(p.Power)
			made.Order = append(made.Order, host)
		}
		file.Powers = append(file.Powers, made)
	}
	return nil
}
