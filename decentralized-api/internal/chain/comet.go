package chain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/coder/websocket"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"ninefold.dev/decentralized-api/internal/outbox"
)

// maxHint bounds a message of the websocket: a block header with its frame.
const maxHint = 1 << 20

// comet is a CometBFT node's RPC.
type comet struct {
	rpc       *rpchttp.HTTP
	http      *http.Client
	websocket string
}

// NewEndpoint connects to a CometBFT RPC address such as
// http://127.0.0.1:26657. Nothing is sent yet.
func NewEndpoint(address string) (Endpoint, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", address, err)
	}
	if u.Scheme == "tcp" {
		u.Scheme = "http"
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	rpc, err := rpchttp.NewWithClient(u.String(), "/websocket", client)
	if err != nil {
		return nil, fmt.Errorf("endpoint %s: %w", address, err)
	}
	return &comet{rpc: rpc, http: client, websocket: u.JoinPath("websocket").String()}, nil
}

// Status implements Ledger.
func (c *comet) Status(ctx context.Context) (Status, error) {
	s, err := c.rpc.Status(ctx)
	if err != nil {
		return Status{}, err
	}
	return Status{
		ChainID: s.NodeInfo.Network, Height: s.SyncInfo.LatestBlockHeight, Time: s.SyncInfo.LatestBlockTime,
		Earliest: s.SyncInfo.EarliestBlockHeight, CatchingUp: s.SyncInfo.CatchingUp, Indexed: s.TxIndexEnabled(),
	}, nil
}

// Blocks implements Ledger.
func (c *comet) Blocks(ctx context.Context, from, to int64) ([]Block, error) {
	info, err := c.rpc.BlockchainInfo(ctx, from, min(to, from+blocksPerCall-1))
	if err != nil {
		return nil, err
	}
	blocks := make([]Block, len(info.BlockMetas))
	for i, meta := range info.BlockMetas { // they come newest first
		if meta == nil {
			return nil, fmt.Errorf("%w: one came without its header", ErrBlocks)
		}
		blocks[len(blocks)-1-i] = Block{Height: meta.Header.Height, Hash: meta.BlockID.Hash, Time: meta.Header.Time}
	}
	return blocks, nil
}

// Query implements Ledger.
func (c *comet) Query(ctx context.Context, path string, request []byte) ([]byte, int64, error) {
	result, err := c.rpc.ABCIQueryWithOptions(ctx, path, request, rpcclient.ABCIQueryOptions{})
	if err != nil {
		return nil, 0, err
	}
	if r := result.Response; r.Code != 0 {
		return nil, r.Height, &Refusal{Codespace: r.Codespace, Code: r.Code, Log: r.Log}
	}
	return result.Response.Value, result.Response.Height, nil
}

// Broadcast implements Mempool. A transaction that the node saw before counts
// as admitted: whether it was included is for Tx to say.
func (c *comet) Broadcast(ctx context.Context, tx []byte) (outbox.CheckResult, error) {
	result, err := c.rpc.BroadcastTxSync(ctx, tx)
	switch {
	case err != nil && strings.Contains(err.Error(), "already exists in cache"):
		return outbox.CheckResult{Check: outbox.Admitted}, nil
	case err != nil && strings.Contains(err.Error(), "mempool is full"):
		return outbox.CheckResult{Check: outbox.Busy, Log: err.Error()}, nil
	case err != nil:
		return outbox.CheckResult{}, err
	}
	return outbox.CheckResult{
		Check: CheckOf(result.Codespace, result.Code), Codespace: result.Codespace, Code: result.Code, Log: result.Log,
	}, nil
}

// CheckOf says what an application's code means for the sender. A fee that is
// missing means that the free quota of the stage is used up.
func CheckOf(codespace string, code uint32) outbox.Check {
	switch {
	case code == 0:
		return outbox.Admitted
	case codespace != sdkerrors.RootCodespace:
		return outbox.Refused
	}
	switch code {
	case sdkerrors.ErrTxInMempoolCache.ABCICode():
		return outbox.Admitted
	case sdkerrors.ErrWrongSequence.ABCICode():
		return outbox.WrongSequence
	case sdkerrors.ErrMempoolIsFull.ABCICode(), sdkerrors.ErrInsufficientFee.ABCICode():
		return outbox.Busy
	default:
		return outbox.Refused
	}
}

// Tx implements Mempool.
func (c *comet) Tx(ctx context.Context, hash []byte) (*outbox.Included, error) {
	result, err := c.rpc.Tx(ctx, hash, false)
	if err != nil {
		// The RPC has no code for this; the text is that of rpc/core/tx.go.
		if strings.Contains(err.Error(), fmt.Sprintf("tx (%X) not found", hash)) {
			return nil, nil
		}
		return nil, err
	}
	// An answer about nothing must not pass for a transaction that was accepted.
	if !bytes.Equal(result.Hash, hash) || result.Height < 1 {
		return nil, fmt.Errorf("asked for transaction %X, heard of %X at height %d", hash, result.Hash, result.Height)
	}
	r := result.TxResult
	return &outbox.Included{Height: result.Height, Codespace: r.Codespace, Code: r.Code, Log: r.Log}, nil
}

// Hints implements Endpoint.
func (c *comet) Hints(ctx context.Context, hint func()) error {
	conn, _, err := websocket.Dial(ctx, c.websocket, &websocket.DialOptions{HTTPClient: c.http}) //nolint:bodyclose // the library does
	if err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	defer conn.CloseNow() //nolint:errcheck // the connection is given up
	conn.SetReadLimit(maxHint)
	subscribe, err := json.Marshal(map[string]any{
		"jsonrpc": "2.0", "id": 1, "method": "subscribe",
		"params": map[string]string{"query": "tm.event='NewBlockHeader'"},
	})
	if err != nil {
		return err
	}
	if err := conn.Write(ctx, websocket.MessageText, subscribe); err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		hint()
	}
}
