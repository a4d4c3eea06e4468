package serverless

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Verify(m) }

var round = plan.Round{
	Challenge: strings.Repeat("5a", 32), Height: 1460, PublicKey: [20]byte{1, 2, 3}, PocVersion: 1,
	Network: plan.Network{
		Dim: 1024, Layers: 32, Heads: 32, KVHeads: 8, Vocab: 8192, FFNMultiplier: "1.300000000000000000",
		MultipleOf: 256, SeqLen: 128,
	},
	RTarget: "1.404165328765787362", Cq: 60816156,
}

// endpoint makes a node over a handler.
func endpoint(t *testing.T, handler http.HandlerFunc) *Node {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("secret\n"), 0o600))
	web := testkit.NewWeb()
	web.Put("endpoint", handler)
	n, err := New(config.Node{ID: "rented", URL: "https://endpoint/v2/x/", KeyFile: file}, web)
	require.NoError(t, err)
	return n
}

func digest(nonce uint64) string { return fmt.Sprintf("%064x", nonce) }

// right is the answer to a request of which the even nonces are valid.
func right(in input) map[string]any {
	valid, digests := []uint64{}, []string{}
	for _, nonce := range in.Nonces {
		digests = append(digests, digest(nonce))
		if nonce%2 == 0 {
			valid = append(valid, nonce)
		}
	}
	return map[string]any{
		"public_key": in.PublicKey, "block_hash": in.BlockHash, "block_height": in.BlockHeight, "nonces": valid,
		"dist": []float64{}, "node_id": 0, "total_computed": len(digests), "total_valid": len(valid), "digests": digests,
	}
}

func read(t *testing.T, r *http.Request) input {
	t.Helper()
	var body map[string]input
	require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
	require.Len(t, body, 1)
	return body["input"]
}

func write(t *testing.T, w http.ResponseWriter, answer any) {
	t.Helper()
	require.NoError(t, json.NewEncoder(w).Encode(answer))
}

func TestARequestIsWhatTheHandlerReadsAndDecisionsComeInItsOrder(t *testing.T) {
	var asked input
	var line, authorization string
	n := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		line, authorization = r.Method+" "+r.URL.String(), r.Header.Get("Authorization")
		asked = read(t, r)
		write(t, w, map[string]any{"id": "1", "status": "COMPLETED", "output": right(asked)})
	})
	nonces := []uint64{7, 1<<64 - 2, 4}
	decisions, err := n.Validate(t.Context(), round, nonces)
	require.NoError(t, err)
	require.Equal(t, "POST https://endpoint/v2/x/runsync", line)
	require.Equal(t, "Bearer secret", authorization)
	require.Equal(t, input{
		BlockHash: round.Challenge, BlockHeight: 1460, PublicKey: "010203" + strings.Repeat("00", 17),
		Nonces: nonces, RTarget: "1.404165328765787362", Cq: 60816156, PocVersion: 1,
		Params: params{
			Dim: 1024, NLayers: 32, NHeads: 32, NKVHeads: 8, VocabSize: 8192,
			FFNDimMultiplier: "1.300000000000000000", MultipleOf: 256, SeqLen: 128,
		},
	}, asked)
	require.Len(t, decisions, 3)
	for i, nonce := range nonces {
		require.Equal(t, nonce%2 == 0, decisions[i].Valid)
		require.Equal(t, digest(nonce), hex.EncodeToString(decisions[i].Digest[:]))
	}
}

func TestManyNoncesAreManyJobs(t *testing.T) {
	var sizes []int
	n := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		in := read(t, r)
		sizes = append(sizes, len(in.Nonces))
		write(t, w, map[string]any{"status": "COMPLETED", "output": right(in)})
	})
	nonces := make([]uint64, 600)
	for i := range nonces {
		nonces[i] = uint64(i) * 3
	}
	decisions, err := n.Validate(t.Context(), round, nonces)
	require.NoError(t, err)
	require.Equal(t, []int{256, 256, 88}, sizes)
	require.Len(t, decisions, 600)
	none, err := n.Validate(t.Context(), round, nil)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAJobThatIsUnderWayIsAskedForUntilItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var in input
		var asked []string
		n := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.Method+" "+r.URL.Path)
			switch len(asked) {
			case 1:
				in = read(t, r)
				write(t, w, map[string]any{"id": "job-7", "status": "IN_QUEUE"})
			case 2:
				write(t, w, map[string]any{"id": "job-7", "status": "IN_PROGRESS"})
			default:
				write(t, w, map[string]any{"id": "job-7", "status": "COMPLETED", "output": right(in)})
			}
		})
		began := time.Now()
		decisions, err := n.Validate(t.Context(), round, []uint64{2})
		require.NoError(t, err)
		require.True(t, decisions[0].Valid)
		require.Equal(t, []string{"POST /v2/x/runsync", "GET /v2/x/status/job-7", "GET /v2/x/status/job-7"}, asked)
		require.Equal(t, 2*pollEvery, time.Since(began))
	})
}

func TestAJobThatNeverEndsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
			write(t, w, map[string]any{"id": "1", "status": "IN_PROGRESS"})
		})
		began := time.Now()
		_, err := n.Validate(t.Context(), round, []uint64{2})
		require.ErrorContains(t, err, "deadline")
		require.Equal(t, timeout, time.Since(began))
	})
}

func TestWhatWasNotComputedIsAnErrorThatSaysWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		answer any
		want   string
	}{
		"a wrong key":             {http.StatusUnauthorized, nil, "401"},
		"a redirect":              {http.StatusFound, nil, "302"},
		"a job that failed":       {http.StatusOK, map[string]any{"status": "FAILED", "error": "nonces = 1: must be each there once"}, "must be each there once"},
		"a job that was given up": {http.StatusOK, map[string]any{"status": "TIMED_OUT"}, "TIMED_OUT"},
		"an error as the output": {http.StatusOK, map[string]any{
			"status": "COMPLETED", "output": map[string]any{"error": "no memory", "error_type": "OutOfMemoryError"},
		}, "OutOfMemoryError: no memory"},
	} {
		t.Run(name, func(t *testing.T) {
			n := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://elsewhere/")
				w.WriteHeader(tc.status)
				write(t, w, tc.answer)
			})
			_, err := n.Validate(t.Context(), round, []uint64{2})
			require.ErrorIs(t, err, ErrRefused)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "node rented")
		})
	}
}

func TestAnAnswerThatNoCorrectEndpointGivesIsNotBelieved(t *testing.T) {
	for name, spoil := range map[string]func(map[string]any){
		"of another block":        func(o map[string]any) { o["block_hash"] = strings.Repeat("5b", 32) },
		"of another host":         func(o map[string]any) { o["public_key"] = strings.Repeat("00", 20) },
		"of fewer nonces":         func(o map[string]any) { o["total_computed"] = 3 },
		"with a digest too few":   func(o map[string]any) { o["digests"] = o["digests"].([]string)[1:] },
		"with a digest too short": func(o map[string]any) { o["digests"].([]string)[2] = "00" },
		"with a digest of text":   func(o map[string]any) { o["digests"].([]string)[2] = strings.Repeat("x", 64) },
		"with a foreign nonce":    func(o map[string]any) { o["nonces"] = []uint64{2, 99} },
		"in another order":        func(o map[string]any) { slices.Reverse(o["nonces"].([]uint64)) },
		"with a nonce twice":      func(o map[string]any) { o["nonces"] = []uint64{2, 2, 4} },
	} {
		t.Run(name, func(t *testing.T) {
			n := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
				output := right(read(t, r))
				spoil(output)
				write(t, w, map[string]any{"status": "COMPLETED", "output": output})
			})
			_, err := n.Validate(t.Context(), round, []uint64{1, 2, 3, 4})
			require.ErrorIs(t, err, ErrProtocol)
		})
	}
	for name, raw := range map[string]string{
		"no JSON":          "<html>",
		"a job without id": `{"status": "IN_QUEUE"}`,
		"far too much":     `{"status": "` + strings.Repeat("x", maxAnswer) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			n := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(raw)) })
			_, err := n.Validate(t.Context(), round, []uint64{1})
			require.ErrorIs(t, err, ErrProtocol)
		})
	}
}

func TestAKeyThatIsNotThereIsNamed(t *testing.T) {
	_, err := New(config.Node{ID: "rented", KeyFile: filepath.Join(t.TempDir(), "lost")}, nil)
	require.ErrorContains(t, err, "node rented")
}
