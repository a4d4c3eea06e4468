package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/poc"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Verify(m) }

var errNode = errors.New("node failed")

// fakeNode notes its calls and fails where it is told to.
type fakeNode struct {
	mu     sync.Mutex
	state  plan.Node
	calls  []string
	at     []time.Time
	fail   map[string]int // calls of a name that will fail
	block  chan struct{}  // LoadModel waits for it, or for its context
	closed bool
}

func newNode() *fakeNode {
	return &fakeNode{state: plan.Node{Reachable: true, Stopped: true}, fail: map[string]int{}}
}

func (n *fakeNode) note(name string, change func(*plan.Node)) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls, n.at = append(n.calls, name), append(n.at, time.Now())
	if n.fail[name] > 0 {
		n.fail[name]--
		return errNode
	}
	change(&n.state)
	return nil
}

func (n *fakeNode) Status(context.Context) (mlnode.Status, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail["status"] > 0 {
		return mlnode.Status{}, errNode
	}
	return mlnode.Status{Node: n.state, Phase: "TEST"}, nil
}

func (n *fakeNode) StartRound(_ context.Context, r plan.Round, _ func(float64)) error {
	return n.note("round", func(s *plan.Node) {
		s.Stopped, s.Challenge, s.NodeIndex, s.NodeCount = false, r.Challenge, r.NodeIndex, r.NodeCount
	})
}

func (n *fakeNode) Generate(ctx context.Context, start mlnode.Start, _ mlnode.Acceptor) error {
	if err := n.note("generate", func(s *plan.Node) { s.Generating = true }); err != nil {
		return err
	}
	if start.MaxValid == 1 {
		return nil // a node that ends the stream before it is done
	}
	<-ctx.Done()
	return ctx.Err()
}

func (n *fakeNode) Stop(_ context.Context, end bool) error {
	name := "stop"
	if end {
		name = "end"
	}
	return n.note(name, func(s *plan.Node) {
		s.Generating = false
		if end {
			s.Challenge, s.Stopped = "", true
		}
	})
}

func (n *fakeNode) LoadModel(ctx context.Context, m plan.Model, _ func(float64)) error {
	if n.block != nil {
		select {
		case <-n.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return n.note("load "+m.ID, func(s *plan.Node) { s.Stopped, s.Serving, s.Args = false, m.ID, m.Args })
}

func (n *fakeNode) UnloadModel(context.Context) error {
	return n.note("unload", func(s *plan.Node) { s.Stopped, s.Serving = true, "" })
}

func (n *fakeNode) Validate(context.Context, [20]byte, []uint64) ([]mlnode.Decision, error) {
	return make([]mlnode.Decision, 1), n.note("validate", func(*plan.Node) {})
}

func (n *fakeNode) Close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	return nil
}

func (n *fakeNode) took() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.calls...)
}

// registry is a registry without a chain.
type registry struct {
	mu       sync.Mutex
	snapshot broker.Snapshot
	changed  chan struct{}
}

func (r *registry) Snapshot() *broker.Snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes := map[string]broker.NodeState{}
	for id, n := range r.snapshot.Nodes {
		nodes[id] = n
	}
	return &broker.Snapshot{Nodes: nodes}
}

func (r *registry) Changed() <-chan struct{} { return r.changed }

func (r *registry) Update(_ context.Context, id string, update func(*broker.NodeState)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, known := r.snapshot.Nodes[id]
	if !known {
		return broker.ErrNodeUnknown
	}
	update(&n)
	r.snapshot.Nodes[id] = n
	poke(r.changed)
	return nil
}

// put adds, replaces or removes a node.
func (r *registry) put(id string, spec *config.Node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.snapshot.Nodes, id)
	if spec != nil {
		r.snapshot.Nodes[id] = broker.NodeState{Spec: *spec}
	}
	poke(r.changed)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wanted is a desire that tests change.
type wanted struct {
	mu      sync.Mutex
	desired plan.Desired
	changed chan struct{}
}

func (w *wanted) Desired() plan.Desired {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.desired
}

