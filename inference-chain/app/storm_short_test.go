package app

import (
	"strings"
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
	require.Positive(t, s.refused[refusalOf(inference.ErrServingInactive)])
	for _, url := range inactive() {
		require.Zero(t, s.accepted[url], url)
	}
}

// TestNoErrorsTextHoldsThatOfAnother is what the storm tells the errors of proposals
// apart by.
func TestNoErrorsTextHoldsThatOfAnother(t *testing.T) {
	known := sentinels(t)
	for i, its := range known {
		for j, other := range known {
			require.False(t, i != j && strings.Contains(its.err.Error(), other.err.Error()), "%q holds %q", its.err, other.err)
		}
	}
}

// TestWhatNoMessageMeetsAnotherTestMeets holds the list of the errors that the storm
// need not meet.
func TestWhatNoMessageMeetsAnotherTestMeets(t *testing.T) {
	names := map[refusal]string{}
	for _, known := range sentinels(t) {
		names[refusalOf(known.err)] = known.name
	}
	for key, row := range unmet {
		require.NotEmpty(t, names[key], "%v is registered in no errors.go", key)
		test := testFunctions(t, key.codespace)[row.test]
		require.NotNil(t, test, "x/%s has no %s", key.codespace, row.test)
		require.True(t, mentions(test, names[key]), "%s does not meet %s", row.test, names[key])
	}
}

// TestEveryMessageHasAFuzzTarget holds the names alone; that each is delivered in
// every stage is for the targets.
func TestEveryMessageHasAFuzzTarget(t *testing.T) {
	var urls []string
	for _, message := range messageTypes() {
		urls = append(urls, message.url)
		require.NotNil(t, testFunctions(t, message.module)["Fuzz"+message.name], "x/%s has no Fuzz%s", message.module, message.name)
	}
	require.Subset(t, urls, inactive())
}
