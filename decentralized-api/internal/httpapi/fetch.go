package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/x/inference/types"
)

// dialTimeout is how long a connection to another broker may take.
const dialTimeout = 5 * time.Second

// NewTransport dials other hosts' brokers. Their URLs come from the chain and
// may be chosen with malice: addresses that lead into private networks are
// refused when they are dialled, whatever name led there.
func NewTransport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout}
	if !allowPrivate {
		dialer.Control = ssrf.New(ssrf.WithAnyPort()).Safe
	}
	return &http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: dialTimeout,
		MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true,
	}
}

// Asker is for whom openings are asked.
type Asker struct {
	Key     chain.Key
	ChainID string
	Host    string // account of the host
	// Now is the chain's time: machines whose clocks disagree agree on it.
	Now func() time.Time
}

// Fetcher asks other brokers for openings.
type Fetcher struct {
	client *http.Client
	asker  Asker
}

// NewFetcher makes a fetcher.
func NewFetcher(transport http.RoundTripper, asker Asker) *Fetcher {
	return &Fetcher{client: newClient(transport), asker: asker}
}

// newClient does not follow redirects: a host answers where it registered, and
// sends its judges to nobody else.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Openings implements poc.Fetcher. The URL is as it was registered, with or
// without a path.
func (f *Fetcher) Openings(ctx context.Context, url string, epoch uint64, host string) (types.Openings, error) {
	return f.fetch(ctx, url, openingsPath(epoch), epoch, host)
}

// Relayed implements poc.Fetcher.
func (f *Fetcher) Relayed(ctx context.Context, via string, epoch uint64, host string) (types.Openings, error) {
	return f.fetch(ctx, via, relayPath(host, epoch), epoch, host)
}

func (f *Fetcher) fetch(ctx context.Context, url, path string, epoch uint64, host string) (types.Openings, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(url, "/")+path, nil)
	if err != nil {
		return types.Openings{}, fmt.Errorf("openings: %w", err)
	}
	if err := f.asker.sign(request, epoch, host); err != nil {
		return types.Openings{}, err
	}
	body, err := do(f.client, request)
	if err != nil {
		return types.Openings{}, err
	}
	var openings types.Openings
	if err := openings.Unmarshal(body); err != nil {
		return types.Openings{}, fmt.Errorf("openings: %w", err)
	}
	return openings, nil
}
