package chain

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/outbox"
)

// answering is an RPC that answers everything with one result.
func answering(t *testing.T, result string) Endpoint {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct {
			ID json.RawMessage `json:"id"`
		}
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, request.ID, result)
	}))
	t.Cleanup(server.Close)
	e, err := NewEndpoint(server.URL)
	require.NoError(t, err)
	t.Cleanup(e.(*comet).http.CloseIdleConnections)
	return e
}

// TestAnswersAboutNothingAreNoNews: whatever an RPC answers with, the broker goes on and
// believes nothing of it.
func TestAnswersAboutNothingAreNoNews(t *testing.T) {
	for name, result := range map[string]string{
		"null":                    `null`,
		"an empty object":         `{}`,
		"an empty list":           `[]`,
		"a text":                  `"yes"`,
		"a number":                `7`,
		"half an object":          `{"a":`,
		"parts that are null":     `{"block_metas":null,"node_info":null,"sync_info":null,"response":null,"tx_result":null,"hash":null}`,
		"blocks that are null":    `{"last_height":"5","block_metas":[null]}`,
		"blocks that are empty":   `{"last_height":"5","block_metas":[{}]}`,
		"another transaction":     `{"hash":"AB","height":"7","tx_result":{"code":0}}`,
		"ours at no height":       `{"hash":"0102","height":"0","tx_result":{"code":0}}`,
		"heights below the first": `{"sync_info":{"latest_block_height":"-1","earliest_block_height":"-9"},"response":{"height":"-1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			e := answering(t, result)
			if status, err := e.Status(t.Context()); err == nil {
				require.Empty(t, status.ChainID, "no chain is ours")
				require.LessOrEqual(t, status.Height, int64(0))
			}
			if blocks, err := e.Blocks(t.Context(), 5, 5); err == nil && len(blocks) > 0 {
				require.Zero(t, blocks[0].Height, "which is not the one asked for")
			}
			if _, height, err := e.Query(t.Context(), "/q", nil); err == nil {
				require.LessOrEqual(t, height, int64(0))
			}
			included, err := e.Tx(t.Context(), []byte{1, 2})
			require.Error(t, err)
			require.Nil(t, included)
			if sent, err := e.Broadcast(t.Context(), []byte("tx")); err == nil {
				require.Equal(t, outbox.Admitted, sent.Check, "until the chain is asked for it")
			}
		})
	}
}

func TestATransactionIsKnownByItsHash(t *testing.T) {
	e := answering(t, `{"hash":"0102","height":"7","tx_result":{"code":5,"codespace":"inference","log":"no"}}`)
	included, err := e.Tx(t.Context(), []byte{1, 2})
	require.NoError(t, err)
	require.Equal(t, &outbox.Included{Height: 7, Codespace: "inference", Code: 5, Log: "no"}, included)
}
