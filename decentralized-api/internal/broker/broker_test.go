package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

type fakeChain struct {
	models map[string]types.Model
	views  map[uint64]*chain.EpochView
}

var errNotFormed = errors.New("not formed")

func (c *fakeChain) GovernanceModels(context.Context) (map[string]types.Model, error) {
	return c.models, nil
}

func (c *fakeChain) EpochView(_ context.Context, epoch uint64) (*chain.EpochView, error) {
	if view := c.views[epoch]; view != nil {
		return view, nil
	}
	return nil, errNotFormed
}

type bench struct {
	*Broker
	chain *fakeChain
	dir   string
	stop  func()
}

func newBench(t *testing.T) *bench {
	b := &bench{dir: t.TempDir(), chain: &fakeChain{
		models: map[string]types.Model{"m1": {Id: "m1"}, "m2": {Id: "m2"}},
		views:  map[uint64]*chain.EpochView{},
	}}
	b.start(t)
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bench) start(t *testing.T) {
	s, err := store.OpenUnsynced(context.Background(), b.dir)
	require.NoError(t, err)
	b.Broker = New(b.chain, s, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.Run(ctx) }()
	b.stop = func() {
		cancel()
		<-done
		require.NoError(t, s.Close())
	}
}

func node(id string, models ...string) config.Node {
	return config.Node{ID: id, Address: "127.0.0.1:1", Models: models}
}

func TestARefusedNodeIsToldEveryUnknownModel(t *testing.T) {
	b := newBench(t)
	err := b.RegisterNode(t.Context(), node("n", "x1", "m1", "x2", "x3"))
	require.ErrorIs(t, err, ErrUnknownModels)
	require.ErrorContains(t, err, "x1, x2, x3")
	require.Empty(t, b.Snapshot().Nodes)
}

func TestANodeOfTheConfigurationWithUnknownModelsIsKeptAndNotDeclared(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("good", "m1"), node("bad", "x1")}))
	require.Contains(t, b.Snapshot().Nodes["bad"].Refused, "x1")
	require.Equal(t, []config.Node{node("good", "m1")}, b.Snapshot().Declared())

	b.chain.models["x1"] = types.Model{Id: "x1"}
	require.NoError(t, b.Recheck(t.Context()))
	require.Len(t, b.Snapshot().Declared(), 2)
	delete(b.chain.models, "m1")
	require.NoError(t, b.Recheck(t.Context()))
	require.Equal(t, []config.Node{node("bad", "x1")}, b.Snapshot().Declared())
}

func TestNodesAndSwitchesOutliveTheProcess(t *testing.T) {
	b := newBench(t)
	configured := []config.Node{node("a", "m1"), node("b", "m2")}
	require.NoError(t, b.Load(t.Context(), configured))
	require.NoError(t, b.RegisterNode(t.Context(), node("c", "m1")))
	require.NoError(t, b.SetEnabled(t.Context(), "b", false))
	require.NoError(t, b.SetEnabled(t.Context(), "c", false))
	b.stop()
	b.start(t)
	require.NoError(t, b.Load(t.Context(), configured))
	snapshot := b.Snapshot()
	require.Equal(t, []string{"a", "b", "c"}, snapshot.IDs())
	require.Equal(t, []config.Node{node("a", "m1")}, snapshot.Declared())
	require.Equal(t, node("c", "m1"), snapshot.Nodes["c"].Spec)

	require.NoError(t, b.SetEnabled(t.Context(), "c", true))
	require.NoError(t, b.RemoveNode(t.Context(), "c"))
	b.stop()
	b.start(t)
	require.NoError(t, b.Load(t.Context(), configured))
	require.Equal(t, []string{"a", "b"}, b.Snapshot().IDs())
}

