package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// filled makes a closed store with some pages of nonces in it.
func filled(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	s := openStore(t, dir)
	for i := range 50 {
		require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error { return addChunk(t.Context(), tx, i) }))
	}
	require.NoError(t, s.Close())
	return dir, filepath.Join(dir, fileName)
}

func addChunk(ctx context.Context, tx *sql.Tx, i int) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO poc_chunks (epoch, node_id, positions, lane_next) VALUES (?, 'n', ?, x'00')`,
		i, bytes.Repeat([]byte{byte(i)}, 4000))
	return err
}

func TestADamagedStoreIsNamedAndLeftAsItIs(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"the file is something else": func([]byte) []byte { return bytes.Repeat([]byte("not a database. "), 1000) },
		"its end is missing":         func(raw []byte) []byte { return raw[:len(raw)/2] },
		"its beginning was overwritten": func(raw []byte) []byte {
			copy(raw, bytes.Repeat([]byte{0xee}, 100))
			return raw
		},
		"pages in the middle were overwritten": func(raw []byte) []byte {
			copy(raw[len(raw)/2:], bytes.Repeat([]byte{0xee}, 4*4096))
			return raw
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := filled(t)
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			broken := damage(raw)
			require.NoError(t, os.WriteFile(file, broken, 0o600))
			_, err = Open(t.Context(), dir)
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorContains(t, err, file)
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, broken, after, "what can still be saved must not be written over")

			require.NoError(t, os.Rename(file, file+".damaged"))
			require.NoError(t, openStore(t, dir).Close(), "the remedy of the error's text")
		})
	}
}

func TestAStoreThatCannotBeReadIsNotCalledDamaged(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, fileName), 0o700))
	_, err := Open(t.Context(), dir)
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrDamaged)
}

// small opens a store on a disk that is full after about 1 MiB, and returns how
// to make room. Who is not root cannot mount a disk; SQLite's own limit of
// pages ends a transaction at the same place with the same code.
func small(t *testing.T) (s *Store, makeRoom func()) {
	t.Helper()
	dir := t.TempDir()
	if os.Geteuid() != 0 {
		s = openStore(t, dir)
		limit := func(pages int) {
			_, err := s.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			require.NoError(t, err)
		}
		limit(256)
		return s, func() { limit(1 << 16) }
	}
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m,mode=700"))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(dir, 0)) })
	require.NoError(t, os.WriteFile(ballast, make([]byte, 3<<20), 0o600))
	return openStore(t, dir), func() { require.NoError(t, os.Remove(ballast)) }
}

func TestAFullDiskIsNamedAndNothingIsLostOrHalfWritten(t *testing.T) {
	s, makeRoom := small(t)
	stored := 0
	var err error
	for err == nil {
		err = s.Write(t.Context(), func(tx *sql.Tx) error {
			// Two rows that belong together.
			if err := addChunk(t.Context(), tx, stored); err != nil {
				return err
			}
			return addChunk(t.Context(), tx, stored)
		})
		if err == nil {
			stored++
		}
		require.Less(t, stored, 10_000, "the disk is never full")
	}
	var failure *sqlite.Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, sqlite3.SQLITE_FULL, failure.Code()&0xff)
	require.ErrorContains(t, err, "full")
	require.Positive(t, stored)
	require.Equal(t, 2*stored, chunks(t, s), "whole transactions, all that were reported as written")

	makeRoom()
	require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error { return addChunk(t.Context(), tx, 1) }), "it goes on by itself")
	require.NoError(t, s.Close())
}

func chunks(t *testing.T, s *Store) int {
	t.Helper()
	var n int
	require.NoError(t, s.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM poc_chunks`).Scan(&n))
	return n
}
