package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/broker"
	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/x/inference/types"
)

type fakeEpochs struct{ err error }

func (e fakeEpochs) EpochView(_ context.Context, index uint64) (*chain.EpochView, error) {
	if index != 4 {
		return nil, errors.New("the effective epoch is meant")
	}
	return &chain.EpochView{Models: map[string]types.Model{"b": {Id: "b"}, "a": {Id: "a", UnitsOfComputePerToken: 3}}}, e.err
}

// get returns the status and the body of an answer.
func get(t *testing.T, handler http.Handler, method, path, token, body string) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	raw, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return w.Code, string(raw)
}

func TestThePublicRoutes(t *testing.T) {
	p := publicAPI(t)
	p.Epochs = fakeEpochs{}
	p.Governed = func() map[string]types.Model { return map[string]types.Model{"new": {Id: "new"}} }
	var missing []string
	p.Ready = func(context.Context) []string { return missing }
	handler := p.Handler()
	for _, tc := range []struct {
		path   string
		status int
		want   string
	}{
		{"/livez", 200, `"ok"`},
		{"/readyz", 200, `"ok"`},
		{"/v1/models", 200, `{"object":"list","data":[{"id":"a","object":"model","created":0,"owned_by":"ninefold","units_of_compute_per_token":3},{"id":"b"`},
		{"/v1/governance/models", 200, `{"id":"new"`},
		{"/v1/epochs/current", 200, `{"epoch":4,"opened":5,"stage":"POC_VALIDATION_EXCHANGE","height":120`},
		{"/nowhere", 404, `{"error":{"message":"no such path: /nowhere","type":"invalid_request_error","code":"not_found"}}`},
		{"/poc/v1/epochs/x/openings", 400, "must be a number"},
	} {
		status, body := get(t, handler, http.MethodGet, tc.path, "", "")
		require.Equal(t, tc.status, status, tc.path)
		require.Contains(t, body, tc.want, tc.path)
	}
	status, _ := get(t, handler, http.MethodDelete, "/v1/models", "", "")
	require.Equal(t, http.StatusMethodNotAllowed, status)

	missing = []string{"3 blocks behind"}
	status, body := get(t, p.Handler(), http.MethodGet, "/readyz", "", "")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "3 blocks behind")
}

func TestManyWhoAskWhetherTheBrokerIsReadyAskTheChainOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		ready := newReadiness(func(ctx context.Context) []string {
			asked++
			time.Sleep(100 * time.Millisecond)
			if ctx.Err() != nil {
				return []string{"the first one hung up"}
			}
			return nil
		})
		left, cancel := context.WithCancel(t.Context())
		cancel()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { require.Empty(t, ready.now(left)) })
		}
		all.Wait()
		require.Equal(t, 1, asked)
		time.Sleep(readyFor)
		require.Empty(t, ready.now(t.Context()))
		require.Equal(t, 2, asked)
	})
}

func TestAFailureOfOursTellsTheWorldNothing(t *testing.T) {
	p := publicAPI(t)
	p.Epochs = fakeEpochs{err: errors.New("secret")}
	status, body := get(t, p.Handler(), http.MethodGet, "/v1/models", "", "")
	require.Equal(t, http.StatusBadGateway, status)
	require.NotContains(t, body, "secret")
	p.Clock = func() *chain.View { return nil }
	p.Governed = func() map[string]types.Model { return nil }
	for _, path := range []string{"/v1/models", "/v1/governance/models", "/v1/epochs/current"} {
		status, _ := get(t, p.Handler(), http.MethodGet, path, "", "")
		require.Equal(t, http.StatusServiceUnavailable, status)
	}
}

// fakeNodes notes what was asked of the registry.
type fakeNodes struct {
	calls []string
	err   error
}

