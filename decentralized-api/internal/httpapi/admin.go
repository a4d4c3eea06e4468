package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
)

// Nodes is the registry as the operator changes it.
type Nodes interface {
	Snapshot() *broker.Snapshot
	// RegisterNode adds all nodes, or none.
	RegisterNode(ctx context.Context, specs ...config.Node) error
	ReplaceNode(ctx context.Context, spec config.Node) error
	RemoveNode(ctx context.Context, id string) error
	SetEnabled(ctx context.Context, id string, enabled bool) error
}

// Admin is everything the operator's listener answers from.
type Admin struct {
	Nodes   Nodes
	Status  func(context.Context) (Status, error)
	Reload  func(context.Context) error // reads the configuration file again
	Metrics prometheus.Gatherer
	Token   string // bearer token; empty on a Unix socket, where the file's mode guards
	Log     *slog.Logger
}

// Handler returns the operator's routes.
func (a *Admin) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, middleware.RequestSize(maxBody), a.guard)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "no such path: "+r.URL.Path)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible on "+r.URL.Path)
	})
	r.Get("/admin/v1/status", a.status)
	r.Get("/admin/v1/nodes", a.list)
	r.Post("/admin/v1/nodes", a.add)
	r.Put("/admin/v1/nodes/{id}", a.replace)
	r.Post("/admin/v1/reload", a.change(func(ctx context.Context, _ string) error { return a.Reload(ctx) }))
	r.Delete("/admin/v1/nodes/{id}", a.change(func(ctx context.Context, id string) error { return a.Nodes.RemoveNode(ctx, id) }))
	r.Post("/admin/v1/nodes/{id}/enable", a.change(func(ctx context.Context, id string) error { return a.Nodes.SetEnabled(ctx, id, true) }))
	r.Post("/admin/v1/nodes/{id}/disable", a.change(func(ctx context.Context, id string) error { return a.Nodes.SetEnabled(ctx, id, false) }))
	r.Handle("/metrics", promhttp.HandlerFor(a.Metrics, promhttp.HandlerOpts{}))
	return r
}

// guard asks for the token in constant time.
func (a *Admin) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(a.Token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		got := sha256.Sum256([]byte(given))
		if a.Token != "" && subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			fail(w, http.StatusUnauthorized, "unauthorized", "send the admin token as Authorization: Bearer …")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (a *Admin) status(w http.ResponseWriter, r *http.Request) {
	status, err := a.Status(r.Context())
	if err != nil {
		a.Log.Error("status", "err", err)
		fail(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	reply(w, status)
}

func (a *Admin) list(w http.ResponseWriter, _ *http.Request) {
	reply(w, NodesOf(a.Nodes.Snapshot()))
}

func (a *Admin) add(w http.ResponseWriter, r *http.Request) {
	var specs []config.Node
	if !decoded(w, r, "a list of nodes", &specs) {
		return
	}
	if len(specs) == 0 {
		fail(w, http.StatusBadRequest, "invalid_request", "the body must be a list of nodes: there is none in it")
		return
	}
	a.change(func(ctx context.Context, _ string) error { return a.Nodes.RegisterNode(ctx, specs...) })(w, r)
}

func (a *Admin) replace(w http.ResponseWriter, r *http.Request) {
	var spec config.Node
	if !decoded(w, r, "a node", &spec) {
		return
	}
	if id := chi.URLParam(r, "id"); spec.ID != id {
		fail(w, http.StatusBadRequest, "invalid_request", fmt.Sprintf("node.id must be %q as in the path, got %q", id, spec.ID))
		return
	}
	a.change(func(ctx context.Context, _ string) error { return a.Nodes.ReplaceNode(ctx, spec) })(w, r)
}

// decoded reads a body of one JSON value, or answers what is wrong with it.
func decoded(w http.ResponseWriter, r *http.Request, what string, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("there is more behind it")
		}
	}
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		fail(w, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit))
	case err != nil:
		fail(w, http.StatusBadRequest, "invalid_request", fmt.Sprintf("the body must be %s: %s", what, err))
	}
	return err == nil
}

func (a *Admin) change(do func(context.Context, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := do(r.Context(), chi.URLParam(r, "id")); err != nil {
			a.refuse(w, err)
			return
		}
		reply(w, NodesOf(a.Nodes.Snapshot()))
	}
}

func (a *Admin) refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, broker.ErrNodeUnknown):
		fail(w, http.StatusNotFound, "not_found", err.Error())
	case errors.Is(err, broker.ErrNodeExists), errors.Is(err, broker.ErrConfigured), errors.Is(err, config.ErrRestart):
		fail(w, http.StatusConflict, "conflict", err.Error())
	case errors.Is(err, broker.ErrUnknownModels), errors.Is(err, broker.ErrServerless), errors.Is(err, config.ErrInvalid):
		fail(w, http.StatusBadRequest, "invalid_request", err.Error())
	case errors.Is(err, chain.ErrUnreachable), errors.Is(err, chain.ErrStale):
		// Nodes are held against the governed models before they are taken.
		a.Log.Warn("node was not changed", "err", err)
		fail(w, http.StatusServiceUnavailable, "unavailable", err.Error())
	default:
		a.Log.Error("node was not changed", "err", err)
		fail(w, http.StatusInternalServerError, "internal", err.Error())
	}
}
