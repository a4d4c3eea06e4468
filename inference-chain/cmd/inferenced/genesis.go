package main

import (
	"encoding/json"
	"fmt"

	"github.com/cosmos/gogoproto/proto"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/x/genutil"
	genutilcli "github.com/cosmos/cosmos-sdk/x/genutil/client/cli"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"ninefold.dev/inference-chain/app"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

// genesisCommand groups what founds a network.
func genesisCommand(model *app.App) *cobra.Command {
	cmd := parent("genesis", "Found a network: accounts, models, hosts and parameters of genesis.json")
	account := genutilcli.AddGenesisAccountCmd(app.DefaultHome(), model.Encoding().Account)
	account.Use = "add-account [address_or_key_name] [coin][,[coin]]"
	account.Aliases = []string{"add-genesis-account"}
	account.Short = "Add an account with coins"
	validate := genutilcli.ValidateGenesisCmd(model.Basics())
	validate.Short = "Check whether a chain could start from the genesis file"
	cmd.AddCommand(account, addModelCommand(), addHostCommand(), setParamCommand(), validate)
	return cmd
}

// genesisFile is a genesis file being edited.
type genesisFile struct {
	path  string
	codec codec.JSONCodec
	doc   *genutiltypes.AppGenesis
	state map[string]json.RawMessage
}

func openGenesis(cmd *cobra.Command) (*genesisFile, error) {
	ctx := client.GetClientContextFromCmd(cmd)
	config := server.GetServerContextFromCmd(cmd).Config
	config.SetRoot(ctx.HomeDir)
	path := config.GenesisFile()
	state, doc, err := genutiltypes.GenesisStateFromGenFile(path)
	if err != nil {
		return nil, fmt.Errorf("genesis file %s: %w; `%s init` creates one", path, err, app.Name)
	}
	return &genesisFile{path: path, codec: ctx.Codec, doc: doc, state: state}, nil
}

// editInference changes the inference module's part and writes the file.
func editInference(cmd *cobra.Command, change func(*inference.GenesisState) error) error {
	file, err := openGenesis(cmd)
	if err != nil {
		return err
	}
	var own inference.GenesisState
	if err := file.codec.UnmarshalJSON(file.state[inference.ModuleName], &own); err != nil {
		return fmt.Errorf("genesis file %s, %s: %w", file.path, inference.ModuleName, err)
	}
	if err := change(&own); err != nil {
		return err
	}
	if file.state[inference.ModuleName], err = file.codec.MarshalJSON(&own); err != nil {
		return err
	}
	return file.save()
}

func (f *genesisFile) save() error {
	state, err := json.MarshalIndent(f.state, "", "  ")
	if err != nil {
		return err
	}
	f.doc.AppState = state
	return genutil.ExportGenesisFile(f.doc, f.path)
}

// fromJSON reads a message from JSON, refusing unknown fields.
func fromJSON(cmd *cobra.Command, bz []byte, into proto.Message) error {
	return client.GetClientContextFromCmd(cmd).Codec.UnmarshalJSON(bz, into)
}
