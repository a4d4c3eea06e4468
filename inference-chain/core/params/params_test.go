package params_test

import (
	"encoding/json"
	"math/big"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
)

func TestPresetsAreLegal(t *testing.T) {
	require.NoError(t, params.Default().Validate())
	require.NoError(t, params.Testnet().Validate())
}

func TestTheTestnetTurnsAnEpochInSixtyBlocks(t *testing.T) {
	p := params.Testnet()
	require.Equal(t, epoch.Lengths{
		PocExchange: 8, PocValidationExchange: 8, ModelLoading: 4, Inference: 35,
	}, p.Lengths())
	require.Equal(t, uint64(60), p.Lengths().Cycle())
	require.Equal(t, uint64(4), p.MinHostNonces)
	require.Equal(t, uint64(100_000), p.MaxNoncesPerNode)
	require.Equal(t, uint64(4), p.AllocationBlocks)
	require.Equal(t, params.PocModel{
		Dim: 128, NLayers: 3, NHeads: 4, NKvHeads: 2, VocabSize: 1024,
		FfnDimMultiplier: "1", MultipleOf: 64, SeqLen: 32,
	}, p.PocModel)
}

func TestTheTestnetDiffersFromProductionOnlyInSizeAndTime(t *testing.T) {
	production, testnet := params.Default().Values(), params.Testnet().Values()
	var differ []string
	for i, row := range params.Rows() {
		require.Equal(t, row.Default, production[i])
		require.Equal(t, row.Testnet, testnet[i])
		if production[i] != testnet[i] {
			differ = append(differ, row.Name)
		}
	}
	require.Equal(t, []string{
		"poc_exchange_blocks", "poc_validation_exchange_blocks", "model_loading_blocks", "inference_blocks",
		"poc_model.dim", "poc_model.n_layers", "poc_model.n_heads", "poc_model.n_kv_heads",
		"poc_model.vocab_size", "poc_model.ffn_dim_multiplier", "poc_model.multiple_of", "poc_model.seq_len",
		"r_target", "cq", "min_host_nonces", "max_nonces_per_node", "allocation_blocks",
	}, differ)
}

// TestTheTableDescribesEveryFieldOnce changes one field after the other and looks
// which row shows it.
func TestTheTableDescribesEveryFieldOnce(t *testing.T) {
	rows := params.Rows()
	blank := params.Params{}.Values()
	var described []string
	eachField(new(params.Params), "", func(p *params.Params, name string, field reflect.Value) {
		switch field.Kind() {
		case reflect.Uint64:
			field.SetUint(77)
		case reflect.String:
			field.SetString("seventy-seven")
		case reflect.Bool:
			field.SetBool(true)
		default:
			t.Fatalf("%s has a kind that no row shows: %s", name, field.Kind())
		}
		var shown []string
		for i, value := range p.Values() {
			if value != blank[i] {
				shown = append(shown, rows[i].Name)
			}
		}
		require.Equal(t, []string{name}, shown)
		described = append(described, name)
		field.SetZero()
	})
	require.Len(t, rows, len(described))
}

func eachField(p *params.Params, prefix string, visit func(*params.Params, string, reflect.Value)) {
	var walk func(value reflect.Value, prefix string)
	walk = func(value reflect.Value, prefix string) {
		for i := range value.NumField() {
			name := prefix + jsonName(value.Type().Field(i))
			if value.Field(i).Kind() == reflect.Struct {
				walk(value.Field(i), name+".")
				continue
			}
			visit(p, name, value.Field(i))
		}
	}
	walk(reflect.ValueOf(p).Elem(), prefix)
}

func jsonName(field reflect.StructField) string {
	tag := field.Tag.Get("json")
	for i, c := range tag {
		if c == ',' {
			return tag[:i]
		}
	}
	return tag
}

func TestParamsReadBackFromJSON(t *testing.T) {
	text, err := json.Marshal(params.Testnet())
	require.NoError(t, err)
	require.Contains(t, string(text), `"max_supply":"1000000000000000"`, "64-bit integers are decimal strings")
	var back params.Params
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, params.Testnet(), back)
}

func TestRowsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range params.Rows() {
		require.False(t, seen[row.Name], row.Name)
		seen[row.Name] = true
		require.NotEmpty(t, row.Unit, row.Name)
		require.NotEmpty(t, row.Range, row.Name)
		require.Contains(t, row.Error, row.Name)
		require.Contains(t, row.Error, row.Range)
		require.Equal(t, byte('.'), row.Doc[len(row.Doc)-1], row.Name)
	}
}

