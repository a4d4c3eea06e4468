package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// blockCacheBytes bounds the decoded blocks that the database keeps. At the default,
// 8 MiB, the indexes of a large state's files do not fit, and nearly every read of a
// row decodes one of them anew: a block's work took four times as long.
const blockCacheBytes = 128 << 20

// OpenDB opens the database of a node's home.
func OpenDB(home string, backend dbm.BackendType) (dbm.DB, error) {
	dir := filepath.Join(home, "data")
	if backend != dbm.GoLevelDBBackend {
		return dbm.NewDB("application", backend, dir)
	}
	db, err := dbm.NewGoLevelDBWithOpts("application", dir, dbOptions())
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(dir, "application.db", "*.log")
	return durable{DB: db, syncLogs: func() error { return syncFiles(logs) }}, nil
}

func dbOptions() *opt.Options {
	return &opt.Options{Filter: filter.NewBloomFilter(10), BlockCacheCapacity: blockCacheBytes}
}

// durable keeps a power cut from taking out of the middle. The trees of a block are
// written without a sync, and what names them last, with one. LevelDB syncs the log it
// is writing then; of one that it had filled up before, what was not synced may be lost
// until its content stands in a table. The node would not start again: its state names
// trees that are not there. So older logs are synced first.
type durable struct {
	dbm.DB
	syncLogs func() error
}

// SetSync writes a value and all that was written before.
func (d durable) SetSync(key, value []byte) error {
	if err := d.syncLogs(); err != nil {
		return err
	}
	return d.DB.SetSync(key, value)
}

// DeleteSync deletes a value and writes all that was written before.
func (d durable) DeleteSync(key []byte) error {
	if err := d.syncLogs(); err != nil {
		return err
	}
	return d.DB.DeleteSync(key)
}

// NewBatch makes a batch.
func (d durable) NewBatch() dbm.Batch { return durableBatch{d.DB.NewBatch(), d.syncLogs} }

// NewBatchWithSize makes a batch with room.
func (d durable) NewBatchWithSize(size int) dbm.Batch {
	return durableBatch{d.DB.NewBatchWithSize(size), d.syncLogs}
}

type durableBatch struct {
	dbm.Batch
	syncLogs func() error
}

// WriteSync writes the batch and all that was written before.
func (b durableBatch) WriteSync() error {
	if err := b.syncLogs(); err != nil {
		return err
	}
	return b.Batch.WriteSync()
}

// syncFiles syncs the files of a pattern that are still there.
func syncFiles(pattern string) error {
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := syncFile(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func syncFile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
