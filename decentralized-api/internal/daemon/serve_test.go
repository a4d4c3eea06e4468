package daemon

import (
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
)

// settings is a configuration whose chain node does not exist.
func settings(t *testing.T, more string) config.Config {
	t.Helper()
	dir := t.TempDir()
	key := hex.EncodeToString(bytes.Repeat([]byte{1}, 32))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "warm.key"), []byte(key), 0o600))
	c, err := config.Parse([]byte("chain_id = \"ninefold-local-1\"\nhome = \"state\"\n[host]\naddress = \""+
		chain.FormatAddress([20]byte{1})+"\"\n[warm_key]\nfile = \"warm.key\"\n[chain]\nrpc = [\"http://127.0.0.1:1\"]\n"+
		"[public]\nlisten = \"127.0.0.1:0\"\n[admin]\nsocket = \"admin.sock\"\n"+more), dir)
	require.NoError(t, err)
	return c
}

// addresses hands on what a broker says that it listens on.
type addresses chan map[string]string

func (a addresses) Enabled(context.Context, slog.Level) bool { return true }
func (a addresses) WithAttrs([]slog.Attr) slog.Handler       { return a }
func (a addresses) WithGroup(string) slog.Handler            { return a }

func (a addresses) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "broker runs" {
		found := map[string]string{}
		r.Attrs(func(attr slog.Attr) bool { found[attr.Key] = attr.Value.String(); return true })
		a <- found
	}
	return nil
}

// served runs a broker until the test ends, and returns where it listens.
func served(t *testing.T, c config.Config) map[string]string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	said, done := make(addresses, 1), make(chan error, 1)
	again := func() (config.Config, error) { return c, nil }
	go func() { done <- Serve(ctx, c, again, slog.New(said)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	select {
	case found := <-said:
		return found
	case err := <-done:
		done <- nil
		require.FailNow(t, "it ended", "%v", err)
		return nil
	}
}

// ask returns the status and the body of an answer that comes by a way of its own.
func ask(t *testing.T, by http.RoundTripper, method, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: by}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("[]"))
	require.NoError(t, err)
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

func TestTheListenerOfTheMetricsServesThemAndNothingElse(t *testing.T) {
	c := settings(t, "[metrics]\nlisten = \"127.0.0.1:0\"\n")
	at := served(t, c)
	tcp := "http://" + at["metrics"]
	socket := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", c.Admin.Socket)
	}}
	status, body := ask(t, &http.Transport{}, http.MethodGet, tcp+"/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "\ndapi_chain_reachable 0\n")

	for _, each := range []struct{ method, path string }{
		{http.MethodGet, "/admin/v1/status"},
		{http.MethodGet, "/admin/v1/nodes"},
		{http.MethodPost, "/admin/v1/nodes"},
		{http.MethodPut, "/admin/v1/nodes/n"},
		{http.MethodDelete, "/admin/v1/nodes/n"},
		{http.MethodPost, "/admin/v1/nodes/n/enable"},
		{http.MethodPost, "/admin/v1/nodes/n/disable"},
		{http.MethodPost, "/admin/v1/reload"},
		{http.MethodGet, "/livez"},
		{http.MethodGet, "/debug/pprof/"},
		{http.MethodGet, "/metrics/"},
		{http.MethodGet, "/"},
	} {
		status, _ = ask(t, &http.Transport{}, each.method, tcp+each.path)
		require.Equal(t, http.StatusNotFound, status, "%s %s", each.method, each.path)
	}
	status, _ = ask(t, &http.Transport{}, http.MethodPost, tcp+"/metrics")
	require.Equal(t, http.StatusMethodNotAllowed, status)

	// The operator's listener goes on serving them.
	status, body = ask(t, socket, http.MethodGet, "http://admin/metrics")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "\ndapi_chain_reachable 0\n")
	status, _ = ask(t, socket, http.MethodGet, "http://admin/admin/v1/status")
	require.Equal(t, http.StatusOK, status)
	status, _ = ask(t, &http.Transport{}, http.MethodGet, "http://"+at["public"]+"/metrics")
	require.Equal(t, http.StatusNotFound, status, "the world gets none")
}

func TestWithoutAListenerForTheMetricsThereIsNone(t *testing.T) {
	require.NotContains(t, served(t, settings(t, "")), "metrics")
}

// held says that it was asked, and answers when it is let go.
type held struct{ asked, let chan struct{} }

func (h held) Describe(out chan<- *prometheus.Desc) { out <- descHeight }
func (h held) Collect(chan<- prometheus.Metric)     { h.asked <- struct{}{}; <-h.let }

func TestMoreScrapesAtOnceThanAnybodyNeedsAreRefused(t *testing.T) {
	registry, slow := prometheus.NewRegistry(), held{make(chan struct{}), make(chan struct{})}
	registry.MustRegister(slow)
	handler := metricsHandler(registry)
	scrape := func() int {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		return answer.Code
	}
	codes := make(chan int, maxScrapes)
	for range maxScrapes {
		go func() { codes <- scrape() }()
		<-slow.asked
	}
	require.Equal(t, http.StatusServiceUnavailable, scrape())
	for range maxScrapes {
		slow.let <- struct{}{}
		require.Equal(t, http.StatusOK, <-codes)
	}
}

func TestAPortOfTheMetricsThatIsTakenIsSaidAndNothingStaysOpen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	c := settings(t, "[metrics]\nlisten = \""+taken.Addr().String()+"\"\n")
	err = Serve(t.Context(), c, nil, slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, ErrListen)
	require.ErrorContains(t, err, "metrics.listen")
	require.ErrorContains(t, err, "address already in use")
	require.NoFileExists(t, c.Admin.Socket)
}

// TestOnlyASocketMakesRoomForTheAdminSocket lets other things lie where the socket is
// to be: a path that was mistaken for another's must cost nothing.
func TestOnlyASocketMakesRoomForTheAdminSocket(t *testing.T) {
	for name, tc := range map[string]struct {
		lay  func(path string) error
		want string
	}{
		"a key":             {func(path string) error { return os.WriteFile(path, []byte("key"), 0o600) }, "is a file, not a socket"},
		"an empty folder":   {func(path string) error { return os.Mkdir(path, 0o700) }, "is a folder, not a socket"},
		"a link to a key":   {func(path string) error { return os.Symlink("warm.key", path) }, "is a symbolic link, not a socket"},
		"a link to nothing": {func(path string) error { return os.Symlink("nothing", path) }, "is a symbolic link, not a socket"},
	} {
		t.Run(name, func(t *testing.T) {
			c := settings(t, "")
			require.NoError(t, tc.lay(c.Admin.Socket))
			before, err := os.Lstat(c.Admin.Socket)
			require.NoError(t, err)
			err = Serve(t.Context(), c, nil, slog.New(slog.DiscardHandler))
			require.ErrorIs(t, err, ErrListen)
			require.ErrorContains(t, err, "admin.socket: "+c.Admin.Socket+" "+tc.want)
			after, err := os.Lstat(c.Admin.Socket)
			require.NoError(t, err)
			require.True(t, os.SameFile(before, after), "it was left as it is")
		})
	}
	t.Run("a socket that a killed broker left", func(t *testing.T) {
		c := settings(t, "")
		left, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.Admin.Socket, Net: "unix"})
		require.NoError(t, err)
		left.SetUnlinkOnClose(false)
		require.NoError(t, left.Close())
		require.FileExists(t, c.Admin.Socket)
		served(t, c)
		info, err := os.Lstat(c.Admin.Socket)
		require.NoError(t, err)
		require.Equal(t, os.ModeSocket|0o600, info.Mode())
	})
}
