package app

import (
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
	return dbm.NewGoLevelDBWithOpts("application", dir, &opt.Options{
		Filter:             filter.NewBloomFilter(10),
		BlockCacheCapacity: blockCacheBytes,
	})
}