func TestANodeIsReplacedAndKeepsItsSwitch(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	require.NoError(t, b.RegisterNode(t.Context(), node("c", "m1")))
	require.NoError(t, b.SetEnabled(t.Context(), "c", false))
	changed := node("c", "m2")
	changed.Address = "127.0.0.1:2"
	require.NoError(t, b.ReplaceNode(t.Context(), changed))
	b.stop()
	b.start(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	got := b.Snapshot().Nodes["c"]
	require.Equal(t, changed, got.Spec)
	require.False(t, got.Enabled)
	require.Equal(t, []types.Model{{Id: "m2"}}, got.Fallback)

	for name, tc := range map[string]struct {
		spec config.Node
		want error
	}{
		"of the file":      {node("a", "m2"), ErrConfigured},
		"unknown":          {node("z", "m1"), ErrNodeUnknown},
		"unknown models":   {node("c", "x1"), ErrUnknownModels},
		"no models at all": {node("c"), config.ErrInvalid},
	} {
		require.ErrorIs(t, b.ReplaceNode(t.Context(), tc.spec), tc.want, name)
		require.Equal(t, changed, b.Snapshot().Nodes["c"].Spec, name)
	}
}

func TestAFileThatIsReadAgainAddsChangesAndRemovesItsNodes(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1"), node("b", "m1")}))
	require.NoError(t, b.RegisterNode(t.Context(), node("added", "m1")))
	require.NoError(t, b.SetEnabled(t.Context(), "a", false))
	require.NoError(t, b.Reload(t.Context(), []config.Node{node("a", "m2"), node("c", "m1")}))
	snapshot := b.Snapshot()
	require.Equal(t, []string{"a", "added", "c"}, snapshot.IDs())
	require.Equal(t, node("a", "m2"), snapshot.Nodes["a"].Spec)
	require.False(t, snapshot.Nodes["a"].Enabled, "a switch is not the file's")
	require.True(t, snapshot.Nodes["c"].Configured)
	require.True(t, snapshot.Nodes["c"].Enabled)

	delete(b.chain.models, "m2")
	require.NoError(t, b.Reload(t.Context(), []config.Node{node("a", "m2"), node("c", "m1")}), "a did not change")
	for name, tc := range map[string]struct {
		file []config.Node
		want error
	}{
		"a model that nobody knows":     {[]config.Node{node("d", "x1")}, ErrUnknownModels},
		"a node that was added by hand": {[]config.Node{node("added", "m1")}, ErrNodeExists},
	} {
		require.ErrorIs(t, b.Reload(t.Context(), tc.file), tc.want, name)
		require.Equal(t, snapshot.IDs(), b.Snapshot().IDs(), name)
	}
}

func TestANodeThatTheFileTookOverLeavesWithIt(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), nil))
	require.NoError(t, b.RegisterNode(t.Context(), node("c", "m1")))
	for _, file := range [][]config.Node{{node("c", "m2")}, nil} {
		b.stop()
		b.start(t)
		require.NoError(t, b.Load(t.Context(), file))
		require.Len(t, b.Snapshot().Nodes, len(file))
	}
}

func TestGovernedModelsAreThoseOfTheLatestLook(t *testing.T) {
	b := newBench(t)
	require.Nil(t, b.Governed())
	require.NoError(t, b.Load(t.Context(), nil))
	require.Len(t, b.Governed(), 2)
	b.chain.models = map[string]types.Model{"m3": {Id: "m3"}}
	require.Len(t, b.Governed(), 2, "nobody asked again")
	require.NoError(t, b.Recheck(t.Context()))
	require.Equal(t, b.chain.models, b.Governed())
}

func TestWhatCannotBeChangedIsRefused(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	require.ErrorIs(t, b.RegisterNode(t.Context(), node("a", "m1")), ErrNodeExists)
	require.ErrorIs(t, b.RegisterNode(t.Context(), node("a b", "m1")), config.ErrInvalid)
	require.ErrorIs(t, b.RemoveNode(t.Context(), "a"), ErrConfigured)
	require.ErrorIs(t, b.RemoveNode(t.Context(), "z"), ErrNodeUnknown)
	require.ErrorIs(t, b.SetEnabled(t.Context(), "z", true), ErrNodeUnknown)
}

