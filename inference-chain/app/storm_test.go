package app

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/log/v2"
	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/x/authz"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/invariant"
	inference "ninefold.dev/inference-chain/x/inference/types"
	validators "ninefold.dev/inference-chain/x/validators/types"
)

const (
	stormHosts     = 50
	stormStrangers = 8
	stormGas       = 4_000_000 // a diff of 256 nodes takes most of it
)

// storm is a network whose hosts send messages at random, mostly such that are
// accepted. It is driven by one source of chance alone, and writes down each block,
// so that other runs can play the same blocks again.
type storm struct {
	*network
	random    *rand.Rand
	strangers []actor                     // accounts that are no hosts at first
	brokers   map[string]actor            // by their host's address
	keys      map[string]*ed25519.PrivKey // every consensus key, by its public part

	ctx    sdk.Context // the state that the block under way is built on
	stage  epoch.Stage // of that block
	record inference.Epoch
	juries map[string][]sdk.AccAddress // whom a holder judges in this round
	busy   map[string]bool             // who signed a transaction of this block
	txs    [][]byte
	sent   []sent

	pending   *proposal // of this block
	proposals []proposal
	script    []scriptedBlock
	accepted  map[string]int // messages by type
	known     []sentinel     // our modules' errors
	refused   map[refusal]int
	paid      math.Int // fees
	founded   math.Int // supply at first
}

// sent is what a transaction of this block holds.
type sent struct {
	what string
	msgs []sdk.Msg
}

// scriptedBlock is everything that a block is made of.
type scriptedBlock struct {
	txs    [][]byte
	absent map[string]bool
	noHash bool
	hash   []byte // of the application, after it
}

// stormParams are short stages, and limits that are reached often.
func stormParams() inference.Params {
	p := inference.TestnetParams()
	p.PocExchangeBlocks, p.PocValidationExchangeBlocks, p.ModelLoadingBlocks, p.InferenceBlocks = 6, 6, 3, 26
	p.SampleSize, p.SeatsPerHost = 20, 8
	p.MaxNoncesPerNode, p.MaxBatchesPerNode = 200, 4
	p.FormationHostsPerBlock, p.SettlementHostsPerBlock, p.MaxPrunedKeysPerBlock = 7, 9, 400
	p.MaxModels, p.MaxValidators = 4, 20
	p.ClaimRetentionEpochs, p.EpochRetention = 3, 4
	return p
}

// newStormApp is an application in which one node gets POC_SLOT in each epoch.
func newStormApp(t testing.TB) *App {
	t.Helper()
	return newStormAppWith(t, func(*App) {})
}

func newStormAppWith(t testing.TB, change func(*App)) *App {
	t.Helper()
	app, err := build(log.NewNopLogger(), dbm.NewMemDB(), homeIn(t.TempDir()), baseOptions()...)
	require.NoError(t, err)
	app.SetEndBlocker(func(ctx sdk.Context) (sdk.EndBlock, error) {
		require.NoError(t, allocateOne(ctx, app))
		burnFees(ctx, app.Bank)
		return app.manager.EndBlock(ctx)
	})
	change(app)
	require.NoError(t, app.LoadLatestVersion())
	return app
}

