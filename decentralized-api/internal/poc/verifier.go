package poc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/x/inference/types"
)

const (
	// unavailableLead is how many blocks before the last one of the window a
	// host that opened nothing is reported.
	unavailableLead = 2
	// trialsAtOnce bounds the hosts that are looked at together.
	trialsAtOnce = 8
	// Waits between attempts to get openings or to have them recomputed.
	firstRetry = 250 * time.Millisecond
	lastRetry  = 5 * time.Second
	// fetchTimeout is how long a broker may take to open a sample.
	fetchTimeout = 15 * time.Second
)

// Seats is what the chain says about the judging of others.
type Seats interface {
	OwnRound
	// Seats returns the hosts that the own host has to judge.
	Seats(ctx context.Context, epoch uint64) ([]types.HolderSeat, error)
	// PeerURL returns the URL of another host's broker.
	PeerURL(ctx context.Context, host string) (string, error)
	// JuryOf returns the accounts that judge a host, each once.
	JuryOf(ctx context.Context, epoch uint64, host string) ([]string, error)
}

// ErrNotReached means that a host did not answer at all.
var ErrNotReached = errors.New("the host is not reached")

// Fetcher asks for our sample of another host's claims.
type Fetcher interface {
	// Openings asks the host's own broker at a URL. It fails with ErrNotReached.
	Openings(ctx context.Context, url string, epoch uint64, host string) (types.Openings, error)
	// Relayed asks the broker of another judge at a URL, which asks the host. What
	// comes is as good as that judge.
	Relayed(ctx context.Context, via string, epoch uint64, host string) (types.Openings, error)
}

// Verifier judges the hosts on whose juries the own host sits. Its trials are
// goroutines of Run; a trial that dies with the process is begun anew, because
// no verdict of it stands.
type Verifier struct {
	chain     Seats
	verdicts  *Verdicts
	fetch     Fetcher
	recompute Recompute
	host      string
	raw       [20]byte
	log       *slog.Logger
	wake      func() // says that an intent was written

	views chan chain.View
}

// NewVerifier makes a verifier for a host.
func NewVerifier(seats Seats, verdicts *Verdicts, fetch Fetcher, recompute Recompute, host string, wake func(), log *slog.Logger) (*Verifier, error) {
	raw, err := chain.ParseAddress(host)
	if err != nil {
		return nil, err
	}
	return &Verifier{
		chain: seats, verdicts: verdicts, fetch: fetch, recompute: recompute,
		host: host, raw: raw, log: log, wake: wake, views: make(chan chain.View, 1),
	}, nil
}

// Advance tells the verifier of a new block.
func (v *Verifier) Advance(view chain.View) {
	for {
		select {
		case v.views <- view:
			return
		case <-v.views: // an older one nobody has seen yet
		}
	}
}

// Run judges until the context ends. Trials of a window end with it.
func (v *Verifier) Run(ctx context.Context) {
	var current *session
	defer func() { current.end() }()
	for {
		select {
		case <-ctx.Done():
			return
		case view := <-v.views:
			if current != nil && (current.epoch != view.Opened || !judging(view)) {
				current.end()
				current = nil
			}
			if !judging(view) {
				continue
			}
			if current == nil {
				current = v.begin(ctx, view)
			}
			current.advance(ctx, view)
		}
	}
}

// judging says whether verdicts can still reach the chain.
func judging(view chain.View) bool {
	window := view.Heights.Verdicts()
	return view.Height >= window.First-1 && view.Height < window.Last
}

// session is the judging of one epoch's claims.
type session struct {
	*Verifier
	epoch    uint64
	deadline int64

	ctx      context.Context
	cancel   context.CancelFunc
	patience context.Context // ends when openings that never came are reported
	giveUp   context.CancelFunc
	trials   sync.WaitGroup
	slots    chan struct{}
	started  map[string]bool
	complete bool         // whether every seat has its trial
	open     atomic.Int64 // trials that have not ended
}

func (v *Verifier) begin(ctx context.Context, view chain.View) *session {
	s := &session{
		Verifier: v, epoch: view.Opened, deadline: view.Heights.Verdicts().Last,
		slots: make(chan struct{}, trialsAtOnce), started: map[string]bool{},
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.patience, s.giveUp = context.WithCancel(s.ctx)
	return s
}

func (s *session) end() {
	if s == nil {
		return
	}
	s.cancel()
	s.trials.Wait()
}

// advance starts the trials that are missing, and submits what was found.
func (s *session) advance(ctx context.Context, view chain.View) {
	if view.Height >= s.deadline-unavailableLead {
		s.giveUp()
	}
	if !s.complete {
		err := s.start(ctx)
		s.complete = err == nil
		if err != nil && ctx.Err() == nil {
			s.log.Warn("seats are not known yet", "epoch", s.epoch, "err", err)
		}
	}
	s.submit(ctx)
}

func (s *session) submit(ctx context.Context) {
	intents, err := s.verdicts.Submit(ctx, s.host, s.epoch, s.deadline)
	if err != nil && ctx.Err() == nil {
		s.log.Error("verdicts cannot be submitted", "epoch", s.epoch, "err", err)
	}
	if intents > 0 {
		s.wake()
	}
}

// start begins a trial for every seat without a verdict.
func (s *session) start(ctx context.Context) error {
	round, err := s.chain.Round(ctx, s.epoch)
	if err != nil {
		return err
	}
	if len(round.SamplingSeed) == 0 {
		return errors.New("the sampling seed is not there yet")
	}
	record, err := s.chain.Epoch(ctx, s.epoch)
	if err != nil {
		return err
	}
	seats, err := s.chain.Seats(ctx, s.epoch)
	if err != nil {
		return err
	}
	reached, err := s.verdicts.Reached(ctx, s.epoch)
	if err != nil {
		return err
	}
	for _, seat := range seats {
		if seat.Cast || reached[seat.Participant] || s.started[seat.Participant] {
			continue
		}
		s.started[seat.Participant] = true
		s.open.Add(1)
		s.trials.Go(func() {
			s.try(seat, record, round)
			if s.open.Add(-1) == 0 { // the others go with the next block
				s.submit(s.ctx)
			}
		})
	}
	return nil
}
