// Package store is the broker's only memory: one SQLite file with a
// write-ahead log that is synced at every commit. What is committed here
// survives a kill or a power cut at any moment; everything else is derived from
// it and from the chain.
package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Why a store is not opened.
var (
	ErrLocked  = errors.New("store is in use by another process")
	ErrNewer   = errors.New("store was written by a newer version")
	ErrForeign = errors.New("store belongs to another chain or host")
	ErrDamaged = errors.New("store is damaged")
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	fileName = "dapi.db"
	lockName = "dapi.lock"
	readers  = 4
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	write *sql.DB // one connection: SQLite has one writer
	read  *sql.DB
	lock  *os.File
}

// Open opens the store in a folder, makes it if it is not there and brings it
// up to date. It fails with ErrLocked, ErrNewer or ErrDamaged.
func Open(ctx context.Context, dir string) (*Store, error) {
	return open(ctx, dir, "FULL")
}

// OpenUnsynced is Open without waiting for the disk: a store that survives the
// death of the process and not that of the machine. It is for tests, which
// spend most of their time waiting otherwise.
func OpenUnsynced(ctx context.Context, dir string) (*Store, error) {
	return open(ctx, dir, "OFF")
}

func open(ctx context.Context, dir, synchronous string) (*Store, error) {
	if err := makeFolder(dir, syncFolder); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := acquire(filepath.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	s := &Store{lock: lock}
	if err := s.connect(ctx, filepath.Join(dir, fileName), synchronous); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// makeFolder makes a folder that is still there after a power cut: the name of each
// that was not there before is synced in the one that holds it.
func makeFolder(dir string, sync func(string) error) error {
	var holders []string
	for made := filepath.Clean(dir); ; made = filepath.Dir(made) {
		if _, err := os.Stat(made); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		holders = append(holders, filepath.Dir(made))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, holder := range holders {
		if err := sync(holder); err != nil {
			return err
		}
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// acquire takes the lock that the system frees with the process.
func acquire(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrLocked, path), lock.Close())
	}
	return lock, nil
}

func (s *Store) connect(ctx context.Context, path, synchronous string) error {
	var err error
	if s.write, err = sql.Open("sqlite", dsn(path, "immediate", synchronous)); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.write.SetMaxOpenConns(1)
	if err := check(ctx, s.write, path); err != nil {
		return err
	}
	if err := migrate(ctx, s.write); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", dsn(path, "deferred", synchronous)+"&_pragma=query_only(1)"); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.read.SetMaxOpenConns(readers)
	return nil
}

func dsn(path, lock, synchronous string) string {
	return "file:" + url.PathEscape(path) + "?_txlock=" + lock +
		"&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)&_pragma=synchronous(" + synchronous + ")"
}

// check reads the whole file before anything is built upon it: a proof that was
// acknowledged and cannot be opened costs the host its weight, and is better
// known before a round than in it.
func check(ctx context.Context, db *sql.DB, path string) error {
	var found string
	err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found)
	if err == nil && found == "ok" {
		return nil
	}
	var failure *sqlite.Error
	if err != nil && (!errors.As(err, &failure) || !slices.Contains(damage, failure.Code()&0xff)) {
		return fmt.Errorf("store: %w", err)
	}
	if err != nil {
		found = err.Error()
	}
	return fmt.Errorf("%w: %s: %s; move it away with its -wal and -shm to start with an empty one: "+
		"claims of a round under way can then no longer be opened", ErrDamaged, path, found)
}

// damage are the codes of SQLite for a file that is not what it was written as.
var damage = []int{sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	version, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	sources := provider.ListSources()
	if newest := sources[len(sources)-1].Version; version > newest {
		return fmt.Errorf("%w: schema %d, this version knows %d", ErrNewer, version, newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Close closes the database and frees the lock.
func (s *Store) Close() error {
	var failures []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			failures = append(failures, db.Close())
		}
	}
	return errors.Join(append(failures, s.lock.Close())...)
}

// Write runs change in one transaction and commits it, synced, unless change
// fails or panics.
func (s *Store) Write(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // without effect after a commit
	if err := change(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return nil
}

// Reader is what both a transaction and the pool of readers can do.
type Reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Read returns the pool of read-only connections. It sees what is committed.
func (s *Store) Read() Reader { return s.read }

// Bind ties a new store to a chain and a host, and refuses one that is tied to
// others with ErrForeign.
func (s *Store) Bind(ctx context.Context, chainID, host string) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		for _, want := range [][2]string{{"chain", chainID}, {"host", host}} {
			if _, err := tx.ExecContext(ctx,
				`INSERT INTO binding (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, want[0], want[1]); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			var got string
			if err := tx.QueryRowContext(ctx,
				`SELECT value FROM binding WHERE name = ?`, want[0]).Scan(&got); err != nil {
				return fmt.Errorf("store: %w", err)
			}
			if got != want[1] {
				return fmt.Errorf("%w: %s %q, not %q", ErrForeign, want[0], got, want[1])
			}
		}
		return nil
	})
}

// Cursor returns the height of the last handled block, 0 before the first.
func (s *Store) Cursor(ctx context.Context) (int64, error) {
	var height int64
	err := s.read.QueryRowContext(ctx, `SELECT height FROM cursor`).Scan(&height)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("store: cursor: %w", err)
	}
	return height, nil
}

// SetCursor notes a block as handled.
func (s *Store) SetCursor(ctx context.Context, height int64) error {
	return s.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO cursor (one, height) VALUES (1, ?)
			ON CONFLICT (one) DO UPDATE SET height = excluded.height`, height)
		if err != nil {
			return fmt.Errorf("store: cursor: %w", err)
		}
		return nil
	})
}
