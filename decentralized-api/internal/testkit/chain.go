// Package testkit is a world for brokers that fits into a test: the chain itself
// in memory, without consensus around it, compute servers that prove with a hash,
// and a web between brokers. Nothing in it waits for real time.
package testkit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	"github.com/cosmos/gogoproto/proto"

	"cosmossdk.io/math"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/app"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/invariant"
	"ninefold.dev/inference-chain/x/inference/types"
	validatorstypes "ninefold.dev/inference-chain/x/validators/types"
)

// ChainID is the id of every chain here; it allows sabotage.
const ChainID = "ninefold-local-test"

// Chain is the application with one block a call of NextBlock: everything that
// CometBFT does around it, but the agreement of several.
type Chain struct {
	mu       sync.Mutex
	home     string // of the application
	founding founding
	app      *app.App // nil until the first block
	blocks   []chain.Block
	signing  validators
	mempool  [][]byte
	late     [][]byte // waits for the block after the next
	chosen   bool     // whether somebody chose the order of what waits
	history  History
	included map[string]outbox.Included // by hash
	executed map[string]int             // messages that were accepted, by opened epoch, type URL and content
	failed   []string                   // steps of blocks that failed, and why
	ahead    time.Duration              // of the chain's time over the machines' clocks
}

// NewChain makes a chain with some models. The application may put files into
// home. Its first block is made when it is first asked for something; hosts are
// added before.
func NewChain(home string, params types.Params, models ...types.Model) *Chain {
	return &Chain{
		home:     home,
		founding: founding{state: types.GenesisState{Params: params, Models: models}},
		included: map[string]outbox.Included{}, executed: map[string]int{},
	}
}

// must is for what can only fail when the testkit itself is wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err) //nolint:forbidigo // a test that goes on would prove nothing
	}
	return value
}

// Height is the newest height.
func (c *Chain) Height() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.height()
}

func (c *Chain) height() int64 { return int64(len(c.blocks)) }

// NextBlock executes what waits and does what the block's end does.
func (c *Chain) NextBlock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.start()
	c.block()
}

// block makes a block of what waits.
func (c *Chain) block() {
	if !c.chosen {
		// By bytes, not by who was first at one moment of a fake clock: that is the
		// scheduler's choice.
		slices.SortFunc(c.mempool, bytes.Compare)
	}
	c.chosen = false
	result := c.finalize(time.Now().Add(c.ahead), c.mempool)
	for i, tx := range c.mempool {
		c.include(tx, result.TxResults[i])
	}
	c.mempool, c.late = c.recheck(c.late), nil
}

// finalize makes a block of transactions and keeps it.
func (c *Chain) finalize(at time.Time, txs [][]byte) *abci.ResponseFinalizeBlock {
	height := c.height() + 1
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %d", ChainID, height))
	block := chain.Block{Height: height, Hash: hash[:], Time: at}
	result := must(c.app.FinalizeBlock(&abci.RequestFinalizeBlock{
		Txs: txs, Height: height, Hash: block.Hash, Time: block.Time, DecidedLastCommit: c.signing.lastCommit(),
	}))
	c.signing.update(result.ValidatorUpdates)
	must(c.app.Commit())
	c.blocks = append(c.blocks, block)
	c.history.Blocks = append(c.history.Blocks, PastBlock{Time: at, Txs: txs, Hash: result.AppHash})
	c.noteFailures(result.Events)
	return result
}

// noteFailures keeps the steps of a block's begin and end that failed.
func (c *Chain) noteFailures(events []abci.Event) {
	for _, event := range events {
		switch event.Type {
		case proto.MessageName(&types.EventStepFailed{}), proto.MessageName(&validatorstypes.EventStepFailed{}):
			c.failed = append(c.failed, fmt.Sprint(c.height(), " ", event.Attributes))
		}
	}
}

// Check fails when a step of a block failed, or when a sum in the chain's state
// does not agree with its parts.
func (c *Chain) Check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.agrees()
}

