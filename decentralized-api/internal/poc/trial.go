package poc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"

	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/x/inference/types"
)

// try reaches a verdict on one host and writes it down.
func (s *session) try(seat types.HolderSeat, record types.Epoch, round types.Round) {
	t, err := retry(s.ctx, func() (trial, error) { return s.prepare(seat, record, round) })
	if err != nil {
		return // the session is over
	}
	verdict, err := s.reach(t)
	if err != nil {
		if s.ctx.Err() == nil {
			s.log.Error("no verdict was reached", "epoch", s.epoch, "participant", seat.Participant, "err", err)
		}
		return
	}
	if _, err = retry(s.ctx, func() (any, error) { return nil, s.verdicts.Put(s.ctx, s.epoch, verdict) }); err != nil {
		return
	}
	s.log.Info("verdict", "epoch", s.epoch, "participant", seat.Participant, "sampled", verdict.Sampled,
		"invalid", verdict.Invalid, "unavailable", verdict.Unavailable, "structural", verdict.Structural)
}

func (s *session) prepare(seat types.HolderSeat, record types.Epoch, round types.Round) (trial, error) {
	claims, err := openDossier(s.ctx, s.chain, s.epoch, seat.Participant, record.Params.Lanes)
	if err != nil {
		return trial{}, err
	}
	sample, err := claims.sample(round.SamplingSeed, s.raw, record.Params.SampleSize)
	if err != nil {
		return trial{}, err
	}
	return trial{
		epoch: s.epoch, round: RoundOf(record, round, claims.host, 0, 0),
		holder: s.raw, name: seat.Participant, claims: claims, sample: sample,
	}, nil
}

// reach gets the openings and judges them, or finds that they never come.
func (s *session) reach(t trial) (types.Verdict, error) {
	asked := 0
	openings, err := retry(s.patience, func() (types.Openings, error) {
		ctx := s.patience
		if asked == 0 { // a process that comes back late asks at least once
			ctx = s.ctx
		}
		asked++
		return limited(ctx, s.slots, func() (types.Openings, error) { return s.ask(ctx, t, asked) })
	})
	if err != nil {
		if s.ctx.Err() != nil {
			return types.Verdict{}, s.ctx.Err()
		}
		s.log.Warn("openings never came", "epoch", s.epoch, "participant", t.name, "err", err)
		return t.unavailable(), nil
	}
	return retry(s.ctx, func() (types.Verdict, error) {
		return limited(s.ctx, s.slots, func() (types.Verdict, error) { return t.judge(s.ctx, openings, s.recompute) })
	})
}

// limited runs an operation when one of the slots is free.
func limited[T any](ctx context.Context, slots chan struct{}, operation func() (T, error)) (T, error) {
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
		return operation()
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// ask asks the host, and where it does not answer another one of its judges to
// ask it: a different one each time.
func (s *session) ask(ctx context.Context, t trial, asked int) (types.Openings, error) {
	openings, err := s.askHost(ctx, t)
	if err == nil || !errors.Is(err, ErrNotReached) {
		return openings, err
	}
	relayed, why := s.askThrough(ctx, t, asked)
	if why != nil {
		return types.Openings{}, errors.Join(err, why)
	}
	s.log.Info("openings came through another judge", "epoch", s.epoch, "participant", t.name)
	return relayed, nil
}

func (s *session) askHost(ctx context.Context, t trial) (types.Openings, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	url, err := s.chain.PeerURL(ctx, t.name)
	if err != nil {
		return types.Openings{}, err
	}
	openings, err := s.fetch.Openings(ctx, url, s.epoch, t.name)
	if err != nil {
		return types.Openings{}, err
	}
	return openings, s.meant(openings, t)
}

// askThrough believes nothing that the commitments do not confirm: a relay must
// not be able to make the host look like a fraud.
func (s *session) askThrough(ctx context.Context, t trial, asked int) (types.Openings, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	jury, err := s.chain.JuryOf(ctx, s.epoch, t.name)
	if err != nil {
		return types.Openings{}, err
	}
	// Judges begin behind themselves, so that they do not all ask the same one.
	own := slices.Index(jury, s.host)
	if own < 0 || len(jury) < 2 {
		return types.Openings{}, errors.New("nobody else judges it who could be asked")
	}
	relay := jury[(own+1+(asked-1)%(len(jury)-1))%len(jury)]
	via, err := s.chain.PeerURL(ctx, relay)
	if err != nil {
		return types.Openings{}, err
	}
	openings, err := s.fetch.Relayed(ctx, via, s.epoch, t.name)
	if err != nil {
		return types.Openings{}, fmt.Errorf("through %s: %w", relay, err)
	}
	if err := s.meant(openings, t); err != nil {
		return types.Openings{}, fmt.Errorf("through %s: %w", relay, err)
	}
	found, err := t.check(openings)
	if err != nil {
		return types.Openings{}, err
	}
	for i, result := range found.results {
		// What is outside its range is proved to be in the tree: no relay made it up.
		if result != commit.OK && result != commit.Structural {
			return types.Openings{}, fmt.Errorf("through %s: leaf %d does not fit its commitment", relay, i)
		}
	}
	return openings, nil
}

// meant makes sure that openings are those that were asked for.
func (s *session) meant(openings types.Openings, t trial) error {
	if openings.EpochIndex != s.epoch || openings.Participant != t.name || openings.Holder != s.host {
		return fmt.Errorf("the openings are for %s of %s in epoch %d",
			openings.Holder, openings.Participant, openings.EpochIndex)
	}
	return nil
}

// retry repeats an operation, with growing and jittered waits, until it
// succeeds or the context ends; then the operation's last error comes back.
func retry[T any](ctx context.Context, operation func() (T, error)) (T, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = firstRetry, lastRetry
	for {
		value, err := operation()
		if err == nil {
			return value, nil
		}
		timer := time.NewTimer(waits.NextBackOff())
		select {
		case <-ctx.Done():
			timer.Stop()
			return value, errors.Join(ctx.Err(), err)
		case <-timer.C:
		}
	}
}
