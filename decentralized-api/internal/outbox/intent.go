// Package outbox carries messages to the chain, each once. An intent is
// written in the same transaction as what it follows from; it is signed, the
// signed bytes are written down, and only then do they leave the process. From
// there the same bytes are sent again until the chain is known to have them,
// to have refused them, or to be past the intent's last block.
//
// One transaction is under way at a time, so that sequence numbers never have
// holes: a signed transaction is signed again only when its sequence has been
// used up by another one, which means that it can never be included itself.
package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/gogoproto/proto"

	"ninefold.dev/decentralized-api/internal/store"
)

// State is where an intent stands. The last four are its possible ends.
type State string

// The states of an intent.
const (
	Pending    State = "pending"    // not signed
	Signed     State = "signed"     // bytes written down, outcome unknown
	Committed  State = "committed"  // included, and accepted by the chain
	Rejected   State = "rejected"   // refused with a code, before or after inclusion
	Expired    State = "expired"    // the deadline passed without it
	Superseded State = "superseded" // replaced by a later intent before it was signed
)

// States lists all states, in the order in which an intent can go through them.
func States() []State {
	return []State{Pending, Signed, Committed, Rejected, Expired, Superseded}
}

// Ended says whether nothing more will happen to the intent.
func (s State) Ended() bool { return s != Pending && s != Signed }

// Intent is a message that has to reach the chain.
type Intent struct {
	Kind     string        // for people and metrics, e.g. "poc_batch"
	Key      string        // two intents of one key are one intent
	Epoch    uint64        // decides how long the record is kept
	Priority int           // lower goes first
	Deadline int64         // last height that may include it
	Message  proto.Message // signed by the host or, wrapped, by its warm key
}

// Entry is the record of an intent.
type Entry struct {
	ID        int64     `json:"id"`
	Kind      string    `json:"kind"`
	Key       string    `json:"key"`
	Epoch     uint64    `json:"epoch"`
	Deadline  int64     `json:"deadline"`
	State     State     `json:"state"`
	Codespace string    `json:"codespace,omitempty"`
	Code      uint32    `json:"code,omitempty"`
	Log       string    `json:"log,omitempty"`
	Height    int64     `json:"height,omitempty"`
	Created   time.Time `json:"created"`

	message []byte
}

// RefusedAtDoor says whether a chain node would not take the intent's transaction: the
// chain itself never saw it, and may accept the same message later.
func (e Entry) RefusedAtDoor() bool { return e.State == Rejected && e.Height == 0 }

// Enqueue writes an intent in the caller's transaction and returns its id. The
// same key again changes nothing and returns the id of the first.
func Enqueue(ctx context.Context, tx *sql.Tx, in Intent) (int64, error) {
	message, err := encode(in.Message)
	if err != nil {
		return 0, err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outbox (kind, key, epoch, priority, message, deadline, state, created)
		VALUES (?, ?, ?, ?, ?, ?, 'pending', ?) ON CONFLICT (key) DO NOTHING`,
		in.Kind, in.Key, in.Epoch, in.Priority, message, in.Deadline, time.Now().UnixMilli())
	if err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	var id int64
	if err := tx.QueryRowContext(ctx, `SELECT id FROM outbox WHERE key = ?`, in.Key).Scan(&id); err != nil {
		return 0, fmt.Errorf("outbox: %w", err)
	}
	return id, nil
}

func encode(message proto.Message) ([]byte, error) {
	packed, err := codectypes.NewAnyWithValue(message)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	raw, err := packed.Marshal()
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return raw, nil
}

// Supersede ends an intent that is not signed yet and says whether it could.
func Supersede(ctx context.Context, tx *sql.Tx, id int64) (bool, error) {
	result, err := tx.ExecContext(ctx,
		`UPDATE outbox SET state = 'superseded', ended = ? WHERE id = ? AND state = 'pending'`,
		time.Now().UnixMilli(), id)
	if err != nil {
		return false, fmt.Errorf("outbox: %w", err)
	}
	changed, err := result.RowsAffected()
	return changed == 1, err
}

// SupersedeKind ends all intents of a kind that are not signed yet.
func SupersedeKind(ctx context.Context, tx *sql.Tx, kind string) error {
	_, err := tx.ExecContext(ctx, `UPDATE outbox SET state = 'superseded', ended = ? WHERE kind = ? AND state = 'pending'`,
		time.Now().UnixMilli(), kind)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

const columns = `id, kind, key, epoch, deadline, state, codespace, code, log, height, created, message`

type scanner interface{ Scan(...any) error }

func scan(row scanner) (Entry, error) {
	var e Entry
	var created int64
	err := row.Scan(&e.ID, &e.Kind, &e.Key, &e.Epoch, &e.Deadline, &e.State,
		&e.Codespace, &e.Code, &e.Log, &e.Height, &created, &e.message)
	e.Created = time.UnixMilli(created).UTC()
	return e, err
}

// Find returns the intent of a key, or nil.
func Find(ctx context.Context, r store.Reader, key string) (*Entry, error) {
	return one(r.QueryRowContext(ctx, `SELECT `+columns+` FROM outbox WHERE key = ?`, key))
}

func one(row *sql.Row) (*Entry, error) {
	e, err := scan(row)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &e, nil
}

// Latest returns the last intents, the newest first.
func Latest(ctx context.Context, r store.Reader, limit int) ([]Entry, error) {
	rows, err := r.QueryContext(ctx, `SELECT `+columns+` FROM outbox ORDER BY id DESC LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer rows.Close()
	entries := []Entry{}
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
		entries = append(entries, e)
	}
	return entries, rows.Err()
}

// Counts returns how many intents are in each state, by kind.
func Counts(ctx context.Context, r store.Reader) (map[string]map[State]int, error) {
	rows, err := r.QueryContext(ctx, `SELECT kind, state, count(*) FROM outbox GROUP BY kind, state`)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	defer rows.Close()
	counts := map[string]map[State]int{}
	for rows.Next() {
		var kind string
		var state State
		var n int
		if err := rows.Scan(&kind, &state, &n); err != nil {
			return nil, fmt.Errorf("outbox: %w", err)
		}
		if counts[kind] == nil {
			counts[kind] = map[State]int{}
		}
		counts[kind][state] = n
	}
	return counts, rows.Err()
}

// OldestOpen returns when the oldest intent without an end was written, or nil.
func OldestOpen(ctx context.Context, r store.Reader) (*time.Time, error) {
	var created sql.NullInt64
	err := r.QueryRowContext(ctx, `SELECT min(created) FROM outbox WHERE state IN ('pending', 'signed')`).Scan(&created)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if !created.Valid {
		return nil, nil
	}
	at := time.UnixMilli(created.Int64).UTC()
	return &at, nil
}

// Prune forgets the ended intents of epochs before one.
func Prune(ctx context.Context, tx *sql.Tx, before uint64) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM outbox WHERE epoch < ? AND state NOT IN ('pending', 'signed')`, before)
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}
