package main

import (
	"fmt"
	"os"

	cmtcfg "github.com/cometbft/cometbft/config"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"cosmossdk.io/client/v2/autocli"
	"cosmossdk.io/core/appmodule"
	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"ninefold.dev/inference-chain/app"
)

// newRoot builds the command line. An application over an empty memory tells it
// the modules and their messages.
func newRoot() (*cobra.Command, error) {
	model, err := app.New(log.NewNopLogger(), dbm.NewMemDB(), simtestutil.EmptyAppOptions{})
	if err != nil {
		return nil, err
	}
	root := ownRoot(model)
	encoding := model.Encoding()
	options := autocli.AppOptions{
		Modules:               autocliModules(model),
		AddressCodec:          encoding.Account,
		ValidatorAddressCodec: encoding.Validator,
		ConsensusAddressCodec: encoding.Consensus,
		ClientCtx:             clientDefaults(encoding),
	}
	if err := options.EnhanceRootCommand(root); err != nil {
		return nil, err
	}
	nameArguments(root)
	return root, nil
}

// ownRoot is the command line without what AutoCLI derives.
func ownRoot(model *app.App) *cobra.Command {
	defaults := clientDefaults(model.Encoding())
	root := &cobra.Command{
		Use:           app.Name,
		Short:         "A node of the Ninefold chain, and its command line",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return prepare(cmd, defaults)
		},
	}
	addCommands(root, model)
	return root
}

// clientDefaults is a client before flags and files say otherwise.
func clientDefaults(encoding app.Encoding) client.Context {
	return client.Context{}.
		WithCodec(encoding.Codec).
		WithInterfaceRegistry(encoding.Registry).
		WithTxConfig(encoding.TxConfig).
		WithLegacyAmino(encoding.Amino).
		WithInput(os.Stdin).
		WithAccountRetriever(authtypes.AccountRetriever{}).
		WithHomeDir(app.DefaultHome()).
		WithChainID(app.DefaultChainID).
		WithViper(envPrefix)
}

func autocliModules(model *app.App) map[string]appmodule.AppModule {
	modules := map[string]appmodule.AppModule{}
	for name, m := range model.Modules() {
		if m, ok := m.(appmodule.AppModule); ok {
			modules[name] = m
		}
	}
	return modules
}

// prepare reads the flags, the client's and the node's configuration before any
// command runs.
func prepare(cmd *cobra.Command, defaults client.Context) error {
	cmd.SetOut(cmd.OutOrStdout())
	cmd.SetErr(cmd.ErrOrStderr())
	ctx, err := client.ReadPersistentCommandFlags(defaults.WithCmdContext(cmd.Context()), cmd.Flags())
	if err != nil {
		return err
	}
	if err := checkClientFile(ctx.HomeDir); err != nil {
		return err
	}
	if ctx, err = config.ReadFromClientConfig(ctx); err != nil {
		return fmt.Errorf("client configuration in %s: %w", ctx.HomeDir, err)
	}
	if err := client.SetCmdClientContextHandler(ctx, cmd); err != nil {
		return err
	}
	template, values := appConfig()
	return server.InterceptConfigsPreRunHandler(cmd, template, values, cmtcfg.DefaultConfig())
}

// appConfig is app.toml of a fresh node: a minimum gas price, and REST beside gRPC
// on the local interface.
func appConfig() (string, any) {
	values := serverconfig.DefaultConfig()
	values.MinGasPrices = app.DefaultMinGasPrice
	values.API.Enable = true
	return serverconfig.DefaultConfigTemplate, *values
}
