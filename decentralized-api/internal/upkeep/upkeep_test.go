package upkeep

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

func spec(id string, models ...string) config.Node {
	return config.Node{ID: id, Models: models, Hardware: []config.Hardware{{Type: "cpu", Count: 1}}}
}

func row(id string, models ...string) types.HardwareNodeRow {
	node := hardwareOf(spec(id, models...))
	node.Host, node.AddedSeq = "elsewhere", 7
	return types.HardwareNodeRow{NodeId: id, Current: &node}
}

func TestTheDiffIsWhatTheNextFleetLacks(t *testing.T) {
	removed := row("gone", "m")
	removed.NextEpoch, removed.NextRemoved = 6, true
	coming := row("new", "m")
	coming.Next, coming.Current, coming.NextEpoch = coming.Current, nil, 6
	for name, tc := range map[string]struct {
		said                declaration
		rows                []types.HardwareNodeRow
		add, modify, remove []string
	}{
		"nothing to say":                           {said: declaration{nodes: []config.Node{spec("a", "m")}}, rows: []types.HardwareNodeRow{row("a", "m")}},
		"a node that is new":                       {said: declaration{nodes: []config.Node{spec("a", "m")}}, add: []string{"a"}},
		"a node with other models":                 {said: declaration{nodes: []config.Node{spec("a", "m", "n")}}, rows: []types.HardwareNodeRow{row("a", "m")}, modify: []string{"a"}},
		"models in another order":                  {said: declaration{nodes: []config.Node{spec("a", "n", "m")}}, rows: []types.HardwareNodeRow{row("a", "m", "n")}, modify: []string{"a"}},
		"a node that is not declared any more":     {rows: []types.HardwareNodeRow{row("a", "m")}, remove: []string{"a"}},
		"a node that is about to leave":            {rows: []types.HardwareNodeRow{removed}},
		"a node that is about to come":             {said: declaration{nodes: []config.Node{spec("new", "m")}}, rows: []types.HardwareNodeRow{coming}},
		"a node that is about to come, not wanted": {rows: []types.HardwareNodeRow{coming}, remove: []string{"new"}},
		"a node that is held":                      {said: declaration{held: []string{"a"}}, rows: []types.HardwareNodeRow{row("a", "m")}},
	} {
		t.Run(name, func(t *testing.T) {
			diff := hardwareDiff("host", tc.said, tc.rows, 6)
			if tc.add == nil && tc.modify == nil && tc.remove == nil {
				require.Nil(t, diff)
				return
			}
			require.Equal(t, tc.add, ids(diff.Add))
			require.Equal(t, tc.modify, ids(diff.Modify))
			require.Equal(t, tc.remove, diff.Remove)
			require.Equal(t, "host", diff.Creator)
		})
	}
}

func ids(nodes []types.HardwareNode) []string {
	var out []string
	for _, node := range nodes {
		out = append(out, node.LocalId)
	}
	return out
}

func TestAModifiedNodeKeepsWhatTheChainHoldsForPeople(t *testing.T) {
	diff := hardwareDiff("host", declaration{nodes: []config.Node{spec("a", "x")}}, []types.HardwareNodeRow{row("a", "m")}, 6)
	require.Equal(t, "elsewhere", diff.Modify[0].Host)
	require.Zero(t, diff.Modify[0].AddedSeq, "the chain refuses it")
}

type fakeChain struct {
	rows      []types.HardwareNodeRow
	claimable []uint64
	may       bool
}

func (c *fakeChain) HardwareNodes(context.Context) ([]types.HardwareNodeRow, error) {
	return c.rows, nil
}
func (c *fakeChain) Claimable(context.Context) ([]uint64, error)   { return c.claimable, nil }
func (c *fakeChain) MaySend(context.Context, string) (bool, error) { return c.may, nil }
func (c *fakeRegistry) Snapshot() *broker.Snapshot                 { return c.snapshot }
func (c *fakeRegistry) Recheck(context.Context) error              { c.rechecks++; return nil }
func registryOf(nodes map[string]broker.NodeState) *fakeRegistry {
	return &fakeRegistry{snapshot: &broker.Snapshot{Nodes: nodes}}
}

type fakeRegistry struct {
	snapshot *broker.Snapshot
	rechecks int
}