func (w *wanted) Changed() <-chan struct{} { return w.changed }

func (w *wanted) set(targets map[string]plan.Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.desired = plan.Desired{Nodes: targets}
	poke(w.changed)
}

// progress is a store of proofs that are never made.
type progress struct{ p poc.Progress }

func (p progress) Begin(context.Context, string, plan.Round) (poc.Progress, error) { return p.p, nil }

func (p progress) Accept(context.Context, string, plan.Round, mlnode.Batch) (bool, error) {
	return true, nil
}

type bench struct {
	*Loop
	registry *registry
	wanted   *wanted
	nodes    map[string]*fakeNode
	dialled  []string
	stop     func()
}

// reconciling runs a test in a bubble with a loop over some nodes.
func reconciling(t *testing.T, test func(*testing.T, *bench), ids ...string) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{
			registry: &registry{snapshot: broker.Snapshot{Nodes: map[string]broker.NodeState{}}, changed: make(chan struct{}, 1)},
			wanted:   &wanted{changed: make(chan struct{}, 1)}, nodes: map[string]*fakeNode{},
		}
		for _, id := range ids {
			b.nodes[id] = newNode()
			b.registry.put(id, &config.Node{ID: id})
		}
		waits := Waits{Probe: time.Second, First: 100 * time.Millisecond, Most: time.Second, Jitter: func() float64 { return 1 }}
		b.Loop = New(b.wanted, b.registry, progress{}, func(spec config.Node) (Node, error) {
			b.dialled = append(b.dialled, spec.ID+"@"+spec.Address)
			return b.nodes[spec.ID], nil
		}, waits, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); b.Run(ctx) }()
		b.stop = func() { cancel(); <-done }
		defer func() { b.stop() }()
		synctest.Wait()
		test(t, b)
	})
}

func (b *bench) want(targets map[string]plan.Target) {
	b.wanted.set(targets)
	synctest.Wait()
}

func serve(model string) plan.Target {
	return plan.Target{Mode: plan.Serve, Model: plan.Model{ID: model}}
}

func in(mode plan.Mode, challenge string) plan.Target {
	return plan.Target{Mode: mode, Round: plan.Round{Challenge: challenge, NodeCount: 1, MaxNonces: 100}}
}

func TestANodeIsBroughtThroughAnEpoch(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		for _, target := range []plan.Target{
			serve("m"), in(plan.Generate, "aa"), in(plan.Hold, "aa"), in(plan.Validate, "aa"),
			{Mode: plan.Rest},
			serve("m"), serve("n"), serve("n"),
			{Mode: plan.Rest},
		} {
			b.want(map[string]plan.Target{"a": target})
			time.Sleep(3 * time.Second) // probes on the bubble's clock change nothing
		}
		synctest.Wait()
		require.Equal(t, []string{
			"load m", "unload", "round", "generate", "stop", "end", "load m", "unload", "load n", "unload",
		}, b.nodes["a"].took())
	}, "a")
}

func TestAChangedTargetCancelsWhatRuns(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		b.nodes["a"].block = make(chan struct{})
		b.want(map[string]plan.Target{"a": serve("slow")})
		require.Equal(t, plan.Serve, b.registry.Snapshot().Nodes["a"].Observed.Running.Mode)
		b.want(map[string]plan.Target{"a": in(plan.Validate, "aa")})
		require.Equal(t, []string{"round"}, b.nodes["a"].took())
		n := b.registry.Snapshot().Nodes["a"].Observed
		require.True(t, n.Achieved.Equal(in(plan.Validate, "aa")))
		require.Zero(t, n.Failures, "being cancelled is no failure")
	}, "a")
}

func TestAFailureIsRepeatedAfterGrowingWaits(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		node := b.nodes["a"]
		node.fail["load m"] = 6
		b.want(map[string]plan.Target{"a": serve("m")})
		time.Sleep(10 * time.Second) // the bubble's clock
		synctest.Wait()
		node.mu.Lock()
		defer node.mu.Unlock()
		require.Len(t, node.calls, 7)
		var waits []time.Duration
		for i := 1; i < len(node.at); i++ {
			waits = append(waits, node.at[i].Sub(node.at[i-1]))
		}
		const ms = time.Millisecond
		require.Equal(t, []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms, 1000 * ms}, waits)
	}, "a")
}

