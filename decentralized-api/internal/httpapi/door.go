package httpapi

import (
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"ninefold.dev/decentralized-api/internal/poc"
)

// Limits of asking. A judge needs one answer an epoch and a few after failures;
// several judges may share an address.
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

// door lets in who proves to act for a host, in an epoch that is open. What that
// costs until it is proved is the address's that asks.
type door struct {
	*Public
	calls    *limits[netip.Prefix]
	mandates *mandates
}

func newDoor(p *Public) *door {
	return &door{
		Public:   p,
		calls:    newLimits[netip.Prefix](callsASecond, callsAtOnce, callersRemembered),
		mandates: newMandates(p.Granted),
	}
}

func newAsks() *limits[mandate] { return newLimits[mandate](asksASecond, asksAtOnce, asksRemembered) }

// enter returns the epoch that a request is about and who asks of a host in it.
// Whoever stays outside has been told why.
func (d *door) enter(w http.ResponseWriter, r *http.Request, host string) (epoch uint64, judge mandate, in bool) {
	epoch, err := strconv.ParseUint(chi.URLParam(r, "epoch"), 10, 64)
	if err != nil {
		fail(w, http.StatusBadRequest, "invalid_request", "the epoch in the path must be a number")
		return 0, mandate{}, false
	}
	if view := d.Clock(); view == nil || view.Opened != epoch || view.Height < view.Heights.PocValidationStart {
		fail(w, http.StatusNotFound, "not_open", poc.ErrNotOpen.Error())
		return 0, mandate{}, false
	}
	if !d.calls.allow(callerOf(r, d.Proxies)) {
		tooMany(w)
		return 0, mandate{}, false
	}
	holder, signer, err := d.verify(r, epoch, host)
	if err != nil {
		fail(w, http.StatusUnauthorized, "unauthorized", err.Error())
		return 0, mandate{}, false
	}
	judge = mandate{holder, signer}
	may, err := d.mandates.hold(r.Context(), judge)
	if err != nil {
		d.internal(w, "grants", err)
		return 0, mandate{}, false
	}
	if !may {
		fail(w, http.StatusForbidden, "forbidden", signer+" may not act for "+holder)
		return 0, mandate{}, false
	}
	return epoch, judge, true
}