func TestNodesAreAddedTogetherOrNotAtAll(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	many := make([]config.Node, config.MaxNodes)
	for i := range many {
		many[i] = node(fmt.Sprintf("n%d", i), "m1")
	}
	for name, tc := range map[string]struct {
		specs []config.Node
		want  error
	}{
		"the second one has unknown models": {[]config.Node{node("b", "m1"), node("c", "nobody/knows")}, ErrUnknownModels},
		"the second one is malformed":       {[]config.Node{node("b", "m1"), node("c d", "m1")}, config.ErrInvalid},
		"the second one exists":             {[]config.Node{node("b", "m1"), node("a", "m1")}, ErrNodeExists},
		"both have one id":                  {[]config.Node{node("b", "m1"), node("b", "m1")}, ErrNodeExists},
		"more than a host may have":         {many, config.ErrInvalid},
	} {
		require.ErrorIs(t, b.RegisterNode(t.Context(), tc.specs...), tc.want, name)
		require.Equal(t, []string{"a"}, b.Snapshot().IDs(), name)
	}
	require.NoError(t, b.RegisterNode(t.Context(), node("b", "m1"), node("c", "m1")))
	b.stop()
	b.start(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	require.Equal(t, []string{"a", "b", "c"}, b.Snapshot().IDs(), "nothing of the refused ones was stored")
}

func TestEpochDataComesFromTheSubgroupsAndAFailureKeepsTheOld(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1", "m2"), node("other", "m1")}))
	row := types.MLNodeInfo{NodeId: "a", PocWeight: 5, TimeslotAllocation: []bool{true, false}}
	idle := types.MLNodeInfo{NodeId: "a", TimeslotAllocation: []bool{false, false}}
	b.chain.views[7] = &chain.EpochView{
		Index:  7,
		Models: map[string]types.Model{"m1": {Id: "m1", Version: "7"}, "m2": {Id: "m2"}},
		Nodes: map[string]map[string]types.MLNodeInfo{
			"": {"a": row}, "m2": {"a": row}, "m1": {"a": idle},
		},
	}
	require.NoError(t, b.UpdateNodeWithEpochData(t.Context(), "a", 7))
	got := b.Snapshot().Nodes["a"]
	require.Equal(t, map[string]types.Model{"m1": {Id: "m1", Version: "7"}, "m2": {Id: "m2"}}, got.EpochModels)
	require.Equal(t, map[string]types.MLNodeInfo{"": row, "m2": row, "m1": idle}, got.EpochMLNodes)
	model, belongs := got.BelongsTo(types.Timeslot_PRE_POC_SLOT)
	require.True(t, belongs)
	require.Equal(t, "m2", model)
	_, belongs = got.BelongsTo(types.Timeslot_POC_SLOT)
	require.False(t, belongs)

	require.ErrorIs(t, b.UpdateNodeWithEpochData(t.Context(), "a", 8), errNotFormed)
	failed := b.Snapshot().Nodes["a"]
	require.Contains(t, failed.EpochError, "not formed")
	require.Equal(t, got.EpochMLNodes, failed.EpochMLNodes)
	require.Empty(t, b.Snapshot().Nodes["other"].EpochError, "a failure concerns one node")
}

func TestASnapshotNeverChanges(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Load(t.Context(), []config.Node{node("a", "m1")}))
	before := b.Snapshot()
	require.NoError(t, b.Update(t.Context(), "a", func(n *NodeState) { n.Observed = plan.Node{Reachable: true} }))
	require.False(t, before.Nodes["a"].Observed.Reachable)
	require.True(t, b.Snapshot().Observed()["a"].Reachable)
	select {
	case <-b.Changed():
	default:
		t.Fatal("a change must be told")
	}
}

func TestACallerDoesNotWaitForARegistryThatStopped(t *testing.T) {
	b := newBench(t)
	b.stop()
	b.stop = func() {}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Update(ctx, "a", func(*NodeState) {}), context.Canceled)
}
