// Package app is the chain: the SDK's modules and our two, wired by hand.
package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	autocliv1 "cosmossdk.io/api/cosmos/autocli/v1"
	reflectionv1 "cosmossdk.io/api/cosmos/reflection/v1"
	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cast"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/runtime"
	runtimeservices "github.com/cosmos/cosmos-sdk/runtime/services"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/types/msgservice"
	"github.com/cosmos/cosmos-sdk/version"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"

	"ninefold.dev/inference-chain/app/ante"
)

// App is the chain's application.
type App struct {
	*baseapp.BaseApp
	Keepers

	home         string // "" of an application that only lives in memory
	encoding     Encoding
	keys         map[string]*storetypes.KVStoreKey
	manager      *module.Manager
	basics       module.BasicManager
	configurator module.Configurator
}

var _ servertypes.Application = (*App)(nil)

// LatestHeight asks NewAt for the state after the last block.
const LatestHeight = -1

// New builds the application over a database and loads its latest state.
func New(logger log.Logger, db dbm.DB, options servertypes.AppOptions, base ...func(*baseapp.BaseApp)) (*App, error) {
	return NewAt(LatestHeight, logger, db, options, base...)
}

// NewAt builds the application over a database and loads the state after the
// block of a height, which must not be pruned.
func NewAt(height int64, logger log.Logger, db dbm.DB, options servertypes.AppOptions, base ...func(*baseapp.BaseApp)) (*App, error) {
	app, err := build(logger, db, options, base...)
	if err != nil {
		return nil, err
	}
	if err := app.prepareUpgrades(upgrades); err != nil {
		return nil, err
	}
	load := app.LoadLatestVersion
	if height != LatestHeight {
		load = func() error { return app.LoadVersion(height) }
	}
	if err := load(); err != nil {
		return nil, fmt.Errorf("load the state of height %d: %w", height, err)
	}
	if err := app.checkVersions(upgrades); err != nil {
		return nil, err
	}
	return app, nil
}

// build wires everything but loads no state.
func build(logger log.Logger, db dbm.DB, options servertypes.AppOptions, base ...func(*baseapp.BaseApp)) (*App, error) {
	encoding, err := NewEncoding()
	if err != nil {
		return nil, err
	}
	app := &App{
		BaseApp:  baseapp.NewBaseApp(Name, logger, db, encoding.TxConfig.TxDecoder(), base...),
		home:     cast.ToString(options.Get(flags.FlagHome)),
		encoding: encoding,
	}
	app.SetVersion(version.Version)
	app.SetInterfaceRegistry(encoding.Registry)
	app.SetTxEncoder(encoding.TxConfig.TxEncoder())

	keys := storetypes.NewKVStoreKeys(storeNames...)
	app.Keepers, err = wiring{
		Encoding: encoding, base: app.BaseApp, keys: keys,
		authority: authtypes.NewModuleAddress(govtypes.ModuleName).String(),
		comet:     runtime.ProvideCometInfoService(),
		home:      app.home,
		skip:      skippedUpgrades(options),
	}.build()
	if err != nil {
		return nil, fmt.Errorf("keepers: %w", err)
	}
	app.SetParamStore(app.Consensus.ParamsStore)
	app.keys = keys
	app.MountKVStores(keys)
	app.manager = newManager(encoding, app.Keepers)
	app.basics = newBasics(encoding, app.manager)
	if err := app.serve(); err != nil {
		return nil, err
	}
	return app, app.setHandlers()
}

// serve registers the modules' messages and queries.
func (app *App) serve() error {
	app.configurator = module.NewConfigurator(app.encoding.Codec, app.MsgServiceRouter(), app.GRPCQueryRouter())
	if err := app.manager.RegisterServices(app.configurator); err != nil {
		return fmt.Errorf("services: %w", err)
	}
	autocliv1.RegisterQueryServer(app.GRPCQueryRouter(), runtimeservices.NewAutoCLIQueryService(app.manager.Modules))
	reflection, err := runtimeservices.NewReflectionService()
	if err != nil {
		return fmt.Errorf("reflection: %w", err)
	}
	reflectionv1.RegisterReflectionServiceServer(app.GRPCQueryRouter(), reflection)
	return msgservice.ValidateProtoAnnotations(app.encoding.Registry)
}

// setHandlers sets what runs at genesis, before a transaction, and around blocks.
func (app *App) setHandlers() error {
	handler, err := ante.NewHandler(ante.Options{
		Accounts: app.Auth, Bank: app.Bank, FeeGrants: app.FeeGrant,
		SignModes: app.encoding.TxConfig.SignModeHandler(), Hosts: app.Inference, Grants: app.Authz,
	})
	if err != nil {
		return err
	}
	app.SetAnteHandler(handler)
	// A proposer that obeys takes no more than the block's gas; this holds the others
	// to it.
	app.SetDisableBlockGasMeter(false)
	app.SetInitChainer(app.initChain)
	app.SetPreBlocker(func(ctx sdk.Context, _ *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
		return app.manager.PreBlock(ctx)
	})
	app.SetBeginBlocker(app.manager.BeginBlock)
	app.SetEndBlocker(func(ctx sdk.Context) (sdk.EndBlock, error) {
		burnFees(ctx, app.Bank)
		return app.manager.EndBlock(ctx)
	})
	return nil
}

// initChain starts a chain from a genesis file.
func (app *App) initChain(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(req.AppStateBytes, &state); err != nil {
		return nil, fmt.Errorf("the genesis file's app_state: %w", err)
	}
	if err := app.Upgrade.SetModuleVersionMap(ctx, app.manager.GetVersionMap()); err != nil {
		return nil, err
	}
	res, err := app.manager.InitGenesis(ctx, app.encoding.Codec, state)
	if err != nil {
		return nil, err
	}
	app.openModuleAccounts(ctx)
	return res, nil
}

// openModuleAccounts creates the modules' accounts. Left to their first use they
// would be numbered by the block in which that happens.
func (app *App) openModuleAccounts(ctx sdk.Context) {
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		app.Auth.GetModuleAccount(ctx, name)
	}
}

// lastHeader is the header of the last committed block, as far as an export and
// its readers need it.
func (app *App) lastHeader() cmtproto.Header {
	return cmtproto.Header{Height: app.LastBlockHeight(), ChainID: app.ChainID()}
}

func skippedUpgrades(options servertypes.AppOptions) map[int64]bool {
	skip := map[int64]bool{}
	for _, height := range cast.ToIntSlice(options.Get(server.FlagUnsafeSkipUpgrades)) {
		skip[int64(height)] = true
	}
	return skip
}
