package chain

import "ninefold.dev/inference-chain/x/inference/types"

// EpochView is what a broker needs of a formed epoch: fetched once, kept until
// the next switch, never written to.
type EpochView struct {
	Index  uint64
	Models map[string]types.Model      // the epoch's copies, by id
	Groups map[string]types.EpochGroup // subgroups by model id, the root under ""
	// Nodes are the own host's nodes: model id (the root's is "") → node id.
	Nodes map[string]map[string]types.MLNodeInfo
	Peers map[string]Peer // members by address
}

// Peer is a member of an epoch.
type Peer struct {
	URL    string // of its broker
	Weight uint64
}
