package main

import (
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	"ninefold.dev/inference-chain/core/poc"
)

func init() { registerVectors("poc.json", pocVectors) }

type pocFile struct {
	Spec       string          `json:"spec"`
	Samples    []sampleCase    `json:"samples"`
	Limits     []limitCase     `json:"fraud_limits"`
	Verdicts   []verdictCase   `json:"verdicts"`
	WorkProofs []workProofCase `json:"work_proofs"`
	Tallies    []tallyCase     `json:"tallies"`
	Credits    []creditCase    `json:"credits"`
	Judgements []judgementCase `json:"judgements"`
}

type claimsCase struct {
	NodeIndex u64 `json:"node_index"`
	BatchID   u64 `json:"batch_id"`
	Count     u64 `json:"count"`
}

type leafCase struct {
	Claim     u64 `json:"claim"`
	NodeIndex u64 `json:"node_index"`
	BatchID   u64 `json:"batch_id"`
	Leaf      u64 `json:"leaf"`
}

type sampleCase struct {
	Seed    bytesHex     `json:"seed"`
	Holder  bytesHex     `json:"holder"`
	Host    bytesHex     `json:"host"`
	Size    u64          `json:"sample_size"`
	Batches []claimsCase `json:"batches"`
	Leaves  []leafCase   `json:"leaves"`
}

type limitCase struct {
	Mismatch  u64 `json:"p_mismatch"`      // 10⁻¹⁸
	Threshold u64 `json:"fraud_threshold"` // 10⁻¹⁸
	Sampled   u64 `json:"sampled"`
	Limit     u64 `json:"fraud_from"`
}

type verdictCase struct {
	Sampled     u64    `json:"sampled"`
	Invalid     u64    `json:"invalid"`
	Unavailable bool   `json:"unavailable"`
	Structural  bool   `json:"structural"`
	Kind        string `json:"kind"` // at the default parameters
}

type workProofCase struct {
	Holder  bytesHex   `json:"holder"`
	Host    bytesHex   `json:"host"`
	Epoch   u64        `json:"epoch"`
	Digests []bytesHex `json:"digests"`
	Proof   bytesHex   `json:"work_proof"`
}

type tallyCase struct {
	Drawn       u64    `json:"drawn"`
	Honest      u64    `json:"honest"`
	Fraud       u64    `json:"fraud"`
	Unavailable u64    `json:"unavailable"`
	Outcome     string `json:"outcome"`
}

func pocVectors() (any, error) {
	file := pocFile{Spec: "docs/spec/poc-judging.md"}
	for _, build := range []func(*pocFile) error{
		addSamples, addLimits, addVerdicts, addWorkProofs, addTallies, addCredits, addJudgements,
	} {
		if err := build(&file); err != nil {
			return nil, err
		}
	}
	return file, nil
}

func addSamples(file *pocFile) error {
	for _, c := range []struct {
		size    uint64
		batches []poc.Batch
	}{
		{10, []poc.Batch{{NodeIndex: 0, ID: 1, Count: 2}, {NodeIndex: 2, ID: 1, Count: 1}, {NodeIndex: 2, ID: 2, Count: 2}}},
		{6, []poc.Batch{{NodeIndex: 0, ID: 1, Count: 5}, {NodeIndex: 0, ID: 2, Count: 1}, {NodeIndex: 1, ID: 1, Count: 9}}},
		{40, []poc.Batch{{NodeIndex: 0, ID: 1, Count: 65_536}, {NodeIndex: 0, ID: 2, Count: 65_536}, {NodeIndex: 1, ID: 1, Count: 7}}},
		{5, nil},
	} {
		made := sampleCase{
			Seed: seedOf("sample"), Holder: addressOf("holder"), Host: addressOf("host"), Size: u64(c.size),
			Batches: []claimsCase{}, Leaves: []leafCase{},
		}
		for _, b := range c.batches {
			made.Batches = append(made.Batches, claimsCase{u64(b.NodeIndex), u64(b.ID), u64(b.Count)})
		}
		leaves, err := poc.Sample(made.Seed, made.Holder, made.Host, c.size, c.batches)
		if err != nil {
			return err
		}
		for _, l := range leaves {
			made.Leaves = append(made.Leaves, leafCase{u64(l.Claim), u64(l.NodeIndex), u64(l.BatchID), u64(l.Index)})
		}
		file.Samples = append(file.Samples, made)
	}
	return nil
}

