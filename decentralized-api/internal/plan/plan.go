package plan

import (
	"maps"
	"slices"
	"time"
)

// Action is something to be done by one node or several.
type Action interface {
	// Targets maps the nodes that have to act to what they have to become.
	Targets() map[string]Target
}

// StartPoCEvent opens a round on a node and generates nonces in it.
type StartPoCEvent struct {
	Node  string
	Round Round
}

// StopPoCCommand ends the generation and keeps the round for validation.
type StopPoCCommand struct {
	Node  string
	Round Round
}

// InitValidateCommand makes a node ready to recompute nonces of others.
type InitValidateCommand struct {
	Node  string
	Round Round
}

// InferenceUpNodeCommand loads a model on a node.
type InferenceUpNodeCommand struct {
	Node  string
	Model Model
}

// InferenceUpAllCommand loads the models of an epoch on all nodes that do not
// serve theirs yet.
type InferenceUpAllCommand struct {
	Epoch uint64
	Nodes []InferenceUpNodeCommand
}

// RestNodeCommand unloads everything from a node.
type RestNodeCommand struct {
	Node string
}

// Targets implements Action.
func (a StartPoCEvent) Targets() map[string]Target {
	return map[string]Target{a.Node: {Mode: Generate, Round: a.Round}}
}

// Targets implements Action.
func (a StopPoCCommand) Targets() map[string]Target {
	return map[string]Target{a.Node: {Mode: Hold, Round: a.Round}}
}

// Targets implements Action.
func (a InitValidateCommand) Targets() map[string]Target {
	return map[string]Target{a.Node: {Mode: Validate, Round: a.Round}}
}

// Targets implements Action.
func (a InferenceUpNodeCommand) Targets() map[string]Target {
	return map[string]Target{a.Node: {Mode: Serve, Model: a.Model}}
}

// Targets implements Action.
func (a InferenceUpAllCommand) Targets() map[string]Target {
	targets := make(map[string]Target, len(a.Nodes))
	for _, node := range a.Nodes {
		maps.Copy(targets, node.Targets())
	}
	return targets
}

// Targets implements Action.
func (a RestNodeCommand) Targets() map[string]Target {
	return map[string]Target{a.Node: {Mode: Rest}}
}

// Plan returns what has to be done now, in the order of node ids, at most one
// thing for each node. A node gets nothing when it is where it should be, when
// its worker is on the way there, when it failed at just this a moment ago, or
// when it cannot be reached (it keeps its target, and gets its action when it
// answers again). A worker that is on the way elsewhere is always redirected.
func Plan(desired Desired, observed Observed, now time.Time) []Action {
	var actions []Action
	up := InferenceUpAllCommand{Epoch: desired.Epoch}
	for _, id := range slices.Sorted(maps.Keys(desired.Nodes)) {
		target := desired.Nodes[id]
		if !due(target, observed[id], now) {
			continue
		}
		if target.Mode == Serve {
			up.Nodes = append(up.Nodes, InferenceUpNodeCommand{Node: id, Model: target.Model})
			continue
		}
		actions = append(actions, command(id, target))
	}
	switch len(up.Nodes) {
	case 0:
		return actions
	case 1:
		return append(actions, up.Nodes[0])
	default:
		return append(actions, up)
	}
}

func due(target Target, n Node, now time.Time) bool {
	if target.Mode == None || n.Running.Equal(target) {
		return false
	}
	if n.Running.Mode != None {
		return true
	}
	if !n.Reachable || n.reached(target) {
		return false
	}
	return !n.Failed.Equal(target) || !now.Before(n.RetryAt)
}

func command(id string, target Target) Action {
	switch target.Mode {
	case Generate:
		return StartPoCEvent{Node: id, Round: target.Round}
	case Hold:
		return StopPoCCommand{Node: id, Round: target.Round}
	case Validate:
		return InitValidateCommand{Node: id, Round: target.Round}
	default:
		return RestNodeCommand{Node: id}
	}
}

// NextRetry returns the earliest time at which Plan may return something that
// it does not return now, or the zero time.
func NextRetry(desired Desired, observed Observed, now time.Time) time.Time {
	var next time.Time
	for id, target := range desired.Nodes {
		n := observed[id]
		if n.RetryAt.After(now) && n.Failed.Equal(target) && (next.IsZero() || n.RetryAt.Before(next)) {
			next = n.RetryAt
		}
	}
	return next
}
