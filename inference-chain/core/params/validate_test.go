package params_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	"pgregory.net/rapid"
)

func parse(t require.TestingT, text string) uint64 {
	value, err := fixed.Parse(text)
	require.NoError(t, err)
	return uint64(value)
}

// follow sets r_target and cq to what valid_fraction and the outputs give, where
// they give anything.
func follow(p *params.Params) {
	fraction, _ := fixed.Parse(p.ValidFraction)
	if r, err := fixed.RTargetFromFraction(fraction, p.PocModel.VocabSize); err == nil {
		p.RTarget = r.String()
		p.Cq, _ = fixed.CqFromRTarget(p.RTarget)
	}
}

func TestLimitsHoldExactly(t *testing.T) {
	cases := []struct {
		name      string
		set       func(*params.Params, uint64)
		low, high uint64
	}{
		{"poc_exchange_blocks", func(p *params.Params, v uint64) { p.PocExchangeBlocks = v }, 2, 1_000_000},
		{"poc_validation_exchange_blocks", func(p *params.Params, v uint64) { p.PocValidationExchangeBlocks = v }, 4, 1_000_000},
		{"model_loading_blocks", func(p *params.Params, v uint64) { p.ModelLoadingBlocks = v }, 3, 1_000_000},
		{"lanes", func(p *params.Params, v uint64) { p.Lanes = v }, 1, 64},
		{"sample_size", func(p *params.Params, v uint64) {
			p.SampleSize, p.PMismatch, p.FraudThreshold = v, "0.0005", "0.001"
		}, 1, 1_000},
		{"seats_per_host", func(p *params.Params, v uint64) { p.SeatsPerHost = v }, 1, 128},
		{"min_host_nonces", func(p *params.Params, v uint64) { p.MinHostNonces = v }, 1, math.MaxUint32},
		{"max_nonces_per_node", func(p *params.Params, v uint64) { p.MaxNoncesPerNode = v }, 1, math.MaxUint32},
		{"free_messages_per_stage", func(p *params.Params, v uint64) { p.FreeMessagesPerStage = v }, 16, 1_000_000},
		{"max_supply", func(p *params.Params, v uint64) { p.MaxSupply = v }, 1, math.MaxInt64},
		{"initial_epoch_subsidy", func(p *params.Params, v uint64) { p.InitialEpochSubsidy = v }, 1, math.MaxInt64},
		{"max_validators", func(p *params.Params, v uint64) { p.MaxValidators = v }, 1, 10_000},
		{"epoch_retention", func(p *params.Params, v uint64) { p.EpochRetention = v }, 3, 1_000_000},
		{"poc_model.seq_len", func(p *params.Params, v uint64) { p.PocModel.SeqLen = v }, 8, 1_024},
		{"poc_model.vocab_size", func(p *params.Params, v uint64) {
			p.PocModel.VocabSize = v
			follow(p)
		}, 256, 131_072},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			for value, legal := range map[uint64]bool{
				tc.low - 1: false, tc.low: true, tc.low + 1: true,
				tc.high - 1: true, tc.high: true, tc.high + 1: false,
			} {
				p := params.Default()
				p.InferenceBlocks = 10_000_000
				tc.set(&p, value)
				requireVerdict(t, p, legal, tc.name, strconv.FormatUint(value, 10))
			}
		})
	}
}

func requireVerdict(t require.TestingT, p params.Params, legal bool, name, value string) {
	err := p.Validate()
	if legal {
		require.NoError(t, err, "%s = %s", name, value)
		return
	}
	require.ErrorIs(t, err, params.ErrParam)
	require.ErrorContains(t, err, ": "+name+" must ")
	require.ErrorContains(t, err, "got")
	require.ErrorContains(t, err, value)
}

