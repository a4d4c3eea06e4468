package types

import "cosmossdk.io/collections"

// ModuleName names the module, its store and its part of genesis.
const (
	ModuleName = "validators"
	StoreKey   = ModuleName
)

// Prefixes of the collections; none is ever used for something else.
var (
	PrefixValidators         = collections.NewPrefix(1)
	PrefixConsensusAddresses = collections.NewPrefix(2)
	PrefixPeriodJails        = collections.NewPrefix(3)
	PrefixPeriod             = collections.NewPrefix(4)
	PrefixChanged            = collections.NewPrefix(5)
	PrefixExpiry             = collections.NewPrefix(6)
)

// ConsensusKeySize is the length of an Ed25519 public key, in bytes.
const ConsensusKeySize = 32
