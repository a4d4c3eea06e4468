package upkeep

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/cosmos/gogoproto/proto"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Kinds of intents; both wait for proofs and verdicts.
const (
	KindHardware = "hardware"
	KindClaim    = "claim"

	priority = 10
)

// Waits before what a chain node refused at its door is sent again.
const (
	firstWait = 4 * time.Second
	lastWait  = time.Hour
)

// Chain is what upkeep asks the chain.
type Chain interface {
	HardwareNodes(ctx context.Context) ([]types.HardwareNodeRow, error)
	Claimable(ctx context.Context) ([]uint64, error)
	// MaySend says whether the host is registered and the signing account may
	// send a message for it.
	MaySend(ctx context.Context, typeURL string) (bool, error)
}

// Registry is the part of the broker that is declared.
type Registry interface {
	Snapshot() *broker.Snapshot
	Recheck(ctx context.Context) error
}

// Upkeep is called at every block.
type Upkeep struct {
	chain    Chain
	registry Registry
	store    *store.Store
	host     string
	wake     func() // says that an intent was written
	log      *slog.Logger

	stage   epoch.Stage // at the last block
	opened  uint64      // at the last block
	synced  string      // declaration that the chain is known to hold
	waiting bool        // whether the host may not act yet
}

// New makes the upkeep of a host.
func New(chain Chain, registry Registry, s *store.Store, host string, wake func(), log *slog.Logger) *Upkeep {
	return &Upkeep{chain: chain, registry: registry, store: s, host: host, wake: wake, log: log}
}

// OnBlock declares nodes that changed and claims what was settled, in the
// serving window: a difference acts with the next epoch anyway, and nothing
// must be under way when the proofs of a round are.
func (u *Upkeep) OnBlock(ctx context.Context, view chain.View) error {
	var failure error
	if u.stage != view.Stage || u.opened != view.Opened {
		failure = u.registry.Recheck(ctx)
		if failure == nil {
			u.stage, u.opened, u.synced = view.Stage, view.Opened, ""
		}
	}
	if view.Stage != epoch.Inference {
		return failure
	}
	return errors.Join(failure, u.declare(ctx, view), u.claim(ctx, view))
}

// declare sends the difference between the declared nodes and the chain's. A
// refused difference is not repeated before something changes.
func (u *Upkeep) declare(ctx context.Context, view chain.View) error {
	snapshot := u.registry.Snapshot()
	d := declaration{nodes: snapshot.Declared(), held: snapshot.Held()}
	said := fmt.Sprintf("%+v", d)
	if said == u.synced {
		return nil
	}
	if may, err := u.may(ctx, "/inference.v1.MsgSubmitHardwareDiff"); err != nil || !may {
		return err
	}
	rows, err := u.chain.HardwareNodes(ctx)
	if err != nil {
		return fmt.Errorf("hardware nodes: %w", err)
	}
	diff := hardwareDiff(u.host, d, rows, view.Opened+1)
	if diff == nil {
		u.synced = said
		return nil
	}
	raw, err := proto.Marshal(diff)
	if err != nil {
		return fmt.Errorf("hardware diff: %w", err)
	}
	// The same difference is there again when a node is switched off, on and off.
	return u.enqueue(ctx, outbox.Intent{
		Kind: KindHardware, Key: fmt.Sprintf("%s/%d/%x", KindHardware, view.Opened, sha256.Sum256(raw)),
		Epoch: view.Opened, Priority: priority, Deadline: view.Heights.NextPocStart - 1, Message: diff,
	}, outbox.Committed, outbox.Superseded)
}

// claim asks for what was settled and not paid yet.
func (u *Upkeep) claim(ctx context.Context, view chain.View) error {
	epochs, err := u.chain.Claimable(ctx)
	if err != nil {
		return fmt.Errorf("claimable: %w", err)
	}
	if len(epochs) == 0 {
		return nil
	}
	if may, err := u.may(ctx, "/inference.v1.MsgClaimReward"); err != nil || !may {
		return err
	}
	names := strings.Trim(strings.ReplaceAll(fmt.Sprint(epochs), " ", "-"), "[]")
	return u.enqueue(ctx, outbox.Intent{
		Kind: KindClaim, Key: fmt.Sprintf("%s/%d/%s", KindClaim, view.Opened, names),
		Epoch: view.Opened, Priority: priority, Deadline: view.Heights.NextPocStart - 1,
		Message: &types.MsgClaimReward{Creator: u.host},
	})
}

// may says whether the host is registered and has granted a message. It says
// so in the log once, not at every block.
func (u *Upkeep) may(ctx context.Context, typeURL string) (bool, error) {
	may, err := u.chain.MaySend(ctx, typeURL)
	if err != nil {
		return false, fmt.Errorf("grants: %w", err)
	}
	if may == u.waiting {
		u.waiting = !may
		if !may {
			u.log.Warn("the host is not registered, or has not granted the warm key", "host", u.host, "message", typeURL)
		}
	}
	return may, nil
}

// enqueue writes an intent, once, and again where it came to one of some ends; one that
// waits unsigned for the same purpose gives way to it.
func (u *Upkeep) enqueue(ctx context.Context, in outbox.Intent, ends ...outbox.State) error {
	first := in.Key
	err := u.store.Write(ctx, func(tx *sql.Tx) (err error) {
		if in.Key, err = unsent(ctx, tx, first, ends); err != nil || in.Key == "" {
			return err
		}
		if err := outbox.SupersedeKind(ctx, tx, in.Kind); err != nil {
			return err
		}
		_, err = outbox.Enqueue(ctx, tx, in)
		return err
	})
	if err == nil {
		u.wake()
	}
	return err
}

// unsent numbers the key of what is sent again within an epoch because it came to one
// of some ends. What is under way, or was refused in a block, is not sent again: there is
// no key for it. What a chain node refused at its door is, after waits that double.
func unsent(ctx context.Context, tx *sql.Tx, first string, ends []outbox.State) (string, error) {
	key, wait := first, firstWait
	for n := 2; ; n++ {
		known, err := outbox.Find(ctx, tx, key)
		if err != nil || known == nil {
			return key, err
		}
		switch {
		case slices.Contains(ends, known.State):
			wait = firstWait
		// Either way: a clock that was set back must not hold up anything.
		case known.RefusedAtDoor() && time.Since(known.Created).Abs() >= wait:
			wait = min(2*wait, lastWait)
		default:
			return "", nil
		}
		key = fmt.Sprintf("%s/%d", first, n)
	}
}
