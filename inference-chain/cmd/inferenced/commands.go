package main

import (
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/debug"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/keys"
	"github.com/cosmos/cosmos-sdk/client/pruning"
	"github.com/cosmos/cosmos-sdk/client/rpc"
	"github.com/cosmos/cosmos-sdk/client/snapshot"
	"github.com/cosmos/cosmos-sdk/server"
	authcmd "github.com/cosmos/cosmos-sdk/x/auth/client/cli"

	"ninefold.dev/inference-chain/app"
)

// addCommands adds everything that AutoCLI does not derive from the messages.
func addCommands(root *cobra.Command, model *app.App) {
	server.AddCommandsWithStartCmdOptions(root, app.DefaultHome(), newApp, nil, server.StartCmdOptions{DBOpener: app.OpenDB})
	remove(root, "export") // the SDK's
	guardStart(root, model)
	root.AddCommand(
		server.ModuleHashByHeightQuery(newApp),
		initCommand(model),
		exportCommand(),
		genesisCommand(model),
		paramsCommand(),
		consensusProofCommand(),
		registerHostCommand(),
		grantBrokerCommand(),
		server.StatusCommand(),
		keys.Commands(),
		queryCommand(),
		txCommand(),
		debug.Cmd(),
		pruning.Cmd(newApp, app.DefaultHome()),
		snapshot.Cmd(newApp),
	)
}

func remove(root *cobra.Command, name string) {
	for _, cmd := range root.Commands() {
		if cmd.Name() == name {
			root.RemoveCommand(cmd)
		}
	}
}

// queryCommand is the parent of the modules' queries, with those of blocks and
// transactions.
func queryCommand() *cobra.Command {
	cmd := parent("query", "Read the state of the chain", "q")
	cmd.AddCommand(
		rpc.WaitTxCmd(),
		server.QueryBlockCmd(),
		server.QueryBlocksCmd(),
		server.QueryBlockResultsCmd(),
		authcmd.QueryTxsByEventsCmd(),
		authcmd.QueryTxCmd(),
	)
	return cmd
}

// txCommand is the parent of the modules' messages, with signing and sending.
func txCommand() *cobra.Command {
	cmd := parent("tx", "Sign and send transactions")
	cmd.AddCommand(
		authcmd.GetSignCommand(),
		authcmd.GetSignBatchCommand(),
		authcmd.GetMultiSignCommand(),
		authcmd.GetMultiSignBatchCmd(),
		authcmd.GetValidateSignaturesCommand(),
		authcmd.GetBroadcastCommand(),
		authcmd.GetEncodeCommand(),
		authcmd.GetDecodeCommand(),
		authcmd.GetSimulateCmd(),
	)
	return cmd
}

func parent(use, short string, aliases ...string) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Aliases: aliases, RunE: client.ValidateCmd,
		SuggestionsMinimumDistance: 2, DisableFlagParsing: false,
	}
	if use == "query" || use == "tx" {
		cmd.PersistentFlags().String(flags.FlagChainID, "", "The network's chain id")
	}
	return cmd
}
