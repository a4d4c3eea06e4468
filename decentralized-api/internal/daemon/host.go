// Package daemon puts a broker together and runs it.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/httpapi"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/poc"
	"ninefold.dev/decentralized-api/internal/reconcile"
	"ninefold.dev/decentralized-api/internal/serverless"
	"ninefold.dev/decentralized-api/internal/store"
	"ninefold.dev/decentralized-api/internal/upkeep"
)

// startPause is the wait between attempts to reach the chain at start.
const startPause = time.Second

// Parts are what a broker touches the world with. Tests give their own.
type Parts struct {
	Endpoints []chain.Endpoint
	Key       chain.Key
	Dial      func(config.Node) (reconcile.Node, error)
	Transport http.RoundTripper // to other hosts' brokers
	Endpoint  http.RoundTripper // to serverless endpoints; nil for the usual one
	Open      func(ctx context.Context, dir string) (*store.Store, error)
	Waits     reconcile.Waits
	Log       *slog.Logger
}

// Host is a broker.
type Host struct {
	config     config.Config
	parts      Parts
	store      *store.Store
	pool       *chain.Pool
	client     *chain.Client
	registry   *broker.Broker
	outbox     *outbox.Outbox
	proofs     *poc.Proofs
	opener     *poc.Opener
	verifier   *poc.Verifier
	stages     *poc.Orchestrator
	upkeep     *upkeep.Upkeep
	loop       *reconcile.Loop
	verifiers  []verifier // that compute for money, where no own node can
	dispatcher *chain.OnNewBlockDispatcher
	follower   *chain.Follower
}

