package app

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"
	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

const (
	testChainID = "ninefold-test-1"
	testModel   = "org/model"
	blockTime   = 2 * time.Second
	richStart   = 1_000_000_000
	votingTime  = 10 * time.Second
	txGas       = 2_000_000
	txFee       = 50_000
)

// actor is an account with its keys.
type actor struct {
	key     *secp256k1.PrivKey
	cons    *ed25519.PrivKey
	account sdk.AccAddress
}

func newActor(name string) actor {
	key := secp256k1.GenPrivKeyFromSecret([]byte("account of " + name))
	return actor{
		key:     key,
		cons:    ed25519.GenPrivKeyFromSecret([]byte("consensus key of " + name)),
		account: sdk.AccAddress(key.PubKey().Address()),
	}
}

func (a actor) address() sdk.AccAddress { return a.account }
func (a actor) String() string          { return a.account.String() }

// network is the application with everything around it that CometBFT does: it
// proposes, signs and applies updates two blocks later.
type network struct {
	t      testing.TB
	app    *App
	hosts  []actor
	height int64
	now    time.Time

	sets   []map[string]int64 // by consensus key: of the next block's last commit, and later ones
	absent map[string]bool
	blame  []abci.Misbehavior
	gas    uint64       // of a transaction
	noHash bool         // the next block has no hash
	events []abci.Event // of the last block's begin and end
	hash   []byte
}

func newApp(t testing.TB) *App {
	t.Helper()
	app, err := New(log.NewNopLogger(), dbm.NewMemDB(), homeIn(t.TempDir()), baseOptions()...)
	require.NoError(t, err)
	return app
}

func homeIn(dir string) servertypes.AppOptions {
	return simtestutil.AppOptionsMap{flags.FlagHome: dir}
}

func baseOptions() []func(*baseapp.BaseApp) {
	return []func(*baseapp.BaseApp){baseapp.SetChainID(testChainID), baseapp.SetMinGasPrices(DefaultMinGasPrice)}
}

// newNetwork starts a chain with founding hosts of the given weights.
func newNetwork(t testing.TB, weights ...uint64) *network {
	t.Helper()
	return newNetworkWith(t, inference.TestnetParams(), weights...)
}

func newNetworkWith(t testing.TB, params inference.Params, weights ...uint64) *network {
	t.Helper()
	return newNetworkOn(t, newApp(t), params, weights...)
}

func newNetworkOn(t testing.TB, app *App, params inference.Params, weights ...uint64) *network {
	t.Helper()
	n := &network{t: t, app: app, now: time.Unix(1_700_000_000, 0).UTC(), absent: map[string]bool{}, gas: txGas}
	for i := range weights {
		n.hosts = append(n.hosts, newActor(fmt.Sprint("host ", i)))
	}
	res, err := n.app.InitChain(&abci.RequestInitChain{
		Time: n.now, ChainId: testChainID, InitialHeight: 1, ConsensusParams: consensusParams(),
		AppStateBytes: n.genesis(params, weights),
	})
	require.NoError(t, err)
	n.start(res.Validators)
	n.block() // genesis can be read once it is committed
	return n
}

func consensusParams() *cmtproto.ConsensusParams {
	params := GenesisConsensusParams().ToProto()
	return &params
}

// start takes the set of genesis as that of the first blocks.
func (n *network) start(validators []abci.ValidatorUpdate) {
	set := map[string]int64{}
	for _, v := range validators {
		set[string(v.PubKey.GetEd25519())] = v.Power
	}
	n.sets = []map[string]int64{set, set}
}

