package app

import (
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
