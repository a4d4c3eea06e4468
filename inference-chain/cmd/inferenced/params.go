package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/params"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

const flagVocab = "vocab-size"

// paramsCommand groups what a proposal's author checks before proposing.
func paramsCommand() *cobra.Command {
	cmd := parent("params", "Derive and check parameters before proposing them")
	cmd.AddCommand(deriveTargetCommand(), checkParamsCommand())
	return cmd
}

// deriveTargetCommand derives the radius and its integer from valid_fraction.
func deriveTargetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "derive-target VALID_FRACTION",
		Short: "Derive r_target and cq from the share of nonces that should be valid",
		Long: `Derive r_target and cq. The share of random outputs within the radius depends on
their dimension, poc_model.vocab_size: the default parameters' unless
--vocab-size says otherwise.`,
		Example: `inferenced params derive-target 0.1`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			vocab, err := cmd.Flags().GetUint64(flagVocab)
			if err != nil {
				return err
			}
			fraction, err := fixed.Parse(args[0])
			if err != nil {
				return fmt.Errorf("valid_fraction: %w", err)
			}
			radius, err := fixed.RTargetFromFraction(fraction, vocab)
			if err != nil {
				return err
			}
			target, err := asDouble(radius)
			if err != nil {
				return err
			}
			cq, err := fixed.CqFromRTarget(target)
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(cmd.OutOrStdout())
			encoder.SetIndent("", "  ")
			return encoder.Encode(map[string]string{
				"valid_fraction": args[0], "r_target": target, "cq": strconv.FormatUint(cq, 10),
			})
		},
	}
	cmd.Flags().Uint64(flagVocab, params.Default().PocModel.VocabSize, "poc_model.vocab_size")
	return cmd
}

// asDouble writes a radius by the shortest decimal that stands for the same double:
// mlnodes report distances in doubles.
func asDouble(radius fixed.Dec) (string, error) {
	value, err := strconv.ParseFloat(radius.String(), 64)
	return strconv.FormatFloat(value, 'f', -1, 64), err
}

// checkParamsCommand refuses parameters that the chain would refuse.
func checkParamsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Check parameters, or a proposal that sets them, from a JSON file",
		Long: `Check a JSON file: parameters, a MsgUpdateParams, or a proposal for
"tx gov submit-proposal" with such messages. It checks what the chain checks when
the proposal is submitted.`,
		Example: `inferenced params check proposal.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			bz, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			found, err := paramsIn(cmd, bz)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, p := range found {
				if err := p.Validate(); err != nil {
					return err
				}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d set(s) of parameters are fine\n", len(found))
			return nil
		},
	}
}

// paramsIn finds the parameters of a file.
func paramsIn(cmd *cobra.Command, bz []byte) ([]inference.Params, error) {
	var shape struct {
		Messages []json.RawMessage `json:"messages"`
		Params   json.RawMessage   `json:"params"`
	}
	if err := json.Unmarshal(bz, &shape); err != nil {
		return nil, err
	}
	if shape.Messages == nil {
		if shape.Params != nil {
			bz = shape.Params
		}
		var p inference.Params
		err := fromJSON(cmd, bz, &p)
		return []inference.Params{p}, err
	}
	var found []inference.Params
	for _, message := range shape.Messages {
		var inner struct {
			Type   string          `json:"@type"`
			Params json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal(message, &inner); err != nil {
			return nil, err
		}
		if inner.Type != sdk.MsgTypeURL(&inference.MsgUpdateParams{}) {
			continue
		}
		var p inference.Params
		if err := fromJSON(cmd, inner.Params, &p); err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, nil
}