func TestUpkeepSendsEachThingOnceAndWhenItMay(t *testing.T) {
	s, err := store.OpenUnsynced(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	c := &fakeChain{claimable: []uint64{3, 4}}
	r := registryOf(map[string]broker.NodeState{"a": {Spec: spec("a", "m"), Enabled: true}})
	woken := 0
	u := New(c, r, s, "host", func() { woken++ }, slog.New(slog.DiscardHandler))
	view := chain.View{Stage: epoch.Inference, Opened: 5, Heights: epoch.Heights{NextPocStart: 99}}
	step := func() []string {
		require.NoError(t, u.OnBlock(t.Context(), view))
		entries, err := outbox.Latest(t.Context(), s.Read(), 10)
		require.NoError(t, err)
		var kinds []string
		for _, e := range entries {
			kinds = append(kinds, e.Kind)
		}
		return kinds
	}
	require.Empty(t, step(), "the host is not registered yet")
	c.may = true
	require.Equal(t, []string{"claim", "hardware"}, step())
	require.Equal(t, []string{"claim", "hardware"}, step(), "nothing new")
	require.Equal(t, 1, r.rechecks, "once a stage")

	c.rows, c.claimable = []types.HardwareNodeRow{row("a", "m")}, nil
	require.Len(t, step(), 2)
	view.Opened = 6
	require.Len(t, step(), 2, "a new epoch with nothing to say")
	require.Equal(t, 2, r.rechecks)

	r.snapshot = &broker.Snapshot{Nodes: map[string]broker.NodeState{}}
	require.Equal(t, []string{"hardware", "claim", "hardware"}, step(), "the node was removed")
	latest, err := outbox.Latest(t.Context(), s.Read(), 3)
	require.NoError(t, err)
	require.Equal(t, outbox.Superseded, latest[2].State, "the older difference never left")
	require.EqualValues(t, 98, latest[0].Deadline, "the block before the next POC_START")
}

func TestANodeSwitchedOffTwiceInAnEpochIsDeclaredTwice(t *testing.T) {
	s, err := store.OpenUnsynced(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	on := registryOf(map[string]broker.NodeState{"a": {Spec: spec("a", "m"), Enabled: true}}).snapshot
	off := &broker.Snapshot{Nodes: map[string]broker.NodeState{}}
	r, c := &fakeRegistry{snapshot: on}, &fakeChain{may: true}
	u := New(c, r, s, "host", func() {}, slog.New(slog.DiscardHandler))
	sent := func(snapshot *broker.Snapshot, rows ...types.HardwareNodeRow) int {
		r.snapshot, c.rows = snapshot, rows
		require.NoError(t, u.OnBlock(t.Context(), chain.View{Stage: epoch.Inference, Opened: 5, Heights: epoch.Heights{NextPocStart: 99}}))
		entries, err := outbox.Latest(t.Context(), s.Read(), 10)
		require.NoError(t, err)
		return len(entries)
	}
	committed := func() {
		require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE outbox SET state = 'committed'`)
			return err
		}))
	}
	require.Equal(t, 1, sent(on))
	require.Equal(t, 1, sent(on), "under way")
	committed()
	require.Equal(t, 2, sent(off, row("a", "m")))
	committed()
	require.Equal(t, 3, sent(on))
	require.Equal(t, 3, sent(on), "under way again")
	committed()
	require.Equal(t, 4, sent(off, row("a", "m")))
}

func TestEverythingWaitsForTheServingWindow(t *testing.T) {
	s, err := store.OpenUnsynced(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	nodes := registryOf(map[string]broker.NodeState{"a": {Spec: spec("a", "m"), Enabled: true}})
	u := New(&fakeChain{claimable: []uint64{3}, may: true}, nodes, s, "host", func() {}, slog.New(slog.DiscardHandler))
	require.NoError(t, u.OnBlock(t.Context(), chain.View{Stage: epoch.PocExchange, Opened: 5}))
	entries, err := outbox.Latest(t.Context(), s.Read(), 1)
	require.NoError(t, err)
	require.Empty(t, entries)
}

// TestWhatIsRefusedAtTheDoorIsSentAgainLaterAndLater: the chain never saw it. What the
// chain refused is not repeated.
func TestWhatIsRefusedAtTheDoorIsSentAgainLaterAndLater(t *testing.T) {
	s, err := store.OpenUnsynced(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	r := registryOf(map[string]broker.NodeState{"a": {Spec: spec("a", "m"), Enabled: true}})
	c := &fakeChain{may: true, claimable: []uint64{3}}
	u := New(c, r, s, "host", func() {}, slog.New(slog.DiscardHandler))
	refused := func(height int64) {
		require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE outbox SET state = 'rejected', height = ? WHERE state = 'pending'`, height)
			return err
		}))
	}
	sentAfter := func(wait time.Duration) map[string]int {
		require.NoError(t, s.Write(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE outbox SET created = created - ?`, wait.Milliseconds())
			return err
		}))
		require.NoError(t, u.OnBlock(t.Context(), chain.View{Stage: epoch.Inference, Opened: 5, Heights: epoch.Heights{NextPocStart: 99}}))
		entries, err := outbox.Latest(t.Context(), s.Read(), 100)
		require.NoError(t, err)
		n := map[string]int{}
		for _, e := range entries {
			n[e.Kind]++
		}
		return n
	}
	both := func(n int) map[string]int { return map[string]int{KindHardware: n, KindClaim: n} }
	require.Equal(t, both(1), sentAfter(0))
	require.Equal(t, both(1), sentAfter(time.Hour), "under way")
	refused(0)
	require.Equal(t, both(2), sentAfter(0))
	refused(0)
	require.Equal(t, both(2), sentAfter(time.Second))
	require.Equal(t, both(3), sentAfter(time.Minute))
	for n := 3; n < 10; n++ {
		refused(0)
		require.Equal(t, both(n), sentAfter(time.Second))
		require.Equal(t, both(n+1), sentAfter(time.Hour))
	}
	refused(60)
	require.Equal(t, both(10), sentAfter(time.Hour))
}
