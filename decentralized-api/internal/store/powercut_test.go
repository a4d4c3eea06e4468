package store

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/testkit/chance"
	"ninefold.dev/decentralized-api/internal/testkit/powercut"
)

var (
	cutSeed = chance.Flag("cut-seed", "power cuts")
	cuts    = flag.Int("cuts", 80, "power cuts")
)

// Enough is written that the log is copied into the database several times, which
// SQLite does every 1,000 pages, and that the store is closed and opened between.
const (
	writesAnOpening = 250
	openings        = 3
)

// told is a moment at which so many writes had been reported as stored.
type told struct{ moment, writes int }

// written fills a store with writes of four rows, and notes what the disk was given.
func written(t *testing.T, synchronous string) (*powercut.Disk, []told) {
	t.Helper()
	dir := t.TempDir()
	disk, err := powercut.Record(dir)
	require.NoError(t, err)
	defer disk.Stop()
	var history []told
	for range openings {
		s, err := open(t.Context(), dir, synchronous)
		require.NoError(t, err)
		for range writesAnOpening {
			number := len(history)
			require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
				for range rowsAWrite {
					if err := addChunk(t.Context(), tx, number); err != nil {
						return err
					}
				}
				return nil
			}))
			history = append(history, told{disk.Now(), number + 1})
		}
		require.NoError(t, s.Close())
	}
	return disk, history
}

// after opens what a power cut left, and returns how many writes are in it. They must
// be whole.
func after(t *testing.T, disk *powercut.Disk, moment int, fate powercut.Fate) (int, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, disk.Restore(moment, fate, dir))
	s, err := OpenUnsynced(t.Context(), dir)
	if err != nil {
		return 0, err
	}
	defer func() { require.NoError(t, s.Close()) }()
	var rows, writes, last, least int
	err = s.Read().QueryRowContext(context.Background(), `SELECT coalesce(sum(n), 0), count(*), coalesce(max(epoch), -1), coalesce(min(n), 4)
		FROM (SELECT epoch, count(*) AS n FROM poc_chunks WHERE length(positions) = 4000 GROUP BY epoch)`).Scan(&rows, &writes, &last, &least)
	if err != nil {
		return 0, err
	}
	if rows != rowsAWrite*writes || last != writes-1 || least != rowsAWrite {
		return 0, fmt.Errorf("%d rows of %d writes up to %d", rows, writes, last)
	}
	return writes, nil
}

// toldAt is how many writes had been reported as stored at a moment.
func toldAt(history []told, moment int) int {
	writes := 0
	for _, at := range history {
		if at.moment <= moment {
			writes = at.writes
		}
	}
	return writes
}

// TestAPowerCutLosesNothingThatWasToldAndLeavesWholeWrites cuts the power between any
// two things that SQLite did to its files, also within the copying of the log, and lets
// the disk have written any of the sectors that were not synced.
func TestAPowerCutLosesNothingThatWasToldAndLeavesWholeWrites(t *testing.T) {
	random := cutSeed.Random(t)
	disk, history := written(t, "FULL")
	for cut := range *cuts {
		moment, fate := random.IntN(disk.Now()+1), powercut.Fate(powercut.Lost)
		if cut%2 == 1 {
			fate = powercut.Chance(random)
		}
		writes, err := after(t, disk, moment, fate)
		require.NoError(t, err, "moment %d", moment)
		require.GreaterOrEqual(t, writes, toldAt(history, moment), "moment %d", moment)
		require.LessOrEqual(t, writes, toldAt(history, moment)+1, "moment %d", moment)
	}
}

// TestAPowerCutIsSeenInStoresThatSyncLess shows that the cuts would find a store which
// does not wait for the disk at every commit.
func TestAPowerCutIsSeenInStoresThatSyncLess(t *testing.T) {
	for _, synchronous := range []string{"NORMAL", "OFF"} {
		t.Run(synchronous, func(t *testing.T) {
			random := cutSeed.Random(t)
			disk, history := written(t, synchronous)
			harmed := 0
			for range *cuts / 8 {
				moment := random.IntN(disk.Now() + 1)
				writes, err := after(t, disk, moment, powercut.Lost)
				if err != nil || writes < toldAt(history, moment) {
					harmed++
				}
			}
			require.Positive(t, harmed)
		})
	}
}

func TestAFolderThatWasMadeIsSyncedInTheOneThatHoldsIt(t *testing.T) {
	base := t.TempDir()
	var synced []string
	note := func(path string) error {
		synced = append(synced, path)
		return nil
	}
	require.NoError(t, makeFolder(filepath.Join(base, "a", "b", "c"), note))
	require.Equal(t, []string{filepath.Join(base, "a", "b"), filepath.Join(base, "a"), base}, synced)
	synced = nil
	require.NoError(t, makeFolder(filepath.Join(base, "a", "b", "c"), note))
	require.Empty(t, synced)
	require.NoError(t, makeFolder(filepath.Join(base, "d"), syncFolder))
}
