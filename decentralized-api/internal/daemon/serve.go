package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/httpapi"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/reconcile"
	"ninefold.dev/decentralized-api/internal/store"
)

const (
	// shutdownTime is how long requests under way may take at the end.
	shutdownTime = 5 * time.Second
	headerTime   = 5 * time.Second
	requestTime  = time.Minute // to read a request, and to write an answer
	idleTime     = 2 * time.Minute

	maxHeader = 64 << 10 // bytes of a request's header

	// maxScrapes is how many may read the metrics at once: each asks the chain.
	maxScrapes = 2
)

// ErrListen means that a listener cannot be opened.
var ErrListen = errors.New("cannot listen")

// RealParts are the parts of a broker that meets the world.
func RealParts(c config.Config, log *slog.Logger) (Parts, error) {
	parts := Parts{
		Transport: httpapi.NewTransport(c.Network.AllowPrivateAddresses),
		Waits:     reconcile.DefaultWaits(), Log: log, Open: store.Open,
		Dial: func(spec config.Node) (reconcile.Node, error) { return mlnode.Dial(spec) },
	}
	var err error
	if parts.Key, err = chain.OpenKey(c.WarmKey); err != nil {
		return Parts{}, err
	}
	for _, address := range c.Chain.RPC {
		endpoint, err := chain.NewEndpoint(address)
		if err != nil {
			return Parts{}, err
		}
		parts.Endpoints = append(parts.Endpoints, endpoint)
	}
	return parts, nil
}

// Serve runs a broker with its listeners until the context ends. again reads its
// configuration once more, when the operator asks for it.
func Serve(ctx context.Context, c config.Config, again func() (config.Config, error), log *slog.Logger) error {
	parts, err := RealParts(c, log)
	if err != nil {
		return err
	}
	host, err := New(ctx, c, parts)
	if err != nil {
		return err
	}
	open, err := listen(ctx, c)
	if err != nil {
		return errors.Join(err, host.store.Close())
	}
	metrics := host.Metrics()
	operator := &httpapi.Admin{
		Nodes: host.registry, Status: host.Status, Metrics: metrics, Token: open.token, Log: log,
		Reload: func(ctx context.Context) error { return host.reload(ctx, again) },
	}
	stops := []func() error{
		serveOn(open.public, host.PublicHandler(), log),
		serveOn(open.admin, operator.Handler(), log),
	}
	said := []any{
		"host", c.Host.Address, "signer", chain.Address(parts.Key),
		"public", open.public.Addr(), "admin", open.admin.Addr(),
	}
	if open.metrics != nil {
		stops = append(stops, serveOn(open.metrics, metricsHandler(metrics), log))
		said = append(said, "metrics", open.metrics.Addr())
	}
	log.Info("broker runs", said...)
	err = host.Run(ctx)
	for _, stop := range stops {
		err = errors.Join(err, stop())
	}
	return err
}

// metricsHandler answers GET /metrics and nothing else: it asks for no token, and who
// reaches it learns how the host stands and can change nothing.
func metricsHandler(from prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	return mux
}

// listeners are what a broker is reached through.
type listeners struct {
	public, admin net.Listener
	token         string       // of admin; empty on a socket
	metrics       net.Listener // nil where none is configured
}

func (l listeners) close() error {
	var err error
	for _, each := range []net.Listener{l.public, l.admin, l.metrics} {
		if each != nil {
			err = errors.Join(err, each.Close())
		}
	}
	return err
}

// listen opens all listeners, or none; the operator's never leaves the machine.
func listen(ctx context.Context, c config.Config) (listeners, error) {
	var lc net.ListenConfig
	var l listeners
	var err error
	if l.public, err = lc.Listen(ctx, "tcp", c.Public.Listen); err != nil {
		return listeners{}, fmt.Errorf("%w: public.listen: %w", ErrListen, err)
	}
	if c.Admin.Socket != "" {
		l.admin, err = listenSocket(ctx, lc, c.Admin.Socket)
	} else {
		l.admin, l.token, err = listenLoopback(ctx, lc, c.Admin)
	}
	if err != nil {
		return listeners{}, errors.Join(err, l.close())
	}
	if c.Metrics.Listen == "" {
		return l, nil
	}
	if l.metrics, err = lc.Listen(ctx, "tcp", c.Metrics.Listen); err != nil {
		return listeners{}, errors.Join(fmt.Errorf("%w: metrics.listen: %w", ErrListen, err), l.close())
	}
	return l, nil
}

// listenSocket replaces the socket that a killed process left, and nothing else: a path
// may be mistaken for another's. The store's lock keeps a second process from getting
// here while the first one lives.
func listenSocket(ctx context.Context, lc net.ListenConfig, path string) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err == nil && info.Mode().Type() != os.ModeSocket:
		return nil, fmt.Errorf("%w: admin.socket: %s is %s, not a socket; it was left as it is", ErrListen, path, kindOf(info.Mode()))
	case err == nil:
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: admin.socket: %w", ErrListen, err)
	}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("%w: admin.socket: %w", ErrListen, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: admin.socket: %w", ErrListen, err), l.Close())
	}
	return l, nil
}

// kindOf names what lies at a path.
func kindOf(mode os.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a folder"
	case mode&os.ModeSymlink != 0:
		return "a symbolic link"
	default:
		return "a device or a pipe"
	}
}

func listenLoopback(ctx context.Context, lc net.ListenConfig, a config.Admin) (net.Listener, string, error) {
	token, err := os.ReadFile(a.TokenFile)
	if err != nil {
		return nil, "", fmt.Errorf("%w: admin.token_file: %w", ErrListen, err)
	}
	text := strings.TrimSpace(string(token))
	if text == "" {
		return nil, "", fmt.Errorf("%w: admin.token_file is empty", ErrListen)
	}
	l, err := lc.Listen(ctx, "tcp", a.Listen)
	if err != nil {
		return nil, "", fmt.Errorf("%w: admin.listen: %w", ErrListen, err)
	}
	// The name was checked; what it resolved to is checked here.
	if !config.IsLoopback(l.Addr().String()) {
		return nil, "", errors.Join(fmt.Errorf("%w: admin.listen %s is not a loopback address", ErrListen, l.Addr()), l.Close())
	}
	return l, text, nil
}

// serveOn serves until the returned function is called.
func serveOn(l net.Listener, handler http.Handler, log *slog.Logger) (stop func() error) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime,
		ReadTimeout: requestTime, WriteTimeout: requestTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		err := server.Shutdown(ctx)
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			err = errors.Join(err, failed)
		}
		return err
	}
}
