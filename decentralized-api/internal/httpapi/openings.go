package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"ninefold.dev/decentralized-api/internal/poc"
)

// Limits of asking for openings. A judge needs one answer an epoch and a few
// after failures; several judges may share an address.
const (
	callsASecond      = 10
	callsAtOnce       = 50
	callersRemembered = 1 << 14

	asksASecond    = 1
	asksAtOnce     = 8
	asksRemembered = 1 << 12

	// How long an answer of the chain is believed: so long a grant that was
	// taken back still opens, and one that is new does not yet.
	confirmedFor       = time.Minute
	refusedFor         = 10 * time.Second
	mandatesRemembered = 1 << 12
)

// Opener gives the openings of the own claims. It is asked for holders who are
// not of the jury as well, and fails with poc.ErrNoSeat at little cost.
type Opener interface {
	Openings(ctx context.Context, epoch uint64, holder string) ([]byte, error)
}

// openings answers judges.
//
// Nobody can use up what is a judge's: its own allowance is touched when all
// else is proved, the signature, the mandate and the seat. What comes before
// that costs the address it comes from.
type openings struct {
	*Public
	calls    *limits[netip.Prefix]
	mandates *mandates
	asks     *limits[mandate]
}

func newOpenings(p *Public) *openings {
	return &openings{
		Public:   p,
		calls:    newLimits[netip.Prefix](callsASecond, callsAtOnce, callersRemembered),
		mandates: newMandates(p.Granted),
		asks:     newLimits[mandate](asksASecond, asksAtOnce, asksRemembered),
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
	if !o.calls.allow(callerOf(r, o.Proxies)) {
		tooMany(w)
		return
	}
	holder, signer, err := o.verify(r, epoch)
	if err != nil {
		fail(w, http.StatusUnauthorized, "unauthorized", err.Error())
		return
	}
	if may, err := o.mandates.hold(r.Context(), mandate{holder, signer}); err != nil {
		o.internal(w, "grants", err)
		return
	} else if !may {
		fail(w, http.StatusForbidden, "forbidden", signer+" may not act for "+holder)
		return
	}
	o.answer(w, r, epoch, mandate{holder, signer})
}

// answer opens what a seat holder has to see, at its own pace.
func (o *openings) answer(w http.ResponseWriter, r *http.Request, epoch uint64, judge mandate) {
	body, err := o.Opener.Openings(r.Context(), epoch, judge.host)
	switch {
	case errors.Is(err, poc.ErrNotOpen):
		fail(w, http.StatusNotFound, "not_open", err.Error())
	case errors.Is(err, poc.ErrNoSeat):
		fail(w, http.StatusForbidden, "forbidden", err.Error())
	case err != nil:
		o.internal(w, "openings", err)
	case !o.asks.allow(judge):
		tooMany(w)
	default:
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if _, err := w.Write(body); err != nil {
			o.Log.Debug("openings were not taken", "holder", judge.host, "err", err)
		}
	}
}
