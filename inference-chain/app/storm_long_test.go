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
)

var (
	stormBlocks = flag.Int64("storm-blocks", 10_000, "blocks of the long storm")
	stormSeed   = flag.Int64("storm-seed", 20_261_125, "what its messages are drawn from")
)

// enough is how many messages of each type must have been accepted.
const enough = 100

// TestTenThousandBlocksOfRandomMessages runs the storm for -storm-blocks blocks:
// nothing panics, no step fails, coins are conserved, every message was accepted but
// the inactive ones, every error met but the unmet ones, and the same blocks give the
// same hashes again, with 1, 2 and 8 threads.
func TestTenThousandBlocksOfRandomMessages(t *testing.T) {
	t.Logf("seed %d, %d blocks", *stormSeed, *stormBlocks)
	s := newStorm(t, *stormSeed)
	for s.height < *stormBlocks {
		s.turn()
		s.check()
	}
	s.requireAll()
	for _, threads := range []int{1, 2, 8} {
		s.replay(threads)
	}
}

// requireAll prints what was accepted and refused, and fails where something is
// missing, or is there that cannot be.
func (s *storm) requireAll() {
	s.t.Helper()
	s.t.Log(s.table())
	for _, message := range messageTypes() {
		if slices.Contains(inactive(), message.url) {
			assert.Zero(s.t, s.accepted[message.url], "accepted %s", message.url)
			continue
		}
		assert.GreaterOrEqual(s.t, s.accepted[message.url], enough, "accepted %s", message.url)
	}
	for _, known := range s.known {
		met := s.refused[refusalOf(known.err)]
		if row, listed := unmet[refusalOf(known.err)]; listed {
			assert.Zero(s.t, met, "%s of x/%s: %s", known.name, known.err.Codespace(), row.why)
			continue
		}
		assert.Positive(s.t, met, "%s of x/%s", known.name, known.err.Codespace())
	}
	require.False(s.t, s.t.Failed())
}

// table lists what was accepted and refused, and how far the epochs went.
func (s *storm) table() string {
	var table strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.accepted)) {
		fmt.Fprintf(&table, "\n%8d accepted %s", s.accepted[name], name)
	}
	for _, known := range s.known {
		fmt.Fprintf(&table, "\n%8d refused %10s %3d %s",
			s.refused[refusalOf(known.err)], known.err.Codespace(), known.err.ABCICode(), known.err)
	}
	fmt.Fprintf(&table, "\n%8d epochs opened, %d effective last", s.clock().Opened, s.clock().Effective)
	return table.String()
}
