package keeper

import (
	"cosmossdk.io/collections"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Keys of the collections. Addresses are raw bytes, so that "ascending address"
// means the same here, in core and in the simulator.
type (
	// byAddress is a host or developer.
	byAddress = []byte
	// byEpochAddress is a host's row of an epoch.
	byEpochAddress = collections.Pair[uint64, []byte]
	// byEpochModel is a model's row of an epoch.
	byEpochModel = collections.Pair[uint64, string]
	// byEpochAddressNode is a node's row of an epoch.
	byEpochAddressNode = collections.Triple[uint64, []byte, string]
	// byEpochModelAddress is a member's row of a group.
	byEpochModelAddress = collections.Triple[uint64, string, []byte]
	// byEpochAddressHolder is a seat holder's row of a judged host.
	byEpochAddressHolder = collections.Triple[uint64, []byte, []byte]
	// byEpochAddressNodeBatch is a batch's row.
	byEpochAddressNodeBatch = collections.Quad[uint64, []byte, string, uint64]
	// byEpochModelAddressNode is a node's row of a group.
	byEpochModelAddressNode = collections.Quad[uint64, string, []byte, string]
)

// Prefixes of the collections; none is ever used for something else. 12 held a row
// for each rank of a root group, where pages stand now.
var (
	prefixParams         = collections.NewPrefix(1)
	prefixClock          = collections.NewPrefix(2)
	prefixModels         = collections.NewPrefix(3)
	prefixParticipants   = collections.NewPrefix(4)
	prefixConsensusKeys  = collections.NewPrefix(5)
	prefixHardwareNodes  = collections.NewPrefix(6)
	prefixEpochs         = collections.NewPrefix(7)
	prefixRounds         = collections.NewPrefix(8)
	prefixEpochModels    = collections.NewPrefix(9)
	prefixEpochGroups    = collections.NewPrefix(10)
	prefixEpochMembers   = collections.NewPrefix(11)
	prefixEpochNodes     = collections.NewPrefix(13)
	prefixPocBatches     = collections.NewPrefix(14)
	prefixNodeClaims     = collections.NewPrefix(15)
	prefixHostClaims     = collections.NewPrefix(16)
	prefixVerdicts       = collections.NewPrefix(17)
	prefixJuryExclusions = collections.NewPrefix(18)
	prefixHostOutcomes   = collections.NewPrefix(19)
	prefixNodeOutcomes   = collections.NewPrefix(20)
	prefixJuryDuties     = collections.NewPrefix(21)
	prefixForfeits       = collections.NewPrefix(22)
	prefixTreasury       = collections.NewPrefix(23)
	prefixSettlements    = collections.NewPrefix(24)
	prefixSettleAmounts  = collections.NewPrefix(25)
	prefixUnclaimed      = collections.NewPrefix(26)
	prefixFormation      = collections.NewPrefix(27)
	prefixPrunes         = collections.NewPrefix(28)
	prefixQuotas         = collections.NewPrefix(29)
	prefixDevelopers     = collections.NewPrefix(30)
	prefixUnitPrices     = collections.NewPrefix(31)
	prefixUsedReceipts   = collections.NewPrefix(32)
	prefixServedTokens   = collections.NewPrefix(33)
	prefixMemberPages    = collections.NewPrefix(34)
	prefixFleetLoads     = collections.NewPrefix(35)
)

// State is everything the module stores.
type State struct {
	Schema collections.Schema

	Params collections.Item[types.Params]
	Clock  collections.Item[types.Clock]

	// Registries, not bound to an epoch.
	Models        collections.Map[string, types.Model]
	Participants  collections.Map[byAddress, types.Participant]
	ConsensusKeys collections.Map[[]byte, []byte] // consensus key → host, waiting keys included
	HardwareNodes collections.Map[collections.Pair[[]byte, string], types.HardwareNodeRow]
	FleetLoads    collections.Map[byAddress, types.FleetLoad]

	// Epochs and what they froze.
	Epochs       collections.Map[uint64, types.Epoch]
	Rounds       collections.Map[uint64, types.Round]
	EpochModels  collections.Map[byEpochModel, types.EpochModel]
	EpochGroups  collections.Map[byEpochModel, types.EpochGroup]
	EpochMembers collections.Map[byEpochModelAddress, types.EpochMember]
	MemberPages  collections.Map[collections.Pair[uint64, uint64], types.MemberPage] // (epoch, rank/membersPerPage) → root members
	EpochNodes   collections.Map[byEpochModelAddressNode, types.EpochNode]

	// Proofs and judgement.
	PocBatches     collections.Map[byEpochAddressNodeBatch, types.StoredPocBatch]
	NodeClaims     collections.Map[byEpochAddressNode, types.PocNodeClaims]
	HostClaims     collections.Map[byEpochAddress, types.PocHostClaims]
	Verdicts       collections.Map[byEpochAddressHolder, types.StoredVerdict]
	JuryExclusions collections.KeySet[byEpochAddress]
	HostOutcomes   collections.Map[byEpochAddress, types.HostOutcome]
	NodeOutcomes   collections.Map[byEpochAddressNode, types.NodeOutcome]
	JuryDuties     collections.Map[byEpochAddress, types.JuryDuty]

	// Rewards.
	Forfeits      collections.Map[byEpochAddress, types.Forfeit]
	Treasury      collections.Item[types.Treasury]
	Settlements   collections.Map[uint64, types.Settlement]
	SettleAmounts collections.Map[byEpochAddress, types.SettleAmount]
	Unclaimed     collections.KeySet[collections.Pair[[]byte, uint64]] // (host, epoch) not claimed yet

	// Cursors.
	Formation collections.Item[types.FormationCursor]
	Prunes    collections.Map[uint64, types.PruneCursor]

	// Free messages of the current stage.
	Quotas collections.Map[byAddress, types.Quota]

	// Serving; written once receipts are settled on the chain.
	Developers   collections.Map[byAddress, types.DeveloperAccount]
	UnitPrices   collections.Map[uint64, types.UnitPrice]
	UsedReceipts collections.Map[byEpochAddress, types.UsedReceipt] // (epoch, receipt hash)
	ServedTokens collections.Map[collections.Pair[int64, string], types.ServedTokens]
}

// NewState lays the collections over a store.
func NewState(service store.KVStoreService, cdc codec.BinaryCodec) (State, error) {
	sb := collections.NewSchemaBuilder(service)
	var (
		epoch            = collections.Uint64Key
		epochAddress     = collections.PairKeyCodec(collections.Uint64Key, collections.BytesKey)
		epochModel       = collections.PairKeyCodec(collections.Uint64Key, collections.StringKey)
		epochAddressNode = collections.TripleKeyCodec(collections.Uint64Key, collections.BytesKey, collections.StringKey)
		epochModelHost   = collections.TripleKeyCodec(collections.Uint64Key, collections.StringKey, collections.BytesKey)
		epochHostHolder  = collections.TripleKeyCodec(collections.Uint64Key, collections.BytesKey, collections.BytesKey)
		epochBatch       = collections.QuadKeyCodec(collections.Uint64Key, collections.BytesKey, collections.StringKey, collections.Uint64Key)
		epochGroupNode   = collections.QuadKeyCodec(collections.Uint64Key, collections.StringKey, collections.BytesKey, collections.StringKey)
	)
	s := State{
		Params: collections.NewItem(sb, prefixParams, "params", codec.CollValue[types.Params](cdc)),
		Clock:  collections.NewItem(sb, prefixClock, "clock", codec.CollValue[types.Clock](cdc)),

		Models:        collections.NewMap(sb, prefixModels, "models", collections.StringKey, codec.CollValue[types.Model](cdc)),
		Participants:  collections.NewMap(sb, prefixParticipants, "participants", collections.BytesKey, codec.CollValue[types.Participant](cdc)),
		ConsensusKeys: collections.NewMap(sb, prefixConsensusKeys, "consensus_keys", collections.BytesKey, collections.BytesValue),
		HardwareNodes: collections.NewMap(sb, prefixHardwareNodes, "hardware_nodes", collections.PairKeyCodec(collections.BytesKey, collections.StringKey), codec.CollValue[types.HardwareNodeRow](cdc)),
		FleetLoads:    collections.NewMap(sb, prefixFleetLoads, "fleet_loads", collections.BytesKey, codec.CollValue[types.FleetLoad](cdc)),

		Epochs:       collections.NewMap(sb, prefixEpochs, "epochs", epoch, codec.CollValue[types.Epoch](cdc)),
		Rounds:       collections.NewMap(sb, prefixRounds, "rounds", epoch, codec.CollValue[types.Round](cdc)),
		EpochModels:  collections.NewMap(sb, prefixEpochModels, "epoch_models", epochModel, codec.CollValue[types.EpochModel](cdc)),
		EpochGroups:  collections.NewMap(sb, prefixEpochGroups, "epoch_groups", epochModel, codec.CollValue[types.EpochGroup](cdc)),
		EpochMembers: collections.NewMap(sb, prefixEpochMembers, "epoch_members", epochModelHost, codec.CollValue[types.EpochMember](cdc)),
		MemberPages:  collections.NewMap(sb, prefixMemberPages, memberPages, collections.PairKeyCodec(epoch, collections.Uint64Key), codec.CollValue[types.MemberPage](cdc)),
		EpochNodes:   collections.NewMap(sb, prefixEpochNodes, "epoch_nodes", epochGroupNode, codec.CollValue[types.EpochNode](cdc)),

		PocBatches:     collections.NewMap(sb, prefixPocBatches, "poc_batches", epochBatch, codec.CollValue[types.StoredPocBatch](cdc)),
		NodeClaims:     collections.NewMap(sb, prefixNodeClaims, "node_claims", epochAddressNode, codec.CollValue[types.PocNodeClaims](cdc)),
		HostClaims:     collections.NewMap(sb, prefixHostClaims, "host_claims", epochAddress, codec.CollValue[types.PocHostClaims](cdc)),
		Verdicts:       collections.NewMap(sb, prefixVerdicts, "verdicts", epochHostHolder, codec.CollValue[types.StoredVerdict](cdc)),
		JuryExclusions: collections.NewKeySet(sb, prefixJuryExclusions, "jury_exclusions", epochAddress),
		HostOutcomes:   collections.NewMap(sb, prefixHostOutcomes, "host_outcomes", epochAddress, codec.CollValue[types.HostOutcome](cdc)),
		NodeOutcomes:   collections.NewMap(sb, prefixNodeOutcomes, "node_outcomes", epochAddressNode, codec.CollValue[types.NodeOutcome](cdc)),
		JuryDuties:     collections.NewMap(sb, prefixJuryDuties, "jury_duties", epochAddress, codec.CollValue[types.JuryDuty](cdc)),

		Forfeits:      collections.NewMap(sb, prefixForfeits, "forfeits", epochAddress, codec.CollValue[types.Forfeit](cdc)),
		Treasury:      collections.NewItem(sb, prefixTreasury, "treasury", codec.CollValue[types.Treasury](cdc)),
		Settlements:   collections.NewMap(sb, prefixSettlements, "settlements", epoch, codec.CollValue[types.Settlement](cdc)),
		SettleAmounts: collections.NewMap(sb, prefixSettleAmounts, "settle_amounts", epochAddress, codec.CollValue[types.SettleAmount](cdc)),
		Unclaimed:     collections.NewKeySet(sb, prefixUnclaimed, "unclaimed", collections.PairKeyCodec(collections.BytesKey, epoch)),

		Formation: collections.NewItem(sb, prefixFormation, "formation", codec.CollValue[types.FormationCursor](cdc)),
		Prunes:    collections.NewMap(sb, prefixPrunes, "prunes", epoch, codec.CollValue[types.PruneCursor](cdc)),

		Quotas: collections.NewMap(sb, prefixQuotas, "quotas", collections.BytesKey, codec.CollValue[types.Quota](cdc)),

		Developers:   collections.NewMap(sb, prefixDevelopers, "developers", collections.BytesKey, codec.CollValue[types.DeveloperAccount](cdc)),
		UnitPrices:   collections.NewMap(sb, prefixUnitPrices, "unit_prices", epoch, codec.CollValue[types.UnitPrice](cdc)),
		UsedReceipts: collections.NewMap(sb, prefixUsedReceipts, "used_receipts", epochAddress, codec.CollValue[types.UsedReceipt](cdc)),
		ServedTokens: collections.NewMap(sb, prefixServedTokens, "served_tokens", collections.PairKeyCodec(collections.Int64Key, collections.StringKey), codec.CollValue[types.ServedTokens](cdc)),
	}
	schema, err := sb.Build()
	if err != nil {
		return State{}, err
	}
	s.Schema = schema
	return s, nil
}
