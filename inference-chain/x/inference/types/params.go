package types

import (
	"fmt"
	"strconv"

	"ninefold.dev/inference-chain/core/params"
)

// pocKindPrefix is what the names of PocKind carry and core's names do not.
const pocKindPrefix = "POC_KIND_"

// DefaultParams returns what a production network starts with.
func DefaultParams() Params { return ParamsFromCore(params.Default()) }

// TestnetParams returns what a network of processes on one machine starts with.
func TestnetParams() Params { return ParamsFromCore(params.Testnet()) }

// ParamsFromCore writes parameters of core as they stand in messages and state.
func ParamsFromCore(p params.Params) Params {
	return Params{
		PocExchangeBlocks:           p.PocExchangeBlocks,
		PocValidationExchangeBlocks: p.PocValidationExchangeBlocks,
		ModelLoadingBlocks:          p.ModelLoadingBlocks,
		InferenceBlocks:             p.InferenceBlocks,

		PocKind:    PocKind(PocKind_value[pocKindPrefix+p.PocKind]),
		PocVersion: p.PocVersion,
		PocModel:   pocModelFromCore(p.PocModel),
		Lanes:      p.Lanes,

		ValidFraction: p.ValidFraction,
		RTarget:       p.RTarget,
		Cq:            p.Cq,

		SampleSize:     p.SampleSize,
		SeatsPerHost:   p.SeatsPerHost,
		PMismatch:      p.PMismatch,
		FraudThreshold: p.FraudThreshold,

		MinHostNonces:        p.MinHostNonces,
		MaxNoncesPerNode:     p.MaxNoncesPerNode,
		MaxBatchesPerNode:    p.MaxBatchesPerNode,
		FreeMessagesPerStage: p.FreeMessagesPerStage,

		FormationHostsPerBlock:  p.FormationHostsPerBlock,
		SettlementHostsPerBlock: p.SettlementHostsPerBlock,
		AllocationBlocks:        p.AllocationBlocks,
		MaxPrunedKeysPerBlock:   p.MaxPrunedKeysPerBlock,

		InitialEpochSubsidy: strconv.FormatUint(p.InitialEpochSubsidy, 10),
		DecayFactor:         p.DecayFactor,
		MaxSupply:           strconv.FormatUint(p.MaxSupply, 10),
		CoverageBonus:       p.CoverageBonus,
		CoverageSpread:      p.CoverageSpread,

		MaxServingFraction:            p.MaxServingFraction,
		MaxConsecutivePreservedEpochs: p.MaxConsecutivePreservedEpochs,
		ThroughputValidationEnabled:   p.ThroughputValidationEnabled,

		MaxValidators:        p.MaxValidators,
		MinKeptPower:         p.MinKeptPower,
		ClaimRetentionEpochs: p.ClaimRetentionEpochs,
		EpochRetention:       p.EpochRetention,
		MaxModels:            p.MaxModels,

		InitialUnitPrice: p.InitialUnitPrice,
		ServingBurn:      p.ServingBurn,
	}
}

func pocModelFromCore(m params.PocModel) *PocModel {
	return &PocModel{
		Dim: m.Dim, NLayers: m.NLayers, NHeads: m.NHeads, NKvHeads: m.NKvHeads,
		VocabSize: m.VocabSize, FfnDimMultiplier: m.FfnDimMultiplier,
		MultipleOf: m.MultipleOf, SeqLen: m.SeqLen,
	}
}

// Core reads the parameters for core. It fails with ErrInvalidParams when the
// network's shape is missing or an amount is no 64-bit integer; ranges are
// checked by Validate.
func (p Params) Core() (params.Params, error) {
	if p.PocModel == nil {
		return params.Params{}, ErrInvalidParams.Wrap("poc_model must be set")
	}
	subsidy, err := amount("initial_epoch_subsidy", p.InitialEpochSubsidy)
	if err != nil {
		return params.Params{}, err
	}
	supply, err := amount("max_supply", p.MaxSupply)
	if err != nil {
		return params.Params{}, err
	}
	core := p.coreCounts()
	core.InitialEpochSubsidy, core.MaxSupply = subsidy, supply
	return core, nil
}

// coreCounts copies what needs no reading.
func (p Params) coreCounts() params.Params {
	return params.Params{
		PocExchangeBlocks:           p.PocExchangeBlocks,
		PocValidationExchangeBlocks: p.PocValidationExchangeBlocks,
		ModelLoadingBlocks:          p.ModelLoadingBlocks,
		InferenceBlocks:             p.InferenceBlocks,

		PocKind:    pocKindName(p.PocKind),
		PocVersion: p.PocVersion,
		PocModel: params.PocModel{
			Dim: p.PocModel.Dim, NLayers: p.PocModel.NLayers, NHeads: p.PocModel.NHeads, NKvHeads: p.PocModel.NKvHeads,
			VocabSize: p.PocModel.VocabSize, FfnDimMultiplier: p.PocModel.FfnDimMultiplier,
			MultipleOf: p.PocModel.MultipleOf, SeqLen: p.PocModel.SeqLen,
		},
		Lanes: p.Lanes,

		ValidFraction: p.ValidFraction,
		RTarget:       p.RTarget,
		Cq:            p.Cq,

		SampleSize:     p.SampleSize,
		SeatsPerHost:   p.SeatsPerHost,
		PMismatch:      p.PMismatch,
		FraudThreshold: p.FraudThreshold,

		MinHostNonces:        p.MinHostNonces,
		MaxNoncesPerNode:     p.MaxNoncesPerNode,
		MaxBatchesPerNode:    p.MaxBatchesPerNode,
		FreeMessagesPerStage: p.FreeMessagesPerStage,

		FormationHostsPerBlock:  p.FormationHostsPerBlock,
		SettlementHostsPerBlock: p.SettlementHostsPerBlock,
		AllocationBlocks:        p.AllocationBlocks,
		MaxPrunedKeysPerBlock:   p.MaxPrunedKeysPerBlock,

		DecayFactor:    p.DecayFactor,
		CoverageBonus:  p.CoverageBonus,
		CoverageSpread: p.CoverageSpread,

		MaxServingFraction:            p.MaxServingFraction,
		MaxConsecutivePreservedEpochs: p.MaxConsecutivePreservedEpochs,
		ThroughputValidationEnabled:   p.ThroughputValidationEnabled,

		MaxValidators:        p.MaxValidators,
		MinKeptPower:         p.MinKeptPower,
		ClaimRetentionEpochs: p.ClaimRetentionEpochs,
		EpochRetention:       p.EpochRetention,
		MaxModels:            p.MaxModels,

		InitialUnitPrice: p.InitialUnitPrice,
		ServingBurn:      p.ServingBurn,
	}
}

// Validate checks every parameter against core's table. The error is an
// ErrInvalidParams that names the parameter, what is legal, and the value.
func (p Params) Validate() error {
	core, err := p.Core()
	if err != nil {
		return err
	}
	if err := core.Validate(); err != nil {
		return ErrInvalidParams.Wrap(err.Error())
	}
	return nil
}

func amount(name, text string) (uint64, error) {
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil || strconv.FormatUint(value, 10) != text {
		return 0, ErrInvalidParams.Wrapf("%s must be an integer of unine in [1, 9223372036854775807], got %q", name, text)
	}
	return value, nil
}

func pocKindName(kind PocKind) string {
	name, known := PocKind_name[int32(kind)]
	if !known {
		return fmt.Sprintf("%d", kind)
	}
	return name[len(pocKindPrefix):]
}