func (n *network) genesis(params inference.Params, weights []uint64) []byte {
	state := n.app.Basics().DefaultGenesis(n.app.encoding.Codec)
	cdc := n.app.encoding.Codec
	own := inference.GenesisState{Params: params, Models: []inference.Model{model(testModel)}}
	var accounts []authtypes.GenesisAccount
	bank := banktypes.DefaultGenesisState()
	for i, host := range n.hosts {
		accounts = append(accounts, authtypes.NewBaseAccount(host.address(), nil, 0, 0))
		bank.Balances = append(bank.Balances, banktypes.Balance{Address: host.String(), Coins: unine(richStart)})
		own.Hosts = append(own.Hosts, inference.GenesisHost{
			Participant: inference.Participant{
				Address: host.String(), Url: "https://host.example", ConsensusKey: host.cons.PubKey().Bytes(),
			},
			Nodes: []inference.GenesisNode{{Node: node("n1"), Weight: weights[i]}},
		})
	}
	gov := govv1.DefaultGenesisState()
	voting, expedited := votingTime, votingTime/2
	gov.Params.VotingPeriod, gov.Params.ExpeditedVotingPeriod = &voting, &expedited
	slashing := slashingtypes.DefaultGenesisState()
	slashing.Params.SignedBlocksWindow, slashing.Params.DowntimeJailDuration = 10, 3*blockTime
	state[authtypes.ModuleName] = cdc.MustMarshalJSON(authtypes.NewGenesisState(authtypes.DefaultParams(), accounts))
	state[banktypes.ModuleName] = cdc.MustMarshalJSON(bank)
	state[govtypes.ModuleName] = cdc.MustMarshalJSON(gov)
	state[slashingtypes.ModuleName] = cdc.MustMarshalJSON(slashing)
	state[inference.ModuleName] = cdc.MustMarshalJSON(&own)
	bz, err := json.Marshal(state)
	require.NoError(n.t, err)
	return bz
}

func model(id string) inference.Model {
	return inference.Model{
		Id: id, Name: "Model", HfRepo: "org/model", HfCommit: "0123456789012345678901234567890123456789",
		VramGb: 80, ThroughputPerNonce: 1_000_000, UnitsOfComputePerToken: 1,
	}
}

func node(id string) inference.HardwareNode {
	return inference.HardwareNode{LocalId: id, Models: []string{testModel}, Hardware: []inference.Hardware{{Type: "GPU", Count: 1}}}
}

func unine(amount int64) sdk.Coins { return sdk.NewCoins(sdk.NewInt64Coin(BaseDenom, amount)) }

// block runs a block and returns what became of its transactions.
func (n *network) block(txs ...[]byte) []*abci.ExecTxResult {
	n.t.Helper()
	n.height++
	n.now = n.now.Add(blockTime)
	res, err := n.app.FinalizeBlock(&abci.RequestFinalizeBlock{
		Txs: txs, Height: n.height, Time: n.now, Hash: n.blockHash(), DecidedLastCommit: n.lastCommit(), Misbehavior: n.blame,
	})
	require.NoError(n.t, err)
	n.blame, n.noHash, n.events = nil, false, res.Events
	n.update(res.ValidatorUpdates)
	_, err = n.app.Commit()
	require.NoError(n.t, err)
	n.hash = res.AppHash
	return res.TxResults
}

func (n *network) blockHash() []byte {
	if n.noHash {
		return nil
	}
	hash := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(testChainID), uint64(n.height)))
	return hash[:]
}

// lastCommit lists who had to sign the block before, by consensus address.
func (n *network) lastCommit() abci.CommitInfo {
	var commit abci.CommitInfo
	if n.height == 1 {
		return commit
	}
	set := n.sets[0]
	n.sets = n.sets[1:]
	for _, key := range slices.Sorted(maps.Keys(set)) {
		flag := cmtproto.BlockIDFlagCommit
		if n.absent[key] {
			flag = cmtproto.BlockIDFlagAbsent
		}
		commit.Votes = append(commit.Votes, abci.VoteInfo{
			Validator:   abci.Validator{Address: (&ed25519.PubKey{Key: []byte(key)}).Address(), Power: set[key]},
			BlockIdFlag: flag,
		})
	}
	return commit
}

func (n *network) update(updates []abci.ValidatorUpdate) {
	n.t.Helper()
	next := maps.Clone(n.sets[len(n.sets)-1])
	for _, u := range updates {
		key := string(u.PubKey.GetEd25519())
		if u.Power == 0 {
			require.Contains(n.t, next, key, "CometBFT refuses to remove whom it does not know")
			delete(next, key)
			continue
		}
		next[key] = u.Power
	}
	require.NotEmpty(n.t, next)
	n.sets = append(n.sets, next)
}

// until runs blocks up to and including a height.
func (n *network) until(height int64) {
	n.t.Helper()
	for n.height < height {
		n.block()
	}
}