func (n *fakeNodes) Snapshot() *broker.Snapshot {
	return &broker.Snapshot{Nodes: map[string]broker.NodeState{"n": {
		Spec: config.Node{ID: "n", Address: "h:1", TokenFile: "/secret"}, Enabled: true,
		Observed:     plan.Node{Reachable: true, Serving: "m", Running: plan.Target{Mode: plan.Serve}},
		EpochMLNodes: map[string]types.MLNodeInfo{"m": {TimeslotAllocation: []bool{true, false}}, "": {TimeslotAllocation: []bool{true, false}}},
	}}}
}

func (n *fakeNodes) RegisterNode(_ context.Context, specs ...config.Node) error {
	for _, spec := range specs {
		n.calls = append(n.calls, "add "+spec.ID)
	}
	return n.err
}

func (n *fakeNodes) ReplaceNode(_ context.Context, spec config.Node) error {
	n.calls = append(n.calls, "replace "+spec.ID+" at "+spec.Address)
	return n.err
}

func (n *fakeNodes) RemoveNode(_ context.Context, id string) error {
	n.calls = append(n.calls, "remove "+id)
	return n.err
}

func (n *fakeNodes) SetEnabled(_ context.Context, id string, enabled bool) error {
	n.calls = append(n.calls, map[bool]string{true: "enable ", false: "disable "}[enabled]+id)
	return n.err
}

func adminAPI(nodes *fakeNodes) *Admin {
	return &Admin{
		Nodes: nodes, Token: "secret", Metrics: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
		Status: func(context.Context) (Status, error) {
			return Status{Host: host, Nodes: NodesOf(nodes.Snapshot())}, nil
		},
		Reload: func(context.Context) error {
			nodes.calls = append(nodes.calls, "reload")
			return nodes.err
		},
	}
}

func TestTheOperatorNeedsTheToken(t *testing.T) {
	nodes := &fakeNodes{}
	handler := adminAPI(nodes).Handler()
	for _, path := range []string{"/admin/v1/status", "/admin/v1/nodes", "/metrics", "/nowhere"} {
		for _, token := range []string{"", "wrong", "secre", "secrets"} {
			status, _ := get(t, handler, http.MethodGet, path, token, "")
			require.Equal(t, http.StatusUnauthorized, status, "%s with %q", path, token)
		}
	}
	status, _ := get(t, handler, http.MethodPost, "/admin/v1/nodes/n/disable", "", "")
	require.Equal(t, http.StatusUnauthorized, status)
	require.Empty(t, nodes.calls)

	onSocket := adminAPI(nodes)
	onSocket.Token = ""
	status, _ = get(t, onSocket.Handler(), http.MethodGet, "/metrics", "", "")
	require.Equal(t, http.StatusOK, status)
}

func TestTheOperatorChangesNodes(t *testing.T) {
	nodes := &fakeNodes{}
	handler := adminAPI(nodes).Handler()
	for _, tc := range []struct{ method, path, body, want string }{
		{http.MethodPost, "/admin/v1/nodes", `[{"id":"x","address":"h:1","models":["m"]},{"id":"y"}]`, "add x,add y"},
		{http.MethodPut, "/admin/v1/nodes/x", `{"id":"x","address":"h:2","models":["m"]}`, "replace x at h:2"},
		{http.MethodPost, "/admin/v1/reload", "", "reload"},
		{http.MethodDelete, "/admin/v1/nodes/x", "", "remove x"},
		{http.MethodPost, "/admin/v1/nodes/x/enable", "", "enable x"},
		{http.MethodPost, "/admin/v1/nodes/x/disable", "", "disable x"},
	} {
		nodes.calls = nil
		status, body := get(t, handler, tc.method, tc.path, "secret", tc.body)
		require.Equal(t, http.StatusOK, status, body)
		require.Equal(t, tc.want, strings.Join(nodes.calls, ","))
		var answer []Node
		require.NoError(t, json.Unmarshal([]byte(body), &answer))
		require.Equal(t, []string{"m: PRE_POC_SLOT"}, answer[0].Slots)
		require.Equal(t, "serve", answer[0].Doing)
		require.NotContains(t, body, "/secret", "paths of secrets are nobody's business")
	}
}

