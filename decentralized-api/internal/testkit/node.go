package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/reconcile"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
)

// Node is a compute server whose proof is a hash: a nonce is valid when
// SHA-256(challenge, key, nonce) lies below the valid fraction. It walks all
// lanes alike, some steps each Pace.
type Node struct {
	Steps uint64        // that each lane goes in a batch
	Pace  time.Duration // between batches

	mu           sync.Mutex
	down         bool
	round        *plan.Round
	generating   bool
	serving      string
	args         []string
	commit       string
	acknowledged map[string]uint64 // by challenge
	verified     map[string]int    // by challenge and host
	loads        int
}

var _ reconcile.Node = (*Node)(nil)

// ErrDown is what a node answers that is down.
var ErrDown = errors.New("node is down")

// NewNode makes a node that proves about 10·steps·lanes nonces a second.
func NewNode(steps uint64) *Node {
	return &Node{
		Steps: steps, Pace: 100 * time.Millisecond,
		acknowledged: map[string]uint64{}, verified: map[string]int{},
	}
}

// SetDown lets every call fail, or none. A node that goes down forgets its
// round and its model.
func (n *Node) SetDown(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.round, n.generating, n.serving = down, nil, false, ""
}

// Acknowledged is how many valid nonces were acknowledged in a round.
func (n *Node) Acknowledged(challenge string) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.acknowledged[challenge]
}

// Verified is how many nonces of hosts were recomputed in a round.
func (n *Node) Verified(challenge string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.verified[challenge]
}

// Serving is the loaded model with its arguments.
func (n *Node) Serving() (string, []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.serving, n.args
}

// Loads is how often a model was loaded.
func (n *Node) Loads() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.loads
}

func (n *Node) locked(do func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down {
		return ErrDown
	}
	return do()
}

// Status implements reconcile.Server.
func (n *Node) Status(context.Context) (mlnode.Status, error) {
	var s mlnode.Status
	err := n.locked(func() error {
		s.Node = plan.Node{
			Reachable: true, Serving: n.serving, Args: n.args, Generating: n.generating,
			Stopped: n.serving == "" && n.round == nil,
		}
		s.Phase = n.phase()
		if n.round != nil {
			s.Node.Challenge, s.Node.NodeIndex, s.Node.NodeCount = n.round.Challenge, n.round.NodeIndex, n.round.NodeCount
			s.Acknowledged = n.acknowledged[n.round.Challenge]
			s.Verified = uint64(n.verified[n.round.Challenge])
		}
		return nil
	})
	return s, err
}

// phase is the node's state as a real one names it.
func (n *Node) phase() string {
	switch {
	case n.generating:
		return "POC_GENERATING"
	case n.round != nil:
		return "POC_VALIDATING"
	case n.serving != "":
		return "INFERENCE"
	default:
		return "STOPPED"
	}
}

// StartRound implements reconcile.Prover.
func (n *Node) StartRound(_ context.Context, round plan.Round, _ func(float64)) error {
	return n.locked(func() error {
		if n.round != nil && *n.round != round {
			return errors.New("another round is open")
		}
		n.round, n.serving = &round, ""
		return nil
	})
}

// Stop implements reconcile.Prover.
func (n *Node) Stop(_ context.Context, endRound bool) error {
	return n.locked(func() error {
		n.generating = false
		if endRound {
			n.round = nil
		}
		return nil
	})
}

// LoadModel implements reconcile.Server.
func (n *Node) LoadModel(_ context.Context, model plan.Model, _ func(float64)) error {
	return n.locked(func() error {
		if n.round != nil {
			return errors.New("a round is open")
		}
		if n.serving != model.ID || n.commit != model.Commit || !slices.Equal(n.args, model.Args) {
			n.loads++
		}
		n.serving, n.commit, n.args = model.ID, model.Commit, model.Args
		return nil
	})
}

// UnloadModel implements reconcile.Server.
func (n *Node) UnloadModel(context.Context) error {
	return n.locked(func() error {
		n.serving = ""
		return nil
	})
}

// Close implements reconcile.Node.
func (n *Node) Close() error { return nil }

// Generate implements reconcile.Prover.
func (n *Node) Generate(ctx context.Context, start mlnode.Start, accept mlnode.Acceptor) error {
	var round plan.Round
	err := n.locked(func() error {
		if n.round == nil {
			return errors.New("no round is open")
		}
		round, n.generating = *n.round, true
		return nil
	})
	if err != nil {
		return err
	}
	defer func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.generating = false
	}()
	next := slices.Clone(start.LaneNext)
	pace := time.NewTicker(n.Pace)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pace.C:
		}
		batch, err := n.walk(round, next)
		if err != nil {
			return err
		}
		next = batch.LaneNext
		more, err := accept(ctx, batch)
		if errors.Is(err, mlnode.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		n.acknowledge(round, uint64(len(batch.Nonces)))
		if !more {
			return nil
		}
	}
}

func (n *Node) acknowledge(round plan.Round, valid uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acknowledged[round.Challenge] += valid
}

func (n *Node) walk(round plan.Round, from []uint64) (mlnode.Batch, error) {
	n.mu.Lock()
	down := n.down || n.round == nil
	n.mu.Unlock()
	if down {
		return mlnode.Batch{}, ErrDown
	}
	stride := commit.Stride{NodeIndex: round.NodeIndex, NodeCount: round.NodeCount, Lanes: round.Lanes}
	batch := mlnode.Batch{
		PublicKey: round.PublicKey[:], Challenge: round.Challenge, NodeIndex: round.NodeIndex, LaneNext: slices.Clone(from),
	}
	for lane := range batch.LaneNext {
		for range n.Steps {
			nonce, err := stride.Nonce(uint64(lane), batch.LaneNext[lane])
			if err != nil {
				return mlnode.Batch{}, err
			}
			batch.LaneNext[lane]++
			if valid, _ := prove(round, round.PublicKey, nonce); valid {
				batch.Nonces = append(batch.Nonces, nonce)
			}
		}
	}
	slices.Sort(batch.Nonces)
	return batch, nil
}

// prove is the proof: a decision and a digest.
func prove(round plan.Round, key [20]byte, nonce uint64) (bool, [32]byte) {
	digest := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte(round.Challenge), key[:]...), nonce))
	threshold := must(must(fixed.Parse(round.ValidFraction)).MulFloor(1 << 32))
	return uint64(binary.BigEndian.Uint32(digest[:4])) < threshold, digest
}

// Validate recomputes nonces of a host in the open round.
func (n *Node) Validate(_ context.Context, key [20]byte, nonces []uint64) ([]mlnode.Decision, error) {
	var decisions []mlnode.Decision
	err := n.locked(func() error {
		if n.round == nil {
			return errors.New("no round is open")
		}
		for _, nonce := range nonces {
			valid, digest := prove(*n.round, key, nonce)
			decisions = append(decisions, mlnode.Decision{Valid: valid, Digest: digest})
		}
		n.verified[n.round.Challenge] += len(nonces)
		return nil
	})
	return decisions, err
}
