package app

import (
	"os"
	"path/filepath"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/version"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// Facts of the chain that every program which talks to it shares.
const (
	// Name is the name of the program.
	Name = "inferenced"
	// DefaultChainID is the chain id of a network on one machine.
	DefaultChainID = "ninefold-local-1"
	// BaseDenom is the only coin: 10^-6 NINE.
	BaseDenom = inference.BaseDenom
	// Bech32Prefix starts every account address.
	Bech32Prefix = "nine"
	// DefaultMinGasPrice is what a fresh node asks for a unit of gas.
	DefaultMinGasPrice = "0.025" + BaseDenom
	// coinType is the derivation path of accounts, the one all Cosmos wallets know.
	coinType = 118
)

// Prefixes of the other addresses.
const (
	validatorPrefix = Bech32Prefix + sdk.PrefixValidator + sdk.PrefixOperator
	consensusPrefix = Bech32Prefix + sdk.PrefixValidator + sdk.PrefixConsensus
)

// The SDK reads prefix, denomination and names from its own globals, also when it writes
// defaults of modules that know nothing of this chain.
func init() {
	config := sdk.GetConfig()
	config.SetBech32PrefixForAccount(Bech32Prefix, Bech32Prefix+sdk.PrefixPublic)
	config.SetBech32PrefixForValidator(validatorPrefix, validatorPrefix+sdk.PrefixPublic)
	config.SetBech32PrefixForConsensusNode(consensusPrefix, consensusPrefix+sdk.PrefixPublic)
	config.SetCoinType(coinType)
	sdk.DefaultBondDenom = BaseDenom
	version.Name, version.AppName = "ninefold", Name
	if version.Version == "" {
		version.Version = "dev"
	}
}

// DefaultHome is where a node keeps its files unless told otherwise: ~/.inferenced.
func DefaultHome() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return "." + Name
	}
	return filepath.Join(home, "."+Name)
}
