package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"ninefold.dev/inference-chain/app"
)

func TestANewNetworkBoundsTheGasOfItsBlocks(t *testing.T) {
	h := newHome(t)
	_, err := h.run("init", "one")
	require.NoError(t, err)
	genesis, err := genutiltypes.AppGenesisFromFile(filepath.Join(h.dir, "config", "genesis.json"))
	require.NoError(t, err)
	require.Equal(t, int64(app.MaxBlockGas), genesis.Consensus.Params.Block.MaxGas)
}
