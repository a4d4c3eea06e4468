package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/app"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

const flagPreset = "preset"

// presets are the ready-made sets of parameters.
var presets = map[string]preset{
	"default": {params: inference.DefaultParams},
	"testnet": {params: inference.TestnetParams, others: map[string]map[string]string{
		govtypes.ModuleName: {
			"voting_period": `"10s"`, "expedited_voting_period": `"5s"`, "max_deposit_period": `"60s"`,
			"min_deposit":           `[{"denom":"` + app.BaseDenom + `","amount":"1000000"}]`,
			"expedited_min_deposit": `[{"denom":"` + app.BaseDenom + `","amount":"2000000"}]`,
		},
		slashingtypes.ModuleName: {
			"signed_blocks_window": `"20"`, "downtime_jail_duration": `"60s"`, // the least that x/slashing accepts
		},
	}},
}

// preset is a set of parameters: all of inference's, and some of other modules'.
type preset struct {
	params func() inference.Params
	others map[string]map[string]string // module → parameter → JSON
}

// setParamCommand sets parameters of genesis.
func setParamCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set-param [NAME VALUE]...",
		Short: "Set parameters of genesis, or with --preset all of them",
		Long: `Set parameters of genesis. NAME is a parameter of the inference module as in
docs/params.md (poc_model.dim for a part), or MODULE.NAME of another module, e.g.
gov.voting_period. With --preset testnet epochs last 60 blocks and votes 10 s.
The inference parameters must be legal together after each command: set those
that belong together, as valid_fraction, r_target and cq do, in one.`,
		Example: `inferenced genesis set-param --preset testnet
inferenced genesis set-param inference_blocks 50
inferenced genesis set-param valid_fraction 0.2 r_target 1.4076241903926525 cq 39930608
inferenced genesis set-param gov.voting_period 30s`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed(flagPreset) {
				return cobra.NoArgs(cmd, args)
			}
			if len(args) == 0 || len(args)%2 != 0 {
				return fmt.Errorf("%s takes pairs of a name and a value, got %d argument(s)", cmd.CommandPath(), len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := openGenesis(cmd)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed(flagPreset) {
				name, _ := cmd.Flags().GetString(flagPreset)
				err = file.applyPreset(name)
			} else {
				err = file.setParams(args)
			}
			if err != nil {
				return err
			}
			return file.save()
		},
	}
	cmd.Flags().String(flagPreset, "", "default or testnet")
	return cmd
}

func (f *genesisFile) applyPreset(name string) error {
	chosen, known := presets[name]
	if !known {
		return fmt.Errorf("unknown preset %q: want default or testnet", name)
	}
	var own inference.GenesisState
	if err := f.codec.UnmarshalJSON(f.state[inference.ModuleName], &own); err != nil {
		return err
	}
	own.Params = chosen.params()
	var err error
	if f.state[inference.ModuleName], err = f.codec.MarshalJSON(&own); err != nil {
		return err
	}
	for module, values := range chosen.others {
		for param, value := range values {
			if err := f.put(module, strings.Split(param, "."), json.RawMessage(value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// setParams sets pairs of a name and a value, and refuses what is not legal together.
func (f *genesisFile) setParams(pairs []string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := f.setParam(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	var own inference.GenesisState
	if err := f.codec.UnmarshalJSON(f.state[inference.ModuleName], &own); err != nil {
		return fmt.Errorf("%s: %w", inference.ModuleName, err)
	}
	return own.Params.Validate()
}

// setParam sets one parameter by its name.
func (f *genesisFile) setParam(name, value string) error {
	module, path := inference.ModuleName, strings.Split(name, ".")
	if _, isModule := f.state[path[0]]; isModule && len(path) > 1 {
		module, path = path[0], path[1:]
	}
	return f.put(module, path, rawValue(value))
}

// rawValue takes JSON as it is and everything else as a text; the codec reads
// numbers from either.
func rawValue(value string) json.RawMessage {
	if json.Valid([]byte(value)) {
		return json.RawMessage(value)
	}
	quoted, _ := json.Marshal(value) // a string can be encoded
	return quoted
}

// put replaces an existing parameter, keeping the kind of value that it had.
func (f *genesisFile) put(module string, path []string, value json.RawMessage) error {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(f.state[module], &state); err != nil {
		return fmt.Errorf("%s: %w", module, err)
	}
	params, err := replaced(state["params"], path, value)
	if err != nil {
		return fmt.Errorf("%s: %w", module, err)
	}
	state["params"] = params
	f.state[module], err = json.Marshal(state)
	return err
}

func replaced(object json.RawMessage, path []string, value json.RawMessage) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(object, &fields); err != nil {
		return nil, fmt.Errorf("%s has no parts: %w", path[0], err)
	}
	old, known := fields[path[0]]
	if !known {
		names := slices.Sorted(maps.Keys(fields))
		return nil, fmt.Errorf("unknown parameter %q; there are %s", path[0], strings.Join(names, ", "))
	}
	if len(path) > 1 {
		inner, err := replaced(old, path[1:], value)
		if err != nil {
			return nil, err
		}
		fields[path[0]] = inner
		return json.Marshal(fields)
	}
	if len(old) > 0 && old[0] == '"' && value[0] != '"' {
		value, _ = json.Marshal(string(value))
	}
	if want := kindOf(old); want != "" && kindOf(value) != want {
		return nil, fmt.Errorf("%s must be %s, got %s", path[0], want, value)
	}
	fields[path[0]] = value
	return json.Marshal(fields)
}

// kindOf says what a value is where another kind could not be read in its place, in
// words; nothing for texts.
func kindOf(value json.RawMessage) string {
	text := strings.Trim(string(value), `"`)
	switch {
	case text == "true" || text == "false":
		return "true or false"
	case text != "" && strings.Trim(text, "-.0123456789") == "":
		return "a number"
	}
	return ""
}
