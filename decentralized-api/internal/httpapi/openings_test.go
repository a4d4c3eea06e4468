package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/poc"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

var (
	warm   = secp256k1.GenPrivKeyFromSecret([]byte("warm"))
	host   = chain.FormatAddress([20]byte{1})
	holder = chain.FormatAddress([20]byte{2})

	// blockTime is far from the clock of any machine that runs this test.
	blockTime = time.Unix(1_000_000_000, 0)
	judge     = Asker{Key: warm, ChainID: "c", Host: holder, Now: func() time.Time { return blockTime }}
)

// fakeOpener answers one holder.
type fakeOpener struct {
	body []byte
	err  error
}

func (o fakeOpener) Openings(_ context.Context, _ uint64, asked string) ([]byte, error) {
	if o.err == nil && asked != holder {
		return nil, poc.ErrNoSeat
	}
	return o.body, o.err
}

func publicAPI(t *testing.T) *Public {
	t.Helper()
	view := &chain.View{
		Opened: 5, Effective: 4, Height: 120, Stage: epoch.PocValidationExchange,
		Heights: epoch.Heights{PocStart: 100, PocValidationStart: 110, PocValidationEnd: 119, NextPocStart: 200},
	}
	body, err := (&types.Openings{EpochIndex: 5, Participant: host, Holder: holder}).Marshal()
	require.NoError(t, err)
	return &Public{
		ChainID: "c", Host: host, Clock: func() *chain.View { return view }, Now: func() time.Time { return blockTime },
		Ready:  func(context.Context) []string { return nil },
		Opener: fakeOpener{body: body},
		Granted: func(_ context.Context, of, account string) (bool, error) {
			return of == holder && account == chain.Address(warm), nil
		},
		Log: slog.New(slog.DiscardHandler),
	}
}

func fetcher(p *Public, key chain.Key, chainID, as string) *Fetcher {
	web := testkit.NewWeb()
	web.Put("peer", p.Handler())
	return NewFetcher(web, Asker{Key: key, ChainID: chainID, Host: as, Now: p.Now})
}

func TestAJudgeGetsItsOpenings(t *testing.T) {
	got, err := fetcher(publicAPI(t), warm, "c", holder).Openings(t.Context(), "http://peer/", 5, host)
	require.NoError(t, err)
	require.Equal(t, types.Openings{EpochIndex: 5, Participant: host, Holder: holder}, got)
}

func TestAClockThatJumpsKeepsNobodyFromItsOpenings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := fetcher(publicAPI(t), warm, "c", holder)
		for range 3 {
			time.Sleep(1000 * time.Hour) // the bubble's clock; no block comes
			_, err := f.Openings(t.Context(), "http://peer", 5, host)
			require.NoError(t, err)
		}
	})
}

func TestWhoGetsNoOpenings(t *testing.T) {
	other := secp256k1.GenPrivKeyFromSecret([]byte("other"))
	for name, tc := range map[string]struct {
		change  func(*Public)
		key     chain.Key
		chainID string
		as      string
		epoch   uint64
		of      string
		want    string
	}{
		"who signs with another key":        {key: other, want: "403"},
		"who signs for another chain":       {chainID: "d", want: "401"},
		"who signs for another host":        {of: chain.FormatAddress([20]byte{9}), want: "401"},
		"who has no seat":                   {as: host, change: func(p *Public) { p.Granted = func(context.Context, string, string) (bool, error) { return true, nil } }, want: "403"},
		"who asks for an older epoch":       {epoch: 4, want: "404"},
		"who asks before the seed is known": {change: func(p *Public) { p.Clock().Height = 109 }, want: "404"},
		"who asks before a block was seen":  {change: func(p *Public) { p.Clock = func() *chain.View { return nil } }, want: "404"},
		"who asks a chain that fails": {change: func(p *Public) {
			p.Granted = func(context.Context, string, string) (bool, error) { return false, errors.New("secret") }
		}, want: "502"},
		"who asks a store that fails":        {change: func(p *Public) { p.Opener = fakeOpener{err: errors.New("secret")} }, want: "502"},
		"who asks a broker told to withhold": {change: func(p *Public) { p.Withhold = true }, want: "503"},
	} {
		t.Run(name, func(t *testing.T) {
			p := publicAPI(t)
			if tc.change != nil {
				tc.change(p)
			}
			key, chainID, as, index, of := chain.Key(warm), "c", holder, uint64(5), host
			if tc.key != nil {
				key = tc.key
			}
			if tc.chainID != "" {
				chainID = tc.chainID
			}
			if tc.as != "" {
				as = tc.as
			}
			if tc.epoch != 0 {
				index = tc.epoch
			}
			if tc.of != "" {
				of = tc.of
			}
			_, err := fetcher(p, key, chainID, as).Openings(t.Context(), "http://peer", index, of)
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func signed(t *testing.T, at time.Time) *http.Request {
	t.Helper()
	return signedBy(t, warm, at)
}

func signedBy(t *testing.T, key chain.Key, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, openingsPath(5), nil)
	asker := judge
	asker.Key, asker.Now = key, func() time.Time { return at }
	require.NoError(t, asker.sign(r, 5, host))
	return r
}

func TestEveryPartOfARequestIsSigned(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	verify := func(r *http.Request, epoch uint64, now time.Time) (string, string, error) {
		return (&Public{ChainID: "c", Host: host, Now: func() time.Time { return now }}).verify(r, epoch, host)
	}
	for name, spoil := range map[string]func(*http.Request){
		"the holder":             func(r *http.Request) { r.Header.Set(headerHolder, host) },
		"a holder that is none":  func(r *http.Request) { r.Header.Set(headerHolder, "x") },
		"the time":               func(r *http.Request) { r.Header.Set(headerTime, "1800000001") },
		"a time that is none":    func(r *http.Request) { r.Header.Set(headerTime, "now") },
		"the key":                func(r *http.Request) { r.Header.Set(headerKey, "02"+r.Header.Get(headerKey)[2:64]+"00") },
		"a key that is too long": func(r *http.Request) { r.Header.Set(headerKey, r.Header.Get(headerKey)+"00") },
		"the signature":          func(r *http.Request) { r.Header.Set(headerSignature, r.Header.Get(headerSignature)[2:]) },
		"a signature in words":   func(r *http.Request) { r.Header.Set(headerSignature, "please") },
		"the method":             func(r *http.Request) { r.Method = http.MethodPost },
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, now)
			spoil(r)
			_, _, err := verify(r, 5, now)
			require.ErrorIs(t, err, ErrSignature)
		})
	}
	_, _, err := verify(signed(t, now), 6, now)
	require.ErrorIs(t, err, ErrSignature, "the epoch")
	for name, tc := range map[string]struct {
		age  time.Duration
		want bool
	}{
		"a minute old":            {clockSkew, true},
		"over a minute old":       {clockSkew + time.Second, false},
		"a minute ahead":          {-clockSkew, true},
		"over a minute ahead":     {-clockSkew - time.Second, false},
		"signed in this very now": {0, true},
	} {
		t.Run(name, func(t *testing.T) {
			asked, signer, err := verify(signed(t, now), 5, now.Add(tc.age))
			require.Equal(t, tc.want, err == nil, err)
			if tc.want {
				require.Equal(t, holder, asked)
				require.Equal(t, chain.Address(warm), signer)
			}
		})
	}
}

