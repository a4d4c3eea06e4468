package mlnode

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"ninefold.dev/decentralized-api/internal/mlnode/mlnodev1"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
)

func TestMain(m *testing.M) { leak.Verify(m) }

func batch(sequence uint64, nonces ...uint64) *mlnodev1.GenerateResponse {
	return &mlnodev1.GenerateResponse{Sequence: sequence, Batch: &mlnodev1.ProofBatch{
		BlockHash: "aa", NodeIndex: 1, Nonces: nonces, LaneNext: []uint64{sequence * 10},
	}}
}

func TestABatchIsAcknowledgedAfterItWasStoredAndInOrder(t *testing.T) {
	s := &server{batches: []*mlnodev1.GenerateResponse{batch(1, 5), batch(2), batch(3, 7, 9)}}
	c := connect(t, s)
	var stored []Batch
	err := c.Generate(t.Context(), Start{LaneNext: []uint64{4, 5}, MaxValid: 99}, func(_ context.Context, b Batch) (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		require.LessOrEqual(t, len(s.acks), len(stored), "acknowledged before it was stored")
		stored = append(stored, b)
		return true, nil
	})
	require.NoError(t, err)
	require.Len(t, stored, 3)
	require.Equal(t, Batch{Challenge: "aa", NodeIndex: 1, Nonces: []uint64{7, 9}, LaneNext: []uint64{30}}, stored[2])
	require.Equal(t, []uint64{4, 5}, s.start.LaneNext)
	require.EqualValues(t, 99, s.start.MaxValid)
}

func TestWhatWasNotStoredIsNotAcknowledged(t *testing.T) {
	disk := errors.New("disk full")
	for name, tc := range map[string]struct {
		failure error
		want    error
	}{
		"a store that fails ends the stream with its error": {disk, disk},
		"a closed acceptor ends the stream in order":        {ErrClosed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{
				batches: []*mlnodev1.GenerateResponse{batch(1, 1), batch(2, 2), batch(3, 3)},
				hold:    true, ended: make(chan struct{}),
			}
			c := connect(t, s)
			err := c.Generate(t.Context(), Start{}, func(_ context.Context, b Batch) (bool, error) {
				if b.Nonces[0] == 2 {
					return false, tc.failure
				}
				return true, nil
			})
			require.ErrorIs(t, err, tc.want)
			<-s.ended
			s.mu.Lock()
			defer s.mu.Unlock()
			require.NotContains(t, s.acks, uint64(2))
			if tc.want == nil {
				require.Equal(t, []uint64{1}, s.acks)
			}
		})
	}
}

func TestTheLastWantedBatchIsAcknowledgedBeforeTheStreamEnds(t *testing.T) {
	s := &server{batches: []*mlnodev1.GenerateResponse{batch(1, 1), batch(2, 2), batch(3, 3)}, hold: true, ended: make(chan struct{})}
	c := connect(t, s)
	require.NoError(t, c.Generate(t.Context(), Start{}, func(_ context.Context, b Batch) (bool, error) {
		return b.Nonces[0] < 2, nil
	}))
	<-s.ended
	require.Equal(t, []uint64{1, 2}, s.acks)
}

func TestAnEndedContextStillDeliversTheAcknowledgements(t *testing.T) {
	s := &server{batches: []*mlnodev1.GenerateResponse{batch(1, 1), batch(2, 2)}, hold: true, ended: make(chan struct{})}
	c := connect(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Generate(ctx, Start{}, func(accepting context.Context, b Batch) (bool, error) {
		if b.Nonces[0] == 2 {
			cancel()
		}
		return true, accepting.Err() // storing is not cut off
	})
	require.ErrorIs(t, err, context.Canceled)
	<-s.ended
	require.Equal(t, []uint64{1, 2}, s.acks)
}

func TestASequenceWithAGapIsRefused(t *testing.T) {
	c := connect(t, &server{batches: []*mlnodev1.GenerateResponse{batch(1, 1), batch(3, 3)}})
	err := c.Generate(t.Context(), Start{}, func(context.Context, Batch) (bool, error) { return true, nil })
	require.ErrorIs(t, err, ErrProtocol)
}

func TestValidationReturnsADecisionForEachNonceInOrder(t *testing.T) {
	c := connect(t, &server{})
	nonces := make([]uint64, maxNonces+3)
	for i := range nonces {
		nonces[i] = uint64(3 * i)
	}
	decisions, err := c.Validate(t.Context(), [20]byte{1}, nonces)
	require.NoError(t, err)
	require.Len(t, decisions, len(nonces))
	for i, nonce := range nonces {
		require.Equal(t, nonce%2 == 0, decisions[i].Valid)
		require.Equal(t, byte(nonce), decisions[i].Digest[0])
	}
}

func TestAnAnswerThatDoesNotMatchItsRequestIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*mlnodev1.ValidateResponse){
		"another request":    func(r *mlnodev1.ValidateResponse) { r.RequestId++ },
		"other nonces":       func(r *mlnodev1.ValidateResponse) { r.Nonces[0]++ },
		"a missing decision": func(r *mlnodev1.ValidateResponse) { r.Valid = r.Valid[1:] },
		"a missing digest":   func(r *mlnodev1.ValidateResponse) { r.Digests = r.Digests[1:] },
		"a short digest":     func(r *mlnodev1.ValidateResponse) { r.Digests[0] = r.Digests[0][1:] },
	} {
		t.Run(name, func(t *testing.T) {
			c := connect(t, &server{spoil: spoil})
			_, err := c.Validate(t.Context(), [20]byte{}, []uint64{1, 2})
			require.ErrorIs(t, err, ErrProtocol)
		})
	}
}