func TestAnUnreachableNodeKeepsItsPlaceAndGetsItsTargetWhenItAnswers(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		node := b.nodes["a"]
		node.mu.Lock()
		node.fail["status"] = 1
		node.mu.Unlock()
		time.Sleep(2 * time.Second) // the bubble's clock
		b.want(map[string]plan.Target{"a": serve("m")})
		require.Empty(t, node.took())
		require.False(t, b.registry.Snapshot().Nodes["a"].Observed.Reachable)
		node.mu.Lock()
		node.fail["status"] = 0
		node.mu.Unlock()
		time.Sleep(2 * time.Second) // the bubble's clock
		synctest.Wait()
		require.Equal(t, []string{"load m"}, node.took())
	}, "a")
}

func TestANodeThatEndsItsStreamEarlyIsAskedAgain(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		target := in(plan.Generate, "aa")
		target.Round.MaxNonces = 1
		b.want(map[string]plan.Target{"a": target})
		time.Sleep(time.Second) // the bubble's clock
		synctest.Wait()
		require.Greater(t, len(b.nodes["a"].took()), 3)
		require.Contains(t, b.registry.Snapshot().Nodes["a"].Problem, "before it was done")
	}, "a")
}

func TestWorkersComeAndGoWithTheRegistry(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		first := b.nodes["a"]
		b.nodes["a"] = newNode()
		b.registry.put("a", &config.Node{ID: "a", Address: "moved"})
		synctest.Wait()
		require.True(t, first.closed, "another address is another connection")
		require.Equal(t, []string{"a@", "a@moved"}, b.dialled)
		b.registry.put("a", nil)
		synctest.Wait()
		require.True(t, b.nodes["a"].closed)
		b.want(map[string]plan.Target{"a": serve("m")})
		require.Empty(t, b.nodes["a"].took())
	}, "a")
}

func TestReadyNodesTakeTurnsAndStandInForEachOther(t *testing.T) {
	reconciling(t, func(t *testing.T, b *bench) {
		_, err := b.Recompute(t.Context(), [20]byte{}, nil)
		require.ErrorIs(t, err, ErrNoNode)
		b.want(map[string]plan.Target{"a": in(plan.Validate, "aa"), "b": in(plan.Validate, "aa"), "c": serve("m")})
		for range 4 {
			_, err := b.Recompute(t.Context(), [20]byte{}, nil)
			require.NoError(t, err)
		}
		require.Equal(t, []string{"round", "validate", "validate"}, b.nodes["a"].took())
		require.Equal(t, []string{"round", "validate", "validate"}, b.nodes["b"].took())

		b.nodes["a"].fail["validate"] = 9
		for range 2 {
			_, err := b.Recompute(t.Context(), [20]byte{}, nil)
			require.NoError(t, err, "the other node stands in")
		}
		b.nodes["b"].fail["validate"] = 9
		_, err = b.Recompute(t.Context(), [20]byte{}, nil)
		require.ErrorIs(t, err, errNode)
		require.NotContains(t, b.nodes["c"].took(), "validate", "it serves")
	}, "a", "b", "c")
}

func TestWaitsGrowToTheirMostAndAreSpread(t *testing.T) {
	spread := 0.0
	w := Waits{First: 100, Most: 1000, Jitter: func() float64 { return spread }}
	for failures, want := range map[int]time.Duration{1: 50, 2: 100, 3: 200, 4: 400, 5: 500, 6: 500, 99: 500} {
		spread = 0
		require.Equal(t, want, w.After(failures), "%d failures, the shortest wait", failures)
		spread = 0.999
		require.InDelta(t, 2*want, w.After(failures), 2, "%d failures, the longest wait", failures)
	}
}
