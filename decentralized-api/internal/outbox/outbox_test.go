package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

type bench struct {
	t     testing.TB
	store *store.Store
	chain *fakeChain
	box   *Outbox
}

func newBench(t testing.TB) *bench {
	t.Helper()
	s, err := store.OpenUnsynced(context.Background(), t.TempDir())
	require.NoError(t, err)
	b := &bench{t: t, store: s, chain: newFakeChain()}
	b.restart()
	return b
}

// restart forgets everything that is not in the store.
func (b *bench) restart() {
	b.box = New(b.store, b.chain, fakeSigner{}, slog.New(slog.DiscardHandler))
}

func message(name string) *types.MsgClaimReward { return &types.MsgClaimReward{Creator: name} }

// wire is a message as the fake chain counts it.
func wire(t testing.TB, name string) string {
	t.Helper()
	raw, err := message(name).Marshal()
	require.NoError(t, err)
	return string(raw)
}

func (b *bench) enqueue(name string, deadline int64) int64 {
	b.t.Helper()
	return b.enqueueAs(name, name, deadline)
}

func (b *bench) enqueueAs(key, name string, deadline int64) int64 {
	b.t.Helper()
	var id int64
	require.NoError(b.t, b.store.Write(context.Background(), func(tx *sql.Tx) (err error) {
		id, err = Enqueue(context.Background(), tx, Intent{
			Kind: "test", Key: key, Deadline: deadline, Message: message(name),
		})
		return err
	}))
	return id
}

func (b *bench) step() {
	b.t.Helper()
	require.NoError(b.t, b.box.Step(context.Background(), b.chain.height))
}

func (b *bench) state(name string) State { return b.entry(name).State }

func (b *bench) entry(name string) Entry {
	b.t.Helper()
	e, err := Find(context.Background(), b.store.Read(), name)
	require.NoError(b.t, err)
	require.NotNil(b.t, e)
	return *e
}

func TestAnIntentIsSignedSentIncludedAndConfirmed(t *testing.T) {
	b := newBench(t)
	defer b.close()
	b.enqueue("a", 10)
	b.step()
	require.Equal(t, Signed, b.state("a"))
	b.chain.next(false, false)
	b.step()
	require.Equal(t, Committed, b.state("a"))
	require.EqualValues(t, 2, b.entry("a").Height)
	require.Equal(t, 1, b.chain.executed[wire(t, "a")])
}

func (b *bench) close() { require.NoError(b.t, b.store.Close()) }

func TestTheSameKeyIsTheSameIntent(t *testing.T) {
	b := newBench(t)
	defer b.close()
	require.Equal(t, b.enqueue("a", 10), b.enqueue("a", 99))
	require.EqualValues(t, 10, b.entry("a").Deadline)
}

func TestTheMoreUrgentIntentGoesFirst(t *testing.T) {
	b := newBench(t)
	defer b.close()
	b.enqueue("later", 50)
	require.NoError(t, b.store.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := Enqueue(t.Context(), tx, Intent{Kind: "test", Key: "urgent", Priority: -1, Deadline: 50, Message: message("urgent")})
		return err
	}))
	b.step()
	require.Equal(t, Signed, b.state("urgent"))
	require.Equal(t, Pending, b.state("later"), "one transaction is under way at a time")
}

func TestEndsOfAnIntent(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*bench)
		blocks  int
		want    State
		code    uint32
	}{
		"refused at the door":                       {func(b *bench) { b.chain.refuse[wire(b.t, "a")] = 13 }, 0, Rejected, 13},
		"refused when it is executed":               {func(b *bench) { b.chain.fail[wire(b.t, "a")] = 5 }, 1, Rejected, 5},
		"superseded before it is signed":            {func(b *bench) { b.supersede("a") }, 1, Superseded, 0},
		"too late before it is signed":              {func(b *bench) { b.chain.height = 10 }, 0, Expired, 0},
		"one block before the last it may be in":    {func(b *bench) { b.chain.height = 9 }, 1, Committed, 0},
		"lost from the mempool and sent again":      {func(b *bench) { b.step(); b.chain.next(true, false) }, 1, Committed, 0},
		"its sequence used by somebody else":        {func(b *bench) { b.step(); b.replaceInMempool() }, 5, Committed, 0},
		"a foreign transaction before it":           {func(b *bench) { b.chain.foreign() }, 5, Committed, 0},
		"an index that lags two blocks behind":      {func(b *bench) { b.step(); b.chain.next(false, true); b.step(); b.chain.next(false, true) }, 1, Committed, 0},
		"lost in every block until it is too late":  {func(b *bench) { b.loseUntil(10) }, 3, Expired, 0},
		"refused by a node that did not see it yet": {func(b *bench) { b.refuseAfterAdmission() }, 1, Committed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			defer b.close()
			b.enqueue("a", 10)
			tc.prepare(b)
			b.step()
			for range tc.blocks {
				b.chain.next(false, false)
				b.step()
			}
			require.Equal(t, tc.want, b.state("a"))
			require.Equal(t, tc.code, b.entry("a").Code)
			executed := 0
			if tc.want == Committed {
				executed = 1
			}
			require.Equal(t, executed, b.chain.executed[wire(t, "a")])
		})
	}
}

