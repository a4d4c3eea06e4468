package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"

	"ninefold.dev/inference-chain/app"
)

// initCommand is the SDK's init with this chain's id, which it also writes into
// the client's configuration.
func initCommand(model *app.App) *cobra.Command {
	cmd := genutilcli.InitCmd(model.Basics(), app.DefaultHome())
	cmd.Short = "Create keys, configuration and an empty genesis in a home"
	cmd.Long = `Create the node's keys, its configuration and a genesis without accounts, models
and hosts. Add them with the genesis commands, or replace genesis.json by the
file of the network you want to join.`
	id := cmd.Flags().Lookup(flags.FlagChainID)
	id.DefValue, id.Usage = app.DefaultChainID, "chain id of the genesis file"
	_ = id.Value.Set(app.DefaultChainID) // a string flag takes every string
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return err
		}
		chainID, err := cmd.Flags().GetString(flags.FlagChainID)
		if err != nil {
			return err
		}
		return setClientChainID(client.GetClientContextFromCmd(cmd).HomeDir, chainID)
	}
	return cmd
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
