package app

import cmttypes "github.com/cometbft/cometbft/types"

// MaxBlockGas is what all transactions of a block may use together on a new network.
// Free messages cost their sender nothing, and refused ones do their work all the
// same: this is what bounds a block, whoever fills it. Governance may change it
// (x/consensus). BenchmarkFullBlock measures what such a block takes.
const MaxBlockGas = 200_000_000

// GenesisConsensusParams are CometBFT's parameters of a new network.
func GenesisConsensusParams() *cmttypes.ConsensusParams {
	params := cmttypes.DefaultConsensusParams()
	params.Block.MaxGas = MaxBlockGas
	return params
}