func addLimits(file *pocFile) error {
	mismatch, threshold, err := defaultFraudTest()
	if err != nil {
		return err
	}
	for _, c := range []struct {
		mismatch, threshold fixed.Dec
		sampled             []uint64
	}{
		{mismatch, threshold, []uint64{1, 2, 3, 4, 10, 31, 32, 33, 64, 100, 199, 200, 201, 500, 999, 1_000}},
		{fixed.One / 16, fixed.One / 256, []uint64{1, 2, 3, 50}},
		{fixed.One / 16, fixed.One/256 + 1, []uint64{2}},
		{fixed.One/2 - 1, 1, []uint64{1, 59, 60, 61, 1_000}},
		{1, fixed.One/100 - 1, []uint64{1, 200, 1_000}},
		{123_456_789_012_345_677, 1_000_000_007, []uint64{7, 200}},
	} {
		for _, sampled := range c.sampled {
			limit, err := poc.FraudLimit(sampled, c.mismatch, c.threshold)
			if err != nil {
				return err
			}
			file.Limits = append(file.Limits, limitCase{u64(c.mismatch), u64(c.threshold), u64(sampled), u64(limit)})
		}
	}
	return nil
}

func defaultFraudTest() (mismatch, threshold fixed.Dec, err error) {
	defaults := params.Default()
	if mismatch, err = fixed.Parse(defaults.PMismatch); err != nil {
		return 0, 0, err
	}
	threshold, err = fixed.Parse(defaults.FraudThreshold)
	return mismatch, threshold, err
}

func defaultFraudTable() (*poc.FraudTable, error) {
	mismatch, threshold, err := defaultFraudTest()
	if err != nil {
		return nil, err
	}
	return poc.NewFraudTable(mismatch, threshold)
}

func addVerdicts(file *pocFile) error {
	table, err := defaultFraudTable()
	if err != nil {
		return err
	}
	for _, v := range []poc.Verdict{
		{Sampled: 200},
		{Sampled: 200, Invalid: 4},
		{Sampled: 200, Invalid: 5},
		{Sampled: 200, Structural: true},
		{Sampled: 200, Unavailable: true},
		{Sampled: 2, Invalid: 2},
		{Sampled: 3, Invalid: 3},
	} {
		kind, err := poc.VerdictKind(v, table)
		if err != nil {
			return err
		}
		file.Verdicts = append(file.Verdicts, verdictCase{
			u64(v.Sampled), u64(v.Invalid), v.Unavailable, v.Structural, kind.String(),
		})
	}
	return nil
}

func addWorkProofs(file *pocFile) error {
	for _, names := range [][]string{{}, {"a"}, {"a", "", "c"}} {
		made := workProofCase{Holder: addressOf("holder"), Host: addressOf("host"), Epoch: 258, Digests: []bytesHex{}}
		var digests [][poc.DigestSize]byte
		for _, name := range names {
			var digest [poc.DigestSize]byte
			if name != "" {
				digest = [poc.DigestSize]byte(seedOf("digest " + name))
			}
			digests = append(digests, digest)
			made.Digests = append(made.Digests, digest[:])
		}
		proof := poc.WorkProof(made.Holder, made.Host, uint64(made.Epoch), digests)
		made.Proof = proof[:]
		file.WorkProofs = append(file.WorkProofs, made)
	}
	return nil
}

func addTallies(file *pocFile) error {
	for _, t := range []poc.Tally{
		{Drawn: 32, Honest: 32},
		{Drawn: 32, Honest: 17, Fraud: 15},
		{Drawn: 32, Honest: 16},
		{Drawn: 32, Honest: 16, Fraud: 16},
		{Drawn: 32, Honest: 16, Fraud: 10, Unavailable: 6},
		{Drawn: 32, Honest: 15, Fraud: 10, Unavailable: 6},
		{Drawn: 32, Fraud: 17},
		{Drawn: 32, Fraud: 16},
		{Drawn: 32, Fraud: 16, Unavailable: 16},
		{Drawn: 32, Honest: 15, Unavailable: 17},
		{Drawn: 32},
		{Drawn: 1, Fraud: 1},
		{Drawn: 3, Honest: 2, Fraud: 1},
		{Drawn: 3, Honest: 1},
		{Drawn: 3, Fraud: 1},
	} {
		file.Tallies = append(file.Tallies, tallyCase{
			u64(t.Drawn), u64(t.Honest), u64(t.Fraud), u64(t.Unavailable), t.Outcome().String(),
		})
	}
	return nil
}
