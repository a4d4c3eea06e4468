package app

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAChainStartsWithItsFoundingHosts(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.until(3)
	require.Equal(t, uint64(0), n.clock().Effective)
	require.Len(t, n.sets[0], 4)
}

func TestWithoutProofsAnEpochIsAbandonedAndTheChainGoesOn(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.until(130)
	require.Equal(t, uint64(0), n.clock().Effective)
	require.Equal(t, uint64(2), n.clock().Opened)
	require.NotEmpty(t, n.epoch(1).AbandonedReason)
	require.Len(t, n.sets[0], 4)
}