func TestFractionsHoldTheirEnds(t *testing.T) {
	validFraction := func(p *params.Params, v string) {
		p.ValidFraction = v
		follow(p)
	}
	mismatch := func(p *params.Params, v string) { p.PMismatch = v }
	threshold := func(p *params.Params, v string) { p.FraudThreshold = v }
	bonus := func(p *params.Params, v string) { p.CoverageBonus = v }
	decay := func(p *params.Params, v string) { p.DecayFactor = v }
	cases := []struct {
		name  string
		set   func(*params.Params, string)
		value string
		legal bool
	}{
		{"valid_fraction", validFraction, "0.000999999999999999", false},
		{"valid_fraction", validFraction, "0.001", true},
		{"valid_fraction", validFraction, "0.49", true},
		{"valid_fraction", validFraction, "0.490000000000000001", false},
		{"p_mismatch", mismatch, "0", false},
		{"p_mismatch", mismatch, "0.000000000000000001", true},
		{"p_mismatch", mismatch, "0.499999999999999999", true},
		{"p_mismatch", mismatch, "0.5", false},
		{"fraud_threshold", threshold, "0.000", false},
		{"fraud_threshold", threshold, "0.01", false},
		{"fraud_threshold", threshold, "0.009999999999999999", true},
		{"coverage_bonus", bonus, "0", true},
		{"coverage_bonus", bonus, "1.000000000000000000", true},
		{"coverage_bonus", bonus, "1.000000000000000001", false},
		{"coverage_bonus", bonus, "-0.1", false},
		{"coverage_bonus", bonus, "10%", false},
		{"coverage_bonus", bonus, "", false},
		{"decay_factor", decay, "0", false},
		{"decay_factor", decay, "1", true},
		{"decay_factor", decay, "1.1", false},
	}
	for _, tc := range cases {
		t.Run(tc.name+" "+tc.value, func(t *testing.T) {
			p := params.Default()
			tc.set(&p, tc.value)
			requireVerdict(t, p, tc.legal, tc.name, tc.value)
		})
	}
}

