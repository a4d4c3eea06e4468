package params

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
)

// ErrParam is the kind of every error of Validate. Its text names the parameter,
// the legal range and the value.
var ErrParam = errors.New("parameter out of range")

// Rule is a condition between parameters, checked after every single one is legal.
type Rule struct {
	Name  string // the parameter that the rule speaks of
	Error string // what Validate says when it does not hold
	holds func(Params) (got string, ok bool)
}

// Rules lists the conditions between parameters.
func Rules() []Rule {
	return []Rule{
		{
			"inference_blocks",
			"inference_blocks must be at least the PoC period, poc_exchange_blocks + poc_validation_exchange_blocks + model_loading_blocks + 5",
			func(p Params) (string, bool) {
				period := p.Lengths().PocPeriod()
				return fmt.Sprintf("%d against %d", p.InferenceBlocks, period), p.InferenceBlocks >= period
			},
		},
		{
			"allocation_blocks",
			"allocation_blocks must be at most inference_blocks",
			func(p Params) (string, bool) {
				got := fmt.Sprintf("%d against %d", p.AllocationBlocks, p.InferenceBlocks)
				return got, p.AllocationBlocks <= p.InferenceBlocks
			},
		},
		{
			"poc_model.n_heads",
			"poc_model.n_heads must divide poc_model.dim into heads of a width in [32, 1024]",
			func(p Params) (string, bool) {
				width := p.PocModel.HeadDim()
				got := fmt.Sprintf("%d of %d", p.PocModel.NHeads, p.PocModel.Dim)
				return got, minHeadDim <= width && width <= maxHeadDim
			},
		},
		{
			"poc_model.n_kv_heads",
			"poc_model.n_kv_heads must divide poc_model.n_heads",
			func(p Params) (string, bool) {
				got := fmt.Sprintf("%d of %d", p.PocModel.NKvHeads, p.PocModel.NHeads)
				return got, p.PocModel.NHeads%p.PocModel.NKvHeads == 0
			},
		},
		{
			"poc_model.ffn_dim_multiplier",
			"poc_model.ffn_dim_multiplier must give an FFN width in [64, 131072]",
			ffnWidthFits,
		},
		{
			"cq",
			"cq must be the integer part of (1 - r_target^2/2)*2^32, and r_target below the square root of 2",
			cqFollows,
		},
		{
			"r_target",
			"r_target must lie within 10^-9 of the radius that valid_fraction and poc_model.vocab_size give",
			rTargetFollows,
		},
		{
			"sample_size",
			"sample_size must be so large that a sample of which nothing is valid is fraud, with p_mismatch^sample_size below fraud_threshold",
			fraudCanBeFound,
		},
	}
}

func ffnWidthFits(p Params) (string, bool) {
	width, err := p.PocModel.FFNWidth()
	if err != nil {
		return err.Error(), false
	}
	got := fmt.Sprintf("%s, a width of %d", p.PocModel.FfnDimMultiplier, width)
	return got, minWidth <= width && width <= maxWidth
}

func cqFollows(p Params) (string, bool) {
	want, err := fixed.CqFromRTarget(p.RTarget)
	if err != nil {
		return fmt.Sprintf("%d with r_target %s", p.Cq, p.RTarget), false
	}
	return fmt.Sprintf("%d with r_target %s, which gives %d", p.Cq, p.RTarget, want), p.Cq == want
}

// rTargetTolerance is how far r_target may lie from what valid_fraction gives.
const rTargetTolerance fixed.Dec = 1_000_000_000

// rTargetFollows compares fractions instead of radii: valid_fraction must lie between
// those that the two ends of the tolerance hold. Only who is refused is told the
// radius, which takes sixty times as long to find.
func rTargetFollows(p Params) (string, bool) {
	fraction, err := fixed.Parse(p.ValidFraction)
	if err != nil {
		return err.Error(), false
	}
	fewer, more, err := fractionsAround(p.RTarget, p.PocModel.VocabSize)
	if err != nil {
		return err.Error(), false
	}
	if fewer <= fraction && fraction <= more {
		return "", true
	}
	want, err := fixed.RTargetFromFraction(fraction, p.PocModel.VocabSize)
	if err != nil {
		return err.Error(), false
	}
	return fmt.Sprintf("%s with valid_fraction %s and poc_model.vocab_size %d, which give %s",
		p.RTarget, p.ValidFraction, p.PocModel.VocabSize, want), false
}

// fraudCanBeFound asks that a sample of which nothing is valid is fraud: otherwise
// chance explains every sample, and no verdict could be.
func fraudCanBeFound(p Params) (string, bool) {
	mismatch, err := fixed.Parse(p.PMismatch)
	if err != nil {
		return err.Error(), false
	}
	threshold, err := fixed.Parse(p.FraudThreshold)
	if err != nil {
		return err.Error(), false
	}
	least := p.SampleSize
	for {
		limit, err := poc.FraudLimit(least, mismatch, threshold)
		if err != nil {
			return err.Error(), false
		}
		if limit <= least {
			break
		}
		// Below ½ and from 10⁻¹⁸ on, 60 leaves are enough.
		least++
	}
	return fmt.Sprintf("%d with p_mismatch %s and fraud_threshold %s, which need %d",
		p.SampleSize, p.PMismatch, p.FraudThreshold, least), least == p.SampleSize
}

// fractionsAround returns the fractions that lie within a radius less and plus the
// tolerance.
func fractionsAround(rTarget string, outputs uint64) (fewer, more fixed.Dec, err error) {
	r, err := fixed.Parse(rTarget)
	if err != nil {
		return 0, 0, err
	}
	if fewer, err = fixed.FractionFromRTarget(r-min(r, rTargetTolerance), outputs); err != nil {
		return 0, 0, err
	}
	more, err = fixed.FractionFromRTarget(r+rTargetTolerance, outputs)
	return fewer, more, err
}

// Validate returns the first error of the table's order, then of the rules': an
// ErrParam that names the parameter, what is legal, and the value found.
func (p Params) Validate() error {
	for _, e := range table() {
		if !e.legal(p) {
			return fmt.Errorf("%w: %s, got %q", ErrParam, e.row().Error, e.show(p))
		}
	}
	for _, rule := range Rules() {
		if got, ok := rule.holds(p); !ok {
			return fmt.Errorf("%w: %s, got %s", ErrParam, rule.Error, got)
		}
	}
	return nil
}
