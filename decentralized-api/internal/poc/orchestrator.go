package poc

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Registry is the part of the broker that the stages move.
type Registry interface {
	Snapshot() *broker.Snapshot
	UpdateNodeWithEpochData(ctx context.Context, id string, epoch uint64) error
}

// Orchestrator carries the host through the stages: it says what every node
// should be doing, commits what they prove, and lets the verifier judge. Every
// method does only what is left to do and may be called at every block.
type Orchestrator struct {
	chain    OwnRound
	registry Registry
	proofs   *Proofs
	verifier *Verifier
	host     string
	raw      [20]byte
	wake     func() // says that an intent was written
	forge    bool   // testing only: prove nothing, claim anyway
	log      *slog.Logger

	known     *roundFacts
	forgotten uint64 // epochs below are gone from the store
	desired   atomic.Pointer[plan.Desired]
	changed   chan struct{}
}

// Options are what an orchestrator works with.
type Options struct {
	Chain    OwnRound
	Registry Registry
	Proofs   *Proofs
	Verifier *Verifier
	Host     string // account of the host
	Wake     func() // called after an intent was written
	Forge    bool   // testing.forge_nonces
	Log      *slog.Logger
}

// NewOrchestrator makes an orchestrator.
func NewOrchestrator(o Options) (*Orchestrator, error) {
	raw, err := chain.ParseAddress(o.Host)
	if err != nil {
		return nil, err
	}
	made := &Orchestrator{
		chain: o.Chain, registry: o.Registry, proofs: o.Proofs, verifier: o.Verifier,
		host: o.Host, raw: raw, wake: o.Wake, forge: o.Forge, log: o.Log, changed: make(chan struct{}, 1),
	}
	made.desired.Store(&plan.Desired{})
	return made, nil
}

// Desired returns what every node should be doing now.
func (o *Orchestrator) Desired() plan.Desired { return *o.desired.Load() }

// Changed has a value after Desired changed.
func (o *Orchestrator) Changed() <-chan struct{} { return o.changed }

func (o *Orchestrator) desire(d plan.Desired) {
	o.desired.Store(&d)
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// StartPoc lets every node of the fleet without POC_SLOT prove, and commits
// what they prove, until the round is closed two blocks before its end.
func (o *Orchestrator) StartPoc(ctx context.Context, view chain.View) error {
	facts, err := o.facts(ctx, view.Opened)
	if err != nil {
		return err
	}
	failure := o.updateNodes(ctx, view.Effective)
	mode := plan.Generate
	if view.Height >= finalHeight(facts.terms.Window) || o.forge {
		mode = plan.Hold
	}
	if o.forge && view.Height < finalHeight(facts.terms.Window) {
		failure = errors.Join(failure, o.forgeProofs(ctx, facts))
	}
	// The round is closed in the store before any node is told to stop.
	intents, err := o.proofs.Commit(ctx, o.host, facts.terms, view.Height)
	if intents > 0 {
		o.wake()
	}
	o.desire(plan.Desired{Epoch: view.Effective, Nodes: facts.inRound(o.raw, o.registry.Snapshot(), mode)})
	return errors.Join(failure, err)
}

// InitValidate makes the nodes of the fleet ready to recompute and lets the
// verifier judge.
func (o *Orchestrator) InitValidate(ctx context.Context, view chain.View) error {
	facts, err := o.facts(ctx, view.Opened)
	if err != nil {
		return err
	}
	failure := o.updateNodes(ctx, view.Effective)
	o.desire(plan.Desired{
		Epoch: view.Effective, Nodes: facts.inRound(o.raw, o.registry.Snapshot(), plan.Validate),
	})
	o.verifier.Advance(view)
	return failure
}

// OnNextEpochReady acts on a formed epoch: its models are loaded while there
// is still time before it is in effect.
func (o *Orchestrator) OnNextEpochReady(ctx context.Context, view chain.View) error {
	o.verifier.Advance(view)
	return o.LoadModelsForNextEpoch(ctx, view.Opened)
}

// LoadModelsForNextEpoch makes every node serve the model it belongs to in an
// epoch.
func (o *Orchestrator) LoadModelsForNextEpoch(ctx context.Context, index uint64) error {
	failure := o.updateNodes(ctx, index)
	o.serve(index)
	return failure
}

// Serve makes every node serve the model it belongs to in the effective epoch.
// Until the opened one is formed its nodes rest: what they will serve is not
// known, and the round is over. Nonces of rounds that are over are forgotten.
func (o *Orchestrator) Serve(ctx context.Context, view chain.View) error {
	o.verifier.Advance(view)
	if view.Stage == epoch.ModelLoading && !view.Abandoned() {
		o.rest(view)
		return nil
	}
	failure := o.updateNodes(ctx, view.Effective)
	o.serve(view.Effective)
	if view.Stage == epoch.Inference {
		failure = errors.Join(failure, o.forget(ctx, view.Opened+1))
	}
	return failure
}

// forget drops what is left of epochs before one: nobody can ask for it.
func (o *Orchestrator) forget(ctx context.Context, before uint64) error {
	if o.forgotten >= before {
		return nil
	}
	if err := o.proofs.Forget(ctx, before); err != nil {
		return err
	}
	o.forgotten = before
	return nil
}

func (o *Orchestrator) serve(index uint64) {
	targets := map[string]plan.Target{}
	for id, node := range o.registry.Snapshot().Nodes {
		targets[id] = serving(node, types.Timeslot_PRE_POC_SLOT)
	}
	o.desire(plan.Desired{Epoch: index, Nodes: targets})
}

// rest ends the round on the nodes that took part in it; the others keep what
// they do.
func (o *Orchestrator) rest(view chain.View) {
	targets := map[string]plan.Target{}
	for id, target := range o.Desired().Nodes {
		if target.Mode != plan.Serve {
			target = plan.Target{Mode: plan.Rest}
		}
		targets[id] = target
	}
	o.desire(plan.Desired{Epoch: view.Effective, Nodes: targets})
}

// updateNodes brings the epoch data of every node up to date. A node that
// fails keeps its place and is tried again at the next block.
func (o *Orchestrator) updateNodes(ctx context.Context, index uint64) error {
	var failures []error
	for id, node := range o.registry.Snapshot().Nodes {
		if node.HasEpoch && node.Epoch == index && node.EpochError == "" {
			continue
		}
		if err := o.registry.UpdateNodeWithEpochData(ctx, id, index); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}
