// Package serverless is the client of an endpoint that recomputes nonces for
// money: one request in, the decisions on its nonces out. What it speaks is in
// mlnode/serverless/README.md.
package serverless

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
)

const (
	// perJob is how many nonces one job has: enough to keep a device busy, few
	// enough that its answer comes soon.
	perJob = 256
	// timeout is how long a job may take: a container may have to start, and a
	// network to be made.
	timeout = 5 * time.Minute
	// pollEvery is the wait between questions after a job that is under way.
	pollEvery = time.Second
	// maxAnswer bounds an answer: a nonce takes 120 bytes.
	maxAnswer = 1 << 20
)

// Errors of an endpoint.
var (
	// ErrRefused means that the endpoint did not compute; the text says why.
	ErrRefused = errors.New("the endpoint did not compute")
	// ErrProtocol means that it answered something that no correct one does.
	ErrProtocol = errors.New("the endpoint breaks the protocol")
)

// Node is one endpoint. It is safe for concurrent use.
type Node struct {
	id, url, key string
	client       *http.Client
}

// New reads the endpoint's key. The transport is the usual one where it is nil.
// Redirects are not followed: the key is for one endpoint.
func New(spec config.Node, transport http.RoundTripper) (*Node, error) {
	key, err := os.ReadFile(spec.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", spec.ID, err)
	}
	return &Node{
		id: spec.ID, url: strings.TrimRight(spec.URL, "/"), key: strings.TrimSpace(string(key)),
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// input is what a job is given.
type input struct {
	BlockHash   string   `json:"block_hash"`
	BlockHeight int64    `json:"block_height"`
	PublicKey   string   `json:"public_key"`
	Nonces      []uint64 `json:"nonces"`
	RTarget     string   `json:"r_target"`
	Cq          uint64   `json:"cq"`
	PocVersion  uint64   `json:"poc_version"`
	Params      params   `json:"params"`
}

type params struct {
	Dim              uint64 `json:"dim"`
	NLayers          uint64 `json:"n_layers"`
	NHeads           uint64 `json:"n_heads"`
	NKVHeads         uint64 `json:"n_kv_heads"`
	VocabSize        uint64 `json:"vocab_size"`
	FFNDimMultiplier string `json:"ffn_dim_multiplier"`
	MultipleOf       uint64 `json:"multiple_of"`
	SeqLen           uint64 `json:"seq_len"`
}

// job is what the platform says of one.
type job struct {
	ID     string          `json:"id"`
	Status string          `json:"status"`
	Error  json.RawMessage `json:"error"`
	Output output          `json:"output"`
}

// output is what a job answers.
type output struct {
	PublicKey     string   `json:"public_key"`
	BlockHash     string   `json:"block_hash"`
	Nonces        []uint64 `json:"nonces"` // the valid ones, in the order asked
	TotalComputed int      `json:"total_computed"`
	Digests       []string `json:"digests"` // of every nonce, in the order asked
	Error         string   `json:"error"`
	ErrorType     string   `json:"error_type"`
}

// Validate recomputes nonces of the round's host; one decision for each, in
// their order.
func (n *Node) Validate(ctx context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	decisions := make([]mlnode.Decision, 0, len(nonces))
	for part := range slices.Chunk(nonces, perJob) {
		asked := inputOf(round, part)
		answer, err := n.run(ctx, asked)
		if err == nil {
			decisions, err = appendDecisions(decisions, asked, answer)
		}
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", n.id, err)
		}
	}
	return decisions, nil
}

func inputOf(r plan.Round, nonces []uint64) input {
	n := r.Network
	return input{
		BlockHash: r.Challenge, BlockHeight: r.Height, PublicKey: hex.EncodeToString(r.PublicKey[:]),
		Nonces: nonces, RTarget: r.RTarget, Cq: r.Cq, PocVersion: r.PocVersion,
		Params: params{
			Dim: n.Dim, NLayers: n.Layers, NHeads: n.Heads, NKVHeads: n.KVHeads, VocabSize: n.Vocab,
			FFNDimMultiplier: n.FFNMultiplier, MultipleOf: n.MultipleOf, SeqLen: n.SeqLen,
		},
	}
}

// run has a job done and waits for its end.
func (n *Node) run(ctx context.Context, asked input) (output, error) {
	body, err := json.Marshal(map[string]input{"input": asked})
	if err != nil {
		return output{}, err
	}
	now, err := n.call(ctx, http.MethodPost, "/runsync", body)
	for err == nil && (now.Status == "IN_QUEUE" || now.Status == "IN_PROGRESS") {
		if now.ID == "" {
			return output{}, fmt.Errorf("%w: a job without an id is %s", ErrProtocol, now.Status)
		}
		timer := time.NewTimer(pollEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return output{}, ctx.Err()
		case <-timer.C:
		}
		now, err = n.call(ctx, http.MethodGet, "/status/"+now.ID, nil)
	}
	switch {
	case err != nil:
		return output{}, err
	case now.Output.Error != "":
		return output{}, fmt.Errorf("%w: %s: %s", ErrRefused, now.Output.ErrorType, now.Output.Error)
	case now.Status != "COMPLETED":
		return output{}, fmt.Errorf("%w: the job is %s: %s", ErrRefused, now.Status, now.Error)
	}
	return now.Output, nil
}

func (n *Node) call(ctx context.Context, method, path string, body []byte) (job, error) {
	request, err := http.NewRequestWithContext(ctx, method, n.url+path, bytes.NewReader(body))
	if err != nil {
		return job{}, err
	}
	request.Header.Set("Authorization", "Bearer "+n.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := n.client.Do(request)
	if err != nil {
		return job{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	err = errors.Join(err, response.Body.Close())
	switch {
	case err != nil:
		return job{}, err
	case response.StatusCode != http.StatusOK:
		return job{}, fmt.Errorf("%w: %s", ErrRefused, response.Status)
	case len(raw) > maxAnswer:
		return job{}, fmt.Errorf("%w: an answer above %d bytes", ErrProtocol, maxAnswer)
	}
	var answer job
	if err := json.Unmarshal(raw, &answer); err != nil {
		return job{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return answer, nil
}

// appendDecisions reads an answer. The valid nonces have to be among those that
// were asked, in their order.
func appendDecisions(decisions []mlnode.Decision, asked input, o output) ([]mlnode.Decision, error) {
	if o.BlockHash != asked.BlockHash || o.PublicKey != asked.PublicKey ||
		o.TotalComputed != len(asked.Nonces) || len(o.Digests) != len(asked.Nonces) {
		return nil, fmt.Errorf("%w: the answer does not match the request", ErrProtocol)
	}
	valid := o.Nonces
	for i, nonce := range asked.Nonces {
		d := mlnode.Decision{Valid: len(valid) > 0 && valid[0] == nonce}
		if d.Valid {
			valid = valid[1:]
		}
		raw, err := hex.DecodeString(o.Digests[i])
		if err != nil || len(raw) != len(d.Digest) {
			return nil, fmt.Errorf("%w: %q is no digest", ErrProtocol, o.Digests[i])
		}
		copy(d.Digest[:], raw)
		decisions = append(decisions, d)
	}
	if len(valid) > 0 {
		return nil, fmt.Errorf("%w: nonce %d was not asked for, or not in this order", ErrProtocol, valid[0])
	}
	return decisions, nil
}
