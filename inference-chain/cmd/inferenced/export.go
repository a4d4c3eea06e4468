package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/version"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"ninefold.dev/inference-chain/app"
)

// exportCommand writes a genesis from which the same chain goes on. The SDK's own
// keeps the time of the old genesis, at which the first block after it would be:
// years before the blocks that the state speaks of.
func exportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the state as a genesis file from which the same chain goes on",
		Long: `Write the state as a genesis file. A chain that starts from it goes on at the next
height, in the stage in which it was, with the same chain id. The node must be
stopped. All nodes write the same file at the same height.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			height, err := cmd.Flags().GetInt64(server.FlagHeight)
			if err != nil {
				return err
			}
			modules, err := cmd.Flags().GetStringSlice(server.FlagModulesToExport)
			if err != nil {
				return err
			}
			doc, err := exportGenesis(cmd, height, modules)
			if err != nil {
				return fmt.Errorf("export: %w", err)
			}
			return writeExport(cmd, doc)
		},
	}
	cmd.Flags().Int64(server.FlagHeight, app.LatestHeight, "height to export; -1 is the latest")
	cmd.Flags().StringSlice(server.FlagModulesToExport, nil, "modules to export; empty is all, as a chain needs them")
	cmd.Flags().String(flags.FlagOutputDocument, "", "file to write instead of the standard output")
	return cmd
}

// exportGenesis reads the state of a home. It logs to the error output: the state
// goes to the standard one.
func exportGenesis(cmd *cobra.Command, height int64, modules []string) (*genutiltypes.AppGenesis, error) {
	ctx := server.GetServerContextFromCmd(cmd)
	doc, err := genutiltypes.AppGenesisFromFile(ctx.Config.GenesisFile())
	if err != nil {
		return nil, err
	}
	db, err := app.OpenDB(ctx.Config.RootDir, server.GetAppDBBackend(ctx.Viper))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	node, err := app.NewAt(height, log.NewLogger(os.Stderr), db, ctx.Viper, server.DefaultBaseappOptions(ctx.Viper)...)
	if err != nil {
		return nil, err
	}
	exported, err := node.ExportAppStateAndValidators(false, modules)
	if err != nil {
		return nil, err
	}
	if doc.GenesisTime, err = node.LastBlockTime(); err != nil {
		return nil, err
	}
	doc.AppName, doc.AppVersion = version.AppName, version.Version
	doc.AppState, doc.InitialHeight = exported.AppState, exported.Height
	doc.Consensus = genutiltypes.NewConsensusGenesis(exported.ConsensusParams, exported.Validators)
	return doc, nil
}

func writeExport(cmd *cobra.Command, doc *genutiltypes.AppGenesis) error {
	file, err := cmd.Flags().GetString(flags.FlagOutputDocument)
	if err != nil {
		return err
	}
	if file != "" {
		return doc.SaveAs(file)
	}
	return json.NewEncoder(cmd.OutOrStdout()).Encode(doc)
}
