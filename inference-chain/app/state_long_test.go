//go:build long

package app

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"
)

var appStateEpochs = flag.Uint64("app-state-epochs", 200, "epochs of the test of every store over time")

// Evidence may be as old as this in the test, about three epochs: a chain's two days
// and 100,000 blocks would outlast it.
const (
	shortEvidenceBlocks = 150
	shortEvidence       = shortEvidenceBlocks * blockTime
)

// storeSize is what a store holds.
type storeSize struct{ rows, bytes int }

// sizes measures every store of the application.
func (n *network) sizes() map[string]storeSize {
	n.t.Helper()
	found := map[string]storeSize{}
	for name, key := range n.app.keys {
		var size storeSize
		iterator := n.ctx().KVStore(key).Iterator(nil, nil)
		for ; iterator.Valid(); iterator.Next() {
			size.rows++
			size.bytes += len(iterator.Key()) + len(iterator.Value())
		}
		require.NoError(n.t, iterator.Close())
		found[name] = size
	}
	return found
}

// voted counts the rows and the bytes of the proposals that there ever were.
func (n *network) voted() (size storeSize) {
	n.t.Helper()
	err := n.app.Gov.Proposals.Walk(n.ctx(), nil, func(id uint64, p govv1.Proposal) (bool, error) {
		key, err := collections.EncodeKeyWithPrefix(govtypes.ProposalsKeyPrefix, collections.Uint64Key, id)
		size.rows++
		size.bytes += len(key) + p.Size()
		return false, err
	})
	require.NoError(n.t, err)
	return size
}

// shortEvidenceAge lets keys be forgotten within the test.
func shortEvidenceAge(app *App) {
	app.SetInitChainer(func(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
		params := *req.ConsensusParams
		evidence := *params.Evidence
		evidence.MaxAgeNumBlocks, evidence.MaxAgeDuration = shortEvidenceBlocks, shortEvidence
		params.Evidence = &evidence
		if err := app.Consensus.ParamsStore.Set(ctx, params); err != nil {
			return nil, err
		}
		return app.initChain(ctx, req)
	})
}

// TestEveryStoreOfTheApplicationLevelsOff turns -app-state-epochs epochs of the storm,
// whose accounts, hosts, nodes and models are bounded: messages of all kinds, keys that
// change, hosts in jail, proposals. No store grows, but for one: x/gov keeps every
// proposal that was voted on. What it holds beside them levels off too.
func TestEveryStoreOfTheApplicationLevelsOff(t *testing.T) {
	s := newStormOn(t, newStormAppWith(t, shortEvidenceAge), 2)
	const apart = 5 // epochs
	var seen []map[string]storeSize
	for index := uint64(apart); index <= *appStateEpochs; index += apart {
		// The size of a store swings within an epoch: the largest of one counts.
		for s.clock().Opened < index {
			s.turn()
		}
		most := map[string]storeSize{}
		for s.clock().Opened == index {
			s.turn()
			sizes, voted := s.sizes(), s.voted()
			sizes["gov"] = storeSize{sizes["gov"].rows - voted.rows, sizes["gov"].bytes - voted.bytes}
			sizes["proposals"] = voted
			for name, size := range sizes {
				most[name] = storeSize{max(most[name].rows, size.rows), max(most[name].bytes, size.bytes)}
			}
		}
		seen = append(seen, most)
		t.Logf("epoch %d, height %d:%s", index, s.height, listed(most))
	}
	require.Positive(t, s.clock().Effective)
	requireLevel(t, seen)
	require.Greater(t, seen[len(seen)-1]["proposals"].rows, len(seen), "proposals were voted on")
}

// requireLevel compares the second half of the time with the half before it, from the
// fifth part on: the retentions of the test are three or four epochs. What grows with
// the epochs would be larger by 80 % then; chance moves a store by some.
func requireLevel(t *testing.T, seen []map[string]storeSize) {
	t.Helper()
	settled := seen[len(seen)/5:]
	for name := range seen[0] {
		if name == "proposals" {
			continue
		}
		for what, of := range map[string]func(storeSize) int{
			"rows": func(s storeSize) int { return s.rows }, "bytes": func(s storeSize) int { return s.bytes },
		} {
			most := func(part []map[string]storeSize) (most int) {
				for _, sizes := range part {
					most = max(most, of(sizes[name]))
				}
				return most
			}
			early, late := most(settled[:len(settled)/2]), most(settled[len(settled)/2:])
			assert.LessOrEqual(t, late*100, early*125, "%s of %s: %d, then %d", what, name, early, late)
		}
	}
}

func listed(sizes map[string]storeSize) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		fmt.Fprintf(&text, " %s %d rows %d bytes;", name, sizes[name].rows, sizes[name].bytes)
	}
	return text.String()
}
