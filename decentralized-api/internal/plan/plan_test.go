package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func round(challenge string) Round {
	return Round{Epoch: 1, Challenge: challenge, NodeCount: 2, Lanes: 16}
}

func TestWhatANodeIsToldToDo(t *testing.T) {
	a, b := round("aa"), round("bb")
	serve := Target{Mode: Serve, Model: Model{ID: "m", Args: []string{"--x"}}}
	open := Node{Reachable: true, Challenge: "aa", NodeCount: 2}
	for name, tc := range map[string]struct {
		target   Target
		observed Node
		want     []Action
	}{
		"a fresh node opens the round": {
			Target{Mode: Generate, Round: a}, Node{Reachable: true, Stopped: true}, []Action{StartPoCEvent{"n", a}},
		},
		"a worker on the way is left alone": {
			Target{Mode: Generate, Round: a}, Node{Reachable: true, Running: Target{Mode: Generate, Round: a}}, nil,
		},
		"a worker of the last round is redirected": {
			Target{Mode: Generate, Round: b}, Node{Reachable: true, Running: Target{Mode: Generate, Round: a}}, []Action{StartPoCEvent{"n", b}},
		},
		"a worker is redirected although its node does not answer": {
			Target{Mode: Hold, Round: a}, Node{Running: Target{Mode: Generate, Round: a}}, []Action{StopPoCCommand{"n", a}},
		},
		"an open round is resumed after a restart of the broker": {
			Target{Mode: Generate, Round: a}, open, []Action{StartPoCEvent{"n", a}},
		},
		"a node that reached its maximum is done": {
			Target{Mode: Generate, Round: a},
			Node{Reachable: true, Challenge: "aa", NodeCount: 2, Achieved: Target{Mode: Generate, Round: a}},
			nil,
		},
		"a node that reached its maximum and was restarted begins again": {
			Target{Mode: Generate, Round: a},
			Node{Reachable: true, Stopped: true, Achieved: Target{Mode: Generate, Round: a}},
			[]Action{StartPoCEvent{"n", a}},
		},
		"a fleet of another size is another round": {
			Target{Mode: Hold, Round: a}, Node{Reachable: true, Challenge: "aa", NodeCount: 3}, []Action{StopPoCCommand{"n", a}},
		},
		"a held round is enough":       {Target{Mode: Hold, Round: a}, open, nil},
		"validation is announced once": {Target{Mode: Validate, Round: a}, open, []Action{InitValidateCommand{"n", a}}},
		"a loaded model is left alone": {
			serve, Node{Reachable: true, Serving: "m", Args: []string{"--x"}, Achieved: serve}, nil,
		},
		"another commit of the loaded model is a difference": {
			serve,
			Node{Reachable: true, Serving: "m", Args: []string{"--x"}, Achieved: Target{Mode: Serve, Model: Model{ID: "m", Commit: "0", Args: []string{"--x"}}}},
			[]Action{InferenceUpNodeCommand{"n", serve.Model}},
		},
		"another model is a difference":        {serve, Node{Reachable: true, Serving: "o", Args: []string{"--x"}, Achieved: serve}, []Action{InferenceUpNodeCommand{"n", serve.Model}}},
		"other arguments are a difference":     {serve, Node{Reachable: true, Serving: "m", Achieved: serve}, []Action{InferenceUpNodeCommand{"n", serve.Model}}},
		"rest ends a round":                    {Target{Mode: Rest}, open, []Action{RestNodeCommand{"n"}}},
		"a node at rest rests":                 {Target{Mode: Rest}, Node{Reachable: true, Stopped: true}, nil},
		"an unreachable node is waited for":    {serve, Node{}, nil},
		"a node without a target is left":      {Target{}, Node{Reachable: true}, nil},
		"a failure is not repeated at once":    {serve, Node{Reachable: true, Failed: serve, RetryAt: now.Add(1)}, nil},
		"a failure is repeated when it is due": {serve, Node{Reachable: true, Failed: serve, RetryAt: now}, []Action{InferenceUpNodeCommand{"n", serve.Model}}},
		"another target does not wait for it":  {serve, Node{Reachable: true, Failed: Target{Mode: Rest}, RetryAt: now.Add(1)}, []Action{InferenceUpNodeCommand{"n", serve.Model}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Plan(Desired{Nodes: map[string]Target{"n": tc.target}}, Observed{"n": tc.observed}, now)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestATargetSaysWhatItIs(t *testing.T) {
	for want, target := range map[string]Target{
		"none":                             {},
		"rest":                             {Mode: Rest},
		"serve m":                          {Mode: Serve, Model: Model{ID: "m"}},
		"generate in the round of epoch 1": {Mode: Generate, Round: round("aa")},
	} {
		require.Equal(t, want, target.String())
	}
}

func TestModelsOfSeveralNodesGoUpTogether(t *testing.T) {
	model := Model{ID: "m"}
	target := Target{Mode: Serve, Model: model}
	idle := Node{Reachable: true, Stopped: true}
	got := Plan(Desired{Epoch: 3, Nodes: map[string]Target{"b": target, "a": target}}, Observed{"a": idle, "b": idle}, now)
	require.Equal(t, []Action{InferenceUpAllCommand{3, []InferenceUpNodeCommand{{"a", model}, {"b", model}}}}, got)
	require.Equal(t, map[string]Target{"a": target, "b": target}, got[0].Targets())
}

func TestTheNextRetryIsTheEarliestThatStillMatters(t *testing.T) {
	serve, rest := Target{Mode: Serve, Model: Model{ID: "m"}}, Target{Mode: Rest}
	desired := Desired{Nodes: map[string]Target{"a": serve, "b": serve, "c": rest}}
	observed := Observed{
		"a": {Failed: serve, RetryAt: now.Add(3)},
		"b": {Failed: serve, RetryAt: now.Add(2)},
		"c": {Failed: serve, RetryAt: now.Add(1)}, // c wants something else by now
	}
	require.Equal(t, now.Add(2), NextRetry(desired, observed, now))
	require.True(t, NextRetry(desired, observed, now.Add(5)).IsZero())
}

func drawTarget(r *rapid.T, label string) Target {
	mode := Mode(rapid.IntRange(int(None), int(Validate)).Draw(r, label))
	switch mode {
	case None, Rest:
		return Target{Mode: mode}
	case Serve:
		return Target{Mode: mode, Model: Model{
			ID:   rapid.SampledFrom([]string{"m1", "m2"}).Draw(r, label+" model"),
			Args: rapid.SampledFrom([][]string{nil, {"--a"}}).Draw(r, label+" args"),
		}}
	default:
		return Target{Mode: mode, Round: round(rapid.SampledFrom([]string{"aa", "bb"}).Draw(r, label+" round"))}
	}
}

func drawNode(r *rapid.T, label string) Node {
	n := Node{
		Reachable: rapid.Bool().Draw(r, label+" reachable"),
		Achieved:  drawTarget(r, label+" achieved"),
		Failed:    drawTarget(r, label+" failed"),
		RetryAt:   now.Add(time.Duration(rapid.IntRange(-1, 1).Draw(r, label+" retry"))),
	}
	n.become(drawTarget(r, label+" state"))
	if rapid.Bool().Draw(r, label+" busy") {
		n.Running = drawTarget(r, label+" running")
	}
	return n
}

// become changes a node as a worker that performs a target does.
func (n *Node) become(t Target) {
	n.Serving, n.Args, n.Challenge, n.Generating = "", nil, "", false
	n.Stopped = t.Mode == Rest
	switch t.Mode {
	case Serve:
		n.Serving, n.Args = t.Model.ID, t.Model.Args
	case Generate, Hold, Validate:
		n.Challenge, n.NodeIndex, n.NodeCount = t.Round.Challenge, t.Round.NodeIndex, t.Round.NodeCount
	}
}

func drawWorld(r *rapid.T) (Desired, Observed) {
	desired, observed := Desired{Nodes: map[string]Target{}}, Observed{}
	for i := range rapid.IntRange(0, 5).Draw(r, "nodes") {
		id := fmt.Sprintf("node-%d", i)
		desired.Nodes[id] = drawTarget(r, id+" target")
		if rapid.Bool().Draw(r, id+" known") {
			observed[id] = drawNode(r, id)
		}
	}
	return desired, observed
}

func TestPlanIsAFunctionAndGivesEachNodeItsTargetAtMostOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		desired, observed := drawWorld(r)
		actions := Plan(desired, observed, now)
		require.Equal(r, actions, Plan(desired, observed, now))
		told := map[string]bool{}
		for _, action := range actions {
			for id, target := range action.Targets() {
				require.False(r, told[id], "told twice")
				told[id] = true
				require.True(r, target.Equal(desired.Nodes[id]))
				require.NotEqual(r, None, target.Mode)
			}
		}
		for id, n := range observed {
			target := desired.Nodes[id]
			if n.Running.Mode != None && !n.Running.Equal(target) && target.Mode != None {
				require.True(r, told[id], "a worker on a wrong way must be redirected")
			}
			if n.Running.Mode == None && !n.Reachable {
				require.False(r, told[id], "an idle unreachable node must wait")
			}
		}
	})
}

func TestPerformingThePlanLeadsToDesiredAndThenThePlanIsEmpty(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		desired, observed := drawWorld(r)
		for id := range desired.Nodes { // everything answers again and backoffs run out
			n := observed[id]
			n.Reachable = true
			observed[id] = n
		}
		later := now.Add(time.Hour)
		for _, action := range Plan(desired, observed, later) {
			for id, target := range action.Targets() {
				n := observed[id]
				n.become(target)
				n.Running, n.Achieved = Target{}, target
				observed[id] = n
			}
		}
		for id, n := range observed { // workers that were on the right way arrive
			if n.Running.Mode != None && n.Running.Equal(desired.Nodes[id]) {
				n.become(n.Running)
				n.Achieved, n.Running = n.Running, Target{}
				observed[id] = n
			}
		}
		require.Empty(r, Plan(desired, observed, later))
		for id, target := range desired.Nodes {
			require.True(r, observed[id].reached(target), id)
		}
	})
}

func TestNothingHappensBeforeARetryIsDue(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		desired, observed := drawWorld(r)
		next := NextRetry(desired, observed, now)
		before := Plan(desired, observed, now)
		if !next.IsZero() {
			require.Equal(r, before, Plan(desired, observed, next.Add(-1)))
		}
	})
}