func TestRefusalsSayWhoseFaultItIs(t *testing.T) {
	for err, want := range map[error]int{
		broker.ErrNodeUnknown: 404, broker.ErrNodeExists: 409, broker.ErrConfigured: 409, config.ErrRestart: 409,
		broker.ErrUnknownModels: 400, broker.ErrServerless: 400, config.ErrInvalid: 400, errors.New("disk"): 500,
		fmt.Errorf("governance models: %w: endpoint 0: connection refused", chain.ErrUnreachable): 503, chain.ErrStale: 503,
	} {
		status, body := get(t, adminAPI(&fakeNodes{err: err}).Handler(), http.MethodPost, "/admin/v1/nodes/x/enable", "secret", "")
		require.Equal(t, want, status)
		require.Contains(t, body, err.Error())
	}
}

func TestAHostileRequestOfTheOperatorsListenerChangesNothingAndIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"a field that nobody has":    {http.MethodPost, "/admin/v1/nodes", `[{"idd":"x"}]`, 400, "idd"},
		"another id than the path's": {http.MethodPut, "/admin/v1/nodes/x", `{"id":"y"}`, 400, `node.id must be \"x\" as in the path, got \"y\"`},
		"a list for a node":          {http.MethodPut, "/admin/v1/nodes/x", `[{"id":"x"}]`, 400, "the body must be a node"},
		"a bracket behind the list":  {http.MethodPost, "/admin/v1/nodes", `[{"id":"x"}]}garbage`, 400, "more behind it"},
		"null for a list":            {http.MethodPost, "/admin/v1/nodes", `null`, 400, "there is none in it"},
		"no JSON":                    {http.MethodPost, "/admin/v1/nodes", `[{`, 400, "unexpected EOF"},
		"an object for a list":       {http.MethodPost, "/admin/v1/nodes", `{"id":"x"}`, 400, "list of nodes"},
		"nothing":                    {http.MethodPost, "/admin/v1/nodes", ``, 400, "EOF"},
		"more behind the list":       {http.MethodPost, "/admin/v1/nodes", `[] [{"id":"x"}]`, 400, "more behind it"},
		"a number for an id":         {http.MethodPost, "/admin/v1/nodes", `[{"id":7}]`, 400, "cannot unmarshal number"},
		"text that is no UTF-8":      {http.MethodPost, "/admin/v1/nodes", "[\xff]", 400, "invalid character"},
		"arrays without end":         {http.MethodPost, "/admin/v1/nodes", strings.Repeat("[", 100_000), 400, "exceeded max depth"},
		"a body that is too large":   {http.MethodPost, "/admin/v1/nodes", `[{"id":"` + strings.Repeat("x", maxBody) + `"}]`, 413, "4194304 bytes"},
		"a method that is not there": {http.MethodPut, "/admin/v1/nodes", `[]`, 405, "PUT is not possible"},
		"a path that climbs":         {http.MethodPost, "/admin/v1/nodes/..%2f..%2fx/enable", ``, 200, `"id":"n"`},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := &fakeNodes{}
			status, body := get(t, adminAPI(nodes).Handler(), tc.method, tc.path, "secret", tc.body)
			require.Equal(t, tc.status, status, body)
			require.Contains(t, body, tc.want)
			if tc.status != http.StatusOK {
				require.Empty(t, nodes.calls)
			}
		})
	}
}

func TestStatusShowsTheNodes(t *testing.T) {
	status, body := get(t, adminAPI(&fakeNodes{}).Handler(), http.MethodGet, "/admin/v1/status", "secret", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, host)
	require.Contains(t, body, `"serving":"m"`)

	failing := adminAPI(&fakeNodes{})
	failing.Status = func(context.Context) (Status, error) { return Status{}, errors.New("store is gone") }
	status, _ = get(t, failing.Handler(), http.MethodGet, "/admin/v1/status", "secret", "")
	require.Equal(t, http.StatusInternalServerError, status)
}
