package keeper

import (
	"cosmossdk.io/collections"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"

	"ninefold.dev/inference-chain/x/validators/types"
)

// Keys of the collections. Addresses are raw bytes.
type (
	byOperator       = []byte
	byConsensusKey   = []byte // consensus address, 20 bytes
	byPeriodOperator = collections.Pair[uint64, []byte]
	byHeightKey      = collections.Pair[int64, []byte]
)

// State is everything the module stores.
type State struct {
	Schema collections.Schema

	// Validators are the hosts in the set, and those that left it not long ago.
	Validators collections.Map[byOperator, types.Validator]
	// ConsensusAddresses knows every key, also old ones, for as long as evidence
	// against it may come.
	ConsensusAddresses collections.Map[byConsensusKey, types.ConsensusAddress]
	// PeriodJails is the jailed time in ended periods; no row means none.
	PeriodJails collections.Map[byPeriodOperator, uint64]
	Period      collections.Item[types.Period]

	// Changed holds the keys of which CometBFT may have to be told something at
	// the end of the block. Derived: not exported.
	Changed collections.KeySet[byConsensusKey]
	// Expiry orders retired keys by the height until which they are kept.
	// Derived: not exported.
	Expiry collections.KeySet[byHeightKey]
}

// NewState lays the collections over a store.
func NewState(service store.KVStoreService, cdc codec.BinaryCodec) (State, error) {
	sb := collections.NewSchemaBuilder(service)
	periodOperator := collections.PairKeyCodec(collections.Uint64Key, collections.BytesKey)
	heightKey := collections.PairKeyCodec(collections.Int64Key, collections.BytesKey)
	s := State{
		Validators:         collections.NewMap(sb, types.PrefixValidators, "validators", collections.BytesKey, codec.CollValue[types.Validator](cdc)),
		ConsensusAddresses: collections.NewMap(sb, types.PrefixConsensusAddresses, "consensus_addresses", collections.BytesKey, codec.CollValue[types.ConsensusAddress](cdc)),
		PeriodJails:        collections.NewMap(sb, types.PrefixPeriodJails, "period_jails", periodOperator, collections.Uint64Value),
		Period:             collections.NewItem(sb, types.PrefixPeriod, "period", codec.CollValue[types.Period](cdc)),
		Changed:            collections.NewKeySet(sb, types.PrefixChanged, "changed", collections.BytesKey),
		Expiry:             collections.NewKeySet(sb, types.PrefixExpiry, "expiry", heightKey),
	}
	schema, err := sb.Build()
	if err != nil {
		return State{}, err
	}
	s.Schema = schema
	return s, nil
}
