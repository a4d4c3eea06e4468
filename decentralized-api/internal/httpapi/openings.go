package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"ninefold.dev/decentralized-api/internal/poc"
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
	*door
	asks *limits[mandate]
}

func newOpenings(d *door) *openings { return &openings{door: d, asks: newAsks()} }

// ServeHTTP implements http.Handler.
func (o *openings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if o.Withhold {
		o.Log.Warn("WITHHOLDING OPENINGS: this broker was told to (testing.withhold_openings)")
		fail(w, http.StatusServiceUnavailable, "unavailable", "openings are withheld")
		return
	}
	if epoch, judge, in := o.enter(w, r, o.Host); in {
		o.answer(w, r, epoch, judge)
	}
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
		o.send(w, judge.host, body)
	}
}

// send writes openings; about says whose they are, should nobody take them.
func (p *Public) send(w http.ResponseWriter, about string, body []byte) {
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if _, err := w.Write(body); err != nil {
		p.Log.Debug("openings were not taken", "about", about, "err", err)
	}
}
