package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
)

// ErrNoNode means that no own node is ready to recompute.
var ErrNoNode = errors.New("no node is ready to recompute")

// Recompute lets one of the nodes that are ready recompute nonces of a host,
// and another one where it fails. Nodes take turns.
func (l *Loop) Recompute(ctx context.Context, publicKey [20]byte, nonces []uint64) ([]mlnode.Decision, error) {
	failures := []error{ErrNoNode}
	for _, r := range l.ready() {
		decisions, err := r.node.Validate(ctx, publicKey, nonces)
		if err == nil {
			return decisions, nil
		}
		failures = append(failures, fmt.Errorf("node %s: %w", r.id, err))
	}
	return nil, errors.Join(failures...)
}

// ready returns the workers whose nodes wait in the round that is validated,
// beginning with another one at each call.
func (l *Loop) ready() []*running {
	desired, observed := l.wanted.Desired(), l.registry.Snapshot().Observed()
	l.mu.Lock()
	defer l.mu.Unlock()
	var ready []*running
	for id, r := range l.workers {
		target, n := desired.Nodes[id], observed[id]
		if target.Mode == plan.Validate && n.Reachable && n.Running.Mode == plan.None && n.Achieved.Equal(target) {
			ready = append(ready, r)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	slices.SortFunc(ready, func(a, b *running) int { return strings.Compare(a.id, b.id) })
	l.turn++
	shift := l.turn % len(ready)
	return slices.Concat(ready[shift:], ready[:shift])
}
