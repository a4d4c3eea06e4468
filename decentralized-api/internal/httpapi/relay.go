package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/poc"
)

const (
	// relayRoute passes a judge's request on to a host that the judge does not
	// reach, where both sit on that host's jury.
	relayRoute = "/poc/v1/relay/{host}/epochs/{epoch}/openings"

	// relaysAtOnce bounds what is done for others.
	relaysAtOnce = 8
	// relayTimeout is how long the host may take; the judge waits a little longer.
	relayTimeout = 10 * time.Second
)

// relayPath is the route of one host and epoch.
func relayPath(host string, epoch uint64) string {
	return strings.NewReplacer("{host}", host, "{epoch}", strconv.FormatUint(epoch, 10)).Replace(relayRoute)
}

// Neighbours is what a relay asks the chain.
type Neighbours interface {
	// JuryOf returns the accounts that judge a host.
	JuryOf(ctx context.Context, epoch uint64, host string) ([]string, error)
	// PeerURL returns the URL of another host's broker.
	PeerURL(ctx context.Context, host string) (string, error)
}

// relay passes signed requests on as they are. It is trusted by nobody: the host
// checks the signature, the judge what it opens, and the relay leads to no other
// place than a host that the own one judges as well.
type relay struct {
	*door
	client *http.Client
	asks   *limits[mandate]
	slots  chan struct{}
}

func newRelay(d *door) *relay {
	return &relay{door: d, client: newClient(d.Transport), asks: newAsks(), slots: make(chan struct{}, relaysAtOnce)}
}

// ServeHTTP implements http.Handler.
func (l *relay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := chi.URLParam(r, "host")
	if _, err := chain.ParseAddress(host); err != nil || host == l.Host {
		fail(w, http.StatusBadRequest, "invalid_request", "the host in the path must be the account of another host")
		return
	}
	epoch, judge, in := l.enter(w, r, host)
	if !in {
		return
	}
	if !l.asks.allow(judge) {
		tooMany(w)
		return
	}
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	default:
		tooMany(w)
		return
	}
	jury, err := l.Neighbours.JuryOf(r.Context(), epoch, host)
	if err != nil {
		l.internal(w, "jury", err)
		return
	}
	for _, holder := range []string{judge.host, l.Host} {
		if !slices.Contains(jury, holder) {
			fail(w, http.StatusForbidden, "forbidden", holder+" has no seat on the jury of "+host)
			return
		}
	}
	l.pass(w, r, epoch, host)
}

func (l *relay) pass(w http.ResponseWriter, r *http.Request, epoch uint64, host string) {
	ctx, cancel := context.WithTimeout(r.Context(), relayTimeout)
	defer cancel()
	body, err := l.ask(ctx, r.Header, epoch, host)
	if err != nil {
		l.Log.Debug("openings were not relayed", "host", host, "err", err)
		text := err.Error()
		if errors.Is(err, poc.ErrNotReached) {
			text = poc.ErrNotReached.Error() // how is nobody else's business
		}
		fail(w, http.StatusBadGateway, "upstream_error", text)
		return
	}
	l.send(w, host, body)
}

// ask sends the judge's own headers to the host, and nothing else of its request.
func (l *relay) ask(ctx context.Context, from http.Header, epoch uint64, host string) ([]byte, error) {
	url, err := l.Neighbours.PeerURL(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("openings: %w: %w", poc.ErrNotReached, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+openingsPath(epoch), nil)
	if err != nil {
		return nil, fmt.Errorf("openings: %w", err)
	}
	for _, name := range []string{headerHolder, headerKey, headerTime, headerSignature} {
		request.Header.Set(name, from.Get(name))
	}
	return do(l.client, request)
}

// do returns the body of an answer that can be openings.
func do(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("openings: %w: %w", poc.ErrNotReached, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, poc.MaxOpenings+1))
	if err != nil {
		return nil, fmt.Errorf("openings: %w: %w", poc.ErrNotReached, err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("openings: %s: %.200s", response.Status, body)
	}
	if len(body) > poc.MaxOpenings {
		return nil, fmt.Errorf("openings: %w", poc.ErrTooLarge)
	}
	return body, nil
}
