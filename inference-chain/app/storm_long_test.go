//go:build long

package app

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

var (
	stormBlocks = flag.Int64("storm-blocks", 10_000, "blocks of the long storm")
	stormSeed   = flag.Int64("storm-seed", 20_261_125, "what its messages are drawn from")
)

// enough is how many messages of each type must have been accepted.
const enough = 100

// acceptedTypes are the messages that can be accepted on this version of the chain;
// those of serving are refused, which the table of errors shows.
func acceptedTypes() []sdk.Msg {
	return []sdk.Msg{
		&inference.MsgUpdateParams{}, &inference.MsgRegisterModel{}, &inference.MsgRemoveModel{},
		&inference.MsgRegisterParticipant{}, &inference.MsgUpdateParticipant{}, &inference.MsgSubmitHardwareDiff{},
		&inference.MsgSubmitPocBatch{}, &inference.MsgSubmitPocValidation{}, &inference.MsgClaimReward{},
		&slashingtypes.MsgUnjail{},
	}
}

// TestTenThousandBlocksOfRandomMessages runs the storm for -storm-blocks blocks:
// nothing panics, no step fails, coins are conserved, every message was accepted and
// every error met, and the same blocks give the same hashes again, with 1, 2 and 8
// threads.
func TestTenThousandBlocksOfRandomMessages(t *testing.T) {
	t.Logf("seed %d, %d blocks", *stormSeed, *stormBlocks)
	s := newStorm(t, *stormSeed)
	for s.height < *stormBlocks {
		s.turn()
		s.check()
	}
	// No message meets this one: only who imports does.
	state, err := s.app.Inference.ExportGenesis(s.network.ctx())
	require.NoError(t, err)
	state.Clock.FleetLoad++
	require.ErrorIs(t, s.app.Inference.InitGenesis(s.network.ctx(), *state), inference.ErrInvalidGenesis)
	s.refused[inference.ErrInvalidGenesis.ABCICode()]++
	s.requireAll()
	for _, threads := range []int{1, 2, 8} {
		s.replay(threads)
	}
}

// requireAll prints what was accepted and refused, and fails where something is
// missing.
func (s *storm) requireAll() {
	s.t.Helper()
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.accepted)) {
		fmt.Fprintf(&table, "\n%8d accepted %s", s.accepted[name], name)
	}
	for _, known := range sentinels() {
		fmt.Fprintf(&table, "\n%8d refused %3d %s", s.refused[known.ABCICode()], known.ABCICode(), known)
	}
	fmt.Fprintf(&table, "\n%8d epochs opened, %d effective last", s.clock().Opened, s.clock().Effective)
	s.t.Log(table.String())
	for _, msg := range acceptedTypes() {
		assert.GreaterOrEqual(s.t, s.accepted[sdk.MsgTypeURL(msg)], enough, "accepted %s", sdk.MsgTypeURL(msg))
	}
	for _, known := range sentinels() {
		assert.Positive(s.t, s.refused[known.ABCICode()], "%d: %s", known.ABCICode(), known)
	}
	require.False(s.t, s.t.Failed())
}
