// Package reconcile performs what package plan decides. It is level-triggered:
// again and again it compares what is desired with what is observed, and
// nothing depends on having seen an event.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
)

// Prover is a compute server that takes part in rounds.
type Prover interface {
	StartRound(ctx context.Context, round plan.Round, report func(fraction float64)) error
	Generate(ctx context.Context, start mlnode.Start, accept mlnode.Acceptor) error
	Stop(ctx context.Context, endRound bool) error
}

// Server is a compute server that serves models.
type Server interface {
	Status(ctx context.Context) (mlnode.Status, error)
	LoadModel(ctx context.Context, model plan.Model, report func(fraction float64)) error
	UnloadModel(ctx context.Context) error
}

// Node is one compute server.
type Node interface {
	Prover
	Server
	Validate(ctx context.Context, publicKey [20]byte, nonces []uint64) ([]mlnode.Decision, error)
	Close() error
}

// worker runs the actions of one node, one at a time: a new target cancels the
// action under way. Between actions, and beside long ones, it observes.
type worker struct {
	id       string
	node     Node
	proofs   Proofs
	registry Registry
	waits    Waits
	log      *slog.Logger

	targets chan plan.Target
}

// sight is one look at the node.
type sight struct {
	status mlnode.Status
	err    error
}

// action is a target that is being performed. Its end comes together with
// what the node shows then, so that the plan never sees one without the other.
type action struct {
	target     plan.Target
	cancel     context.CancelFunc
	redirected bool // cancelled for another target
	done       chan ending
}

type ending struct {
	err error
	sight
}

func (w *worker) run(ctx context.Context) {
	probe := time.NewTicker(w.waits.Probe)
	defer probe.Stop()
	sights := make(chan sight, 1)
	looking := true
	go w.look(ctx, sights)
	current, next := &action{}, plan.Target{}
	for {
		select {
		case <-ctx.Done():
			current.abandon()
			if looking {
				<-sights
			}
			return
		case target := <-w.targets:
			if current.done == nil {
				current = w.begin(ctx, target)
				continue
			}
			next = current.redirect(target)
		case end := <-current.done:
			w.conclude(ctx, current, end)
			current = &action{}
			if next.Mode != plan.None {
				current, next = w.begin(ctx, next), plan.Target{}
			}
		case seen := <-sights:
			looking = false
			w.update(ctx, func(n *broker.NodeState) { note(n, seen) })
		case <-probe.C:
			if !looking {
				looking = true
				go w.look(ctx, sights)
			}
		}
	}
}

func (w *worker) look(ctx context.Context, sights chan<- sight) {
	status, err := w.node.Status(ctx)
	sights <- sight{status, err}
}

// redirect cancels the action for another target and returns what comes next:
// nothing, when what runs is wanted after all and was not cancelled yet.
func (a *action) redirect(target plan.Target) plan.Target {
	if a.target.Equal(target) && !a.redirected {
		return plan.Target{}
	}
	a.redirected = true
	a.cancel()
	return target
}

// abandon ends the action, if there is one, and waits for it.
func (a *action) abandon() {
	if a.done != nil {
		a.cancel()
		<-a.done
	}
}

func (w *worker) begin(ctx context.Context, target plan.Target) *action {
	w.log.Info("node is sent", "node", w.id, "to", target.String())
	w.update(ctx, func(n *broker.NodeState) { n.Observed.Running = target })
	performing, cancel := context.WithCancel(ctx)
	a := &action{target: target, cancel: cancel, done: make(chan ending, 1)}
	go func() {
		err := w.perform(performing, target)
		cancel()
		status, unseen := w.node.Status(ctx)
		a.done <- ending{err, sight{status, unseen}}
	}()
	return a
}

func (w *worker) conclude(ctx context.Context, a *action, end ending) {
	if end.err != nil && !a.redirected && ctx.Err() == nil {
		w.log.Warn("node failed", "node", w.id, "at", a.target.String(), "err", end.err)
	}
	w.update(ctx, func(n *broker.NodeState) {
		o := &n.Observed
		if end.err == nil {
			o.Achieved, o.Failed, o.Failures = a.target, plan.Target{}, 0
		}
		note(n, end.sight)
		o.Running = plan.Target{}
		if end.err == nil || a.redirected {
			return
		}
		if !o.Failed.Equal(a.target) {
			o.Failures = 0
		}
		o.Failures++
		o.Failed, o.RetryAt = a.target, time.Now().Add(w.waits.After(o.Failures))
		n.Problem = end.err.Error()
	})
}

// note writes down a status. A node that does not answer keeps its place and
// everything known of it.
func note(n *broker.NodeState, s sight) {
	if s.err != nil {
		n.Observed.Reachable = false
		n.Problem = s.err.Error()
		return
	}
	status, seen := s.status, s.status.Node
	seen.Running, seen.Achieved = n.Observed.Running, n.Observed.Achieved
	seen.Failed, seen.RetryAt, seen.Failures = n.Observed.Failed, n.Observed.RetryAt, n.Observed.Failures
	n.Observed = seen
	n.Seen = time.Now()
	if n.Observed.Failures == 0 {
		n.Problem = ""
	}
	n.Report = broker.Report{
		Phase: status.Phase, Engine: status.Engine,
		Generated: status.Generated, Acknowledged: status.Acknowledged, Verified: status.Verified,
		Rate: status.Rate, Problems: status.Problems,
	}
}

func (w *worker) update(ctx context.Context, change func(*broker.NodeState)) {
	err := w.registry.Update(ctx, w.id, change)
	if err != nil && ctx.Err() == nil && !errors.Is(err, broker.ErrNodeUnknown) {
		w.log.Error("registry", "node", w.id, "err", err)
	}
}
