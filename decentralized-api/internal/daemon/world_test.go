package daemon

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/reconcile"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

// blockTime is how long a block takes on the bubble's clock.
const blockTime = time.Second

// world is a network in memory. It lives in a bubble of testing/synctest.
type world struct {
	t     *testing.T
	chain *testkit.Chain
	web   *testkit.Web
	hosts []*tester
}

// tester is a broker under test with everything around it.
type tester struct {
	world     *world
	name      string
	key       *secp256k1.PrivKey
	address   string
	nodes     map[string]*testkit.Node
	endpoints []*testkit.Endpoint
	config    config.Config
	moments   *moments // of its work; nil where nobody watches

	host *Host
	stop func()
	kill func() // as stop, without a chance to finish anything
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := testkit.NewChain(t.TempDir(), testkit.Params(), testkit.Model("tiny"), testkit.Model("small"))
	return &world{t: t, chain: c, web: testkit.NewWeb()}
}

// add makes a member of genesis with some nodes, whose speeds are given.
func (w *world) add(name string, steps ...uint64) *tester {
	w.t.Helper()
	owner := sha256.Sum256([]byte("owner " + name))
	h := &tester{
		world: w, name: name, key: secp256k1.GenPrivKeyFromSecret([]byte("warm " + name)),
		address: chain.FormatAddress([20]byte(owner[:20])), nodes: map[string]*testkit.Node{},
		endpoints: []*testkit.Endpoint{w.chain.NewEndpoint(), w.chain.NewEndpoint()},
		config: config.Config{
			ChainID: testkit.ChainID, Home: w.t.TempDir(),
			Chain: config.Chain{Timeout: 5 * time.Second, Poll: 100 * time.Millisecond, Stall: 30 * time.Second},
		},
	}
	h.config.Host.Address = h.address
	var declared []types.HardwareNode
	for i, speed := range steps {
		id := fmt.Sprintf("node-%d", i)
		h.nodes[id] = testkit.NewNode(speed)
		h.config.Nodes = append(h.config.Nodes, config.Node{ID: id, Address: id + ":1", Models: []string{"tiny"}})
		declared = append(declared, types.HardwareNode{LocalId: id, Models: []string{"tiny"}})
	}
	w.chain.AddHost(h.address, chain.Address(h.key), "http://"+name, 100, declared...)
	w.hosts = append(w.hosts, h)
	return h
}

func (h *tester) start() {
	h.world.t.Helper()
	parts := Parts{
		Key: h.key, Transport: h.world.web.From(h.name), Endpoint: h.world.web, Open: store.OpenUnsynced, Log: slog.New(slog.DiscardHandler),
		Dial: func(spec config.Node) (reconcile.Node, error) {
			node := h.nodes[spec.ID]
			if node == nil {
				return nil, fmt.Errorf("no node %s", spec.ID)
			}
			if h.moments != nil {
				return watchedNode{node, spec.ID, h.moments}, nil
			}
			return node, nil
		},
		Waits: reconcile.Waits{Probe: 200 * time.Millisecond, First: 100 * time.Millisecond, Most: time.Second, Jitter: func() float64 { return 0.5 }},
	}
	if testing.Verbose() {
		parts.Log = slog.New(slog.NewTextHandler(h.world.t.Output(), nil)).With("broker", h.name)
	}
	for _, e := range h.endpoints {
		if h.moments != nil {
			parts.Endpoints = append(parts.Endpoints, watchedEndpoint{e, h.moments})
			continue
		}
		parts.Endpoints = append(parts.Endpoints, e)
	}
	host, err := New(context.Background(), h.config, parts)
	require.NoError(h.world.t, err)
	h.host = host
	h.world.web.Put(h.name, host.PublicHandler())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- host.Run(ctx) }()
	h.stop = func() {
		h.world.web.Put(h.name, nil)
		cancel()
		require.NoError(h.world.t, <-done)
		h.stop = nil
	}
	h.kill = func() {
		// From here on it can store nothing, send nothing and answer nobody:
		// what its goroutines still do reaches nothing.
		_ = host.store.Close()
		h.world.web.Put(h.name, nil)
		h.isolate(true)
		cancel()
		<-done // with the error of a store that is closed twice
		h.isolate(false)
		if h.moments != nil {
			h.moments.revive()
		}
		h.stop = nil
	}
}

// isolate cuts a broker off from the chain, or connects it again.
func (h *tester) isolate(cut bool) {
	for _, e := range h.endpoints {
		e.SetDown(cut)
	}
}

func (w *world) start() {
	for _, h := range w.hosts {
		h.start()
	}
}

func (w *world) stop() {
	for _, h := range w.hosts {
		if h.stop != nil {
			h.stop()
		}
	}
}

// block makes a block and lets everybody act on it.
func (w *world) block() {
	w.chain.NextBlock()
	time.Sleep(blockTime) // the bubble's clock
	synctest.Wait()
}

// until makes blocks until the chain is at the first height of a stage.
func (w *world) until(stage epoch.Stage) {
	w.block()
	for w.chain.Stage() != stage {
		w.block()
	}
}

// acknowledged is what a host's nodes say they were told is safe, if anything,
// and what was stored when the broker died before it could tell them.
func (h *tester) acknowledged(index uint64) map[string]uint64 {
	h.world.t.Helper()
	round, err := h.host.client.Round(context.Background(), index)
	require.NoError(h.world.t, err)
	sums := map[string]uint64{}
	challenge := fmt.Sprintf("%x", round.Challenge)
	for id, node := range h.nodes {
		n := node.Acknowledged(challenge)
		if h.moments != nil {
			n += h.moments.unacknowledged(id, challenge)
		}
		if n > 0 {
			sums[id] = n
		}
	}
	return sums
}
