package httpapi

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/poc"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/inference-chain/x/inference/types"
)

var relayHost = chain.FormatAddress([20]byte{3})

// neighbours knows one jury and one host.
type neighbours struct {
	jury []string
	url  string
	err  error
}

func (n neighbours) JuryOf(context.Context, uint64, string) ([]string, error) { return n.jury, n.err }
func (n neighbours) PeerURL(context.Context, string) (string, error)          { return n.url, nil }

// relayed is a web in which the judge reaches the relay alone.
type relayed struct {
	web    *testkit.Web
	peer   http.Handler
	relay  *Public
	judge  Asker
	of     string
	epoch  uint64
	closed bool // the peer does not answer the relay either
}

func newRelayed(t *testing.T) *relayed {
	t.Helper()
	web := testkit.NewWeb()
	relay := publicAPI(t)
	relay.Host = relayHost
	relay.Opener = fakeOpener{err: errors.New("a relay opens nothing of its own")}
	relay.Neighbours = neighbours{jury: []string{relayHost, holder}, url: "http://peer"}
	relay.Transport = web.From("relay")
	return &relayed{web: web, peer: publicAPI(t).Handler(), relay: relay, judge: judge, of: host, epoch: 5}
}

func (r *relayed) ask(ctx context.Context) (types.Openings, error) {
	r.web.Put("peer", r.peer)
	r.web.Put("relay", r.relay.Handler())
	r.web.Part("judge", "peer", true)
	r.web.Part("relay", "peer", r.closed)
	f := NewFetcher(r.web.From("judge"), r.judge)
	if _, err := f.Openings(ctx, "http://peer", r.epoch, r.of); !errors.Is(err, poc.ErrNotReached) {
		return types.Openings{}, errors.New("the judge reaches the host by itself")
	}
	return f.Relayed(ctx, "http://relay/", r.epoch, r.of)
}

func TestAJudgeThatDoesNotReachAHostIsRelayed(t *testing.T) {
	got, err := newRelayed(t).ask(t.Context())
	require.NoError(t, err)
	require.Equal(t, types.Openings{EpochIndex: 5, Participant: host, Holder: holder}, got)
}

func TestARelayPassesNothingOnButTheJudgesSignature(t *testing.T) {
	r := newRelayed(t)
	var got http.Header
	inner := r.peer
	r.peer = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		got = request.Header.Clone()
		inner.ServeHTTP(w, request)
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://relay"+relayPath(host, 5), nil)
	require.NoError(t, err)
	require.NoError(t, r.judge.sign(request, 5, host))
	request.Header.Set("Cookie", "secret")
	request.Header.Set("X-Forwarded-For", "10.0.0.1")
	_, err = r.ask(t.Context()) // puts everybody in place
	require.NoError(t, err)
	response, err := r.web.From("judge").RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	delete(got, "User-Agent")
	names := make([]string, 0, len(got))
	for name := range got {
		names = append(names, name)
	}
	require.ElementsMatch(t, []string{headerHolder, headerKey, headerTime, headerSignature}, names)
}

func TestWhatIsNotRelayed(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*relayed)
		want   string
	}{
		"a request of who does not judge the host": {
			func(r *relayed) { r.relay.Neighbours = neighbours{jury: []string{relayHost}, url: "http://peer"} }, "403",
		},
		"a request to a host that the relay does not judge": {
			func(r *relayed) { r.relay.Neighbours = neighbours{jury: []string{holder}, url: "http://peer"} }, "403",
		},
		"a request for another host than was signed": {
			func(r *relayed) { r.of = chain.FormatAddress([20]byte{9}); r.judge.ChainID = "d" }, "401",
		},
		"a request of a stranger":               {func(r *relayed) { r.judge.Key = stranger(1) }, "403"},
		"a request for the relay itself":        {func(r *relayed) { r.of = relayHost }, "400"},
		"a request for no account":              {func(r *relayed) { r.of = "nobody" }, "400"},
		"a request for an epoch that is over":   {func(r *relayed) { r.epoch = 4 }, "404"},
		"a request when the chain fails":        {func(r *relayed) { r.relay.Neighbours = neighbours{err: errors.New("secret")} }, "502"},
		"a request to a host nobody reaches":    {func(r *relayed) { r.closed = true }, "502 Bad Gateway: .*the host is not reached"},
		"a request the host itself refuses":     {func(r *relayed) { p := *r.relay; p.Host, p.Withhold = host, true; r.peer = p.Handler() }, "503 Service Unavailable"},
		"an answer that is larger than allowed": {func(r *relayed) { r.peer = answering(make([]byte, poc.MaxOpenings+1)) }, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelayed(t)
			tc.change(r)
			_, err := r.ask(t.Context())
			require.Error(t, err)
			require.Regexp(t, tc.want, err.Error())
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestARelayDoesNotWorkForOneJudgeAlone(t *testing.T) {
	r := newRelayed(t)
	_, err := r.ask(t.Context())
	require.NoError(t, err)
	f := NewFetcher(r.web.From("judge"), r.judge)
	var refused error
	for range asksAtOnce {
		_, refused = f.Relayed(t.Context(), "http://relay", 5, host)
	}
	require.ErrorContains(t, refused, "429")
}

func answering(body []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
}
