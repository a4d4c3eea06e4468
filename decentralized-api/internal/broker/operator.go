package broker

import (
	"context"
	"fmt"
	"reflect"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/inference-chain/x/inference/types"
)

// admit checks nodes by themselves and against the governed models, which it returns.
func (b *Broker) admit(ctx context.Context, specs ...config.Node) (map[string]types.Model, error) {
	for _, spec := range specs {
		if err := spec.Check("node"); err != nil {
			return nil, err
		}
	}
	models, err := b.ask(ctx)
	if err != nil {
		return nil, err
	}
	for _, spec := range specs {
		if err := checkModels(spec, models); err != nil {
			return nil, err
		}
	}
	return models, nil
}

// RegisterNode adds nodes while the broker runs and keeps them in the store:
// all of them, or none. It refuses nodes with models that governance does not
// know, naming all of them.
func (b *Broker) RegisterNode(ctx context.Context, specs ...config.Node) error {
	models, err := b.admit(ctx, specs...)
	if err != nil {
		return err
	}
	return b.do(ctx, func(nodes map[string]*NodeState) error {
		if err := roomFor(nodes, specs); err != nil {
			return err
		}
		if err := b.saveNodes(ctx, specs); err != nil {
			return err
		}
		for _, spec := range specs {
			nodes[spec.ID] = &NodeState{Spec: spec, Enabled: true, Fallback: knownModels(spec, models)}
		}
		return nil
	})
}

// roomFor refuses ids that are taken, and more nodes than a host may have.
func roomFor(nodes map[string]*NodeState, specs []config.Node) error {
	if len(nodes)+len(specs) > config.MaxNodes {
		return fmt.Errorf("%w: nodes must be at most %d, got %d", config.ErrInvalid, config.MaxNodes, len(nodes)+len(specs))
	}
	fresh := map[string]bool{}
	for _, spec := range specs {
		if _, taken := nodes[spec.ID]; taken || fresh[spec.ID] {
			return fmt.Errorf("%w: %s", ErrNodeExists, spec.ID)
		}
		fresh[spec.ID] = true
	}
	return nil
}

// RemoveNode forgets a node that was added while the broker ran. It leaves the
// chain's fleet with the next epoch.
func (b *Broker) RemoveNode(ctx context.Context, id string) error {
	return b.change(ctx, id, func(nodes map[string]*NodeState, node *NodeState) error {
		if node.Configured {
			return fmt.Errorf("%w: %s", ErrConfigured, id)
		}
		if err := b.deleteNode(ctx, id); err != nil {
			return err
		}
		delete(nodes, id)
		return nil
	})
}

// ReplaceNode changes a node that was added while the broker ran; its id and its
// switch stay. The chain hears of new models and devices with the next epoch.
func (b *Broker) ReplaceNode(ctx context.Context, spec config.Node) error {
	models, err := b.admit(ctx, spec)
	if err != nil {
		return err
	}
	return b.change(ctx, spec.ID, func(_ map[string]*NodeState, node *NodeState) error {
		if node.Configured {
			return fmt.Errorf("%w: %s", ErrConfigured, spec.ID)
		}
		if err := b.saveSpec(ctx, spec); err != nil {
			return err
		}
		node.Spec = spec
		b.judge(node, models)
		return nil
	})
}

// Reload takes over the nodes of a configuration file that was read again: new
// ones join, changed ones change, missing ones go, with the next epoch. One that
// cannot be refuses the whole file.
func (b *Broker) Reload(ctx context.Context, configured []config.Node) error {
	switches, err := b.loadSwitches(ctx)
	if err != nil {
		return err
	}
	models, err := b.ask(ctx)
	if err != nil {
		return err
	}
	wanted := map[string]config.Node{}
	for _, spec := range configured {
		wanted[spec.ID] = spec
	}
	return b.do(ctx, func(nodes map[string]*NodeState) error {
		if err := reloadable(nodes, wanted); err != nil {
			return err
		}
		for _, spec := range configured {
			// A node whose model governance removed meanwhile keeps nobody from the others.
			if node := nodes[spec.ID]; node != nil && reflect.DeepEqual(node.Spec, spec) {
				continue
			}
			if err := checkModels(spec, models); err != nil {
				return err
			}
		}
		for id, node := range nodes {
			if _, stays := wanted[id]; node.Configured && !stays {
				delete(nodes, id)
			}
		}
		for id, spec := range wanted {
			node := nodes[id]
			if node == nil {
				node = &NodeState{Configured: true, Enabled: switches.enabled(id)}
				nodes[id] = node
			}
			node.Spec = spec
			b.judge(node, models)
		}
		return nil
	})
}

// reloadable refuses a file that names a node which was added while the broker ran,
// and one with which the host would have too many.
func reloadable(nodes map[string]*NodeState, wanted map[string]config.Node) error {
	count := len(wanted)
	for id, node := range nodes {
		if node.Configured {
			continue
		}
		if _, taken := wanted[id]; taken {
			return fmt.Errorf("%w: %s was added while the broker ran; remove it first", ErrNodeExists, id)
		}
		count++
	}
	if count > config.MaxNodes {
		return fmt.Errorf("%w: nodes must be at most %d, got %d", config.ErrInvalid, config.MaxNodes, count)
	}
	return nil
}

// SetEnabled switches a node on or off. It joins or leaves the chain's fleet
// with the next epoch; what it does in this one goes on.
func (b *Broker) SetEnabled(ctx context.Context, id string, enabled bool) error {
	return b.change(ctx, id, func(_ map[string]*NodeState, node *NodeState) error {
		if err := b.saveSwitch(ctx, id, enabled); err != nil {
			return err
		}
		node.Enabled = enabled
		return nil
	})
}
