package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// TestRandomMessagesKeepTheSupplyAndTheHash is a short storm. What 10,000 blocks
// must have seen is asked of them alone.
func TestRandomMessagesKeepTheSupplyAndTheHash(t *testing.T) {
	s := newStorm(t, 1)
	for s.height < 130 {
		s.turn()
		s.check()
	}
	s.replay(2)
	require.Positive(t, s.clock().Effective, "an epoch became effective")
	require.Positive(t, s.accepted[types.MsgTypeURL(&inference.MsgSubmitPocValidation{})])
	require.NotEmpty(t, s.refused)
}

// TestTheStormKnowsEverySentinel counts the errors that the module registers, so that
// a new one cannot stay out of the table.
func TestTheStormKnowsEverySentinel(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../x/inference/types/errors.go", nil, 0)
	require.NoError(t, err)
	registered := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if call, is := n.(*ast.CallExpr); is {
			if name, is := call.Fun.(*ast.SelectorExpr); is && name.Sel.Name == "Register" {
				registered++
			}
		}
		return true
	})
	codes := map[uint32]bool{}
	for _, known := range sentinels() {
		codes[known.ABCICode()] = true
	}
	require.Len(t, codes, registered)
}
