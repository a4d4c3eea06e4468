package daemon

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
)

// pipes is a listener whose connections are pipes: they wait on the bubble's
// clock.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, open := <-p
	if !open {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p <- theirs
	return ours
}

// TestASlowCallerIsHungUpOnAndHindersNobody is for both listeners: they share
// serveOn.
func TestASlowCallerIsHungUpOnAndHindersNobody(t *testing.T) {
	for name, tc := range map[string]struct {
		sent string        // before the caller falls silent
		ends time.Duration // when the server gives up
	}{
		"it says nothing":               {"", headerTime},
		"it stops within its headers":   {"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", headerTime},
		"it stops within its body":      {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf", requestTime},
		"it sends no further request":   {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", idleTime},
		"it never reads a large answer": {"GET /large HTTP/1.1\r\nHost: x\r\n\r\n", requestTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mux := http.NewServeMux()
				mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") })
				mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
				mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
				listener := make(pipes)
				stop := serveOn(listener, mux, slog.New(slog.DiscardHandler))
				slow := listener.dial()
				began := time.Now()
				go func() { _, _ = io.WriteString(slow, tc.sent) }()
				synctest.Wait()

				other := listener.dial()
				go func() { _, _ = io.WriteString(other, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") }()
				answer, err := http.ReadResponse(bufio.NewReader(other), nil)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, answer.StatusCode, "somebody else is answered meanwhile")
				require.NoError(t, answer.Body.Close())
				require.NoError(t, other.Close())

				if strings.Contains(tc.sent, "large") {
					time.Sleep(tc.ends) // the bubble's clock
					synctest.Wait()
				}
				_, _ = io.Copy(io.Discard, slow)
				require.Equal(t, tc.ends, time.Since(began), "the server hung up")
				require.NoError(t, slow.Close())
				require.NoError(t, stop())
			})
		})
	}
}

func TestHeadersThatAreTooLargeAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listener := make(pipes)
		stop := serveOn(listener, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
		conn := listener.dial()
		go func() {
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", 2*maxHeader)+"\r\n\r\n")
		}()
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
		require.NoError(t, answer.Body.Close())
		require.NoError(t, conn.Close())
		require.NoError(t, stop())
	})
}

// TestWhateverTheClocksSayARoundIsJudged lets the chain's time run a year away
// from the machines' in the middle of a round.
func TestWhateverTheClocksSayARoundIsJudged(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		w.add("beta", 4)
		w.start()
		w.until(epoch.PocStart)
		for w.chain.Stage() != epoch.Inference {
			w.chain.SetAhead(time.Duration(w.chain.Height()%3) * -365 * 24 * time.Hour)
			w.block()
		}
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

// TestAStoreThatTakesNothingHoldsTheProofsBackAndLosesNone lets the store refuse
// proofs for some blocks, as a full disk does (the tests of package store fill a
// real one): what was not stored is not acknowledged, and claims and acknowledged
// nonces are the same at the end.
func TestAStoreThatTakesNothingHoldsTheProofsBackAndLosesNone(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		w.start()
		w.until(epoch.PocStart)
		w.block()
		b.alter(`CREATE TRIGGER full BEFORE INSERT ON poc_chunks BEGIN SELECT RAISE(ABORT, 'the disk is full'); END`)
		held := b.acknowledged(1)
		for range 3 {
			w.block()
		}
		require.Equal(t, held, b.acknowledged(1), "nothing is acknowledged that is not stored")
		problem := b.host.registry.Snapshot().Nodes["node-0"].Problem
		b.alter(`DROP TRIGGER full`)
		require.Contains(t, problem, "the disk is full", "the node's status says what keeps it")
		w.until(epoch.Inference)
		for id, before := range held {
			require.Greater(t, b.acknowledged(1)[id], before, "it went on by itself")
		}
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

// alter changes the schema of a broker's store.
func (h *tester) alter(statement string) {
	h.world.t.Helper()
	require.NoError(h.world.t, h.host.store.Write(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(statement)
		return err
	}))
}
