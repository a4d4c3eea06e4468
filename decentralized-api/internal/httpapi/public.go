package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/x/inference/types"
)

// maxBody bounds what is read of any request, in bytes.
const maxBody = 4 << 20

// Epochs are the formed epochs.
type Epochs interface {
	EpochView(ctx context.Context, epoch uint64) (*chain.EpochView, error)
}

// Public is everything the public listener answers from.
type Public struct {
	ChainID  string
	Host     string // account of the own host
	Clock    func() *chain.View
	Now      func() time.Time               // the chain's time, see Asker
	Ready    func(context.Context) []string // what is missing; empty when nothing is
	Epochs   Epochs
	Governed func() map[string]types.Model // as the chain had them last; nil before that
	Opener   Opener
	Granted  Granted
	Proxies  []netip.Prefix // whose X-Forwarded-For is believed
	Withhold bool           // testing.withhold_openings
	Log      *slog.Logger

	// Of what is passed on to other hosts for judges that do not reach them.
	Neighbours Neighbours
	Transport  http.RoundTripper
}

// Handler returns the public routes.
func (p *Public) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, middleware.RequestSize(maxBody))
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "no such path: "+r.URL.Path)
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusMethodNotAllowed, "method_not_allowed", r.Method+" is not possible on "+r.URL.Path)
	})
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"status": "ok"}) })
	r.Get("/readyz", newReadiness(p.Ready).serve)
	r.Get("/v1/models", p.models)
	r.Get("/v1/governance/models", p.governanceModels)
	r.Get("/v1/epochs/current", p.currentEpoch)
	judges := newDoor(p)
	r.Method(http.MethodGet, openingsRoute, newOpenings(judges))
	r.Method(http.MethodGet, relayRoute, newRelay(judges))
	return r
}

// readyFor is for how long an answer about readiness stands: anybody may ask, and each
// question is one to the chain node.
const readyFor = time.Second

// readiness asks once for all who ask at about the same time.
type readiness struct {
	ask  func(context.Context) []string // what keeps the broker from its work
	turn chan struct{}                  // of one, held while asking

	asked   time.Time
	missing []string
}

func newReadiness(ask func(context.Context) []string) *readiness {
	return &readiness{ask: ask, turn: make(chan struct{}, 1)}
}

func (r *readiness) serve(w http.ResponseWriter, request *http.Request) {
	missing := r.now(request.Context())
	if len(missing) == 0 {
		reply(w, map[string]string{"status": "ok"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusServiceUnavailable)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "not ready", "missing": missing})
}

func (r *readiness) now(ctx context.Context) []string {
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	if r.asked.IsZero() || time.Since(r.asked) >= readyFor {
		// Others get this answer: who asked first may hang up.
		r.missing = r.ask(context.WithoutCancel(ctx))
		r.asked = time.Now()
	}
	return r.missing
}

// Model is a model as the OpenAI clients expect it, with what more is known.
type Model struct {
	ID                     string `json:"id"`
	Object                 string `json:"object"` // always "model"
	Created                int64  `json:"created"`
	OwnedBy                string `json:"owned_by"`
	Name                   string `json:"name,omitempty"`
	HFRepo                 string `json:"hf_repo,omitempty"`
	ContextSize            uint64 `json:"context_size,omitempty"`
	UnitsOfComputePerToken uint64 `json:"units_of_compute_per_token"`
}

// ModelList is the list of models.
type ModelList struct {
	Object string  `json:"object"` // always "list"
	Data   []Model `json:"data"`
}

func listOf(models map[string]types.Model) ModelList {
	list := ModelList{Object: "list", Data: []Model{}}
	for _, id := range slices.Sorted(maps.Keys(models)) {
		m := models[id]
		list.Data = append(list.Data, Model{
			ID: m.Id, Object: "model", OwnedBy: "ninefold", Name: m.Name, HFRepo: m.HfRepo,
			ContextSize: m.ContextSize, UnitsOfComputePerToken: m.UnitsOfComputePerToken,
		})
	}
	return list
}

// models lists what the effective epoch serves.
func (p *Public) models(w http.ResponseWriter, r *http.Request) {
	view := p.Clock()
	if view == nil {
		fail(w, http.StatusServiceUnavailable, "unavailable", "the chain was not reached yet")
		return
	}
	epoch, err := p.Epochs.EpochView(r.Context(), view.Effective)
	if err != nil {
		p.internal(w, "epoch", err)
		return
	}
	reply(w, listOf(epoch.Models))
}

// governanceModels lists what governance has. The chain is not asked: everybody may
// call this, as often as they like.
func (p *Public) governanceModels(w http.ResponseWriter, _ *http.Request) {
	models := p.Governed()
	if models == nil {
		fail(w, http.StatusServiceUnavailable, "unavailable", "the chain was not reached yet")
		return
	}
	reply(w, listOf(models))
}

// Epoch is the clock of the chain.
type Epoch struct {
	Epoch      uint64 `json:"epoch"`  // in effect
	Opened     uint64 `json:"opened"` // opened last
	Stage      string `json:"stage"`
	Height     int64  `json:"height"`
	BlocksLeft int64  `json:"blocks_left"` // of the stage
	NextPoC    int64  `json:"next_poc_start"`
}

// EpochOf shows the clock.
func EpochOf(view chain.View) Epoch {
	return Epoch{
		Epoch: view.Effective, Opened: view.Opened, Stage: view.Stage.String(),
		Height: view.Height, BlocksLeft: view.BlocksLeft, NextPoC: view.Heights.NextPocStart,
	}
}

func (p *Public) currentEpoch(w http.ResponseWriter, _ *http.Request) {
	view := p.Clock()
	if view == nil {
		fail(w, http.StatusServiceUnavailable, "unavailable", "the chain was not reached yet")
		return
	}
	reply(w, EpochOf(*view))
}

// internal answers a failure of ours: the log has the error, the world has not.
func (p *Public) internal(w http.ResponseWriter, what string, err error) {
	p.Log.Error("request failed", "what", what, "err", err)
	fail(w, http.StatusBadGateway, "upstream_error", what+" could not be read from the chain")
}

// Failure is an error as the OpenAI clients expect it.
type Failure struct {
	Error struct {
		Message string `json:"message"`
		Type    string `json:"type"`
		Code    string `json:"code"`
	} `json:"error"`
}

func fail(w http.ResponseWriter, status int, code, message string) {
	var f Failure
	f.Error.Message, f.Error.Code, f.Error.Type = message, code, "invalid_request_error"
	if status >= http.StatusInternalServerError {
		f.Error.Type = "server_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(f)
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	fail(w, http.StatusTooManyRequests, "rate_limited", "too many requests")
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
