package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/authz"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

const flagExpires = "expires-in"

// grantBrokerCommand lets a broker's warm key send for the host.
func grantBrokerCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grant-broker WARM_ADDRESS",
		Short: "Let a broker's key send the host's five free messages",
		Long: `Grant a broker's warm key exactly what it needs: to submit hardware diffs, PoC
batches and validations, to settle usage, and to claim rewards, which go to the
host. The signer's key can then stay offline. All grants are in one transaction;
running it again renews them.`,
		Example: `inferenced grant-broker nine1… --from cold`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, err := client.GetClientTxContext(cmd)
			if err != nil {
				return err
			}
			warm, err := sdk.AccAddressFromBech32(args[0])
			if err != nil {
				return fmt.Errorf("warm address %q: %w", args[0], err)
			}
			expires, err := cmd.Flags().GetDuration(flagExpires)
			if err != nil {
				return err
			}
			grants, err := brokerGrants(ctx.GetFromAddress(), warm, expiration(expires))
			if err != nil {
				return err
			}
			return tx.GenerateOrBroadcastTxCLI(ctx, cmd.Flags(), grants...)
		},
	}
	cmd.Flags().Duration(flagExpires, 0, "how long the grants last; 0 is for ever")
	flags.AddTxFlagsToCmd(cmd)
	_ = cmd.Flags().Set(flags.FlagGas, flags.GasFlagAuto) // five messages take more than the default
	return cmd
}

func expiration(in time.Duration) *time.Time {
	if in == 0 {
		return nil
	}
	at := time.Now().Add(in)
	return &at
}

// brokerGrants lists the messages that grant the host's free messages.
func brokerGrants(host, warm sdk.AccAddress, expires *time.Time) ([]sdk.Msg, error) {
	var grants []sdk.Msg
	for _, typeURL := range inference.FreeMessages() {
		grant, err := authz.NewMsgGrant(host, warm, authz.NewGenericAuthorization(typeURL), expires)
		if err != nil {
			return nil, err
		}
		grants = append(grants, grant)
	}
	return grants, nil
}