// must runs a block whose transactions all succeed.
func (n *network) must(txs ...[]byte) {
	n.t.Helper()
	for _, res := range n.block(txs...) {
		require.Zero(n.t, res.Code, res.Log)
	}
}

// ctx reads the state of the last block.
func (n *network) ctx() sdk.Context { return n.app.NewContextLegacy(true, n.app.lastHeader()) }

// tx signs messages with the fee of an ordinary transaction.
func (n *network) tx(by actor, msgs ...sdk.Msg) []byte { return n.txPaying(by, txFee, msgs...) }

// free signs messages without a fee.
func (n *network) free(by actor, msgs ...sdk.Msg) []byte { return n.txPaying(by, 0, msgs...) }

func (n *network) txPaying(by actor, fee int64, msgs ...sdk.Msg) []byte {
	n.t.Helper()
	return n.sign(by, fee, n.account(by).GetSequence(), msgs...)
}

func (n *network) account(of actor) sdk.AccountI {
	n.t.Helper()
	account := n.app.Auth.GetAccount(n.ctx(), of.address())
	require.NotNil(n.t, account, "%s has no account", of)
	return account
}

func (n *network) sign(by actor, fee int64, sequence uint64, msgs ...sdk.Msg) []byte {
	n.t.Helper()
	tx, err := simtestutil.GenSignedMockTx(rand.New(rand.NewSource(1)), n.app.encoding.TxConfig, msgs, unine(fee), n.gas,
		testChainID, []uint64{n.account(by).GetAccountNumber()}, []uint64{sequence}, by.key)
	require.NoError(n.t, err)
	bz, err := n.app.encoding.TxConfig.TxEncoder()(tx)
	require.NoError(n.t, err)
	return bz
}

// check asks the mempool.
func (n *network) check(tx []byte) *abci.ResponseCheckTx {
	n.t.Helper()
	res, err := n.app.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_New})
	require.NoError(n.t, err)
	return res
}

func (n *network) balance(of sdk.AccAddress) int64 {
	return n.app.Bank.GetBalance(n.ctx(), of, BaseDenom).Amount.Int64()
}

func (n *network) supply() math.Int { return n.app.Bank.GetSupply(n.ctx(), BaseDenom).Amount }

func sendCoins(from, to actor, amount int64) sdk.Msg {
	return banktypes.NewMsgSend(from.address(), to.address(), unine(amount))
}

// setThreads sets how many threads run Go code, and returns what sets it back.
func setThreads(threads int) (reset func()) {
	before := goruntime.GOMAXPROCS(threads)
	return func() { goruntime.GOMAXPROCS(before) }
}

func (n *network) power(of actor) int64 {
	return n.sets[len(n.sets)-1][string(of.cons.PubKey().Bytes())]
}

func (n *network) clock() inference.Clock {
	n.t.Helper()
	clock, err := n.app.Inference.ClockAt(n.ctx())
	require.NoError(n.t, err)
	return clock
}

func (n *network) epoch(index uint64) inference.Epoch {
	n.t.Helper()
	epoch, err := n.app.Inference.EpochAt(n.ctx(), index)
	require.NoError(n.t, err)
	return epoch
}

// restarted exports the chain and starts another application from it.
func (n *network) restarted() (*network, servertypes.ExportedApp) {
	n.t.Helper()
	exported, err := n.app.ExportAppStateAndValidators(false, nil)
	require.NoError(n.t, err)
	next := &network{
		t: n.t, app: newApp(n.t), hosts: n.hosts, height: n.height, now: n.now, absent: map[string]bool{}, gas: n.gas,
	}
	res, err := next.app.InitChain(&abci.RequestInitChain{
		Time: n.now, ChainId: testChainID, InitialHeight: exported.Height, ConsensusParams: &exported.ConsensusParams,
		Validators: genesisUpdates(exported.Validators), AppStateBytes: exported.AppState,
	})
	require.NoError(n.t, err)
	next.start(res.Validators)
	return next, exported
}

func genesisUpdates(validators []cmttypes.GenesisValidator) []abci.ValidatorUpdate {
	var updates []abci.ValidatorUpdate
	for _, v := range validators {
		updates = append(updates, abci.Ed25519ValidatorUpdate(v.PubKey.Bytes(), v.Power))
	}
	return updates
}