func TestRulesBetweenParametersNameBothSides(t *testing.T) {
	cases := []struct {
		name   string
		change func(*params.Params)
		want   string // "" when legal
	}{
		{"inference as long as the PoC period", func(p *params.Params) { p.InferenceBlocks = 25 }, ""},
		{
			"inference one block shorter", func(p *params.Params) { p.InferenceBlocks = 24 },
			"inference_blocks must be at least the PoC period, poc_exchange_blocks + poc_validation_exchange_blocks + model_loading_blocks + 5, got 24 against 25",
		},
		{"allocation as long as inference", func(p *params.Params) { p.AllocationBlocks = 35 }, ""},
		{
			"allocation one block longer", func(p *params.Params) { p.AllocationBlocks = 36 },
			"allocation_blocks must be at most inference_blocks, got 36 against 35",
		},
		{"heads that do not divide dim", func(p *params.Params) { p.PocModel.NHeads = 3 }, "got 3 of 128"},
		{"heads of 16", func(p *params.Params) { p.PocModel.NHeads = 8 }, "into heads of a width in [32, 1024], got 8 of 128"},
		{"heads of 1024", func(p *params.Params) { p.PocModel.Dim, p.PocModel.NHeads = 2048, 2 }, ""},
		{"heads of 1025", func(p *params.Params) { p.PocModel.Dim, p.PocModel.NHeads = 2050, 2 }, "got 2 of 2050"},
		{
			"kv heads that do not divide heads", func(p *params.Params) { p.PocModel.NKvHeads = 3 },
			"poc_model.n_kv_heads must divide poc_model.n_heads, got 3 of 4",
		},
		{"more kv heads than heads", func(p *params.Params) { p.PocModel.NKvHeads = 8 }, "got 8 of 4"},
		{"an FFN at the limit", func(p *params.Params) {
			p.PocModel.FfnDimMultiplier, p.PocModel.MultipleOf = "1", 131_072
		}, ""},
		{
			"an FFN beyond it", func(p *params.Params) { p.PocModel.Dim, p.PocModel.FfnDimMultiplier, p.PocModel.NHeads = 4096, "16", 4 },
			"poc_model.ffn_dim_multiplier must give an FFN width in [64, 131072], got 16, a width of 174784",
		},
		{"an FFN of nothing", func(p *params.Params) { p.PocModel.FfnDimMultiplier = "0.000000000000000001" }, "a width of 0"},
		{
			"cq one too high", func(p *params.Params) { p.Cq++ },
			"got 172063946 with r_target 1.38559607450829, which gives 172063945",
		},
		{"cq one too low", func(p *params.Params) { p.Cq-- }, "which gives 172063945"},
		{"the radius written longer", func(p *params.Params) { p.RTarget = "1.385596074508290000" }, ""},
		{"another fraction with the same radius", func(p *params.Params) { p.ValidFraction = "0.11" }, "got 1.38559607450829 with valid_fraction 0.11 and poc_model.vocab_size 1024, which give 1.38683596714061"},
		{"the fraction of another radius", func(p *params.Params) { p.ValidFraction = "0.001" }, "which give 1.3443099788492"},
		{"other outputs with the same radius", func(p *params.Params) { p.PocModel.VocabSize = 8196 }, "poc_model.vocab_size 8196, which give 1.404167789991"},
		{"one output more", func(p *params.Params) { p.PocModel.VocabSize++ }, "r_target must lie within 10^-9"},
		{"the fraction written longer", func(p *params.Params) { p.ValidFraction = "0.100000000000000000" }, ""},
		{"another fraction with its own radius", func(p *params.Params) {
			p.ValidFraction = "0.2"
			follow(p)
		}, ""},
		{"a radius without a positive cq", func(p *params.Params) { p.RTarget = "1.5" }, "cq must be"},
		{"a radius of two", func(p *params.Params) { p.RTarget = "2" }, "r_target must be a decimal of at most 18 digits in (0, 2)"},
		{"a sample that is fraud at best as a whole", func(p *params.Params) { p.SampleSize = 3 }, ""},
		{
			"a sample that chance explains whatever is in it", func(p *params.Params) { p.SampleSize = 2 },
			"sample_size must be so large that a sample of which nothing is valid is fraud, with p_mismatch^sample_size below fraud_threshold, got 2 with p_mismatch 0.0005 and fraud_threshold 0.0000001, which need 3",
		},
		{"chance exactly at the threshold", func(p *params.Params) {
			p.SampleSize, p.PMismatch, p.FraudThreshold = 3, "0.2", "0.008"
		}, "which need 4"},
		{"the worst hardware and the rarest chance", func(p *params.Params) {
			p.SampleSize, p.PMismatch, p.FraudThreshold = 59, "0.499999999999999999", "0.000000000000000001"
		}, "which need 60"},
		{"another kind", func(p *params.Params) { p.PocKind = "SERVED_MODEL" }, `poc_kind must be EXACT8, got "SERVED_MODEL"`},
		{"no version", func(p *params.Params) { p.PocVersion = 0 }, "poc_version must lie in"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := params.Testnet()
			tc.change(&p)
			err := p.Validate()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, params.ErrParam)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestFraudCanBeFoundWhereAWholeSampleOfItIsRarerThanTheThreshold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params.Default()
		p.SampleSize = rapid.Uint64Range(1, 70).Draw(t, "sample")
		mismatch := fixed.Dec(rapid.Uint64Range(1, uint64(fixed.One)/2-1).Draw(t, "mismatch"))
		threshold := fixed.Dec(rapid.Uint64Range(1, uint64(fixed.One)/100-1).Draw(t, "threshold"))
		p.PMismatch, p.FraudThreshold = mismatch.String(), threshold.String()
		chance, one := big.NewRat(1, 1), int64(fixed.One)
		for range p.SampleSize {
			chance.Mul(chance, big.NewRat(int64(mismatch), one))
		}
		rare := chance.Cmp(big.NewRat(int64(threshold), one)) < 0
		requireVerdict(t, p, rare, "sample_size", p.PMismatch)
	})
}

func TestARadiusHoldsItsFractionToTheTolerance(t *testing.T) {
	const tolerance = 1_000_000_000 // 10⁻⁹
	rapid.Check(t, func(t *rapid.T) {
		p := params.Default()
		p.ValidFraction = fixed.Dec(rapid.Uint64Range(uint64(fixed.One)/1000, uint64(fixed.One)/100*49).Draw(t, "fraction")).String()
		p.PocModel.VocabSize = rapid.Uint64Range(fixed.MinOutputs, fixed.MaxOutputs).Draw(t, "outputs")
		follow(&p)
		radius := parse(t, p.RTarget)
		// Fractions are known to 10⁻¹⁸, and radii therefore to 10⁻¹⁶ or better.
		const unsure = 100
		for r, legal := range map[uint64]bool{
			radius: true, radius - tolerance + unsure: true, radius + tolerance - unsure: true,
			radius - tolerance - unsure: false, radius + tolerance + unsure: false,
		} {
			p.RTarget = fixed.Dec(r).String()
			p.Cq, _ = fixed.CqFromRTarget(p.RTarget)
			requireVerdict(t, p, legal, "r_target", p.RTarget)
		}
	})
}

