package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
)

// checkFiles refuses keys in a node's configuration files that nothing reads: a
// misspelt one would leave its setting at the default.
func checkFiles(cmd *cobra.Command) error {
	folder := filepath.Join(server.GetServerContextFromCmd(cmd).Config.RootDir, "config")
	return errors.Join(
		checkFile(filepath.Join(folder, "config.toml"), &cmtcfg.Config{}, nil),
		// What start takes as a flag it also reads from app.toml.
		checkFile(filepath.Join(folder, "app.toml"), &serverconfig.Config{}, flagNames(cmd)),
	)
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
	if err := file.Unmarshal(shape, func(c *mapstructure.DecoderConfig) { c.Metadata = &seen }); err != nil {
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

func flagNames(cmd *cobra.Command) []string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, strings.ToLower(f.Name)) })
	return names
}
