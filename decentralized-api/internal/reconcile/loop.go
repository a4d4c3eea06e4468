package reconcile

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/poc"
)

// Registry is what is observed of the nodes.
type Registry interface {
	Snapshot() *broker.Snapshot
	Changed() <-chan struct{}
	Update(ctx context.Context, id string, update func(*broker.NodeState)) error
}

// Wanted is what is desired of the nodes.
type Wanted interface {
	Desired() plan.Desired
	Changed() <-chan struct{}
}

// Proofs keeps what nodes prove.
type Proofs interface {
	Begin(ctx context.Context, node string, round plan.Round) (poc.Progress, error)
	Accept(ctx context.Context, node string, round plan.Round, batch mlnode.Batch) (more bool, err error)
}

// Waits are the times between attempts.
type Waits struct {
	Probe  time.Duration  // between looks at a node
	First  time.Duration  // after the first failure; doubled with each further one
	Most   time.Duration  // after any number of failures
	Jitter func() float64 // in [0, 1); spreads waits over [½, 1] of their length
}

// DefaultWaits suit a network with blocks of some seconds or less.
func DefaultWaits() Waits {
	return Waits{Probe: 2 * time.Second, First: 500 * time.Millisecond, Most: 30 * time.Second, Jitter: rand.Float64}
}

// After is the wait after a number of failures in a row.
func (w Waits) After(failures int) time.Duration {
	wait := w.Most
	if shift := failures - 1; shift < 30 && w.First<<shift < w.Most {
		wait = w.First << shift
	}
	return wait/2 + time.Duration(w.Jitter()*float64(wait/2))
}

// Loop compares and acts.
type Loop struct {
	wanted   Wanted
	registry Registry
	proofs   Proofs
	dial     func(config.Node) (Node, error)
	waits    Waits
	log      *slog.Logger

	mu      sync.Mutex
	workers map[string]*running
	turn    int // of Recompute
}

type running struct {
	worker
	spec config.Node
	stop context.CancelFunc
	done chan struct{}
}

// New makes a loop; dial connects to a node.
func New(wanted Wanted, registry Registry, proofs Proofs, dial func(config.Node) (Node, error), waits Waits, log *slog.Logger) *Loop {
	return &Loop{
		wanted: wanted, registry: registry, proofs: proofs, dial: dial, waits: waits, log: log,
		workers: map[string]*running{},
	}
}

// Run reconciles until the context ends.
func (l *Loop) Run(ctx context.Context) {
	retry := time.NewTimer(0)
	defer retry.Stop()
	defer l.stopAll()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.registry.Changed():
		case <-l.wanted.Changed():
		case <-retry.C:
		}
		if next := l.reconcile(ctx); !next.IsZero() {
			retry.Reset(time.Until(next))
		}
	}
}

// reconcile does what the plan says and returns when it may say more by
// itself.
func (l *Loop) reconcile(ctx context.Context) time.Time {
	snapshot := l.registry.Snapshot()
	l.hire(ctx, snapshot)
	desired, observed, now := l.wanted.Desired(), snapshot.Observed(), time.Now()
	for _, action := range plan.Plan(desired, observed, now) {
		for id, target := range action.Targets() {
			l.give(id, target)
		}
	}
	return plan.NextRetry(desired, observed, now)
}

// give hands a target to a worker; one that it has not taken yet is replaced.
func (l *Loop) give(id string, target plan.Target) {
	l.mu.Lock()
	r := l.workers[id]
	l.mu.Unlock()
	if r == nil {
		return // it could not be dialled, or was removed
	}
	for {
		select {
		case r.targets <- target:
			return
		case <-r.targets:
		}
	}
}

// hire keeps one worker for each node of the registry.
func (l *Loop) hire(ctx context.Context, snapshot *broker.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, r := range l.workers {
		if node, there := snapshot.Nodes[id]; !there || !reflect.DeepEqual(node.Spec, r.spec) {
			r.dismiss()
			delete(l.workers, id)
		}
	}
	for id, node := range snapshot.Nodes {
		if l.workers[id] != nil {
			continue
		}
		r, err := l.start(ctx, node.Spec)
		if err != nil {
			l.log.Error("node cannot be dialled", "node", id, "err", err)
			continue
		}
		l.workers[id] = r
	}
}

func (l *Loop) start(ctx context.Context, spec config.Node) (*running, error) {
	node, err := l.dial(spec)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	r := &running{
		worker: worker{
			id: spec.ID, node: node, proofs: l.proofs, registry: l.registry, waits: l.waits, log: l.log,
			targets: make(chan plan.Target, 1),
		},
		spec: spec, stop: stop, done: make(chan struct{}),
	}
	go func() {
		defer close(r.done)
		r.run(ctx)
		if err := node.Close(); err != nil {
			l.log.Warn("node connection", "node", spec.ID, "err", err)
		}
	}()
	return r, nil
}

func (r *running) dismiss() {
	r.stop()
	<-r.done
}

func (l *Loop) stopAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, r := range l.workers {
		r.dismiss()
		delete(l.workers, id)
	}
}
