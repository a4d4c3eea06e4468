// Package params is the one table of the chain's parameters: names, defaults,
// legal ranges, units and error texts. The documents, the simulator and governance
// all read it.
//
// Source: docs/spec/params.md; the table itself is printed as docs/params.md.
package params

import "ninefold.dev/inference-chain/core/epoch"

// Params are all parameters that governance can change. Fractions are decimal
// strings of at most 18 digits after the point; amounts and counts are integers.
// Every field is described by the table row of its name, see Rows.
type Params struct {
	PocExchangeBlocks           uint64 `json:"poc_exchange_blocks,string"`
	PocValidationExchangeBlocks uint64 `json:"poc_validation_exchange_blocks,string"`
	ModelLoadingBlocks          uint64 `json:"model_loading_blocks,string"`
	InferenceBlocks             uint64 `json:"inference_blocks,string"`

	PocKind    string   `json:"poc_kind"`
	PocVersion uint64   `json:"poc_version,string"`
	PocModel   PocModel `json:"poc_model"`
	Lanes      uint64   `json:"lanes,string"`

	ValidFraction string `json:"valid_fraction"`
	RTarget       string `json:"r_target"`
	Cq            uint64 `json:"cq,string"`

	SampleSize     uint64 `json:"sample_size,string"`
	SeatsPerHost   uint64 `json:"seats_per_host,string"`
	PMismatch      string `json:"p_mismatch"`
	FraudThreshold string `json:"fraud_threshold"`

	MinHostNonces        uint64 `json:"min_host_nonces,string"`
	MaxNoncesPerNode     uint64 `json:"max_nonces_per_node,string"`
	MaxBatchesPerNode    uint64 `json:"max_batches_per_node,string"`
	FreeMessagesPerStage uint64 `json:"free_messages_per_stage,string"`

	FormationHostsPerBlock  uint64 `json:"formation_hosts_per_block,string"`
	SettlementHostsPerBlock uint64 `json:"settlement_hosts_per_block,string"`
	AllocationBlocks        uint64 `json:"allocation_blocks,string"`
	MaxPrunedKeysPerBlock   uint64 `json:"max_pruned_keys_per_block,string"`

	InitialEpochSubsidy uint64 `json:"initial_epoch_subsidy,string"`
	DecayFactor         string `json:"decay_factor"`
	MaxSupply           uint64 `json:"max_supply,string"`
	CoverageBonus       string `json:"coverage_bonus"`
	CoverageSpread      uint64 `json:"coverage_spread,string"`

	MaxServingFraction            string `json:"max_serving_fraction"`
	MaxConsecutivePreservedEpochs uint64 `json:"max_consecutive_preserved_epochs,string"`
	ThroughputValidationEnabled   bool   `json:"throughput_validation_enabled"`

	MaxValidators        uint64 `json:"max_validators,string"`
	MinKeptPower         string `json:"min_kept_power"`
	ClaimRetentionEpochs uint64 `json:"claim_retention_epochs,string"`
	EpochRetention       uint64 `json:"epoch_retention,string"`
	MaxModels            uint64 `json:"max_models,string"`

	InitialUnitPrice uint64 `json:"initial_unit_price,string"`
	ServingBurn      string `json:"serving_burn"`
}

// Default returns the values a production network starts with.
func Default() Params {
	return preset(false)
}

// Testnet returns the values of a network of processes on one machine: epochs of
// 60 blocks and a proof network that a CPU computes.
func Testnet() Params {
	return preset(true)
}

func preset(testnet bool) Params {
	var p Params
	for _, e := range table() {
		e.put(&p, testnet)
	}
	return p
}

// Lengths returns the parameters which decide an epoch's heights.
func (p Params) Lengths() epoch.Lengths {
	return epoch.Lengths{
		PocExchange:           p.PocExchangeBlocks,
		PocValidationExchange: p.PocValidationExchangeBlocks,
		ModelLoading:          p.ModelLoadingBlocks,
		Inference:             p.InferenceBlocks,
	}
}

// SameProof says whether weights proven under p and other count the same work for
// the same time: generation length, lanes, kind and version, network and radius. If
// not, no slot is allocated, and carried weights are scaled.
//
// Decimals are compared by value, so "0.1" equals "0.10". Both sides must be valid.
func (p Params) SameProof(other Params) bool {
	return p.PocExchangeBlocks == other.PocExchangeBlocks &&
		p.Lanes == other.Lanes &&
		p.PocKind == other.PocKind &&
		p.PocVersion == other.PocVersion &&
		sameDecimal(p.RTarget, other.RTarget) &&
		p.PocModel.same(other.PocModel)
}
