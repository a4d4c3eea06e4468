package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/telemetry"
	"github.com/cosmos/cosmos-sdk/version"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"ninefold.dev/inference-chain/app"
)

const flagOverwrite = "overwrite"

// initCommand creates a home. The SDK's own prints the whole genesis, and has a
// chain id of its own for every network.
func initCommand(model *app.App) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init MONIKER",
		Short: "Create keys, configuration and an empty genesis in a home",
		Long: `Create the node's keys, its configuration and a genesis without accounts, models
and hosts. Add them with the genesis commands, or replace genesis.json by the
file of the network you want to join. Keys that exist are kept.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runInit(cmd, model, args[0])
		},
	}
	cmd.Flags().String(flags.FlagChainID, app.DefaultChainID, "chain id of the genesis file")
	cmd.Flags().BoolP(flagOverwrite, "o", false, "replace a genesis file that exists")
	cmd.Flags().Int64(flags.FlagInitHeight, 1, "height of the first block")
	return cmd
}

func runInit(cmd *cobra.Command, model *app.App, moniker string) error {
	ctx := client.GetClientContextFromCmd(cmd)
	config := server.GetServerContextFromCmd(cmd).Config
	config.SetRoot(ctx.HomeDir)
	config.Moniker = moniker
	overwrite, err := cmd.Flags().GetBool(flagOverwrite)
	if err != nil {
		return err
	}
	if _, err := os.Stat(config.GenesisFile()); !errors.Is(err, os.ErrNotExist) && !overwrite {
		return fmt.Errorf("genesis file %s exists; --%s replaces it", config.GenesisFile(), flagOverwrite)
	}
	nodeID, _, err := genutil.InitializeNodeValidatorFiles(config)
	if err != nil {
		return err
	}
	chainID, err := writeGenesis(cmd, model, config.GenesisFile())
	if err != nil {
		return err
	}
	cmtcfg.WriteConfigFile(filepath.Join(ctx.HomeDir, "config", "config.toml"), config)
	if err := os.WriteFile(filepath.Join(ctx.HomeDir, "config", telemetry.OtelFileName), nil, 0o600); err != nil {
		return err
	}
	if err := setClientChainID(ctx.HomeDir, chainID); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s: home of node %s (%s) for %s\n", ctx.HomeDir, moniker, nodeID, chainID)
	return nil
}

// writeGenesis writes the modules' defaults, and returns the chain id.
func writeGenesis(cmd *cobra.Command, model *app.App, file string) (chainID string, err error) {
	if chainID, err = cmd.Flags().GetString(flags.FlagChainID); err != nil {
		return "", err
	}
	first, err := cmd.Flags().GetInt64(flags.FlagInitHeight)
	if err != nil {
		return "", err
	}
	state, err := json.MarshalIndent(model.Basics().DefaultGenesis(model.Encoding().Codec), "", "  ")
	if err != nil {
		return "", err
	}
	doc := genutiltypes.AppGenesis{
		AppName: app.Name, AppVersion: version.Version, ChainID: chainID, InitialHeight: max(first, 1), AppState: state,
		Consensus: &genutiltypes.ConsensusGenesis{Params: app.GenesisConsensusParams()},
	}
	return chainID, genutil.ExportGenesisFile(&doc, file)
}

var chainIDLine = regexp.MustCompile(`(?m)^chain-id\s*=.*$`)

// setClientChainID makes commands in this home sign for the chain.
func setClientChainID(home, chainID string) error {
	file := filepath.Join(home, "config", "client.toml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text = chainIDLine.ReplaceAllLiteral(text, fmt.Appendf(nil, "chain-id = %q", chainID))
	return os.WriteFile(file, text, 0o600) //nolint:gosec // the home is the caller's to choose
}
