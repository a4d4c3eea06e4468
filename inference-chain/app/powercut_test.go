package app

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"unsafe"

	dbm "github.com/cosmos/cosmos-db"
	protoio "github.com/cosmos/gogoproto/io"
	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/storage"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

var appCuts = flag.Int("app-cuts", 20, "power cuts of the application's database")

// disk is a storage of a database in memory that notes what is written and synced, and
// can be laid out as a power cut at any moment leaves it: what was not synced is gone.
type disk struct {
	mu      sync.Mutex
	moments []diskChange
	files   map[storage.FileDesc]*diskFile
	meta    storage.FileDesc
}

type diskFile struct{ content []byte }

// diskChange is a write, or one of the things that are on the disk at once: SetMeta
// syncs the folder, and files are removed after what replaces them was synced.
type diskChange struct {
	file    storage.FileDesc
	data    []byte
	created bool
	synced  bool
	removed bool
	meta    bool
}

func newDisk() *disk { return &disk{files: map[storage.FileDesc]*diskFile{}} }

func (d *disk) note(c diskChange) {
	d.moments = append(d.moments, c)
	switch {
	case c.created:
		d.files[c.file] = &diskFile{}
	case c.removed:
		delete(d.files, c.file)
	case c.meta:
		d.meta = c.file
	case !c.synced:
		f := d.files[c.file]
		f.content = append(f.content, c.data...)
	}
}

func (d *disk) locked(c diskChange) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.note(c)
}

func (d *disk) now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.moments)
}

// after is the disk when the power went at a moment.
func (d *disk) after(moment int) *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	left, written := newDisk(), map[storage.FileDesc][]byte{}
	for _, c := range d.moments[:moment] {
		switch {
		case c.synced:
			left.note(diskChange{file: c.file, data: written[c.file]})
			written[c.file] = nil
		case c.created, c.removed, c.meta:
			written[c.file] = nil
			left.note(c)
		default:
			written[c.file] = append(written[c.file], c.data...)
		}
	}
	return left
}

// syncLogs syncs every log that is there.
func (d *disk) syncLogs() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for fd := range d.files {
		if fd.Type == storage.TypeJournal {
			d.note(diskChange{file: fd, synced: true})
		}
	}
	return nil
}

func (d *disk) Lock() (storage.Locker, error) { return unlocked{}, nil }
func (d *disk) Log(string)                    {}
func (d *disk) Close() error                  { return nil }

func (d *disk) SetMeta(fd storage.FileDesc) error {
	d.locked(diskChange{file: fd, meta: true})
	return nil
}

func (d *disk) GetMeta() (storage.FileDesc, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.meta.Zero() {
		return d.meta, os.ErrNotExist
	}
	return d.meta, nil
}

func (d *disk) List(ft storage.FileType) (found []storage.FileDesc, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for fd := range d.files {
		if fd.Type&ft != 0 {
			found = append(found, fd)
		}
	}
	return found, nil
}

func (d *disk) Open(fd storage.FileDesc) (storage.Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[fd]
	if f == nil {
		return nil, os.ErrNotExist
	}
	return diskReader{bytes.NewReader(slices.Clone(f.content))}, nil
}

func (d *disk) Create(fd storage.FileDesc) (storage.Writer, error) {
	d.locked(diskChange{file: fd, created: true})
	return &diskWriter{d, fd}, nil
}

func (d *disk) Remove(fd storage.FileDesc) error {
	d.locked(diskChange{file: fd, removed: true})
	return nil
}

func (d *disk) Rename(storage.FileDesc, storage.FileDesc) error {
	return errors.New("nothing is renamed but by a recovery")
}

type unlocked struct{}

func (unlocked) Unlock() {}

type diskReader struct{ *bytes.Reader }

func (diskReader) Close() error { return nil }

type diskWriter struct {
	disk *disk
	file storage.FileDesc
}

func (w *diskWriter) Write(p []byte) (int, error) {
	w.disk.locked(diskChange{file: w.file, data: slices.Clone(p)})
	return len(p), nil
}

func (w *diskWriter) Sync() error {
	w.disk.locked(diskChange{file: w.file, synced: true})
	return nil
}

func (w *diskWriter) Close() error { return nil }

// openOn opens a node's database on a disk, with a write buffer so small that its log
// is changed as often in a short run as otherwise in a long one.
func openOn(t *testing.T, d *disk) dbm.DB {
	t.Helper()
	options := dbOptions()
	options.WriteBuffer, options.BlockCacheCapacity = 64<<10, 1<<20
	inner, err := leveldb.Open(d, options)
	require.NoError(t, err)
	db := &dbm.GoLevelDB{}
	field := reflect.ValueOf(db).Elem().FieldByName("db")
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(inner))
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return durable{DB: db, syncLogs: d.syncLogs}
}

