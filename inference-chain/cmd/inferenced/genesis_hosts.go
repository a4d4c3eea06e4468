package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cometbft/cometbft/privval"
	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/server"
	sdk "github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

const (
	flagURL          = "url"
	flagMetadata     = "metadata"
	flagNode         = "node"
	flagHardware     = "hardware"
	flagConsensusKey = "consensus-key"
)

// addModelCommand adds a governed model.
func addModelCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "add-model FILE",
		Short:   "Add a model to the registry of genesis, from a JSON file",
		Example: `inferenced genesis add-model model.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bz, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			var model inference.Model
			if err := fromJSON(cmd, bz, &model); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := model.Validate(); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return editInference(cmd, func(own *inference.GenesisState) error {
				for _, known := range own.Models {
					if known.Id == model.Id {
						return fmt.Errorf("model %s is there already", model.Id)
					}
				}
				own.Models = append(own.Models, model)
				return nil
			})
		},
	}
}

// addHostCommand adds a founding host.
func addHostCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add-host ADDRESS_OR_KEY_NAME",
		Short: "Add a founding host with its consensus key, nodes and their weights",
		Long: `Add a founding host: a member of epoch 0, which validates and judges the first
round. Each node has a weight; the host's voting power is their sum. The
consensus key is that of the home, unless --consensus-key names another one.
Models must have been added before.`,
		Example: `inferenced genesis add-host nine1… --url https://host.example \
  --node node1:100:org/model-a,org/model-b --node node2:50:org/model-a \
  --hardware node1:NVIDIA H200:8`,
		Args: cobra.ExactArgs(1),
		RunE: runAddHost,
	}
	cmd.Flags().String(flagURL, "", "public URL of the host's broker")
	cmd.Flags().String(flagMetadata, "", "free text for people")
	cmd.Flags().StringArray(flagNode, nil, "a node as ID:WEIGHT:MODEL[,MODEL…]; repeatable")
	cmd.Flags().StringArray(flagHardware, nil, "devices of a node as ID:TYPE:COUNT; repeatable")
	cmd.Flags().BytesBase64(flagConsensusKey, nil, "Ed25519 consensus public key in base64 (default: the key of the home)")
	cmd.Flags().String(flags.FlagKeyringBackend, flags.DefaultKeyringBackend, "where keys are kept (os|file|kwallet|pass|test)")
	_ = cmd.MarkFlagRequired(flagURL) // the flags exist
	_ = cmd.MarkFlagRequired(flagNode)
	return cmd
}

func runAddHost(cmd *cobra.Command, args []string) error {
	address, err := accountOf(cmd, args[0])
	if err != nil {
		return err
	}
	key, err := consensusKeyOf(cmd)
	if err != nil {
		return err
	}
	nodes, err := nodesOf(cmd)
	if err != nil {
		return err
	}
	url, _ := cmd.Flags().GetString(flagURL)
	metadata, _ := cmd.Flags().GetString(flagMetadata)
	host := inference.GenesisHost{
		Participant: inference.Participant{Address: address.String(), Url: url, Metadata: metadata, ConsensusKey: key},
		Nodes:       nodes,
	}
	return editInference(cmd, func(own *inference.GenesisState) error {
		if slices.ContainsFunc(own.Hosts, func(h inference.GenesisHost) bool { return h.Participant.Address == host.Participant.Address }) {
			return fmt.Errorf("host %s is there already", address)
		}
		own.Hosts = append(own.Hosts, host)
		return own.Validate()
	})
}

// accountOf reads an address, or looks a key's address up.
func accountOf(cmd *cobra.Command, text string) (sdk.AccAddress, error) {
	if address, err := sdk.AccAddressFromBech32(text); err == nil {
		return address, nil
	}
	ctx := client.GetClientContextFromCmd(cmd)
	ring := ctx.Keyring
	if backend, err := cmd.Flags().GetString(flags.FlagKeyringBackend); err == nil && cmd.Flags().Changed(flags.FlagKeyringBackend) {
		if ring, err = keyring.New(sdk.KeyringServiceName(), backend, ctx.HomeDir, cmd.InOrStdin(), ctx.Codec); err != nil {
			return nil, err
		}
	}
	if ring == nil {
		return nil, fmt.Errorf("%q is no address of this chain, and there is no keyring to look it up", text)
	}
	record, err := ring.Key(text)
	if err != nil {
		return nil, fmt.Errorf("%q is neither an address of this chain nor a key: %w", text, err)
	}
	return record.GetAddress()
}

// consensusKeyOf is the key of the flag, or of the home.
func consensusKeyOf(cmd *cobra.Command) ([]byte, error) {
	if cmd.Flags().Changed(flagConsensusKey) {
		return cmd.Flags().GetBytesBase64(flagConsensusKey)
	}
	key, err := loadConsensusKey(cmd)
	if err != nil {
		return nil, err
	}
	return key.Key.PubKey.Bytes(), nil
}

// loadConsensusKey reads the node's consensus key.
func loadConsensusKey(cmd *cobra.Command) (*privval.FilePV, error) {
	config := server.GetServerContextFromCmd(cmd).Config
	config.SetRoot(client.GetClientContextFromCmd(cmd).HomeDir)
	file := config.PrivValidatorKeyFile()
	if _, err := os.Stat(file); err != nil {
		return nil, fmt.Errorf("no consensus key: %w; `inferenced init` creates one", err)
	}
	return privval.LoadFilePVEmptyState(file, config.PrivValidatorStateFile()), nil
}

// nodesOf reads the nodes and their devices from the flags.
func nodesOf(cmd *cobra.Command) ([]inference.GenesisNode, error) {
	texts, err := cmd.Flags().GetStringArray(flagNode)
	if err != nil {
		return nil, err
	}
	nodes := make([]inference.GenesisNode, 0, len(texts))
	for _, text := range texts {
		node, err := parseNode(text)
		if err != nil {
			return nil, fmt.Errorf("--%s %q: %w", flagNode, text, err)
		}
		nodes = append(nodes, node)
	}
	devices, err := cmd.Flags().GetStringArray(flagHardware)
	if err != nil {
		return nil, err
	}
	for _, text := range devices {
		if err := addHardware(nodes, text); err != nil {
			return nil, fmt.Errorf("--%s %q: %w", flagHardware, text, err)
		}
	}
	return nodes, nil
}

func parseNode(text string) (inference.GenesisNode, error) {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 {
		return inference.GenesisNode{}, fmt.Errorf("want ID:WEIGHT:MODEL[,MODEL…]")
	}
	weight, err := strconv.ParseUint(parts[1], 10, 64)
	if err != nil {
		return inference.GenesisNode{}, fmt.Errorf("weight: %w", err)
	}
	node := inference.HardwareNode{LocalId: parts[0], Models: strings.Split(parts[2], ",")}
	return inference.GenesisNode{Node: node, Weight: weight}, node.Validate()
}

func addHardware(nodes []inference.GenesisNode, text string) error {
	id, rest, _ := strings.Cut(text, ":")
	kind, count, found := cutLast(rest, ":")
	if !found {
		return fmt.Errorf("want ID:TYPE:COUNT")
	}
	number, err := strconv.ParseUint(count, 10, 32)
	if err != nil {
		return fmt.Errorf("count: %w", err)
	}
	for i := range nodes {
		if nodes[i].Node.LocalId == id {
			nodes[i].Node.Hardware = append(nodes[i].Node.Hardware, inference.Hardware{Type: kind, Count: uint32(number)})
			return nodes[i].Node.Validate()
		}
	}
	return fmt.Errorf("no --%s has the id %q", flagNode, id)
}

func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}
