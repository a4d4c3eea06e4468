package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryLineIsAnsweredInOrder(t *testing.T) {
	var out bytes.Buffer
	in := `{"op":"fixed.floor","cases":[[7,3,2],[1,1,0],[18446744073709551615,18446744073709551615,18446744073709551615]]}
{"op":"price.next","cases":[[49,1,1]]}
{"op":"draw.jury","cases":[[1,2,4,0,5,5]]}
`
	require.NoError(t, serve(strings.NewReader(in), &out))
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 3)
	require.JSONEq(t, `{"results":[[10],null,[18446744073709551615]]}`, lines[0])
	require.JSONEq(t, `{"results":[[50]]}`, lines[1])
	require.JSONEq(t, `{"results":[[5,1,4]]}`, lines[2])
}

func TestWhatCannotBeAnsweredEndsTheProgram(t *testing.T) {
	for name, in := range map[string]string{
		"not JSON":         "nonsense",
		"a negative":       `{"op":"fixed.floor","cases":[[-1,3,2]]}`,
		"beyond 64 bits":   `{"op":"fixed.floor","cases":[[18446744073709551616,3,2]]}`,
		"unknown":          `{"op":"fixed.round","cases":[]}`,
		"too few operands": `{"op":"fixed.floor","cases":[[1,2]]}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, serve(strings.NewReader(in), new(bytes.Buffer)))
		})
	}
}

func TestEveryOperationRefusesNothingButTooFewOperands(t *testing.T) {
	for name, of := range operations() {
		t.Run(name, func(t *testing.T) {
			answered, err := answer(request{Op: name, Cases: [][]uint64{make([]uint64, of.least)}})
			require.NoError(t, err)
			require.Len(t, answered.Results, 1)
		})
	}
}
