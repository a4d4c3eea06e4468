package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/go-chi/chi/v5"
	"golang.org/x/time/rate"

	"ninefold.dev/decentralized-api/internal/poc"
)

// Limits of asking for openings. Everybody together may try so often, and one
// judge so often; a judge needs one answer an epoch and a few after failures.
const (
	triesASecond    = 50
	asksASecond     = 1
	asksAtOnce      = 8
	rememberedAsker = 4096
)

// Opener gives the openings of the own claims.
type Opener interface {
	Openings(ctx context.Context, epoch uint64, holder string) ([]byte, error)
}

// Granted says whether an account may act for a host.
type Granted func(ctx context.Context, host, account string) (bool, error)

// openings answers judges.
type openings struct {
	*Public
	tries *rate.Limiter

	mu   sync.Mutex
	asks map[string]*rate.Limiter // by holder
	acts map[[2]string]uint64     // (holder, account) → epoch in which the grant was seen
}

func newOpenings(p *Public) *openings {
	return &openings{
		Public: p, tries: rate.NewLimiter(triesASecond, triesASecond),
		asks: map[string]*rate.Limiter{}, acts: map[[2]string]uint64{},
	}
}

// ServeHTTP implements http.Handler.
func (o *openings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.Withhold {
		o.Log.Warn("WITHHOLDING OPENINGS: this broker was told to (testing.withhold_openings)")
		fail(w, http.StatusServiceUnavailable, "unavailable", "openings are withheld")
		return
	}
	epoch, err := strconv.ParseUint(chi.URLParam(r, "epoch"), 10, 64)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", "the epoch in the path must be a number")
		return
	}
	if view := o.Clock(); view == nil || view.Opened != epoch || view.Height < view.Heights.PocValidationStart {
		fail(w, http.StatusNotFound, "not_open", poc.ErrNotOpen.Error())
		return
	}
	if !o.tries.Allow() {
		tooMany(w)
		return
	}
	holder, signer, err := o.verify(r, epoch)
	if err != nil {
		fail(w, http.StatusUnauthorized, "unauthorized", err.Error())
		return
	}
	if !o.allow(holder) {
		tooMany(w)
		return
	}
	if may, err := o.granted(r.Context(), epoch, holder, signer); err != nil {
		o.internal(w, "grants", err)
		return
	} else if !may {
		fail(w, http.StatusForbidden, "forbidden", signer+" may not act for "+holder)
		return
	}
	o.answer(w, r, epoch, holder)
}

func (o *openings) answer(w http.ResponseWriter, r *http.Request, epoch uint64, holder string) {
	body, err := o.Opener.Openings(r.Context(), epoch, holder)
	switch {
	case errors.Is(err, poc.ErrNotOpen):
		fail(w, http.StatusNotFound, "not_open", err.Error())
	case errors.Is(err, poc.ErrNoSeat):
		fail(w, http.StatusForbidden, "forbidden", err.Error())
	case err != nil:
		o.internal(w, "openings", err)
	default:
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if _, err := w.Write(body); err != nil {
			o.Log.Debug("openings were not taken", "holder", holder, "err", err)
		}
	}
}

// allow limits one judge.
func (o *openings) allow(holder string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	limiter := o.asks[holder]
	if limiter == nil {
		if len(o.asks) >= rememberedAsker {
			clear(o.asks)
		}
		limiter = rate.NewLimiter(asksASecond, asksAtOnce)
		o.asks[holder] = limiter
	}
	return limiter.Allow()
}

// granted asks the chain once an epoch for each pair that is entitled.
func (o *openings) granted(ctx context.Context, epoch uint64, holder, signer string) (bool, error) {
	pair := [2]string{holder, signer}
	o.mu.Lock()
	seen, known := o.acts[pair]
	o.mu.Unlock()
	if known && seen == epoch {
		return true, nil
	}
	may, err := o.Granted(ctx, holder, signer)
	if err != nil || !may {
		return false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.acts) >= rememberedAsker {
		clear(o.acts)
	}
	o.acts[pair] = epoch
	return true, nil
}
