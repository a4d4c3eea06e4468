// Package validators keeps the consensus set of a chain whose voting power is
// compute: keys, powers and jail. It takes the place of x/staking.
package validators

import (
	"context"
	"encoding/json"
	"fmt"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/grpc-ecosystem/grpc-gateway/runtime"

	"cosmossdk.io/core/appmodule"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"ninefold.dev/inference-chain/x/validators/keeper"
	"ninefold.dev/inference-chain/x/validators/types"
)

var (
	_ module.AppModuleBasic  = AppModule{}
	_ module.HasABCIGenesis  = AppModule{}
	_ module.HasABCIEndBlock = AppModule{}
	_ module.HasServices     = AppModule{}
	_ appmodule.AppModule    = AppModule{}
)

// AppModule plugs the consensus set into the application.
type AppModule struct {
	keeper  *keeper.Keeper
	staking keeper.Staking
}

// NewAppModule returns the module; staking is the view it serves to clients of
// the staking query service.
func NewAppModule(keeper *keeper.Keeper, staking keeper.Staking) AppModule {
	return AppModule{keeper: keeper, staking: staking}
}

// IsOnePerModuleType marks the module for dependency injection; unused here.
func (AppModule) IsOnePerModuleType() {}

// IsAppModule marks the type as a module.
func (AppModule) IsAppModule() {}

// Name names the module.
func (AppModule) Name() string { return types.ModuleName }

// ConsensusVersion grows with every change of the stored state.
func (AppModule) ConsensusVersion() uint64 { return 1 }

// RegisterLegacyAminoCodec registers nothing: the module has no messages.
func (AppModule) RegisterLegacyAminoCodec(*codec.LegacyAmino) {}

// RegisterInterfaces registers nothing: the module has no messages.
func (AppModule) RegisterInterfaces(codectypes.InterfaceRegistry) {}

// RegisterGRPCGatewayRoutes serves the module's queries, and the read side of
// staking's, over REST.
func (AppModule) RegisterGRPCGatewayRoutes(clientCtx client.Context, mux *runtime.ServeMux) {
	if err := types.RegisterQueryHandlerClient(context.Background(), mux, types.NewQueryClient(clientCtx)); err != nil {
		panic(err)
	}
	if err := stakingtypes.RegisterQueryHandlerClient(context.Background(), mux, stakingtypes.NewQueryClient(clientCtx)); err != nil {
		panic(err)
	}
}

// RegisterServices serves the module's queries and the read side of staking's.
func (am AppModule) RegisterServices(cfg module.Configurator) {
	types.RegisterQueryServer(cfg.QueryServer(), keeper.NewQuerier(am.keeper))
	stakingtypes.RegisterQueryServer(cfg.QueryServer(), keeper.NewStakingQuerier(am.staking))
}

// DefaultGenesis is empty: founding hosts stand in the inference module's.
func (AppModule) DefaultGenesis(cdc codec.JSONCodec) json.RawMessage {
	return cdc.MustMarshalJSON(types.DefaultGenesis())
}

// ValidateGenesis checks an imported set.
func (AppModule) ValidateGenesis(cdc codec.JSONCodec, _ client.TxEncodingConfig, bz json.RawMessage) error {
	var gs types.GenesisState
	if err := cdc.UnmarshalJSON(bz, &gs); err != nil {
		return fmt.Errorf("genesis of %s: %w", types.ModuleName, err)
	}
	return gs.Validate()
}

// InitGenesis returns the set the chain starts with. The SDK's interface has no
// error, and a chain must not start without a set: it panics.
func (am AppModule) InitGenesis(ctx sdk.Context, cdc codec.JSONCodec, bz json.RawMessage) []abci.ValidatorUpdate {
	var gs types.GenesisState
	cdc.MustUnmarshalJSON(bz, &gs)
	updates, err := am.keeper.InitGenesis(ctx, gs)
	if err != nil {
		panic(fmt.Errorf("genesis of %s: %w", types.ModuleName, err))
	}
	return updates
}

// ExportGenesis reads the whole state.
func (am AppModule) ExportGenesis(ctx sdk.Context, cdc codec.JSONCodec) json.RawMessage {
	gs, err := am.keeper.ExportGenesis(ctx)
	if err != nil {
		panic(fmt.Errorf("export of %s: %w", types.ModuleName, err))
	}
	return cdc.MustMarshalJSON(gs)
}

// EndBlock returns what CometBFT has not been told yet.
func (am AppModule) EndBlock(ctx context.Context) ([]abci.ValidatorUpdate, error) {
	return am.keeper.EndBlock(sdk.UnwrapSDKContext(ctx)), nil
}