func TestAMessageThatWasRefusedAtTheDoorMayComeAgain(t *testing.T) {
	for name, between := range map[string]func(*bench){
		"with its sequence unused": func(*bench) {},
		"with its sequence used":   func(b *bench) { b.chain.foreign(); b.chain.next(false, false) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			defer b.close()
			b.enqueue("a", 20)
			b.enqueue("behind it", 20)
			b.chain.closed = true
			b.step()
			require.Equal(t, Rejected, b.state("a"))
			b.chain.closed = false
			between(b)
			b.enqueueAs("a again", "a", 20)
			b.enqueueAs("behind it again", "behind it", 20)
			for range 4 {
				b.step()
				b.chain.next(false, false)
			}
			b.step()
			for _, key := range []string{"a", "behind it"} {
				require.Equal(t, Committed, b.state(key+" again"), key)
				require.Equal(t, 1, b.chain.executed[wire(t, key)], key)
			}
		})
	}
}

func (b *bench) supersede(name string) {
	require.NoError(b.t, b.store.Write(context.Background(), func(tx *sql.Tx) error {
		done, err := Supersede(context.Background(), tx, b.entry(name).ID)
		require.True(b.t, done)
		return err
	}))
}

func (b *bench) replaceInMempool() {
	b.chain.mempool = nil
	b.chain.foreign()
}

func (b *bench) loseUntil(height int64) {
	for b.chain.height < height {
		b.step()
		b.chain.next(true, false)
	}
}

// refuseAfterAdmission lets a second node refuse what the first one admitted.
func (b *bench) refuseAfterAdmission() {
	b.step()
	waiting := b.chain.mempool
	b.chain.mempool = nil
	b.chain.height++
	b.chain.refuse[wire(b.t, "a")] = 9
	b.step()
	require.Equal(b.t, Signed, b.state("a"))
	b.chain.mempool = waiting
}

func TestASignedIntentCannotBeSuperseded(t *testing.T) {
	b := newBench(t)
	defer b.close()
	id := b.enqueue("a", 10)
	b.step()
	require.NoError(t, b.store.Write(t.Context(), func(tx *sql.Tx) error {
		done, err := Supersede(t.Context(), tx, id)
		require.False(t, done)
		return err
	}))
}

func TestRunSendsAfterAFailureWithoutWaitingForABlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); b.box.Run(ctx) }()
		b.chain.offline.Store(true)
		b.enqueue("a", 10)
		b.box.Advance(1)
		b.box.Wake()
		synctest.Wait()
		require.Equal(t, Pending, b.state("a"))
		b.chain.offline.Store(false)
		time.Sleep(pause) // the bubble's clock, not ours
		synctest.Wait()
		require.Len(t, b.chain.mempool, 1)
		stop()
		<-done
		b.close()
	})
}

// TestNoIntentIsLostOrDoubledWhateverDies kills the process at arbitrary
// points, drops mempools, lets the index lag, the node go away, or refuse what
// comes; who asked for a message asks again where it was refused. With calm
// blocks at the end every message must have been accepted exactly once, or,
// where its deadline passed, not at all and be known to be expired.
func TestNoIntentIsLostOrDoubledWhateverDies(t *testing.T) {
	b := newBench(t)
	defer b.close()
	rapid.Check(t, func(r *rapid.T) {
		b.renew()
		var askers []*asker
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			switch rapid.SampledFrom([]string{
				"enqueue", "step", "kill", "block", "lose", "lag", "foreign", "offline", "door",
			}).Draw(r, "do") {
			case "enqueue":
				name := fmt.Sprintf("intent %d", len(askers))
				askers = append(askers, &asker{name, name, b.chain.height + rapid.Int64Range(1, 12).Draw(r, "deadline")})
				b.enqueue(name, askers[len(askers)-1].deadline)
			case "step":
				b.stepOrFail()
			case "kill":
				b.killIn(rapid.IntRange(1, 10).Draw(r, "calls"))
			case "block":
				b.chain.next(false, false)
			case "lose":
				b.chain.next(true, false)
			case "lag":
				b.chain.next(false, true)
			case "foreign":
				b.chain.foreign()
			case "offline":
				b.chain.offline.Store(!b.chain.offline.Load())
			case "door":
				b.chain.closed = !b.chain.closed
			}
			b.askAgain(askers)
		}
		b.chain.offline.Store(false)
		b.chain.closed = false
		for range 12 + (lag+2)*len(askers) {
			b.chain.next(false, false)
			b.askAgain(askers)
			b.step()
		}
		for _, a := range askers {
			switch times := b.chain.executed[wire(t, a.name)]; b.state(a.key) {
			case Committed:
				require.Equal(r, 1, times, a.name)
			case Expired:
				require.Zero(r, times, a.name)
			default:
				r.Fatalf("%s ended as %s", a.name, b.state(a.key))
			}
		}
	})
}

// asker wants a message to reach the chain, as the proofs and the verdicts do.
type asker struct {
	name, key string
	deadline  int64
}

func (b *bench) askAgain(askers []*asker) {
	for _, a := range askers {
		if b.state(a.key) == Rejected {
			a.key += "+"
			b.enqueueAs(a.key, a.name, a.deadline)
		}
	}
}

// renew empties the store, which is faster than making another.
func (b *bench) renew() {
	b.chain = newFakeChain()
	b.restart()
	require.NoError(b.t, b.store.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM outbox`)
		return err
	}))
}

func (b *bench) stepOrFail() {
	if err := b.box.Step(context.Background(), b.chain.height); err != nil {
		require.ErrorIs(b.t, err, errOffline)
	}
}

func (b *bench) killIn(calls int) {
	b.chain.crashIn = calls
	defer func() {
		b.chain.crashIn = 0
		if cause := recover(); cause != nil {
			require.IsType(b.t, killed{}, cause)
			b.restart()
		}
	}()
	b.stepOrFail()
}