func TestARoundIsSentWholeAndReportedWhileItLoads(t *testing.T) {
	s := &server{steps: []*mlnodev1.StartRoundResponse{{Fraction: 0.5}, {Fraction: 1, Ready: true}}}
	c := connect(t, s)
	var reported []float64
	round := plan.Round{
		Challenge: "ab", Height: 9, PublicKey: [20]byte{7}, NodeIndex: 1, NodeCount: 2, PocVersion: 1,
		Network: plan.Network{Dim: 128, Layers: 3, Heads: 4, KVHeads: 2, Vocab: 1024, FFNMultiplier: "1", MultipleOf: 64, SeqLen: 32},
		Lanes:   16, ValidFraction: "0.1", RTarget: "1.3", Cq: 5,
	}
	require.NoError(t, c.StartRound(t.Context(), round, func(f float64) { reported = append(reported, f) }))
	require.Equal(t, []float64{0.5, 1}, reported)
	require.Equal(t, RoundMessage(round).String(), s.round.String())
	require.Equal(t, mlnodev1.PocKind_POC_KIND_EXACT8, s.round.Kind)

	s.steps = s.steps[:1]
	require.ErrorIs(t, c.StartRound(t.Context(), round, func(float64) {}), ErrProtocol)
}

func TestCommandsAreNumberedAboveWhatTheServerHasSeen(t *testing.T) {
	s := &server{
		commands:   []uint64{40},
		nodeStatus: &mlnodev1.GetStatusResponse{Generation: 40}, pocStatus: &mlnodev1.PocServiceGetStatusResponse{},
		loading: []*mlnodev1.LoadModelResponse{{Ready: true}},
	}
	c := connect(t, s)
	_, err := c.Status(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Stop(t.Context(), true))
	require.NoError(t, c.LoadModel(t.Context(), plan.Model{ID: "m"}, func(float64) {}))
	require.NoError(t, c.UnloadModel(t.Context()))
	require.Equal(t, []uint64{40, 41, 42, 43}, s.commands)
	require.Equal(t, []bool{true}, s.endRound)
}

func TestTheTokenGoesWithEveryCall(t *testing.T) {
	s := &server{nodeStatus: &mlnodev1.GetStatusResponse{}, pocStatus: &mlnodev1.PocServiceGetStatusResponse{}}
	c := connect(t, s, grpc.WithPerRPCCredentials(bearer("secret")))
	_, err := c.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"Bearer secret"}, s.tokens)
}

func TestStatusSaysWhatThePlanNeeds(t *testing.T) {
	const (
		inference = mlnodev1.NodeState_NODE_STATE_INFERENCE
		stopped   = mlnodev1.NodeState_NODE_STATE_STOPPED
		proving   = mlnodev1.NodeState_NODE_STATE_POC_GENERATING
		loading   = mlnodev1.NodeState_NODE_STATE_LOADING
	)
	round := &mlnodev1.Round{BlockHash: "aa", NodeIndex: 1, NodeCount: 3}
	for name, tc := range map[string]struct {
		node *mlnodev1.GetStatusResponse
		poc  *mlnodev1.PocServiceGetStatusResponse
		want plan.Node
	}{
		"stopped": {
			&mlnodev1.GetStatusResponse{State: stopped}, &mlnodev1.PocServiceGetStatusResponse{},
			plan.Node{Reachable: true, Stopped: true},
		},
		"stopped with an open round is not at rest": {
			&mlnodev1.GetStatusResponse{State: stopped}, &mlnodev1.PocServiceGetStatusResponse{Round: round},
			plan.Node{Reachable: true, Challenge: "aa", NodeIndex: 1, NodeCount: 3},
		},
		"serving": {
			&mlnodev1.GetStatusResponse{State: inference, ModelId: "m", ModelArgs: []string{"--a"}}, &mlnodev1.PocServiceGetStatusResponse{},
			plan.Node{Reachable: true, Serving: "m", Args: []string{"--a"}},
		},
		"loading is not serving": {
			&mlnodev1.GetStatusResponse{State: loading, ModelId: "m"}, &mlnodev1.PocServiceGetStatusResponse{},
			plan.Node{Reachable: true},
		},
		"generating": {
			&mlnodev1.GetStatusResponse{State: proving},
			&mlnodev1.PocServiceGetStatusResponse{Phase: mlnodev1.PocPhase_POC_PHASE_GENERATE, Round: round},
			plan.Node{Reachable: true, Challenge: "aa", NodeIndex: 1, NodeCount: 3, Generating: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, statusOf(tc.node, tc.poc).Node)
		})
	}
	got := statusOf(&mlnodev1.GetStatusResponse{LastError: "a"}, &mlnodev1.PocServiceGetStatusResponse{
		LastError: "b", Groups: []*mlnodev1.GroupStatus{{Engine: "int8"}, {Engine: "int8", Error: "c"}},
	})
	require.Equal(t, []string{"a", "b", "c"}, got.Problems)
	require.Equal(t, "int8", got.Engine)
	require.True(t, slices.Contains(got.Problems, "c"))
}
