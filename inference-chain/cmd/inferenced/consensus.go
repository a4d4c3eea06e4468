package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// proof shows that a consensus key wants to belong to an account.
type proof struct {
	ChainID   string `json:"chain_id"`
	Account   string `json:"account"`
	Key       string `json:"consensus_key"`       // base64, 32 bytes
	Signature string `json:"consensus_key_proof"` // base64, 64 bytes
}

// consensusProofCommand signs (chain id, account) with the node's consensus key.
func consensusProofCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "consensus-proof ADDRESS_OR_KEY_NAME",
		Short: "Sign (chain id, account) with the node's consensus key, as registering a host needs it",
		Long: `Sign (chain id, account) with the consensus key of the home, for
MsgRegisterParticipant and MsgUpdateParticipant. The signed bytes cannot be
mistaken for a vote. The output is the signature in base64; with --output json
also the key and what was signed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			account, err := accountOf(cmd, args[0])
			if err != nil {
				return err
			}
			key, signature, err := prove(cmd, account)
			if err != nil {
				return err
			}
			return printProof(cmd, proof{
				ChainID:   client.GetClientContextFromCmd(cmd).ChainID,
				Account:   account.String(),
				Key:       base64.StdEncoding.EncodeToString(key),
				Signature: base64.StdEncoding.EncodeToString(signature),
			})
		},
	}
	cmd.Flags().String(flags.FlagChainID, "", "the network's chain id")
	cmd.Flags().String(flags.FlagKeyringBackend, flags.DefaultKeyringBackend, "where keys are kept (os|file|kwallet|pass|test)")
	cmd.Flags().StringP(flags.FlagOutput, "o", flags.OutputFormatText, "text or json")
	return cmd
}

func printProof(cmd *cobra.Command, p proof) error {
	format, err := cmd.Flags().GetString(flags.FlagOutput)
	if err != nil {
		return err
	}
	if format != flags.OutputFormatJSON {
		_, err := fmt.Fprintln(cmd.OutOrStdout(), p.Signature)
		return err
	}
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(p)
}

// prove signs for an account of the client's chain.
func prove(cmd *cobra.Command, account sdk.AccAddress) (key, signature []byte, err error) {
	consensus, err := loadConsensusKey(cmd)
	if err != nil {
		return nil, nil, err
	}
	chainID := client.GetClientContextFromCmd(cmd).ChainID
	signature, err = consensus.Key.PrivKey.Sign(inference.ConsensusKeyProofBytes(chainID, account))
	return consensus.Key.PubKey.Bytes(), signature, err
}

// registerHostCommand makes the signer a host with the node's consensus key.
func registerHostCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "register-host URL",
		Short:   "Register the signer as a host, with the consensus key of the home",
		Example: `inferenced register-host https://host.example --from cold`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			key, signature, err := prove(cmd, ctx.GetFromAddress())
			if err != nil {
				return err
			}
			metadata, err := cmd.Flags().GetString(flagMetadata)
			if err != nil {
				return err
			}
			return tx.GenerateOrBroadcastTxCLI(ctx, cmd.Flags(), &inference.MsgRegisterParticipant{
				Creator: ctx.GetFromAddress().String(), Url: args[0], Metadata: metadata,
				ConsensusKey: key, ConsensusKeyProof: signature,
			})
		},
	}
	cmd.Flags().String(flagMetadata, "", "free text for people")
	flags.AddTxFlagsToCmd(cmd)
	return cmd
}