// allocateOne gives POC_SLOT to a node of the strongest rank that has one, a block
// before a round opens.
func allocateOne(ctx sdk.Context, app *App) error {
	stage, record, err := app.Inference.StageNow(ctx)
	if err != nil || stage != epoch.Inference || ctx.BlockHeight() != record.Heights.NextPocStart-1 {
		return err
	}
	clock, err := app.Inference.ClockAt(ctx)
	if err != nil {
		return err
	}
	type nodeKey = collections.Quad[uint64, string, []byte, string]
	root := new(collections.Range[nodeKey]).Prefix(collections.QuadSuperPrefix[uint64, string, []byte, string](clock.Effective, ""))
	nodes, err := app.Inference.EpochNodes.Iterate(ctx, root)
	if err != nil {
		return err
	}
	rows, err := nodes.KeyValues()
	if err != nil {
		return err
	}
	for _, row := range rows {
		if len(row.Value.Models) == 0 {
			continue
		}
		for _, model := range []string{"", row.Value.Models[0]} {
			key := collections.Join4(clock.Effective, model, row.Key.K3(), row.Key.K4())
			node, err := app.Inference.EpochNodes.Get(ctx, key)
			if err != nil {
				return err
			}
			node.Info.TimeslotAllocation = []bool{true, true}
			if err := app.Inference.EpochNodes.Set(ctx, key, node); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

func newStorm(t testing.TB, seed int64) *storm {
	t.Helper()
	return newStormOn(t, newStormApp(t), seed)
}

func newStormOn(t testing.TB, app *App, seed int64) *storm {
	t.Helper()
	weights := make([]uint64, stormHosts)
	for i := range weights {
		weights[i] = uint64(40 + i%7)
	}
	s := &storm{
		random: rand.New(rand.NewSource(seed)), keys: map[string]*ed25519.PrivKey{}, brokers: map[string]actor{},
		accepted: map[string]int{}, known: sentinels(t), refused: map[refusal]int{}, paid: math.ZeroInt(),
	}
	s.network = newNetworkOn(t, app, stormParams(), weights...)
	s.gas = stormGas
	for i := range stormStrangers {
		s.strangers = append(s.strangers, newActor(fmt.Sprint("stranger ", i)))
	}
	for _, who := range slices.Concat(s.hosts, s.strangers) {
		s.keys[string(who.cons.PubKey().Bytes())] = who.cons
		s.brokers[who.String()] = warm(who)
	}
	s.founded = s.supply()
	s.script = append(s.script, scriptedBlock{hash: s.hash}) // the first block, which is empty
	s.prepare()
	return s
}

// prepare funds the strangers and grants every host's warm key what brokers need.
func (s *storm) prepare() {
	s.begin()
	for _, host := range s.hosts[1:] {
		s.send(host, txFee, "grants", grantsOf(s.t, host)...)
	}
	var gifts []sdk.Msg
	for _, stranger := range s.strangers {
		gifts = append(gifts, sendCoins(s.hosts[0], stranger, richStart/100))
	}
	s.send(s.hosts[0], txFee, "gifts", gifts...)
	s.end()
	s.begin()
	s.send(s.hosts[0], txFee, "grants", grantsOf(s.t, s.hosts[0])...)
	s.end()
}

func grantsOf(t testing.TB, host actor) []sdk.Msg {
	var grants []sdk.Msg
	for _, typeURL := range inference.FreeMessages() {
		grant, err := authz.NewMsgGrant(host.address(), warm(host).address(), authz.NewGenericAuthorization(typeURL), nil)
		require.NoError(t, err)
		grants = append(grants, grant)
	}
	return grants
}

// begin reads what the next block starts from.
func (s *storm) begin() {
	s.t.Helper()
	s.ctx = s.network.ctx().WithBlockHeight(s.height + 1)
	before := s.stage
	var err error
	s.stage, s.record, err = s.app.Inference.StageNow(s.ctx)
	require.NoError(s.t, err)
	s.busy, s.txs, s.sent = map[string]bool{}, nil, nil
	if s.stage == epoch.PocValidationExchange && before != s.stage {
		s.readJuries()
	}
}

// readJuries finds out who judges whom in this round.
func (s *storm) readJuries() {
	s.t.Helper()
	s.juries = map[string][]sdk.AccAddress{}
	for _, host := range s.everybody() {
		seats, _, err := s.app.Inference.JuryOf(s.ctx, s.record.Index, host.address())
		require.NoError(s.t, err)
		for _, seat := range seats {
			s.juries[string(seat.Holder)] = append(s.juries[string(seat.Holder)], host.address())
		}
	}
}

func (s *storm) everybody() []actor { return slices.Concat(s.hosts, s.strangers) }

// send adds a transaction to the block; an account sends one in a block.
func (s *storm) send(by actor, fee int64, what string, msgs ...sdk.Msg) bool {
	s.t.Helper()
	if len(msgs) == 0 || s.busy[by.String()] {
		return false
	}
	s.busy[by.String()] = true
	s.txs = append(s.txs, s.txPaying(by, fee, msgs...))
	s.sent = append(s.sent, sent{what, msgs})
	return true
}

// end runs the block and counts what became of its messages.
func (s *storm) end() {
	s.t.Helper()
	block := scriptedBlock{txs: s.txs, absent: maps.Clone(s.absent), noHash: s.noHash}
	results := s.block(s.txs...)
	block.hash = s.hash
	s.script = append(s.script, block)
	for i, result := range results {
		s.count(s.sent[i], result)
	}
	s.countSteps(block.noHash)
	s.countProposals()
}

func (s *storm) count(what sent, result *abci.ExecTxResult) {
	s.t.Helper()
	s.paid = s.paid.Add(feeOf(s.t, result))
	require.False(s.t, result.Codespace == sdkerrors.RootCodespace && result.Code == sdkerrors.ErrPanic.ABCICode(), "%s: %s", what.what, result.Log)
	if result.Code == abci.CodeTypeOK {
		if what.what == "proposal" {
			s.proposals = append(s.proposals, *s.pending)
		}
		for _, msg := range unwrapped(what.msgs) {
			s.accepted[sdk.MsgTypeURL(msg)]++
		}
		return
	}
	s.refused[refusal{result.Codespace, result.Code}]++
}

// feeOf is what a transaction paid, whether its messages were accepted or not.
func feeOf(t testing.TB, result *abci.ExecTxResult) math.Int {
	for _, event := range result.Events {
		if event.Type != sdk.EventTypeTx {
			continue
		}
		for _, attribute := range event.Attributes {
			if attribute.Key == sdk.AttributeKeyFee && attribute.Value != "" {
				coins, err := sdk.ParseCoinsNormalized(attribute.Value)
				require.NoError(t, err)
				return coins.AmountOf(BaseDenom)
			}
		}
	}
	return math.ZeroInt()
}

func unwrapped(msgs []sdk.Msg) []sdk.Msg {
	var inner []sdk.Msg
	for _, msg := range msgs {
		if exec, wrapped := msg.(*authz.MsgExec); wrapped {
			found, _ := exec.GetMessages()
			inner = append(inner, found...)
			continue
		}
		inner = append(inner, msg)
	}
	return inner
}

// countSteps refuses steps that failed, but for the one that a block without a hash
// makes fail.
func (s *storm) countSteps(noHash bool) {
	s.t.Helper()
	for _, event := range s.events {
		if event.Type != proto.MessageName(&inference.EventStepFailed{}) && event.Type != proto.MessageName(&validators.EventStepFailed{}) {
			continue
		}
		// When in the block an event happened is added to it, and is not JSON.
		event.Attributes = slices.DeleteFunc(event.Attributes, func(a abci.EventAttribute) bool { return a.Key == "mode" })
		parsed, err := sdk.ParseTypedEvent(event)
		require.NoError(s.t, err)
		failed, is := parsed.(*inference.EventStepFailed)
		require.True(s.t, is, "the consensus set: %s", parsed)
		require.True(s.t, noHash && strings.Contains(failed.Error, inference.ErrEmptyHash.Error()), "%s: %s", failed.Step, failed.Error)
		s.refused[refusalOf(inference.ErrEmptyHash)]++
	}
}

// proposal is one that is being voted on.
type proposal struct {
	id   uint64
	msgs []sdk.Msg
}

// countProposals looks at the proposals whose voting ended.
func (s *storm) countProposals() {
	s.t.Helper()
	ctx := s.network.ctx()
	s.proposals = slices.DeleteFunc(s.proposals, func(p proposal) bool {
		now, err := s.app.Gov.Proposals.Get(ctx, p.id)
		require.NoError(s.t, err)
		switch now.Status {
		case govv1.StatusPassed:
			for _, msg := range p.msgs {
				s.accepted[sdk.MsgTypeURL(msg)]++
			}
		case govv1.StatusFailed:
			for _, known := range s.known {
				if strings.Contains(now.FailedReason, known.err.Error()) {
					s.refused[refusalOf(known.err)]++
				}
			}
		case govv1.StatusRejected:
		default:
			return false
		}
		return true
	})
}

// turn plays one block.
func (s *storm) turn() {
	s.t.Helper()
	s.begin()
	s.toggleAbsence()
	s.noHash = s.stage == epoch.PocStart && s.random.Intn(8) == 0
	s.prove()
	s.judge()
	s.govern()
	for range s.random.Intn(5) {
		action := actions[s.random.Intn(len(actions))]
		action(s)
	}
	s.end()
}

// toggleAbsence lets a host miss signatures for a while.
func (s *storm) toggleAbsence() {
	if s.random.Intn(4) != 0 {
		return
	}
	key := string(s.hosts[s.random.Intn(len(s.hosts))].cons.PubKey().Bytes())
	if s.absent[key] {
		delete(s.absent, key)
	} else if len(s.absent) < 12 {
		s.absent[key] = true
	}
}

// check holds what must hold after every block: all sums of the state agree with
// their parts, as an import asks for, and so do the coins.
func (s *storm) check() {
	s.t.Helper()
	state, err := s.app.Inference.ExportGenesis(s.network.ctx())
	require.NoError(s.t, err)
	require.NoError(s.t, state.Validate(), "height %d", s.height)
	coins := invariant.Coins(s.network.ctx(), s.app.Bank, s.app.Inference, s.founded.Sub(s.paid))
	require.NoError(s.t, coins, "height %d", s.height)
}

// replay plays the blocks again on another application, with so many threads, and
// asks for the same hash after each.
func (s *storm) replay(threads int) {
	s.t.Helper()
	defer setThreads(threads)()
	weights := make([]uint64, stormHosts)
	for i := range weights {
		weights[i] = uint64(40 + i%7)
	}
	again := newNetworkOn(s.t, newStormApp(s.t), stormParams(), weights...)
	for i, block := range s.script[1:] {
		again.absent, again.noHash = block.absent, block.noHash
		again.block(block.txs...)
		require.True(s.t, bytes.Equal(block.hash, again.hash), "block %d of the script, height %d, with %d threads", i+1, again.height, threads)
	}
}

// govern proposes and votes.
func (s *storm) govern() {
	if len(s.proposals) == 0 && s.random.Intn(3) == 0 {
		s.propose()
	}
	for _, p := range s.proposals {
		for range 6 {
			voter := s.host()
			option := govv1.OptionYes
			if s.random.Intn(12) == 0 {
				option = govv1.OptionNo
			}
			s.send(voter, txFee, "vote", govv1.NewMsgVote(voter.address(), p.id, option, ""))
		}
	}
}

func (s *storm) propose() {
	by := s.host()
	msgs := s.governed()
	msg, err := govv1.NewMsgSubmitProposal(msgs, unine(10_000_000), by.String(), "", "title", "summary", false)
	require.NoError(s.t, err)
	id, err := s.app.Gov.ProposalID.Peek(s.ctx)
	require.NoError(s.t, err)
	if s.send(by, txFee, "proposal", msg) {
		s.pending = &proposal{id: id, msgs: msgs}
	}
}
