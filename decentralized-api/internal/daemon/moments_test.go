package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/testkit"
)

// place is where in a broker's work a moment lies, between two steps that its
// store or the world could tell apart.
type place string

// Places between a proof that comes and a message that has its end. "In" a write
// is before one of its rows, with those before it written and nothing committed.
const (
	inProof     place = "in the write of a proof"
	atProof     place = "before a proof's commit"
	unheard     place = "a proof is stored, not acknowledged"
	inBatch     place = "in the write of batches and their message"
	atBatch     place = "before the commit of batches and their message"
	inVerdict   place = "in the write of verdicts and their message"
	atVerdict   place = "before the commit of verdicts and their message"
	inSignature place = "in the write of signed bytes"
	atSignature place = "before the commit of signed bytes"
	unsent      place = "signed bytes are stored, not sent"
	sent        place = "sent, the answer unknown"
	inEnd       place = "in the write of a message's end"
	atEnd       place = "before the commit of a message's end"
	nowhere     place = ""
)

const (
	outboxState  = 7 // column of the table outbox
	refuseCommit = 1 // what a hook answers that turns a commit into a rollback
)

var errKilled = errors.New("the broker is dead")

// moments are the steps of one broker. When an armed one comes, the broker is
// dead from there on: it commits nothing, sends nothing, and acknowledges
// nothing.
type moments struct {
	store string     // its file
	hit   chan place // where it died
	cut   func()     // parts it from the world, at once

	mu    sync.Mutex
	armed place
	skip  int  // steps of the armed place that pass
	safe  bool // for now nothing that is armed comes
	dead  bool
	write place             // what the open transaction writes
	lost  map[string]uint64 // nonces that were stored and not acknowledged, by node and challenge
}

// byStore finds the moments of a store's connection, in all tests of the package.
var byStore sync.Map

func init() {
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, dsn string) error {
		file, _, _ := strings.Cut(strings.TrimPrefix(dsn, "file:"), "?")
		found, watched := byStore.Load(file)
		if !watched || !strings.Contains(dsn, "immediate") {
			return nil
		}
		m, hooks := found.(*moments), conn.(sqlite.HookRegisterer)
		hooks.RegisterPreUpdateHook(m.row)
		hooks.RegisterCommitHook(m.commit)
		hooks.RegisterRollbackHook(m.rollback)
		return nil
	})
}

// watch makes the steps of a broker known. It is called before its first start.
func (h *tester) watch() *moments {
	m := &moments{
		store: url.PathEscape(filepath.Join(h.config.Home, "dapi.db")), hit: make(chan place, 1),
		cut: func() { h.isolate(true) }, lost: map[string]uint64{},
	}
	byStore.Store(m.store, m)
	h.world.t.Cleanup(func() { byStore.Delete(m.store) })
	h.moments = m
	return m
}

// arm lets the broker die at a step of a place, after some that pass.
func (m *moments) arm(at place, skip int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.armed, m.skip = at, skip
}

// spare lets nothing happen that is armed, or lets it.
func (m *moments) spare(safe bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.safe = safe
}

// revive is called between the death of one process and the start of the next.
func (m *moments) revive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead, m.write = false, nowhere
}

// pass is a step at a place. It says whether the broker lives on.
func (m *moments) pass(at place) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.locked(at)
}

func (m *moments) locked(at place) bool {
	if m.dead || m.safe || at == nowhere || at != m.armed {
		return !m.dead
	}
	if m.skip--; m.skip >= 0 {
		return true
	}
	m.dead, m.armed = true, nowhere
	m.cut()
	m.hit <- at
	return false
}

// row is called before a row is written.
func (m *moments) row(data sqlite.SQLitePreUpdateData) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := placeOf(data, m.write); at != nowhere {
		m.write = at
		m.locked(at)
	}
}

// placeOf says what a row belongs to, that comes after others of a write.
func placeOf(data sqlite.SQLitePreUpdateData, write place) place {
	switch data.TableName {
	case "poc_batches", "poc_closed":
		return inBatch
	case "poc_chunks":
		if write == inBatch {
			return inBatch // what a batch has taken
		}
		return inProof
	case "poc_nodes":
		if data.Op == sqlite3.SQLITE_INSERT {
			return nowhere
		}
		return inProof
	case "poc_verdicts":
		return inVerdict
	case "attempts":
		if data.Op == sqlite3.SQLITE_UPDATE {
			return unsent // the height at which it will have been sent
		}
		return inSignature
	case "outbox":
		return placeOfIntent(data, write)
	}
	return nowhere
}

func placeOfIntent(data sqlite.SQLitePreUpdateData, write place) place {
	if data.Op == sqlite3.SQLITE_DELETE {
		return nowhere
	}
	row := make([]any, data.Count())
	if err := data.New(row...); err != nil {
		return nowhere
	}
	switch outbox.State(fmt.Sprint(row[outboxState])) {
	case outbox.Signed:
		return inSignature
	case outbox.Committed, outbox.Rejected, outbox.Expired:
		return inEnd
	case outbox.Pending, outbox.Superseded:
		return write // part of what it was written with, or of something else
	}
	return nowhere
}

// commit is called before a write is committed, and refuses it to the dead.
func (m *moments) commit() int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := map[place]place{
		inProof: atProof, inBatch: atBatch, inVerdict: atVerdict, inSignature: atSignature, inEnd: atEnd, unsent: unsent,
	}[m.write]
	m.write = nowhere
	if !m.locked(at) {
		return refuseCommit
	}
	return 0
}

func (m *moments) rollback() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.write = nowhere
}

// watchedEndpoint is a chain endpoint of a broker whose steps are known.
type watchedEndpoint struct {
	chain.Endpoint
	moments *moments
}

func (e watchedEndpoint) Broadcast(ctx context.Context, tx []byte) (outbox.CheckResult, error) {
	if !e.moments.pass(unsent) {
		return outbox.CheckResult{}, errKilled
	}
	result, err := e.Endpoint.Broadcast(ctx, tx)
	if !e.moments.pass(sent) {
		return outbox.CheckResult{}, errKilled
	}
	return result, err
}

// watchedNode is a node of a broker whose steps are known.
type watchedNode struct {
	*testkit.Node
	id      string
	moments *moments
}

func (n watchedNode) Generate(ctx context.Context, start mlnode.Start, accept mlnode.Acceptor) error {
	return n.Node.Generate(ctx, start, func(ctx context.Context, batch mlnode.Batch) (bool, error) {
		more, err := accept(ctx, batch)
		if err != nil {
			return more, err
		}
		if !n.moments.pass(unheard) {
			n.moments.lose(n.id, batch)
			return false, errKilled
		}
		return more, nil
	})
}

// lose counts a batch that was stored by a broker that died before it said so.
func (m *moments) lose(id string, batch mlnode.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lost[id+" "+batch.Challenge] += uint64(len(batch.Nonces))
}

// unacknowledged is how many nonces of a node were stored in a round and not
// acknowledged.
func (m *moments) unacknowledged(id, challenge string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost[id+" "+challenge]
}