// New makes a broker over its store, which it owns from then on. Nothing runs
// yet.
func New(ctx context.Context, c config.Config, parts Parts) (*Host, error) {
	s, err := parts.Open(ctx, c.Home)
	if err != nil {
		return nil, err
	}
	h := &Host{config: c, parts: parts, store: s}
	if err := errors.Join(s.Bind(ctx, c.ChainID, c.Host.Address), h.build()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return h, nil
}

func (h *Host) build() error {
	c, log, host := h.config, h.parts.Log, h.config.Host.Address
	h.pool = chain.NewPool(c.ChainID, h.parts.Endpoints, c.Chain.Timeout, log)
	h.client = chain.NewClient(h.pool, host, chain.Address(h.parts.Key))
	h.registry = broker.New(h.client, h.store, log)
	h.outbox = outbox.New(h.store, onChain{h.pool, h.client}, chain.NewSigner(c.ChainID, host, h.parts.Key), log)
	h.proofs = poc.NewProofs(h.store)
	if c.Testing.RepeatNonces {
		h.proofs.RepeatNonces()
	}
	h.opener = poc.NewOpener(h.client, h.client, h.proofs, host, log)
	fetcher := httpapi.NewFetcher(h.parts.Transport, httpapi.Asker{Key: h.parts.Key, ChainID: c.ChainID, Host: host, Now: h.pool.Now})
	recompute := poc.Recompute(h.recompute)
	if c.Testing.BlameHosts {
		recompute = poc.Blame
	}
	var err error
	h.verifier, err = poc.NewVerifier(h.client, poc.NewVerdicts(h.store), fetcher, recompute, host, h.outbox.Wake, log)
	if err != nil {
		return err
	}
	h.stages, err = poc.NewOrchestrator(poc.Options{
		Chain: h.client, Registry: h.registry, Proofs: h.proofs, Verifier: h.verifier,
		Host: host, Wake: h.outbox.Wake, Forge: c.Testing.ForgeNonces, Log: log,
	})
	if err != nil {
		return err
	}
	for _, spec := range c.Verifiers() {
		node, err := serverless.New(spec, h.parts.Endpoint)
		if err != nil {
			return err
		}
		h.verifiers = append(h.verifiers, node)
	}
	h.upkeep = upkeep.New(h.client, h.registry, h.store, host, h.outbox.Wake, log)
	h.loop = reconcile.New(h.stages, h.registry, h.proofs, h.parts.Dial, h.parts.Waits, log)
	h.dispatcher = chain.NewDispatcher(h.client.View, h.stages, log, func(v chain.View) { h.outbox.Advance(v.Height) })
	h.follower = chain.NewFollower(h.pool, h.store, h.onBlock, c.Chain.Poll, c.Chain.Stall, log)
	return nil
}

// onChain is the chain as the outbox needs it.
type onChain struct {
	*chain.Pool
	client *chain.Client
}

// Account implements outbox.Chain.
func (c onChain) Account(ctx context.Context) (number, sequence uint64, err error) {
	return c.client.Account(ctx)
}

// onBlock lets the stages come first: proofs and verdicts have a deadline.
func (h *Host) onBlock(ctx context.Context, block chain.Block, tip bool) error {
	err := h.dispatcher.OnBlock(ctx, block, tip)
	if view := h.dispatcher.View(); tip && view != nil {
		err = errors.Join(err, h.upkeep.OnBlock(ctx, *view))
	}
	return err
}

// Run runs the broker until the context ends, and closes it. What it was about
// is in the store.
func (h *Host) Run(ctx context.Context) error {
	h.warn()
	var loops sync.WaitGroup
	loops.Go(func() { h.registry.Run(ctx) })
	if err := h.load(ctx); err == nil {
		loops.Go(func() { h.outbox.Run(ctx) })
		loops.Go(func() { h.verifier.Run(ctx) })
		loops.Go(func() { h.loop.Run(ctx) })
		loops.Go(func() { h.follower.Run(ctx) })
	}
	<-ctx.Done()
	loops.Wait()
	return h.store.Close()
}

// load registers the nodes. Nothing else starts before: an empty registry must
// never be declared to the chain.
func (h *Host) load(ctx context.Context) error {
	for {
		err := h.registry.Load(ctx, h.config.ComputeNodes())
		if err == nil || ctx.Err() != nil {
			return err
		}
		h.parts.Log.Warn("nodes cannot be registered yet", "err", err)
		timer := time.NewTimer(startPause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// reload takes over the compute nodes of the configuration file as it is now.
func (h *Host) reload(ctx context.Context, again func() (config.Config, error)) error {
	next, err := again()
	if err != nil {
		return err
	}
	if err := h.config.Reloadable(next); err != nil {
		return err
	}
	return h.registry.Reload(ctx, next.ComputeNodes())
}

// warn says loudly that the broker was told to misbehave.
func (h *Host) warn() {
	t := h.config.Testing
	if t.ForgeNonces {
		h.parts.Log.Error("THIS BROKER FORGES NONCES: testing.forge_nonces is set; it will be judged a fraud")
	}
	if t.RepeatNonces {
		h.parts.Log.Error("THIS BROKER REPEATS NONCES: testing.repeat_nonces is set; it will be judged a fraud")
	}
	if t.WithholdOpenings {
		h.parts.Log.Error("THIS BROKER WITHHOLDS OPENINGS: testing.withhold_openings is set; it will lose its weight")
	}
	if t.BlameHosts {
		h.parts.Log.Error("THIS BROKER BLAMES EVERY HOST: testing.blame_hosts is set; its verdicts are false")
	}
}

// PublicHandler returns the public routes.
func (h *Host) PublicHandler() http.Handler {
	p := &httpapi.Public{
		ChainID: h.config.ChainID, Host: h.config.Host.Address, Clock: h.dispatcher.View, Now: h.pool.Now, Ready: h.missing,
		Epochs: h.client, Governed: h.registry.Governed, Opener: h.opener, Granted: h.client.MayAct,
		Proxies: h.config.Public.Proxies(), Withhold: h.config.Testing.WithholdOpenings, Log: h.parts.Log,
		Neighbours: h.client, Transport: h.parts.Transport,
	}
	return p.Handler()
}

// missing says what keeps the broker from doing its work.
func (h *Host) missing(ctx context.Context) []string {
	missing := []string{}
	view := h.dispatcher.View()
	if view == nil {
		return append(missing, "no block was seen yet")
	}
	if status, err := h.pool.Status(ctx); err != nil {
		missing = append(missing, err.Error())
	} else if behind := status.Height - view.Height; behind > readyLag {
		missing = append(missing, fmt.Sprintf("%d blocks behind the chain", behind))
	}
	if _, err := h.client.EpochView(ctx, view.Effective); err != nil {
		missing = append(missing, err.Error())
	}
	return missing
}

// readyLag is how many blocks a broker that works may be behind.
const readyLag = 5
