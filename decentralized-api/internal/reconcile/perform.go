package reconcile

import (
	"context"
	"errors"
	"fmt"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
)

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
