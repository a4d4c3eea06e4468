// Package powercut tells what a disk holds of an SQLite database after the power
// went. A killed process leaves all that it wrote with the system; a power cut
// leaves what was synced, and of the rest whatever the disk happened to write, in
// any order and by sectors.
//
// A Disk is not a real one: it notes what SQLite writes and syncs below a folder,
// and lays out the files as they may be afterwards. With the first sync of a journal
// SQLite syncs the folder too: names that came and went before are then on the disk.
package powercut

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// sector is what a disk writes whole or not at all.
const sector = 512

type kind int

const (
	written kind = iota + 1
	truncated
	removed
	flushed // all of this file before it is on the disk
)

// change is one thing that SQLite did to a file.
type change struct {
	name   string
	kind   kind
	offset int64 // of what was written, or the new size
	data   []byte
}

// Disk notes what happens to the databases in a folder.
type Disk struct {
	dir string

	mu      sync.Mutex
	changes []change
}

// Record begins to note; the folder must not hold a database that is open. Stop ends
// it.
func Record(dir string) (*Disk, error) {
	if err := install(); err != nil {
		return nil, err
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	disk := &Disk{dir: absolute}
	layer.mu.Lock()
	defer layer.mu.Unlock()
	layer.disks[disk] = true
	return disk, nil
}

// Stop ends the noting for databases that are opened from now on.
func (d *Disk) Stop() {
	layer.mu.Lock()
	defer layer.mu.Unlock()
	delete(layer.disks, d)
}

// local is the name of a path in the folder. What SQLite keeps for its processes
// alone (-shm) is made anew after a power cut.
func (d *Disk) local(path string) (name string, inside bool) {
	name, err := filepath.Rel(d.dir, path)
	return name, err == nil && name == filepath.Base(path) && !strings.HasSuffix(name, "-shm")
}

func (d *Disk) note(c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes = append(d.changes, c)
}

// Now is the moment after what was noted so far.
func (d *Disk) Now() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.changes)
}

// Fate says what becomes of what was not synced.
type Fate func() (survives bool)

// Lost is the fate that is the rule: all of it is gone.
func Lost() bool { return false }

// Chance lets about a half of the sectors survive.
func Chance(random *rand.Rand) Fate { return func() bool { return random.IntN(2) == 0 } }

// Restore writes the files into a folder as a power cut at a moment left them.
func (d *Disk) Restore(moment int, fate Fate, into string) error {
	d.mu.Lock()
	changes := d.changes[:moment]
	d.mu.Unlock()
	last, folder := syncs(changes)
	files := map[string]*remains{}
	for i, c := range changes {
		file := files[c.name]
		if file == nil {
			file = &remains{}
			files[c.name] = file
		}
		if i < last[c.name] || (c.kind == removed && i < folder) {
			file.apply(c, func() bool { return true })
		} else {
			file.apply(c, fate)
		}
	}
	for name, file := range files {
		if !file.exists {
			continue
		}
		if err := os.WriteFile(filepath.Join(into, name), file.content, 0o600); err != nil {
			return fmt.Errorf("power cut: %w", err)
		}
	}
	return nil
}

// syncs finds the last sync of each file, and of the folder.
func syncs(changes []change) (last map[string]int, folder int) {
	last, named := map[string]int{}, map[string]bool{}
	for i, c := range changes {
		switch c.kind {
		case removed:
			delete(named, c.name)
		case flushed:
			if isJournal := filepath.Ext(c.name) != ".db"; isJournal && !named[c.name] {
				folder = i
			}
			last[c.name], named[c.name] = i, true
		default:
		}
	}
	return last, folder
}

// remains are what is left of a file.
type remains struct {
	exists, lost bool // lost: what follows went to a file whose name is not on the disk
	content      []byte
}

func (r *remains) apply(c change, fate Fate) {
	switch {
	case c.kind == flushed || r.lost:
	case c.kind == removed:
		if fate() {
			*r = remains{}
		} else {
			// The old file stays, and a new one of the name is not found.
			r.lost = true
		}
	case c.kind == truncated:
		if fate() {
			r.resize(c.offset)
		}
	default:
		r.write(c, fate)
	}
}

// write lets each sector have its own fate.
func (r *remains) write(c change, fate Fate) {
	for from := 0; from < len(c.data); {
		offset := c.offset + int64(from)
		to := min(len(c.data), from+int(sector-offset%sector))
		if fate() {
			r.exists = true
			r.resize(max(int64(len(r.content)), offset+int64(to-from)))
			copy(r.content[offset:], c.data[from:to])
		}
		from = to
	}
}

// resize cuts the content, or fills it with zeros.
func (r *remains) resize(size int64) {
	if grown := size - int64(len(r.content)); grown > 0 {
		r.content = append(r.content, make([]byte, grown)...)
		return
	}
	r.content = r.content[:size]
}
