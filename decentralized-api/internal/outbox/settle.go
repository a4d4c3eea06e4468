package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// settle finds out what became of the transaction under way and sends it again
// where it may have been lost. It says whether the next one may go.
func (o *Outbox) settle(ctx context.Context, a *attempt, height int64) (bool, error) {
	included, err := o.chain.Tx(ctx, a.hash)
	if err != nil {
		return false, fmt.Errorf("look up %X: %w", a.hash, err)
	}
	if included != nil {
		state := Committed
		if included.Code != 0 {
			state = Rejected
		}
		return true, o.end(ctx, a.entry, state, *included)
	}
	if height > a.entry.Deadline+lag {
		return true, o.end(ctx, a.entry, Expired, Included{})
	}
	_, next, err := o.chain.Account(ctx)
	if err != nil {
		return false, fmt.Errorf("account: %w", err)
	}
	if next > a.sequence {
		return o.overtaken(ctx, a, height)
	}
	if a.sent == height || height >= a.entry.Deadline {
		return false, nil
	}
	return o.broadcast(ctx, a, height)
}

// overtaken handles a transaction whose sequence is used up and which the
// chain does not know. Unless the index only lags, another transaction used
// the sequence, this one is void, and its intent is signed anew.
func (o *Outbox) overtaken(ctx context.Context, a *attempt, height int64) (bool, error) {
	if a.passed == 0 {
		return false, o.exec(ctx, `UPDATE attempts SET passed = ? WHERE hash = ?`, height, a.hash)
	}
	if height < a.passed+lag {
		return false, nil
	}
	o.log.Warn("sequence was used by another transaction, signing again",
		"intent", a.entry.Key, "sequence", a.sequence)
	return true, o.store.Write(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, `DELETE FROM attempts WHERE hash = ?`, a.hash); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		_, err := t.ExecContext(ctx, `UPDATE outbox SET state = 'pending' WHERE id = ?`, a.entry.ID)
		return err
	})
}

// broadcast notes the height, then sends. It says whether the intent ended.
func (o *Outbox) broadcast(ctx context.Context, a *attempt, height int64) (bool, error) {
	if err := o.exec(ctx, `UPDATE attempts SET sent = ? WHERE hash = ?`, height, a.hash); err != nil {
		return false, err
	}
	result, err := o.chain.Broadcast(ctx, a.tx)
	if err != nil {
		return false, fmt.Errorf("broadcast %s: %w", a.entry.Key, err)
	}
	switch result.Check {
	case Admitted:
	case Refused:
		o.refusals++
		if a.sent != 0 && o.refusals < patience {
			return false, nil // an earlier broadcast may still be included
		}
		return true, o.end(ctx, a.entry, Rejected,
			Included{Codespace: result.Codespace, Code: result.Code, Log: result.Log})
	case Busy:
		o.log.Info("chain is busy, will be sent again", "intent", a.entry.Key, "log", result.Log)
	case WrongSequence:
		o.log.Debug("sequence is not the next one", "intent", a.entry.Key, "sequence", a.sequence)
	}
	o.refusals = 0
	return false, nil
}

func (o *Outbox) end(ctx context.Context, e Entry, state State, in Included) error {
	level := o.log.Info
	if state == Rejected || state == Expired {
		level = o.log.Warn
	}
	level("intent ended", "intent", e.Key, "state", state, "height", in.Height, "code", in.Code, "log", in.Log)
	return o.exec(ctx, `UPDATE outbox SET state = ?, codespace = ?, code = ?, log = ?, height = ?, ended = ? WHERE id = ?`,
		state, in.Codespace, in.Code, in.Log, in.Height, time.Now().UnixMilli(), e.ID)
}

func (o *Outbox) exec(ctx context.Context, query string, args ...any) error {
	return o.store.Write(ctx, func(t *sql.Tx) error {
		if _, err := t.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		return nil
	})
}
