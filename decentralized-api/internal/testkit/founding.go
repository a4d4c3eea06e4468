package testkit

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client/flags"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"

	"cosmossdk.io/log/v2"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/app"
	"ninefold.dev/inference-chain/x/inference/types"
)

// founding is genesis while hosts are added to it.
type founding struct {
	state    types.GenesisState
	accounts []authtypes.GenesisAccount
	grants   []authz.GrantAuthorization
}

// AddHost makes a member of epoch 0 whose grants an account holds. Its weight is
// spread over its nodes.
func (c *Chain) AddHost(address, warm, url string, weight uint64, nodes ...types.HardwareNode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.app != nil {
		panic("hosts are added before the first block") //nolint:forbidigo // a test that goes on would prove nothing
	}
	key := sha256.Sum256([]byte("consensus key of " + address))
	host := types.GenesisHost{Participant: types.Participant{Address: address, Url: url, ConsensusKey: key[:]}}
	for i, node := range nodes {
		share := weight*uint64(i+1)/uint64(len(nodes)) - weight*uint64(i)/uint64(len(nodes))
		host.Nodes = append(host.Nodes, types.GenesisNode{Node: node, Weight: share})
	}
	f := &c.founding
	f.state.Hosts = append(f.state.Hosts, host)
	f.accounts = append(f.accounts, authtypes.NewBaseAccount(rawAddress(warm), nil, uint64(len(f.accounts)), 0))
	for _, typeURL := range types.FreeMessages() {
		f.grants = append(f.grants, authz.GrantAuthorization{
			Granter: address, Grantee: warm,
			Authorization: must(codectypes.NewAnyWithValue(authz.NewGenericAuthorization(typeURL))),
		})
	}
}

// rawAddress is for addresses that were made by this package's users.
func rawAddress(text string) sdk.AccAddress {
	raw := must(chain.ParseAddress(text))
	return raw[:]
}

// start founds the network and makes its first block, once.
func (c *Chain) start() {
	if c.app != nil {
		return
	}
	c.app = c.newApp()
	c.found(c.founding.genesis(c.app), time.Now().Add(c.ahead))
	c.block()
}

func (c *Chain) newApp() *app.App {
	options := simtestutil.AppOptionsMap{flags.FlagHome: c.home}
	return must(app.New(log.NewNopLogger(), dbm.NewMemDB(), options,
		baseapp.SetChainID(ChainID), baseapp.SetMinGasPrices(app.DefaultMinGasPrice),
		baseapp.SetIAVLSyncPruning(true))) // no goroutine of the store outlives a test
}

// found starts the application from its genesis.
func (c *Chain) found(genesis []byte, at time.Time) {
	if c.app == nil {
		c.app = c.newApp()
	}
	params := app.GenesisConsensusParams().ToProto()
	result := must(c.app.InitChain(&abci.RequestInitChain{
		Time: at, ChainId: ChainID, InitialHeight: 1, ConsensusParams: &params, AppStateBytes: genesis,
	}))
	c.history = History{Genesis: genesis, Founded: at}
	c.signing.found(result.Validators)
}

func (f *founding) genesis(of *app.App) []byte {
	cdc := of.Encoding().Codec
	state := of.Basics().DefaultGenesis(cdc)
	state[authtypes.ModuleName] = cdc.MustMarshalJSON(authtypes.NewGenesisState(authtypes.DefaultParams(), slices.Clone(f.accounts)))
	state[authz.ModuleName] = cdc.MustMarshalJSON(authz.NewGenesisState(f.grants))
	state[types.ModuleName] = cdc.MustMarshalJSON(&f.state)
	return must(json.Marshal(state))
}
