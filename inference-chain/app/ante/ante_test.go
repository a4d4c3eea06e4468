package ante

import (
	"testing"

	"github.com/stretchr/testify/require"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// TestEveryFreeMessageNamesItsHost keeps the list of free messages and what this
// package can count from drifting apart.
func TestEveryFreeMessageNamesItsHost(t *testing.T) {
	registry := codectypes.NewInterfaceRegistry()
	inference.RegisterInterfaces(registry)
	for _, typeURL := range inference.FreeMessages() {
		msg, err := registry.Resolve(typeURL)
		require.NoError(t, err)
		_, free := hostOf(msg)
		require.True(t, free, typeURL)
	}
}

func TestAnOptionThatIsMissingIsRefused(t *testing.T) {
	_, err := NewHandler(Options{})
	require.Error(t, err)
}
