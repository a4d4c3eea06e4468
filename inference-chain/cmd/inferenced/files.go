package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	clientconfig "github.com/cosmos/cosmos-sdk/client/config"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// checkFiles refuses keys in a node's configuration files that nothing reads: a
// misspelt one would leave its setting at the default.
func checkFiles(cmd *cobra.Command) error {
	folder := filepath.Join(server.GetServerContextFromCmd(cmd).Config.RootDir, "config")
	comet, own := filepath.Join(folder, "config.toml"), filepath.Join(folder, "app.toml")
	config, app := cmtcfg.DefaultConfig(), serverconfig.DefaultConfig()
	if err := errors.Join(
		checkFile(comet, config, nil),
		// What start takes as a flag it also reads from app.toml.
		checkFile(own, app, flagNames(cmd)),
	); err != nil {
		return err
	}
	if err := config.ValidateBasic(); err != nil {
		return fmt.Errorf("%s: %w", comet, err)
	}
	if _, err := sdk.ParseDecCoins(app.MinGasPrices); err != nil {
		return fmt.Errorf("%s: minimum-gas-prices must be amounts with denominations, as %q, got %q", own, "0.025unine", app.MinGasPrices)
	}
	return nil
}

// checkClientFile refuses what nothing would make of a home's client.toml: commands
// would sign with another keyring, or print another format, than it says.
func checkClientFile(home string) error {
	path := filepath.Join(home, "config", "client.toml")
	file := clientconfig.DefaultConfig()
	if err := checkFile(path, file, nil); err != nil {
		return err
	}
	return errors.Join(
		oneOf(path, "keyring-backend", file.KeyringBackend, keyring.BackendOS, keyring.BackendFile, keyring.BackendKWallet, keyring.BackendPass, keyring.BackendTest, keyring.BackendMemory),
		oneOf(path, "output", file.Output, flags.OutputFormatText, flags.OutputFormatJSON),
		oneOf(path, "broadcast-mode", file.BroadcastMode, flags.BroadcastSync, flags.BroadcastAsync),
	)
}

func oneOf(path, key, got string, known ...string) error {
	if slices.Contains(known, got) {
		return nil
	}
	return fmt.Errorf("%s: %s must be one of %s, got %q", path, key, strings.Join(known, ", "), got)
}

// checkFile decodes a file into the shape it should have, and names the keys that
// are neither in the shape nor among others. Keys are compared in lower case.
func checkFile(path string, shape any, others []string) error {
	file := viper.New()
	file.SetConfigFile(path)
	if err := file.ReadInConfig(); errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var seen mapstructure.Metadata
	if err := file.Unmarshal(shape, func(c *mapstructure.DecoderConfig) {
		c.Metadata = &seen
		c.DecodeHook = mapstructure.ComposeDecodeHookFunc(refuseOtherKinds, c.DecodeHook)
	}); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	var failures []error
	for _, key := range slices.Sorted(slices.Values(seen.Unused)) {
		if !slices.Contains(others, key) {
			failures = append(failures, fmt.Errorf("%s: unknown key %q: remove it, or correct it after the file that `init` writes", path, key))
		}
	}
	return errors.Join(failures...)
}

// refuseOtherKinds refuses what the decoder would take for something else. Numbers in
// quotes stay: the files that init writes have them.
func refuseOtherKinds(from, to reflect.Type, value any) (any, error) {
	number := from.Kind() == reflect.Int64 || from.Kind() == reflect.Float64
	switch {
	case to == reflect.TypeFor[time.Duration]() && number:
		return nil, fmt.Errorf(`must be a duration, as "500ms" or "3s", got %v`, value)
	case from.Kind() == reflect.Float64 && to.Kind() >= reflect.Int && to.Kind() <= reflect.Uint64:
		return nil, fmt.Errorf("must be a whole number, got %v", value)
	case to.Kind() == reflect.Bool && from.Kind() != reflect.Bool:
		return nil, fmt.Errorf("must be true or false, got %v", value)
	}
	return value, nil
}

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, strings.ToLower(f.Name)) })
	return names
}
