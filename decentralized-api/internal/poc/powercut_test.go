package poc

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit/chance"
	"ninefold.dev/decentralized-api/internal/testkit/powercut"
	"ninefold.dev/inference-chain/core/commit"
)

var (
	cutSeed = chance.Flag("cut-seed", "power cuts")
	cuts    = flag.Int("cuts", 40, "power cuts")
)

// TestAPowerCutLosesNoProofThatAnMlnodeWasToldIsSafe lets two nodes prove, a chain take
// some of it, and cuts the power between any two writes of it. Of every acknowledged
// batch all nonces are there: in a batch or waiting for one, once.
func TestAPowerCutLosesNoProofThatAnMlnodeWasToldIsSafe(t *testing.T) {
	random := cutSeed.Random(t)
	dir := t.TempDir()
	disk, err := powercut.Record(dir)
	require.NoError(t, err)
	defer disk.Stop()
	s, err := store.Open(t.Context(), dir)
	require.NoError(t, err)
	b := &proofBench{t: t, store: s, proofs: NewProofs(s), chain: map[string]commit.State{}, claims: map[string][]uint64{}}

	// acknowledged is what the nodes were told, by moment.
	type acknowledged struct {
		moment   int
		received map[string]uint64
	}
	var history []acknowledged
	for height := theTerms.Window.First; height < theTerms.Window.Last; height++ {
		for range 3 {
			node := []string{"a", "b"}[random.IntN(2)]
			if err := b.walk(node, uint64(1+random.IntN(12))); !errors.Is(err, mlnode.ErrClosed) {
				require.NoError(t, err)
			}
			history = append(history, acknowledged{disk.Now(), received(t, s)})
		}
		b.commit(height)
		if open := b.open(); len(open) > 0 && random.IntN(2) == 0 {
			b.deliver(open[0])
		}
	}
	require.NoError(t, s.Close())

	for cut := range *cuts {
		fate := powercut.Fate(powercut.Lost)
		if cut%2 == 1 {
			fate = powercut.Chance(random)
		}
		// At an acknowledgement, when its write is the last that happened, or anywhere.
		moment := history[random.IntN(len(history))].moment
		if cut%4 > 1 {
			moment = random.IntN(disk.Now() + 1)
		}
		left := t.TempDir()
		require.NoError(t, disk.Restore(moment, fate, left))
		after, err := store.OpenUnsynced(t.Context(), left)
		require.NoError(t, err, "moment %d", moment)
		now := received(t, after)
		for _, then := range history {
			for node, count := range then.received {
				if then.moment <= moment {
					require.GreaterOrEqual(t, now[node], count, "moment %d, node %s", moment, node)
				}
			}
		}
		for node, count := range now {
			require.Len(t, heldOnce(t, after, node), int(count), "moment %d, node %s", moment, node)
		}
		require.NoError(t, after.Close())
	}
}

func received(t *testing.T, s *store.Store) map[string]uint64 {
	t.Helper()
	tallies, err := NewProofs(s).Tallies(t.Context(), theRound.Epoch)
	require.NoError(t, err)
	counts := map[string]uint64{}
	for node, tally := range tallies {
		counts[node] = tally.Received
	}
	return counts
}

// heldOnce are the nonces of a node, in batches and waiting, each of them once.
func heldOnce(t *testing.T, s *store.Store, node string) map[uint64]bool {
	t.Helper()
	held := map[uint64]bool{}
	require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
		for _, from := range []string{
			`SELECT positions, lane_next FROM poc_chunks WHERE epoch = ? AND node_id = ?`,
			`SELECT positions, lane_next FROM poc_batches WHERE epoch = ? AND node_id = ?`,
		} {
			found, err := readStretch(context.Background(), tx, from, theRound.Epoch, node)
			if err != nil {
				return err
			}
			for _, position := range found.positions {
				require.False(t, held[position], "nonce at %d is there twice", position)
				held[position] = true
			}
		}
		return nil
	}))
	return held
}
