package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"ninefold.dev/decentralized-api/internal/store"
)

// Check is what a chain node says about a transaction before it is included.
type Check uint8

// The answers to a broadcast.
const (
	Admitted      Check = iota // it waits for inclusion, perhaps since before
	WrongSequence              // its sequence is not the account's next
	Busy                       // not now: a full mempool, a quota used up
	Refused                    // never in this form
)

// CheckResult is the answer to a broadcast.
type CheckResult struct {
	Check     Check
	Codespace string
	Code      uint32
	Log       string
}

// Included is the record of a transaction in a block.
type Included struct {
	Height    int64
	Codespace string
	Code      uint32 // zero: the chain accepted it
	Log       string
}

// Chain is what the outbox needs of the chain.
type Chain interface {
	// Account returns the number and the next sequence of the signing account.
	Account(ctx context.Context) (number, sequence uint64, err error)
	Broadcast(ctx context.Context, tx []byte) (CheckResult, error)
	// Tx looks a transaction up by its hash; nil when the chain does not know it.
	Tx(ctx context.Context, hash []byte) (*Included, error)
}

// Order is what a transaction is signed for.
type Order struct {
	Message  []byte // google.protobuf.Any
	Account  uint64
	Sequence uint64
	Timeout  int64 // last height that may include it
}

// Signer makes a transaction of a message.
type Signer interface {
	Sign(ctx context.Context, order Order) (tx, hash []byte, err error)
}

const (
	// lag is how many blocks a chain node may take to index a transaction.
	lag = 2
	// patience is how many blocks in a row must refuse a transaction that may
	// lie in another node's mempool before the refusal is believed.
	patience = 3
	// pause is the wait after a failed step when no block comes.
	pause = time.Second
)

// Outbox drives intents to their ends. One goroutine runs it.
type Outbox struct {
	store  *store.Store
	chain  Chain
	signer Signer
	log    *slog.Logger

	wake     chan struct{}
	heights  chan int64
	refusals int // blocks in a row that refused the transaction under way
}

// New makes an outbox over a store.
func New(s *store.Store, chain Chain, signer Signer, log *slog.Logger) *Outbox {
	return &Outbox{
		store: s, chain: chain, signer: signer, log: log,
		wake: make(chan struct{}, 1), heights: make(chan int64, 1),
	}
}

// Wake says that an intent was written.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Advance says that the chain has reached a height.
func (o *Outbox) Advance(height int64) {
	for {
		select {
		case o.heights <- height:
			return
		case <-o.heights: // an older one nobody has seen yet
		}
	}
}

// Run steps at every block and at every Wake until the context ends.
func (o *Outbox) Run(ctx context.Context) {
	var height int64
	retry := time.NewTimer(pause)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case height = <-o.heights:
		case <-o.wake:
		case <-retry.C:
		}
		if height == 0 {
			continue // nothing can be dated before the first block is known
		}
		if err := o.Step(ctx, height); err != nil && ctx.Err() == nil {
			o.log.Warn("outbox step failed, will be repeated", "height", height, "err", err)
			retry.Reset(pause)
		}
	}
}

// Step does what can be done while the chain is at height: it settles the
// transaction under way and sends the next one. It may be cut off anywhere and
// repeated.
func (o *Outbox) Step(ctx context.Context, height int64) error {
	for {
		a, err := o.underWay(ctx)
		if err != nil {
			return err
		}
		if a == nil {
			if a, err = o.signNext(ctx, height); err != nil || a == nil {
				return err
			}
		} else if free, err := o.settle(ctx, a, height); err != nil || !free {
			return err
		} else {
			continue
		}
		if free, err := o.broadcast(ctx, a, height); err != nil || !free {
			return err
		}
	}
}

// attempt is the signed transaction of an intent.
type attempt struct {
	entry        Entry
	hash, tx     []byte
	sequence     uint64
	sent, passed int64
}

func (o *Outbox) underWay(ctx context.Context) (*attempt, error) {
	row := o.store.Read().QueryRowContext(ctx, `SELECT a.hash, a.tx, a.sequence, a.sent, a.passed,
		o.id, o.kind, o.key, o.deadline FROM outbox o JOIN attempts a ON a.outbox_id = o.id
		WHERE o.state = 'signed' ORDER BY o.id LIMIT 1`)
	var a attempt
	err := row.Scan(&a.hash, &a.tx, &a.sequence, &a.sent, &a.passed,
		&a.entry.ID, &a.entry.Kind, &a.entry.Key, &a.entry.Deadline)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return &a, nil
}

// signNext expires what is too late and signs the first of what is left.
func (o *Outbox) signNext(ctx context.Context, height int64) (*attempt, error) {
	entry, err := o.firstPending(ctx, height)
	if err != nil || entry == nil {
		return nil, err
	}
	account, sequence, err := o.chain.Account(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	tx, hash, err := o.signer.Sign(ctx, Order{
		Message: entry.message, Account: account, Sequence: sequence, Timeout: entry.Deadline,
	})
	if err != nil {
		return nil, fmt.Errorf("sign %s: %w", entry.Key, err)
	}
	var stale bool
	err = o.store.Write(ctx, func(t *sql.Tx) error {
		result, err := t.ExecContext(ctx, `UPDATE outbox SET state = 'signed' WHERE id = ? AND state = 'pending'`, entry.ID)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		changed, err := result.RowsAffected()
		if stale = changed == 0; stale || err != nil {
			return err // superseded meanwhile
		}
		// A message that was refused at the door and comes again, before its sequence is used, is
		// the same transaction: it is this intent's now.
		_, err = t.ExecContext(ctx, `INSERT INTO attempts (hash, outbox_id, sequence, tx) VALUES (?, ?, ?, ?)
			ON CONFLICT (hash) DO UPDATE SET outbox_id = excluded.outbox_id, sent = 0, passed = 0`,
			hash, entry.ID, sequence, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	if stale {
		return o.signNext(ctx, height)
	}
	o.refusals = 0
	return &attempt{entry: *entry, hash: hash, tx: tx, sequence: sequence}, nil
}

func (o *Outbox) firstPending(ctx context.Context, height int64) (*Entry, error) {
	for {
		entry, err := one(o.store.Read().QueryRowContext(ctx, `SELECT `+columns+` FROM outbox
			WHERE state = 'pending' ORDER BY priority, id LIMIT 1`))
		if err != nil || entry == nil || entry.Deadline > height {
			return entry, err
		}
		if err := o.end(ctx, *entry, Expired, Included{}); err != nil {
			return nil, err
		}
	}
}
