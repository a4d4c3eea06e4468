package testkit

import (
	"maps"
	"slices"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
)

// validators are the powers by consensus key of those who sign: of the block that
// is being made, and of the ones after it, to which updates apply two blocks later.
// All of them sign every block.
type validators []map[string]int64

// found takes the set of genesis as that of the first blocks.
func (v *validators) found(set []abci.ValidatorUpdate) {
	powers := map[string]int64{}
	for _, u := range set {
		powers[string(u.PubKey.GetEd25519())] = u.Power
	}
	*v = validators{nil, powers, powers} // nobody has signed before the first block
}

// lastCommit lists who signed the block before.
func (v *validators) lastCommit() abci.CommitInfo {
	signed := (*v)[0]
	*v = (*v)[1:]
	var commit abci.CommitInfo
	for _, key := range slices.Sorted(maps.Keys(signed)) {
		commit.Votes = append(commit.Votes, abci.VoteInfo{
			Validator:   abci.Validator{Address: (&ed25519.PubKey{Key: []byte(key)}).Address(), Power: signed[key]},
			BlockIdFlag: cmtproto.BlockIDFlagCommit,
		})
	}
	return commit
}

func (v *validators) update(updates []abci.ValidatorUpdate) {
	next := maps.Clone((*v)[len(*v)-1])
	for _, u := range updates {
		key := string(u.PubKey.GetEd25519())
		if u.Power == 0 {
			delete(next, key)
			continue
		}
		next[key] = u.Power
	}
	*v = append(*v, next)
}