func TestFFNWidthsOfThePublishedShapes(t *testing.T) {
	cases := []struct {
		name  string
		model params.PocModel
		want  uint64
	}{
		{"MODEL_PARAMS", params.Default().PocModel, 28_672},
		{"MODEL_PARAMS_TEST", params.Testnet().PocModel, 384},
		{"MODEL_PARAMS_BIG", params.PocModel{Dim: 8192, FfnDimMultiplier: "1.3", MultipleOf: 4096}, 28_672},
		{"a width that is a multiple already", params.PocModel{Dim: 96, FfnDimMultiplier: "1", MultipleOf: 64}, 256},
		{"a fraction above a multiple is cut off", params.PocModel{Dim: 96, FfnDimMultiplier: "1.0039", MultipleOf: 64}, 256},
		{"one above a multiple", params.PocModel{Dim: 96, FfnDimMultiplier: "1.00390625", MultipleOf: 64}, 320},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got, err := tc.model.FFNWidth()
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestFFNWidthReportsWhatDoesNotFit(t *testing.T) {
	cases := []struct {
		name  string
		model params.PocModel
		want  error
	}{
		{"no decimal", params.PocModel{Dim: 128, FfnDimMultiplier: "x", MultipleOf: 64}, fixed.ErrDecimal},
		{"a multiple of nothing", params.PocModel{Dim: 128, FfnDimMultiplier: "1"}, fixed.ErrDivideByZero},
		{"8·dim/3 overflows", params.PocModel{Dim: 1 << 63, FfnDimMultiplier: "1", MultipleOf: 64}, fixed.ErrOverflow},
		{"the factor overflows", params.PocModel{Dim: 1 << 61, FfnDimMultiplier: "16", MultipleOf: 64}, fixed.ErrOverflow},
		{"rounding up overflows", params.PocModel{Dim: 1 << 62, FfnDimMultiplier: "1.4", MultipleOf: 1 << 63}, fixed.ErrOverflow},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := tc.model.FFNWidth()
			require.ErrorIs(t, err, tc.want)
		})
	}
}

// TestTheSubsidyHalvesInFourYears derives both constants again, by unbounded
// integers: the factor is the largest of 18 digits whose power over four years of
// blocks is at most a half, and the infinite sum is the largest up to 60 % of 10⁹ NINE.
func TestTheSubsidyHalvesInFourYears(t *testing.T) {
	const (
		fourYears = 4 * 36525 * 864 / 5 // blocks of 5 s in four years of 365.25 days
		one       = 1_000_000_000_000_000_000
		pool      = 600_000_000 * 1_000_000 // unine
	)
	require.Equal(t, 25_246_080, fourYears)
	cycle := params.Default().Lengths().Cycle()
	decay := parse(t, params.Default().DecayFactor)
	require.True(t, halves(decay, fourYears, cycle))
	require.False(t, halves(decay+1, fourYears, cycle))

	subsidy := params.Default().InitialEpochSubsidy
	sum := func(first uint64) *big.Int { // first/(1−d), rounded up
		numerator := new(big.Int).Mul(new(big.Int).SetUint64(first), big.NewInt(one))
		rest := new(big.Int).SetUint64(one - decay)
		return numerator.Add(numerator, rest).Sub(numerator, big.NewInt(1)).Quo(numerator, rest)
	}
	require.LessOrEqual(t, sum(subsidy).Cmp(big.NewInt(pool)), 0)
	require.Equal(t, 1, sum(subsidy+1).Cmp(big.NewInt(pool)))
}

// halves says whether (decay/10¹⁸)^blocks ≤ 2^−cycle, in 256-bit floating point:
// the two sides of the boundary differ by 10⁻¹⁴ of their value.
func halves(decay uint64, blocks, cycle uint64) bool {
	newFloat := func() *big.Float { return new(big.Float).SetPrec(256) }
	base := newFloat().Quo(newFloat().SetUint64(decay), newFloat().SetUint64(1_000_000_000_000_000_000))
	power := newFloat().SetInt64(1)
	for ; blocks > 0; blocks >>= 1 {
		if blocks&1 == 1 {
			power.Mul(power, base)
		}
		base.Mul(base, base)
	}
	return power.Cmp(newFloat().SetMantExp(big.NewFloat(1), -int(cycle))) <= 0
}
