package chain

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"ninefold.dev/inference-chain/core/epoch"
)

// Phases is what the stages of the chain set off. Every method is called at
// every newest block of its stages, so that nothing depends on having seen the
// first: each must do only what is left to do.
type Phases interface {
	// StartPoc: POC_START, POC_EXCHANGE and POC_END.
	StartPoc(ctx context.Context, view View) error
	// InitValidate: POC_VALIDATION_START to POC_VALIDATION_END.
	InitValidate(ctx context.Context, view View) error
	// OnNextEpochReady: MODEL_LOADING once the opened epoch is formed.
	OnNextEpochReady(ctx context.Context, view View) error
	// Serve: SET_NEW_VALIDATORS, INFERENCE, and MODEL_LOADING until then.
	Serve(ctx context.Context, view View) error
}

// OnNewBlockDispatcher turns blocks into calls of Phases.
type OnNewBlockDispatcher struct {
	clock  func(context.Context) (View, error)
	phases Phases
	watch  []func(View)
	log    *slog.Logger
	view   atomic.Pointer[View]
}

// NewDispatcher makes a dispatcher that reads the clock with clock; watch is
// told of every newest block before the phases are.
func NewDispatcher(clock func(context.Context) (View, error), phases Phases, log *slog.Logger, watch ...func(View)) *OnNewBlockDispatcher {
	return &OnNewBlockDispatcher{clock: clock, phases: phases, watch: watch, log: log}
}

// View returns the clock at the newest block that was handled; nil before the
// first.
func (d *OnNewBlockDispatcher) View() *View { return d.view.Load() }

// OnBlock is the Handler of a Follower. Blocks that are not the newest decide
// nothing by themselves.
func (d *OnNewBlockDispatcher) OnBlock(ctx context.Context, block Block, tip bool) error {
	if !tip {
		d.log.Debug("block was missed", "height", block.Height)
		return nil
	}
	view, err := d.clock(ctx)
	if err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	previous := d.view.Swap(&view)
	for _, tell := range d.watch {
		tell(view)
	}
	return d.handlePhaseTransitions(ctx, previous, view)
}

// handlePhaseTransitions calls the phase of the current stage. What it does
// follows from the view alone; the previous one is only for the log.
func (d *OnNewBlockDispatcher) handlePhaseTransitions(ctx context.Context, previous *View, view View) error {
	if previous == nil || previous.Stage != view.Stage || previous.Opened != view.Opened {
		d.log.Info("stage", "stage", view.Stage, "height", view.Height, "blocks_left", view.BlocksLeft,
			"opened", view.Opened, "effective", view.Effective)
	}
	switch view.Stage {
	case epoch.PocStart, epoch.PocExchange, epoch.PocEnd:
		return d.phases.StartPoc(ctx, view)
	case epoch.PocValidationStart, epoch.PocValidationExchange, epoch.PocValidationEnd:
		return d.phases.InitValidate(ctx, view)
	case epoch.ModelLoading:
		if view.Formed() {
			return d.phases.OnNextEpochReady(ctx, view)
		}
		return d.phases.Serve(ctx, view)
	default: // SET_NEW_VALIDATORS and INFERENCE
		return d.phases.Serve(ctx, view)
	}
}