func TestEveryRuleSpeaksOfAParameterOfTheTable(t *testing.T) {
	names := map[string]bool{}
	for _, row := range params.Rows() {
		names[row.Name] = true
	}
	for _, rule := range params.Rules() {
		require.True(t, names[rule.Name], rule.Name)
		require.True(t, strings.HasPrefix(rule.Error, rule.Name+" must "), rule.Error)
	}
}

func TestNoValuesMakeValidatePanic(t *testing.T) {
	number := rapid.OneOf(rapid.Uint64Range(0, 200), rapid.Uint64())
	rapid.Check(t, func(t *rapid.T) {
		p := params.Default()
		p.PocExchangeBlocks = number.Draw(t, "exchange")
		p.ModelLoadingBlocks = number.Draw(t, "loading")
		p.InferenceBlocks = number.Draw(t, "inference")
		p.AllocationBlocks = number.Draw(t, "allocation")
		p.RTarget = rapid.StringMatching(`[0-2]?\.?[0-9]{0,19}`).Draw(t, "r_target")
		p.PocModel = params.PocModel{
			Dim:              number.Draw(t, "dim"),
			NLayers:          number.Draw(t, "layers"),
			NHeads:           number.Draw(t, "heads"),
			NKvHeads:         number.Draw(t, "kv heads"),
			VocabSize:        number.Draw(t, "vocab"),
			FfnDimMultiplier: rapid.String().Draw(t, "multiplier"),
			MultipleOf:       number.Draw(t, "multiple"),
			SeqLen:           number.Draw(t, "positions"),
		}
		if err := p.Validate(); err != nil {
			require.ErrorIs(t, err, params.ErrParam)
		}
		_, err := p.PocModel.FFNWidth()
		require.True(t, err == nil || p.Validate() != nil)
	})
	require.ErrorIs(t, params.Params{}.Validate(), params.ErrParam)
}

func TestLegalLengthsAlwaysGiveHeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := params.Default()
		p.PocExchangeBlocks = rapid.Uint64Range(2, 1_000_000).Draw(t, "exchange")
		p.PocValidationExchangeBlocks = rapid.Uint64Range(4, 1_000_000).Draw(t, "validation")
		p.ModelLoadingBlocks = rapid.Uint64Range(3, 1_000_000).Draw(t, "loading")
		p.InferenceBlocks = rapid.Uint64Range(14, 10_000_000).Draw(t, "inference")
		if p.Validate() != nil {
			require.True(t, p.InferenceBlocks < p.Lengths().PocPeriod() || p.AllocationBlocks > p.InferenceBlocks)
			return
		}
		_, err := epoch.Open(1<<62, p.Lengths())
		require.NoError(t, err)
	})
}

func TestTheSameProofIsJudgedByValue(t *testing.T) {
	cases := []struct {
		name   string
		change func(*params.Params)
		same   bool
	}{
		{"nothing changed", func(*params.Params) {}, true},
		{"decimals written longer", func(p *params.Params) {
			p.RTarget += "0"
			p.PocModel.FfnDimMultiplier = "10.0"
		}, true},
		{"what does not touch the work", func(p *params.Params) { p.InferenceBlocks, p.SampleSize = 20_000, 100 }, true},
		{"another generation length", func(p *params.Params) { p.PocExchangeBlocks++ }, false},
		{"other lanes", func(p *params.Params) { p.Lanes = 8 }, false},
		{"another radius", func(p *params.Params) { p.RTarget = "1.4" }, false},
		{"another version", func(p *params.Params) { p.PocVersion = 2 }, false},
		{"another kind", func(p *params.Params) { p.PocKind = "OTHER" }, false},
		{"another network", func(p *params.Params) { p.PocModel.SeqLen = 256 }, false},
		{"another multiplier", func(p *params.Params) { p.PocModel.FfnDimMultiplier = "9" }, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := params.Default()
			tc.change(&p)
			require.Equal(t, tc.same, params.Default().SameProof(p))
			require.Equal(t, tc.same, p.SameProof(params.Default()))
		})
	}
}
