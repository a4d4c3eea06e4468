package broker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
)

func TestAServerlessNodeIsNotRegisteredWhileTheBrokerRuns(t *testing.T) {
	b := newBench(t)
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("secret"), 0o600))
	spec := config.Node{ID: "rented", Kind: config.KindServerless, URL: "https://endpoint", KeyFile: key}
	require.NoError(t, spec.Check("node"))
	require.ErrorIs(t, b.RegisterNode(t.Context(), spec), ErrServerless)
	require.Empty(t, b.Snapshot().Nodes)
}
