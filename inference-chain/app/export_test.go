package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

type voteKey = collections.Pair[uint64, sdk.AccAddress]

func rewardKey(epoch uint64, host actor) collections.Pair[uint64, []byte] {
	return collections.Join(epoch, []byte(host.address()))
}

func TestAnExportForAnotherChainIsRefused(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	_, err := n.app.ExportAppStateAndValidators(true, nil)
	require.ErrorIs(t, err, ErrZeroHeight)
}

// TestAnExportContinuesInAnyStage exports a chain in every stage of a cycle with
// proofs. The chain that starts from the export must hold the same state, and
// stay the same as the first when both go on.
func TestAnExportContinuesInAnyStage(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.grantAll(n.hosts...)
	n.round(n.hosts, n.hosts)
	n.sameAfterRestart(1)
	n.until(n.epoch(1).Heights.NextPocStart - 2)
	n.sameAfterRestart(3) // over the opening
	n.must(n.commits(n.hosts, 2)...)
	n.sameAfterRestart(1)
	heights := n.epoch(2).Heights
	n.until(heights.PocEnd)
	n.sameAfterRestart(1)
	n.until(heights.PocValidationStart)
	n.must(n.judgements(n.hosts, n.hosts, 2)...)
	n.until(heights.PocValidationEnd)
	n.sameAfterRestart(1)
	n.until(heights.SetNewValidators - 1)
	n.sameAfterRestart(4) // over the switch and the settlement
	require.Equal(t, uint64(2), n.clock().Effective)
}

// sameAfterRestart restarts from an export, and compares both chains now and some
// blocks later.
func (n *network) sameAfterRestart(blocks int64) {
	n.t.Helper()
	next, exported := n.restarted()
	target := n.height + blocks
	next.until(target)
	n.until(target)
	later, err := n.app.ExportAppStateAndValidators(false, nil)
	require.NoError(n.t, err)
	got, err := next.app.ExportAppStateAndValidators(false, nil)
	require.NoError(n.t, err)
	require.Empty(n.t, difference(string(later.AppState), string(got.AppState)), "from height %d", exported.Height)
	require.Equal(n.t, later.Validators, got.Validators)
}

func TestTheTimeOfTheLoadedStateIsThatOfItsBlock(t *testing.T) {
	n := newNetwork(t, 100, 60, 40, 40)
	n.until(5)
	at, err := n.app.LastBlockTime()
	require.NoError(t, err)
	require.Equal(t, n.now, at)
}

// difference is the first line in which two texts differ, with those before it.
func difference(a, b string) string {
	linesA, linesB := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(linesA), len(linesB)) {
		if linesA[i] != linesB[i] {
			return strings.Join(append(linesA[max(0, i-8):i], "-"+linesA[i], "+"+linesB[i]), "\n")
		}
	}
	if len(linesA) != len(linesB) {
		return "one is longer"
	}
	return ""
}
