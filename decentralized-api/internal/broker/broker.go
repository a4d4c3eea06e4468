package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Why a node is refused.
var (
	ErrUnknownModels = errors.New("models that governance does not know")
	ErrNodeExists    = errors.New("a node of this id exists")
	ErrNodeUnknown   = errors.New("no node of this id")
	ErrConfigured    = errors.New("the node stands in the configuration file: change it there and reload")
)

// Chain is what the registry asks the chain.
type Chain interface {
	// GovernanceModels returns the registry, by id.
	GovernanceModels(ctx context.Context) (map[string]types.Model, error)
	// EpochView returns a formed epoch.
	EpochView(ctx context.Context, epoch uint64) (*chain.EpochView, error)
}

// Broker owns the registry. Run must be running for anything to change.
type Broker struct {
	chain Chain
	store *store.Store
	log   *slog.Logger

	changes  chan func(map[string]*NodeState)
	snapshot atomic.Pointer[Snapshot]
	changed  chan struct{}
	governed atomic.Pointer[map[string]types.Model]
}

// New makes an empty registry.
func New(chain Chain, s *store.Store, log *slog.Logger) *Broker {
	b := &Broker{
		chain: chain, store: s, log: log,
		changes: make(chan func(map[string]*NodeState)),
		changed: make(chan struct{}, 1),
	}
	b.snapshot.Store(&Snapshot{Nodes: map[string]NodeState{}})
	return b
}

// Run owns the registry until the context ends.
func (b *Broker) Run(ctx context.Context) {
	nodes := map[string]*NodeState{}
	for {
		select {
		case <-ctx.Done():
			return
		case change := <-b.changes:
			change(nodes)
		}
	}
}

// Snapshot returns the registry as it is now.
func (b *Broker) Snapshot() *Snapshot { return b.snapshot.Load() }

// Changed has a value after a change that was not looked at yet.
func (b *Broker) Changed() <-chan struct{} { return b.changed }

// do runs a change in the owner and publishes the result unless it failed.
func (b *Broker) do(ctx context.Context, change func(map[string]*NodeState) error) error {
	done := make(chan error, 1)
	wrapped := func(nodes map[string]*NodeState) {
		err := change(nodes)
		if err == nil {
			b.publish(nodes)
		}
		done <- err
	}
	select {
	case b.changes <- wrapped:
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-done
}

func (b *Broker) publish(nodes map[string]*NodeState) {
	next := &Snapshot{Nodes: make(map[string]NodeState, len(nodes))}
	for id, node := range nodes {
		next.Nodes[id] = *node
	}
	b.snapshot.Store(next)
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

// Governed returns the models that governance had when it was asked last, at the
// latest stage; nil before the first time.
func (b *Broker) Governed() map[string]types.Model {
	if models := b.governed.Load(); models != nil {
		return *models
	}
	return nil
}

// ask asks the chain for the governed models, and keeps the answer for Governed.
func (b *Broker) ask(ctx context.Context) (map[string]types.Model, error) {
	models, err := b.chain.GovernanceModels(ctx)
	if err != nil {
		return nil, fmt.Errorf("governance models: %w", err)
	}
	b.governed.Store(&models)
	return models, nil
}

// Load registers the nodes of the configuration and those that were added
// while an earlier process ran. A node with unknown models is kept, loudly, and
// not declared to the chain until Recheck finds its models.
func (b *Broker) Load(ctx context.Context, configured []config.Node) error {
	switches, err := b.loadSwitches(ctx)
	if err != nil {
		return err
	}
	models, err := b.ask(ctx)
	if err != nil {
		return err
	}
	return b.do(ctx, func(nodes map[string]*NodeState) error {
		for _, spec := range configured {
			if switches[spec.ID].spec != nil {
				// The file has it now: what was added must not come back when it leaves the file.
				if err := b.forgetSpec(ctx, spec.ID); err != nil {
					return err
				}
			}
			nodes[spec.ID] = &NodeState{Spec: spec, Configured: true, Enabled: switches.enabled(spec.ID)}
		}
		for id, s := range switches {
			if _, taken := nodes[id]; taken || s.spec == nil {
				continue
			}
			nodes[id] = &NodeState{Spec: *s.spec, Enabled: s.enabled}
		}
		for _, node := range nodes {
			b.judge(node, models)
		}
		return nil
	})
}

// Recheck asks again whether governance knows the models of all nodes.
func (b *Broker) Recheck(ctx context.Context) error {
	models, err := b.ask(ctx)
	if err != nil {
		return err
	}
	return b.do(ctx, func(nodes map[string]*NodeState) error {
		for _, id := range slices.Sorted(maps.Keys(nodes)) {
			b.judge(nodes[id], models)
		}
		return nil
	})
}

// Update changes what is known of a node. A node that was removed meanwhile is
// ErrNodeUnknown.
func (b *Broker) Update(ctx context.Context, id string, update func(*NodeState)) error {
	return b.change(ctx, id, func(_ map[string]*NodeState, node *NodeState) error {
		update(node)
		return nil
	})
}

func (b *Broker) change(ctx context.Context, id string, change func(map[string]*NodeState, *NodeState) error) error {
	return b.do(ctx, func(nodes map[string]*NodeState) error {
		node, known := nodes[id]
		if !known {
			return fmt.Errorf("%w: %s", ErrNodeUnknown, id)
		}
		return change(nodes, node)
	})
}
