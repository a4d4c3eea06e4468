package poc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/x/inference/types"
)

// bench is an exhibit with a jury whose brokers are reached at their accounts.
type bench struct {
	*exhibit
	others []string // of the jury, beside the judge
}

func (b bench) Seats(context.Context, uint64) ([]types.HolderSeat, error) { return nil, nil }

func (b bench) PeerURL(_ context.Context, host string) (string, error) { return host, nil }

func (b bench) JuryOf(context.Context, uint64, string) ([]string, error) {
	return append([]string{judgeName}, b.others...), nil
}

// wire answers for each broker that is reached; the host is not.
type wire struct {
	asked   []string
	direct  error
	answers map[string]types.Openings
}

func (w *wire) Openings(_ context.Context, url string, _ uint64, _ string) (types.Openings, error) {
	return w.answers[url], w.direct
}

func (w *wire) Relayed(_ context.Context, via string, _ uint64, _ string) (types.Openings, error) {
	w.asked = append(w.asked, via)
	if answer, there := w.answers[via]; there {
		return answer, nil
	}
	return types.Openings{}, ErrNotReached
}

func (b bench) session(t *testing.T, w *wire) *session {
	t.Helper()
	v, err := NewVerifier(b, NewVerdicts(b.store), w, honest, judgeName, func() {}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return &session{Verifier: v, epoch: 5, ctx: t.Context(), patience: t.Context()}
}

func TestAJudgeAsksAnotherRelayEachTime(t *testing.T) {
	b := bench{newExhibit(t), []string{host20(11), host20(12), host20(13)}}
	w := &wire{direct: fmt.Errorf("dial: %w", ErrNotReached), answers: map[string]types.Openings{host20(13): b.openings(t)}}
	s := b.session(t, w)
	for asked := 1; asked <= 2; asked++ {
		_, err := s.ask(t.Context(), b.trial(t), asked)
		require.ErrorIs(t, err, ErrNotReached)
	}
	got, err := s.ask(t.Context(), b.trial(t), 3)
	require.NoError(t, err)
	require.Equal(t, b.openings(t), got)
	require.Equal(t, b.others, w.asked)
}

func TestAHostThatAnswersIsNotGoneAround(t *testing.T) {
	b := bench{newExhibit(t), []string{host20(11)}}
	refused := errors.New("429 Too Many Requests")
	w := &wire{direct: refused}
	_, err := b.session(t, w).ask(t.Context(), b.trial(t), 1)
	require.ErrorIs(t, err, refused)
	require.Empty(t, w.asked)
}

func TestARelayCannotMakeAHostLookLikeAFraud(t *testing.T) {
	for name, spoil := range map[string]func(*types.Openings){
		"nothing is opened":     func(o *types.Openings) { o.Batches = nil },
		"a batch is missing":    func(o *types.Openings) { o.Batches = o.Batches[1:] },
		"a position is changed": func(o *types.Openings) { o.Batches[0].X[0]++ },
		"a hash is changed":     func(o *types.Openings) { o.Batches[0].Siblings[0].Hash[0] ^= 1 },
		"a leaf is left out": func(o *types.Openings) {
			o.Batches[0].Index, o.Batches[0].X = o.Batches[0].Index[1:], o.Batches[0].X[1:]
		},
		"it is another judge's":  func(o *types.Openings) { o.Holder = host20(9) },
		"it is another host's":   func(o *types.Openings) { o.Participant = host20(9) },
		"it is of another epoch": func(o *types.Openings) { o.EpochIndex-- },
	} {
		t.Run(name, func(t *testing.T) {
			b := bench{newExhibit(t), []string{host20(11), host20(12)}}
			spoilt := b.openings(t)
			spoil(&spoilt)
			w := &wire{
				direct:  ErrNotReached,
				answers: map[string]types.Openings{host20(11): spoilt, host20(12): b.openings(t)},
			}
			s := b.session(t, w)
			_, err := s.ask(t.Context(), b.trial(t), 1)
			require.ErrorContains(t, err, "through "+host20(11))
			got, err := s.ask(t.Context(), b.trial(t), 2)
			require.NoError(t, err)
			v, err := b.trial(t).judge(t.Context(), got, honest)
			require.NoError(t, err)
			require.Zero(t, v.Invalid)
		})
	}
}

func TestTheOnlyJudgeHasNobodyToAsk(t *testing.T) {
	b := bench{newExhibit(t), nil}
	_, err := b.session(t, &wire{direct: ErrNotReached}).ask(t.Context(), b.trial(t), 1)
	require.ErrorIs(t, err, ErrNotReached)
	require.ErrorContains(t, err, "nobody else judges it")
}
