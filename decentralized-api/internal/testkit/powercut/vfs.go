package powercut

import (
	"bytes"
	"errors"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Signatures of the calls of SQLite that are looked at.
type (
	openCall     = func(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32
	deleteCall   = func(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32
	closeCall    = func(tls *libc.TLS, file uintptr) int32
	writeCall    = func(tls *libc.TLS, file, from uintptr, amount int32, offset int64) int32
	truncateCall = func(tls *libc.TLS, file uintptr, size int64) int32
	syncCall     = func(tls *libc.TLS, file uintptr, flags int32) int32
)

// layer lies between SQLite and its own access to files. SQLite knows one of it in
// a process.
var layer struct {
	once  sync.Once
	err   error
	below sqlite3.Tsqlite3_vfs

	mu    sync.Mutex
	disks map[*Disk]bool
	files map[uintptr]openFile
}

// openFile is a file of a disk, with the methods that SQLite had for it.
type openFile struct {
	disk  *Disk
	name  string
	below *sqlite3.Tsqlite3_io_methods
	above uintptr // the methods it was given instead
}

// install makes the layer SQLite's default, once.
func install() error {
	layer.once.Do(func() {
		layer.disks, layer.files = map[*Disk]bool{}, map[uintptr]openFile{}
		tls := libc.NewTLS()
		below := sqlite3.Xsqlite3_vfs_find(tls, 0)
		if below == 0 {
			layer.err = errors.New("SQLite has no access to files")
			return
		}
		layer.below = *at[sqlite3.Tsqlite3_vfs](below)
		above := layer.below
		name, err := libc.CString("powercut")
		if err != nil {
			layer.err = err
			return
		}
		above.FzName, above.FpNext = name, 0
		above.FxOpen, above.FxDelete = pointerTo[openCall](open), pointerTo[deleteCall](remove)
		if rc := sqlite3.Xsqlite3_vfs_register(tls, copied(tls, above), 1); rc != sqlite3.SQLITE_OK {
			layer.err = errors.New("SQLite refused the layer")
		}
	})
	return layer.err
}

// at is the value that SQLite keeps at an address.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// copied puts a value where SQLite can read it.
func copied[T any](tls *libc.TLS, value T) uintptr {
	address := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(value)))
	*at[T](address) = value
	return address
}

// pointerTo is a function as SQLite holds it; it must be one of the package.
func pointerTo[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// call is the function that SQLite holds as a pointer.
func call[F any](pointer uintptr) F { return *(*F)(unsafe.Pointer(&pointer)) }

func open(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	rc := call[openCall](layer.below.FxOpen)(tls, vfs, name, file, flags, outFlags)
	if rc != sqlite3.SQLITE_OK || name == 0 {
		return rc
	}
	layer.mu.Lock()
	defer layer.mu.Unlock()
	path := libc.GoString(name)
	for disk := range layer.disks {
		if local, inside := disk.local(path); inside {
			methods := &at[sqlite3.Tsqlite3_file](file).FpMethods
			opened := openFile{disk: disk, name: local, below: at[sqlite3.Tsqlite3_io_methods](*methods)}
			above := *opened.below
			above.FxClose, above.FxWrite = pointerTo[closeCall](closed), pointerTo[writeCall](write)
			above.FxTruncate, above.FxSync = pointerTo[truncateCall](truncate), pointerTo[syncCall](synced)
			opened.above = copied(tls, above)
			layer.files[file], *methods = opened, opened.above
		}
	}
	return rc
}

func fileOf(file uintptr) openFile {
	layer.mu.Lock()
	defer layer.mu.Unlock()
	return layer.files[file]
}

func closed(tls *libc.TLS, file uintptr) int32 {
	layer.mu.Lock()
	f := layer.files[file]
	delete(layer.files, file)
	layer.mu.Unlock()
	rc := call[closeCall](f.below.FxClose)(tls, file)
	libc.Xfree(tls, f.above)
	return rc
}

func write(tls *libc.TLS, file, from uintptr, amount int32, offset int64) int32 {
	f := fileOf(file)
	rc := call[writeCall](f.below.FxWrite)(tls, file, from, amount, offset)
	if rc == sqlite3.SQLITE_OK {
		f.disk.note(change{name: f.name, kind: written, offset: offset, data: bytes.Clone(libc.GoBytes(from, int(amount)))})
	}
	return rc
}

func truncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := fileOf(file)
	rc := call[truncateCall](f.below.FxTruncate)(tls, file, size)
	if rc == sqlite3.SQLITE_OK {
		f.disk.note(change{name: f.name, kind: truncated, offset: size})
	}
	return rc
}

func synced(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := fileOf(file)
	rc := call[syncCall](f.below.FxSync)(tls, file, flags)
	if rc == sqlite3.SQLITE_OK {
		f.disk.note(change{name: f.name, kind: flushed})
	}
	return rc
}

func remove(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	rc := call[deleteCall](layer.below.FxDelete)(tls, vfs, name, syncDir)
	if rc != sqlite3.SQLITE_OK {
		return rc
	}
	layer.mu.Lock()
	defer layer.mu.Unlock()
	path := libc.GoString(name)
	for disk := range layer.disks {
		if local, inside := disk.local(path); inside {
			disk.note(change{name: local, kind: removed})
			if syncDir != 0 {
				disk.note(change{name: local, kind: flushed})
			}
		}
	}
	return rc
}
