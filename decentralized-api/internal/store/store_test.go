package store

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/testkit/leak"
)

func TestMain(m *testing.M) {
	if os.Getenv(isVictim) != "" {
		panic(writeUntilKilled())
	}
	leak.Verify(m)
}

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	require.NoError(t, err)
	return s
}

func TestAStoreKeepsWhatWasCommittedAcrossOpenings(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	height, err := s.Cursor(t.Context())
	require.NoError(t, err)
	require.Zero(t, height)
	require.NoError(t, s.SetCursor(t.Context(), 41))
	require.NoError(t, s.SetCursor(t.Context(), 42))
	require.NoError(t, s.Close())

	s = openStore(t, dir)
	height, err = s.Cursor(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 42, height)
	require.NoError(t, s.Close())
}

func TestAFailedOrPanickingChangeLeavesNoTrace(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	sentinel := errors.New("no")
	insert := func(tx *sql.Tx) {
		_, err := tx.Exec(`INSERT INTO cursor (one, height) VALUES (1, 7)`)
		require.NoError(t, err)
	}
	require.ErrorIs(t, s.Write(t.Context(), func(tx *sql.Tx) error {
		insert(tx)
		return sentinel
	}), sentinel)
	require.Panics(t, func() {
		_ = s.Write(t.Context(), func(tx *sql.Tx) error {
			insert(tx)
			panic("killed")
		})
	})
	height, err := s.Cursor(t.Context())
	require.NoError(t, err)
	require.Zero(t, height)
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	_, err := Open(t.Context(), dir)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, s.Close())
	require.NoError(t, openStore(t, dir).Close())
}

func TestAStoreOfANewerVersionIsRefused(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`)
		return err
	}))
	require.NoError(t, s.Close())
	_, err := Open(t.Context(), dir)
	require.ErrorIs(t, err, ErrNewer)
	require.ErrorContains(t, err, "99999")
}

func TestAStoreIsBoundToOneChainAndHost(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	ctx := context.Background()
	require.NoError(t, s.Bind(ctx, "chain-1", "host-1"))
	require.NoError(t, s.Bind(ctx, "chain-1", "host-1"))
	require.ErrorIs(t, s.Bind(ctx, "chain-2", "host-1"), ErrForeign)
	require.ErrorIs(t, s.Bind(ctx, "chain-1", "host-2"), ErrForeign)
}

func TestReadersCannotWriteAndEveryCommitIsSynced(t *testing.T) {
	s := openStore(t, t.TempDir())
	defer func() { require.NoError(t, s.Close()) }()
	_, err := s.read.Exec(`INSERT INTO cursor (one, height) VALUES (1, 1)`)
	require.Error(t, err)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		require.NoError(t, s.write.QueryRow("PRAGMA "+pragma).Scan(&got))
		require.Equal(t, want, got, pragma)
	}
}
