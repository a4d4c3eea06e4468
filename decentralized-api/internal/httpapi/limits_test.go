package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
)

// line reaches a handler from a socket's address.
type line struct {
	to   http.Handler
	from string
}

// RoundTrip implements http.RoundTripper.
func (l line) RoundTrip(r *http.Request) (*http.Response, error) {
	r.RemoteAddr = l.from
	recorder := httptest.NewRecorder()
	l.to.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// forger signs with a key that is not the one it shows.
type forger struct{ chain.Key }

func (forger) Sign(text []byte) ([]byte, error) { return stranger(0).Sign(text) }

func stranger(i int) *secp256k1.PrivKey {
	return secp256k1.GenPrivKeyFromSecret(fmt.Append(nil, "stranger ", i))
}

const (
	strangers  = 400
	judgesHome = "198.51.100.1:4000"
)

func TestAFloodOfStrangersTakesNothingFromAJudge(t *testing.T) {
	asks := map[string]func(i int) (chain.Key, string){
		"keys that name the judge":                 func(i int) (chain.Key, string) { return stranger(i), holder },
		"keys that name themselves":                func(i int) (chain.Key, string) { return stranger(i), chain.Address(stranger(i)) },
		"the judge's key above a forged signature": func(int) (chain.Key, string) { return forger{warm}, holder },
	}
	homes := map[string]func(i int) string{
		"one address":                         func(int) string { return "203.0.113.7:4000" },
		"an address each":                     func(i int) string { return fmt.Sprintf("203.0.%d.%d:4000", i/256, i%256) },
		"an address each of one IPv6 network": func(i int) string { return fmt.Sprintf("[2001:db8::%x]:4000", i) },
	}
	for who, ask := range asks {
		for where, home := range homes {
			t.Run(who+" from "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := publicAPI(t)
					handler := p.Handler()
					openings := func(key chain.Key, as, from string) error {
						f := NewFetcher(line{handler, from}, Asker{Key: key, ChainID: "c", Host: as, Now: p.Now})
						_, err := f.Openings(t.Context(), "http://peer", 5, host)
						return err
					}
					for i := range strangers {
						key, as := ask(i)
						require.Error(t, openings(key, as, home(i)))
					}
					for range asksAtOnce {
						require.NoError(t, openings(warm, holder, judgesHome))
					}
				})
			})
		}
	}
}

func TestAnAddressThatAsksTooOftenIsSlowedDownBeforeAnythingIsLookedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := publicAPI(t)
		looked := 0
		p.Granted = func(context.Context, string, string) (bool, error) { looked++; return false, nil }
		p.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/32")}
		handler := p.Handler()
		ask := func(i int, from, behind string) int {
			r := signedBy(t, stranger(i), p.Now())
			r.RemoteAddr = from
			r.Header.Set(headerForwarded, behind)
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Code
		}
		for i := range callsAtOnce {
			require.Equal(t, http.StatusForbidden, ask(i, "203.0.113.7:1", ""))
		}
		require.Equal(t, callsAtOnce, looked, "each is another account")
		require.Equal(t, http.StatusTooManyRequests, ask(0, "203.0.113.7:2", "198.51.100.1"), "what it says of itself changes nothing")
		require.Equal(t, http.StatusTooManyRequests, ask(0, "10.0.0.1:1", "203.0.113.7"), "nor does a way through the proxy")
		require.Equal(t, http.StatusForbidden, ask(0, "10.0.0.1:1", "198.51.100.1"), "others there have their own")
		require.Equal(t, callsAtOnce, looked, "a refusal is remembered")

		time.Sleep(time.Second)
		require.Equal(t, http.StatusForbidden, ask(0, "203.0.113.7:1", ""))
	})
}

func TestWhoIsCrowdedOutOfAFullTableHasItsWholeAllowance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits[int](1, 2, 3)
		for _, who := range []int{0, 0, 1, 2} {
			require.True(t, l.allow(who))
		}
		require.False(t, l.allow(0))
		for who := range 10 {
			l.allow(10 + who)
			require.LessOrEqual(t, l.seen.Len(), 3)
		}
		require.True(t, l.allow(0))
		require.True(t, l.allow(0))
		require.False(t, l.allow(0))
	})
}

// fakeGrants counts how often the chain was asked.
type fakeGrants struct {
	may   bool
	err   error
	asked int
}

func (g *fakeGrants) ask(context.Context, string, string) (bool, error) {
	g.asked++
	return g.may, g.err
}

func TestWhatTheChainSaidOfAGrantIsBelievedForAWhile(t *testing.T) {
	for name, tc := range map[string]struct {
		may  bool
		span time.Duration
	}{
		"that it is there":     {true, confirmedFor},
		"that it is not there": {false, refusedFor},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &fakeGrants{may: tc.may}
				m := newMandates(g.ask)
				holds := func() bool {
					may, err := m.hold(t.Context(), mandate{host, "warm"})
					require.NoError(t, err)
					return may
				}
				require.Equal(t, tc.may, holds())
				g.may = !tc.may
				time.Sleep(tc.span - time.Nanosecond)
				require.Equal(t, tc.may, holds())
				require.Equal(t, 1, g.asked)
				time.Sleep(time.Nanosecond)
				require.Equal(t, !tc.may, holds())
				require.Equal(t, 2, g.asked)
			})
		})
	}
}

func TestAnAccountActsForItselfWithoutTheChain(t *testing.T) {
	g := &fakeGrants{err: errors.New("the chain is gone")}
	may, err := newMandates(g.ask).hold(t.Context(), mandate{host, host})
	require.NoError(t, err)
	require.True(t, may)
}

func TestThatTheChainDidNotAnswerIsNotRemembered(t *testing.T) {
	g := &fakeGrants{may: true, err: errors.New("the chain is gone")}
	m := newMandates(g.ask)
	_, err := m.hold(t.Context(), mandate{host, "warm"})
	require.ErrorIs(t, err, g.err)
	g.err = nil
	may, err := m.hold(t.Context(), mandate{host, "warm"})
	require.NoError(t, err)
	require.True(t, may)
}

func TestStrangersCrowdNobodyOutWhomTheChainConfirmed(t *testing.T) {
	g := &fakeGrants{may: true}
	m := newMandates(g.ask)
	_, err := m.hold(t.Context(), mandate{host, "warm"})
	require.NoError(t, err)
	g.may = false
	for i := range mandatesRemembered + 1 {
		_, err := m.hold(t.Context(), mandate{host, fmt.Sprint(i)})
		require.NoError(t, err)
	}
	require.Equal(t, mandatesRemembered, m.refused.Len())
	g.err = errors.New("the chain is gone")
	may, err := m.hold(t.Context(), mandate{host, "warm"})
	require.NoError(t, err)
	require.True(t, may)
}
