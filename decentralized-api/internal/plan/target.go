// Package plan decides what has to happen to the compute nodes. It is pure: a
// function of what is desired, what is observed and the time. Performing its
// actions is the business of package reconcile.
package plan

import (
	"fmt"
	"slices"
	"time"
)

// Mode is what a node is meant to do.
type Mode uint8

// The modes. None is no target at all.
const (
	None     Mode = iota
	Rest          // nothing loaded, no round open
	Serve         // a model loaded
	Generate      // a round open, nonces generated
	Hold          // the round open, nothing generated: proofs closed, seed not known
	Validate      // the round open, nonces of others recomputed
)

var modeNames = [...]string{"none", "rest", "serve", "generate", "hold", "validate"}

// String returns the mode's name.
func (m Mode) String() string { return modeNames[m] }

// Network is the shape of the proof network.
type Network struct {
	Dim, Layers, Heads, KVHeads, Vocab uint64
	FFNMultiplier                      string // decimal
	MultipleOf, SeqLen                 uint64
}

// Round is everything that a node's proofs depend on. Two rounds are the same
// when all of it is.
type Round struct {
	Epoch     uint64 // the epoch being opened
	Challenge string // block hash, 64 lower-case hex digits
	Height    int64  // of that block
	PublicKey [20]byte
	NodeIndex uint64 // rank in the chain's fleet
	NodeCount uint64 // size of the chain's fleet

	PocVersion    uint64
	Network       Network
	Lanes         uint64
	ValidFraction string // decimal
	RTarget       string // decimal, for reports
	Cq            uint64 // decides
	MaxNonces     uint64 // max_nonces_per_node
}

// Model is what a node is meant to serve.
type Model struct {
	ID     string
	Repo   string   // Hugging Face repository
	Commit string   // 40 lower-case hex digits
	Args   []string // merged, see broker.MergeModelArgs
}

// Target is the desired state of one node.
type Target struct {
	Mode  Mode
	Round Round // Generate, Hold and Validate
	Model Model // Serve
}

// String says in a few words what the node is to do.
func (t Target) String() string {
	switch t.Mode {
	case None, Rest:
		return t.Mode.String()
	case Serve:
		return "serve " + t.Model.ID
	default:
		return fmt.Sprintf("%s in the round of epoch %d", t.Mode, t.Round.Epoch)
	}
}

// Equal says whether two targets are the same.
func (t Target) Equal(o Target) bool {
	return t.Mode == o.Mode && t.Round == o.Round && t.Model.ID == o.Model.ID && t.Model.Repo == o.Model.Repo &&
		t.Model.Commit == o.Model.Commit && slices.Equal(t.Model.Args, o.Model.Args)
}

// Desired maps node ids to their targets. Nodes without one are left alone.
type Desired struct {
	Epoch uint64 // for which the models are
	Nodes map[string]Target
}

// Observed maps node ids to what is known of them.
type Observed map[string]Node

// Node is what is known of one node.
type Node struct {
	Reachable bool // whether the last call was answered

	Serving    string   // id of the model that is loaded and serves
	Args       []string // it was loaded with
	Stopped    bool     // nothing is loaded and no round is open
	Challenge  string   // of the open round; empty when none is
	NodeIndex  uint64   // of the open round
	NodeCount  uint64   // of the open round
	Generating bool     // whether nonces are generated

	Running  Target // what its worker is doing; None when idle
	Achieved Target // what its worker finished last; None at start

	Failed   Target    // what its worker failed at last
	RetryAt  time.Time // when that may be tried again
	Failures int       // in a row
}

// reached says whether a node is where it should be. What a worker achieved
// counts only as long as the node still shows it: a node that was restarted
// behind our back is a difference.
func (n Node) reached(t Target) bool {
	inRound := n.Challenge != "" && n.Challenge == t.Round.Challenge &&
		n.NodeIndex == t.Round.NodeIndex && n.NodeCount == t.Round.NodeCount
	switch t.Mode {
	case None:
		return true
	case Rest:
		return n.Stopped
	case Serve: // the commit that was loaded is not shown, only achieved
		return n.Serving == t.Model.ID && slices.Equal(n.Args, t.Model.Args) && n.Achieved.Equal(t)
	case Hold:
		return inRound && !n.Generating
	default: // Generate ends by itself at max_nonces_per_node
		return inRound && !n.Generating && n.Achieved.Equal(t)
	}
}