// Brokers of other versions must agree on these bytes.
func TestWhatIsSigned(t *testing.T) {
	require.Equal(t, "\x00\x00\x00\x14ninefold/openings/v1"+
		"\x00\x00\x00\x01c"+
		"\x00\x00\x00\x03GET"+
		"\x00\x00\x00\x19/poc/v1/epochs/5/openings"+
		"\x00\x00\x00\x06holder"+
		"\x00\x00\x00\x04host"+
		"\x00\x00\x00\x00\x3b\x9a\xca\x00",
		string(signBytes("c", http.MethodGet, 5, "holder", "host", 1_000_000_000)))
}

func TestAJudgeThatAsksTooOftenIsSlowedDown(t *testing.T) {
	p := publicAPI(t)
	grants := 0
	granted := p.Granted
	p.Granted = func(ctx context.Context, of, account string) (bool, error) {
		grants++
		return granted(ctx, of, account)
	}
	f := fetcher(p, warm, "c", holder)
	for range asksAtOnce {
		_, err := f.Openings(t.Context(), "http://peer", 5, host)
		require.NoError(t, err)
	}
	_, err := f.Openings(t.Context(), "http://peer", 5, host)
	require.ErrorContains(t, err, "429")
	require.Equal(t, 1, grants, "a grant is not asked for each time")
}

func TestAnAnswerThatIsTooLargeOrMalformedIsRefused(t *testing.T) {
	for name, body := range map[string][]byte{
		"too large": bytes.Repeat([]byte{0}, poc.MaxOpenings+1),
		"malformed": []byte("not protobuf at all"),
	} {
		t.Run(name, func(t *testing.T) {
			web := testkit.NewWeb()
			web.Put("peer", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
			_, err := NewFetcher(web, judge).Openings(t.Context(), "http://peer", 5, host)
			require.Error(t, err)
		})
	}
}

func TestPrivateAddressesAreNotDialledUnlessAllowed(t *testing.T) {
	server := httptest.NewServer(publicAPI(t).Handler())
	defer server.Close()
	closed := NewTransport(false)
	_, err := NewFetcher(closed, judge).Openings(t.Context(), server.URL, 5, host)
	require.ErrorContains(t, err, "prohibited")
	open := NewTransport(true)
	defer open.CloseIdleConnections()
	_, err = NewFetcher(open, judge).Openings(t.Context(), server.URL, 5, host)
	require.NoError(t, err)
}

func TestAHostBehindAProxyThatStripsAPathIsJudged(t *testing.T) {
	p := publicAPI(t)
	web := testkit.NewWeb()
	web.Put("peer", http.StripPrefix("/ninefold/v1", p.Handler()))
	for _, url := range []string{"http://peer/ninefold/v1", "http://peer/ninefold/v1/"} {
		got, err := NewFetcher(web, judge).Openings(t.Context(), url, 5, host)
		require.NoError(t, err, url)
		require.Equal(t, host, got.Participant)
	}
}
