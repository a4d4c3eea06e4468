package chain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/testkit/leak"
	"ninefold.dev/inference-chain/x/inference/types"
)

func TestMain(m *testing.M) { leak.Verify(m) }

var errBroken = errors.New("broken")

// fakeNode is a chain node that says what it is told to.
type fakeNode struct {
	mu      sync.Mutex
	status  Status
	broken  bool
	slow    bool
	refusal *Refusal
	app     int64 // height of the application's state
	said    int64 // height that it claims to be at; 0 is the true one
	garbage bool  // whether its answers are no messages
	asked   int
	gap     bool
	hints   chan struct{}
}

func (n *fakeNode) answer(ctx context.Context) error {
	n.mu.Lock()
	n.asked++
	n.mu.Unlock()
	if n.slow {
		<-ctx.Done()
		return ctx.Err()
	}
	if n.broken {
		return errBroken
	}
	return nil
}

// grow lets the node have blocks up to a height.
func (n *fakeNode) grow(height int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.status.Height, n.app = height, height
}

// claim lets the node say that it is at a height whose blocks it does not have.
func (n *fakeNode) claim(height int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said = height
}

// timeOf is when a block of the fake chain was made.
func timeOf(height int64) time.Time { return time.Unix(1_700_000_000+5*height, 0) }

func (n *fakeNode) Status(ctx context.Context) (Status, error) {
	err := n.answer(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	status := n.status
	status.Height = max(n.said, status.Height)
	status.Time = timeOf(status.Height)
	return status, err
}

func (n *fakeNode) Blocks(ctx context.Context, from, to int64) ([]Block, error) {
	err := n.answer(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	var blocks []Block
	for h := from; h <= min(to, n.status.Height, from+blocksPerCall-1); h++ {
		if n.gap && h == from {
			continue
		}
		blocks = append(blocks, Block{Height: h, Time: timeOf(h)})
	}
	return blocks, err
}

func (n *fakeNode) Query(ctx context.Context, _ string, request []byte) ([]byte, int64, error) {
	if err := n.answer(ctx); err != nil {
		return nil, 0, err
	}
	if n.refusal != nil {
		return nil, n.app, n.refusal
	}
	if n.garbage {
		return []byte("\xff\xff\xff no message"), n.app, nil
	}
	return request, n.app, nil
}

func (n *fakeNode) Broadcast(ctx context.Context, _ []byte) (outbox.CheckResult, error) {
	return outbox.CheckResult{}, n.answer(ctx)
}

func (n *fakeNode) Tx(ctx context.Context, _ []byte) (*outbox.Included, error) {
	return nil, n.answer(ctx)
}

func (n *fakeNode) Hints(ctx context.Context, hint func()) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.hints:
			hint()
		}
	}
}

func healthy(height int64) *fakeNode {
	return &fakeNode{status: Status{ChainID: "c", Height: height, Earliest: 1}, app: height, hints: make(chan struct{})}
}

func poolOf(nodes ...*fakeNode) *Pool {
	endpoints := make([]Endpoint, len(nodes))
	for i, n := range nodes {
		endpoints[i] = n
	}
	return NewPool("c", endpoints, time.Second, slog.New(slog.DiscardHandler))
}

// anything reads every answer.
func anything([]byte) error { return nil }

func TestTheFirstHealthyEndpointIsUsedAndKept(t *testing.T) {
	for name, spoil := range map[string]func(*fakeNode){
		"broken":           func(n *fakeNode) { n.broken = true },
		"of another chain": func(n *fakeNode) { n.status.ChainID = "other" },
		"catching up":      func(n *fakeNode) { n.status.CatchingUp = true },
	} {
		t.Run(name, func(t *testing.T) {
			first, second := healthy(5), healthy(7)
			spoil(first)
			p := poolOf(first, second)
			status, err := p.Status(t.Context())
			require.NoError(t, err)
			require.EqualValues(t, 7, status.Height)
			_, err = p.Status(t.Context())
			require.NoError(t, err)
			require.Equal(t, 1, first.asked, "it is not asked again at once")
		})
	}
}

func TestAnEndpointThatHangsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := healthy(5), healthy(5)
		first.slow = true
		began := time.Now()
		_, err := poolOf(first, second).Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(began))
	})
}

func TestWhenAllFailTheErrorHasAllReasons(t *testing.T) {
	first, second := healthy(5), healthy(5)
	first.broken, second.status.ChainID = true, "other"
	_, err := poolOf(first, second).Status(t.Context())
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorIs(t, err, errBroken)
	require.ErrorIs(t, err, ErrForeignChain)
}

func TestARefusalIsAnAnswer(t *testing.T) {
	first, second := healthy(5), healthy(5)
	first.refusal = &Refusal{Codespace: "inference", Code: 25, Log: "no such host"}
	err := poolOf(first, second).Query(t.Context(), "/q", nil, anything)
	var refusal *Refusal
	require.ErrorAs(t, err, &refusal)
	require.ErrorContains(t, err, "no such host (inference 25)")
	require.Zero(t, second.asked)
}

func TestARefusalOfANodeThatIsBehindIsNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := healthy(5), healthy(6)
		first.refusal = &Refusal{Codespace: "inference", Code: 25, Log: "no such host"}
		p := poolOf(first, second)
		p.Seen(Block{Height: 6})
		require.NoError(t, p.Query(t.Context(), "/q", nil, anything))
		require.Equal(t, staleRetries+1, first.asked, "it was waited for first")
		require.Equal(t, 1, second.asked)

		first.app, first.asked = 0, 0 // it does not say
		p = poolOf(first, second)
		p.Seen(Block{Height: 6})
		require.ErrorContains(t, p.Query(t.Context(), "/q", nil, anything), "no such host")
		require.Equal(t, 1, first.asked)
	})
}

func TestNoAnswerIsOlderThanWhatWasSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := healthy(5), healthy(6)
		p := poolOf(first, second)
		p.Seen(Block{Height: 6})
		p.Seen(Block{Height: 4})
		require.NoError(t, p.Query(t.Context(), "/q", nil, anything))
		require.Equal(t, staleRetries+1, first.asked, "it was waited for first")
		require.Equal(t, 1, second.asked)

		second.broken = true
		require.ErrorIs(t, p.Query(t.Context(), "/q", nil, anything), ErrStale)
	})
}

func TestAnEndpointWhoseAnswersAreNoMessagesIsLeft(t *testing.T) {
	first, second := healthy(5), healthy(5)
	first.garbage = true
	query := types.NewQueryClient(poolOf(first, second))
	for range 2 {
		_, err := query.CurrentStage(t.Context(), &types.QueryCurrentStageRequest{})
		require.NoError(t, err)
	}
	require.Equal(t, 1, first.asked, "it is not asked again at once")

	second.garbage = true
	_, err := query.CurrentStage(t.Context(), &types.QueryCurrentStageRequest{})
	require.ErrorIs(t, err, ErrUnreachable)
}

func TestCodesSayWhatTheSenderCanDo(t *testing.T) {
	for name, tc := range map[string]struct {
		codespace string
		code      uint32
		want      outbox.Check
	}{
		"accepted":                      {"", 0, outbox.Admitted},
		"in the mempool":                {"sdk", 19, outbox.Admitted},
		"wrong sequence":                {"sdk", 32, outbox.WrongSequence},
		"full mempool":                  {"sdk", 20, outbox.Busy},
		"free quota used up":            {"sdk", 13, outbox.Busy},
		"unauthorised":                  {"sdk", 4, outbox.Refused},
		"too late":                      {"sdk", 30, outbox.Refused},
		"the module's own code 32":      {"inference", 32, outbox.Refused},
		"the module's sparse claims":    {"inference", 55, outbox.Refused},
		"the module's code without sdk": {"inference", 13, outbox.Refused},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, CheckOf(tc.codespace, tc.code)) })
	}
}
