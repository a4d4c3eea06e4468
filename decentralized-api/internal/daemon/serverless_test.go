package daemon

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/inference-chain/core/epoch"
)

const endpointKey = "endpoint key"

// rent gives a host an endpoint, and returns the machine behind it.
func (h *tester) rent() *testkit.Node {
	h.world.t.Helper()
	file := filepath.Join(h.world.t.TempDir(), "endpoint.key")
	require.NoError(h.world.t, os.WriteFile(file, []byte(endpointKey+"\n"), 0o600))
	name := h.name + ".endpoint"
	h.config.Nodes = append(h.config.Nodes, config.Node{
		ID: "rented", Kind: config.KindServerless, URL: "https://" + name, KeyFile: file,
	})
	machine := testkit.NewNode(1)
	h.world.web.Put(name, endpointOf(machine))
	return machine
}

// endpointOf answers jobs as mlnode's handler does, with the proof of a node.
func endpointOf(machine *testkit.Node) http.HandlerFunc {
	type input struct {
		BlockHash string   `json:"block_hash"`
		PublicKey string   `json:"public_key"`
		Nonces    []uint64 `json:"nonces"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			Input input `json:"input"`
		}
		if r.Header.Get("Authorization") != "Bearer "+endpointKey || json.NewDecoder(r.Body).Decode(&asked) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		in := asked.Input
		raw, err := hex.DecodeString(in.PublicKey)
		if err != nil || len(raw) != 20 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		round := plan.Round{Challenge: in.BlockHash, ValidFraction: testkit.Params().ValidFraction}
		err = machine.StartRound(r.Context(), round, nil)
		if err != nil {
			fmt.Fprintf(w, `{"status": "FAILED", "error": %q}`, err.Error())
			return
		}
		decisions, err := machine.Validate(r.Context(), [20]byte(raw), in.Nonces)
		if err != nil {
			fmt.Fprintf(w, `{"status": "FAILED", "error": %q}`, err.Error())
			return
		}
		valid, digests := []uint64{}, []string{}
		for i, d := range decisions {
			if d.Valid {
				valid = append(valid, in.Nonces[i])
			}
			digests = append(digests, hex.EncodeToString(d.Digest[:]))
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "COMPLETED", "output": map[string]any{
			"public_key": in.PublicKey, "block_hash": in.BlockHash, "nonces": valid,
			"total_computed": len(in.Nonces), "digests": digests,
		}})
	}
}

func TestAHostWithoutNodesJudgesThroughAnEndpoint(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b, small := w.add("alpha", 4), w.add("beta", 4), w.add("small", 4)
		small.config.Nodes = nil // it had a node when its weight was formed
		machine := small.rent()
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		w.requireWhole(1, a)
		w.requireWhole(1, b)
		require.Empty(t, w.chain.Claimed(1, small.address), "an endpoint proves nothing")
		round, err := small.host.client.Round(t.Context(), 1)
		require.NoError(t, err)
		require.NotZero(t, machine.Verified(fmt.Sprintf("%x", round.Challenge)))
		cast := 0
		for _, judged := range []*tester{a, b} {
			for _, v := range w.chain.VerdictsOn(1, judged.address) {
				if v.Holder == small.address {
					cast++
					require.Zero(t, v.Verdict.Invalid)
				}
			}
		}
		require.NotZero(t, cast)
	})
}

func TestAnEndpointIsNotPaidWhileOwnNodesAnswer(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4)
		machine := a.rent()
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		w.requireWhole(1, a)
		w.requireWhole(1, b)
		round, err := a.host.client.Round(t.Context(), 1)
		require.NoError(t, err)
		require.Zero(t, machine.Verified(fmt.Sprintf("%x", round.Challenge)))
		require.NotZero(t, a.verified(1))
	})
}