// TestAPowerCutLeavesTheApplicationAsACommittedBlockDid cuts the power between any two
// writes of the application's database. Its state is then that of a block, whole, and of
// the last one whose commit returned or the one under way: CometBFT, which has stored
// the blocks before, plays the others again.
func TestAPowerCutLeavesTheApplicationAsACommittedBlockDid(t *testing.T) {
	d := newDisk()
	app, err := New(log.NewNopLogger(), openOn(t, d), homeIn(t.TempDir()), baseOptions()...)
	require.NoError(t, err)
	n := newNetworkOn(t, app, inference.TestnetParams(), 100, 60, 40, 40)
	type committed struct {
		moment int
		hash   []byte
	}
	blocks := []committed{{}, {d.now(), n.hash}} // by height
	for n.height < 150 {
		var txs [][]byte
		for i, host := range n.hosts {
			txs = append(txs, n.tx(host, sendCoins(host, newActor(fmt.Sprint("payee ", n.height, i)), 1000)))
		}
		n.must(txs...)
		blocks = append(blocks, committed{d.now(), n.hash})
	}
	seed := rand.Int63()
	t.Logf("seed %d, %d moments", seed, d.now())
	random := rand.New(rand.NewSource(seed))
	for range *appCuts {
		moment := blocks[1].moment + random.Intn(d.now()-blocks[1].moment+1)
		told := 0
		for height, block := range blocks {
			if block.moment <= moment {
				told = height
			}
		}
		t.Run(fmt.Sprint("moment ", moment, " in block ", told+1), func(t *testing.T) {
			again, err := New(log.NewNopLogger(), openOn(t, d.after(moment)), homeIn(t.TempDir()),
				append(baseOptions(), baseapp.SetIAVLCacheSize(1_000))...)
			require.NoError(t, err)
			height := again.LastBlockHeight()
			require.Contains(t, []int64{int64(told), int64(told) + 1}, height)
			require.Equal(t, blocks[height].hash, again.LastCommitID().Hash)
			require.NoError(t, again.CommitMultiStore().Snapshot(uint64(height), everyNode{}))
		})
	}
}

// everyNode takes a snapshot, for which every node of every tree is read.
type everyNode struct{}

var _ protoio.WriteCloser = everyNode{}

func (everyNode) WriteMsg(proto.Message) error { return nil }
func (everyNode) Close() error                 { return nil }

func TestOnlyWritesThatSyncSyncTheLogsBefore(t *testing.T) {
	synced, failure := 0, error(nil)
	db := durable{DB: dbm.NewMemDB(), syncLogs: func() error {
		synced++
		return failure
	}}
	key, value := []byte("k"), []byte("v")
	batches := []dbm.Batch{db.NewBatch(), db.NewBatchWithSize(10), db.NewBatch(), db.NewBatchWithSize(10)}
	for _, batch := range batches {
		require.NoError(t, batch.Set(key, value))
	}
	require.NoError(t, db.Set(key, value))
	require.NoError(t, batches[0].Write())
	require.NoError(t, batches[1].Write())
	require.Zero(t, synced)
	writes := []func() error{
		func() error { return db.SetSync(key, value) }, func() error { return db.DeleteSync(key) },
		batches[2].WriteSync, batches[3].WriteSync,
	}
	failure = errors.New("the disk is broken")
	for _, write := range writes {
		require.ErrorIs(t, write(), failure)
	}
	failure = nil
	for _, write := range writes {
		require.NoError(t, write())
	}
	require.Equal(t, 2*len(writes), synced)
}

func TestFilesThatGoWhileTheyAreSyncedAreNoError(t *testing.T) {
	dir := t.TempDir()
	db, err := OpenDB(dir, dbm.GoLevelDBBackend)
	require.NoError(t, err)
	require.NoError(t, db.SetSync([]byte("k"), []byte("v")))
	logs := filepath.Join(dir, "data", "application.db", "*.log")
	found, err := filepath.Glob(logs)
	require.NoError(t, err)
	require.NotEmpty(t, found, "they are where OpenDB looks for them")
	require.NoError(t, syncFiles(logs))
	require.NoError(t, os.Symlink("gone", filepath.Join(dir, "data", "application.db", "9.log")))
	require.NoError(t, syncFiles(logs))
	require.NoError(t, db.Close())
}
