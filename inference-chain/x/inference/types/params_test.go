package types

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/params"
)

func TestParametersSurviveTheWayThroughCore(t *testing.T) {
	for name, preset := range map[string]params.Params{"production": params.Default(), "testnet": params.Testnet()} {
		t.Run(name, func(t *testing.T) {
			written := ParamsFromCore(preset)
			require.NoError(t, written.Validate())
			read, err := written.Core()
			require.NoError(t, err)
			require.Equal(t, preset, read)
		})
	}
}

func TestEveryParameterCrossesToCoreAndBack(t *testing.T) {
	var preset params.Params
	fill(reflect.ValueOf(&preset).Elem(), new(uint64))
	preset.PocKind = "EXACT8"
	read, err := ParamsFromCore(preset).Core()
	require.NoError(t, err)
	require.Equal(t, preset, read, "every field has a value of its own, so none can be swapped or forgotten")
}

// fill gives every field a value of its own.
func fill(value reflect.Value, next *uint64) {
	*next++
	switch value.Kind() {
	case reflect.Struct:
		for i := range value.NumField() {
			fill(value.Field(i), next)
		}
	case reflect.String:
		value.SetString("0." + string(rune('a'+*next%26)) + string(rune('a'+*next/26)))
	case reflect.Bool:
		value.SetBool(true)
	default:
		value.SetUint(*next)
	}
}
