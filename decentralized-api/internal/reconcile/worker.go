// Package reconcile performs what package plan decides. It is level-triggered:
// again and again it compares what is desired with what is observed, and
// nothing depends on having seen an event.
package reconcile

import (
	"context"
	"errors"
	"fmt"
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
	w.log.Info("node goes to", "node", w.id, "mode", target.Mode, "model", target.Model.ID, "epoch", target.Round.Epoch)
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
		w.log.Warn("node failed", "node", w.id, "mode", a.target.Mode, "err", end.err)
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

// perform brings the node to a target from wherever it is.
func (w *worker) perform(ctx context.Context, target plan.Target) error {
	status, err := w.node.Status(ctx)
	if err != nil {
		return err
	}
	switch target.Mode {
	case plan.Serve:
		return w.serve(ctx, status.Node, target.Model)
	case plan.Generate:
		if err := w.openRound(ctx, status.Node, target.Round); err != nil {
			return err
		}
		return w.generate(ctx, target.Round)
	case plan.Hold, plan.Validate:
		if err := w.openRound(ctx, status.Node, target.Round); err != nil {
			return err
		}
		if status.Node.Generating {
			return w.node.Stop(ctx, false)
		}
		return nil
	default:
		return w.clear(ctx, status.Node)
	}
}

// openRound opens the round unless it is open. What else the node does ends.
func (w *worker) openRound(ctx context.Context, node plan.Node, round plan.Round) error {
	if node.Challenge == round.Challenge && node.NodeIndex == round.NodeIndex && node.NodeCount == round.NodeCount {
		return nil
	}
	if err := w.clear(ctx, node); err != nil {
		return err
	}
	return w.node.StartRound(ctx, round, w.progress("round"))
}

// clear ends a round and frees a model.
func (w *worker) clear(ctx context.Context, node plan.Node) error {
	if node.Challenge != "" {
		if err := w.node.Stop(ctx, true); err != nil {
			return err
		}
	} else if !node.Stopped {
		return w.node.UnloadModel(ctx)
	}
	return nil
}

// serve loads the model. A server that has it loaded, with the same commit and
// arguments, does nothing.
func (w *worker) serve(ctx context.Context, node plan.Node, model plan.Model) error {
	if node.Serving != model.ID {
		if err := w.clear(ctx, node); err != nil {
			return err
		}
	}
	return w.node.LoadModel(ctx, model, w.progress(model.ID))
}

func (w *worker) progress(what string) func(float64) {
	return func(fraction float64) {
		w.log.Debug("loading", "node", w.id, "what", what, "fraction", fraction)
	}
}

// generate streams proofs into the store from where the last stream ended. It
// returns nil when the node has nothing more to prove in this round.
func (w *worker) generate(ctx context.Context, round plan.Round) error {
	progress, err := w.proofs.Begin(ctx, w.id, round)
	if err != nil {
		return err
	}
	if progress.Closed || progress.Received >= round.MaxNonces {
		return nil
	}
	complete := false
	err = w.node.Generate(ctx, mlnode.Start{
		LaneNext: progress.LaneNext, MaxValid: round.MaxNonces - progress.Received,
	}, func(ctx context.Context, batch mlnode.Batch) (bool, error) {
		more, err := w.proofs.Accept(ctx, w.id, round, batch)
		complete = errors.Is(err, mlnode.ErrClosed) || err == nil && !more
		return more, err
	})
	if err == nil && !complete {
		return fmt.Errorf("%w: it ended the stream before it was done", mlnode.ErrProtocol)
	}
	return err
}