func (c *Chain) agrees() error {
	if len(c.failed) > 0 {
		return fmt.Errorf("failed steps: %v", c.failed)
	}
	ctx := c.ctx()
	return errors.Join(
		must(c.app.Inference.ExportGenesis(ctx)).Validate(),
		invariant.Coins(ctx, c.app.Bank, c.app.Inference, math.ZeroInt()), // nobody was founded with any
	)
}

// include notes what became of a transaction. The index keeps what succeeded, as
// that of CometBFT does, should the same bytes be in a later block again.
func (c *Chain) include(tx []byte, result *abci.ExecTxResult) {
	hash := sha256.Sum256(tx)
	before, known := c.included[string(hash[:])]
	if known && before.Code == 0 {
		return
	}
	c.included[string(hash[:])] = outbox.Included{
		Height: c.height(), Codespace: result.Codespace, Code: result.Code, Log: result.Log,
	}
	if result.Code != 0 {
		return
	}
	for _, message := range messages(must(c.app.Encoding().TxConfig.TxDecoder()(tx))) {
		content := must(c.app.Encoding().Codec.MarshalInterface(message))
		// A claim of the next epoch has the same content and is another one.
		c.executed[fmt.Sprint(c.clock().Opened, string(content))]++
	}
}

// messages are those of a transaction, unwrapped.
func messages(tx sdk.Tx) []sdk.Msg {
	var all []sdk.Msg
	for _, message := range tx.GetMsgs() {
		if exec, wrapped := message.(*authz.MsgExec); wrapped {
			all = append(all, must(exec.GetMessages())...)
			continue
		}
		all = append(all, message)
	}
	return all
}

// recheck drops what can no longer be included, as a mempool does after a block.
func (c *Chain) recheck(waiting [][]byte) [][]byte {
	var left [][]byte
	for _, tx := range waiting {
		result := must(c.app.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_Recheck}))
		if result.Code == 0 {
			left = append(left, tx)
		}
	}
	return left
}

// Disturb lets a function say which of the waiting transactions the next block
// takes, in which order, and which wait for the one after it.
func (c *Chain) Disturb(choose func(waiting [][]byte) (now, later [][]byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortFunc(c.mempool, bytes.Compare)
	c.mempool, c.late = choose(c.mempool)
	c.chosen = true
}

// SetAhead moves the chain's time away from the machines' clocks.
func (c *Chain) SetAhead(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = by
}

// DropMempool forgets what waits, as a node does that is restarted.
func (c *Chain) DropMempool() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mempool = nil
}

// ctx reads the state after the newest block.
func (c *Chain) ctx() context.Context {
	c.start()
	return must(c.app.CreateQueryContext(c.height(), false))
}

func (c *Chain) clock() types.Clock {
	ctx := c.ctx()
	return must(c.app.Inference.ClockAt(ctx))
}

// Opened is the epoch that was opened last.
func (c *Chain) Opened() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clock().Opened
}

// Stage is the stage of the newest height.
func (c *Chain) Stage() epoch.Stage {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx := c.ctx()
	stage, _, err := c.app.Inference.StageNow(ctx)
	return must(stage, err)
}

// BlocksLeft is how many blocks of the stage follow the newest height.
func (c *Chain) BlocksLeft() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx := c.ctx()
	stage, record, err := c.app.Inference.StageNow(ctx)
	heights := epoch.Heights(must(record, err).Heights)
	return heights.Window(stage).Last - c.height()
}

// Params returns the parameters that tests of a network in memory run on: the
// test network's, with an epoch of 50 blocks.
func Params() types.Params {
	p := types.TestnetParams()
	p.PocExchangeBlocks, p.PocValidationExchangeBlocks, p.ModelLoadingBlocks, p.InferenceBlocks = 8, 8, 4, 25
	return p
}

// Model returns a governed model.
func Model(id string) types.Model {
	return types.Model{
		Id: id, Name: id, HfRepo: "ninefold/" + id, HfCommit: strings.Repeat("0", 39) + hex.EncodeToString([]byte{byte(len(id))})[1:],
		ModelArgs: []string{"--max-model-len", "128"}, VramGb: 1, ThroughputPerNonce: 1, UnitsOfComputePerToken: 1,
	}
}
