package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/daemon"
)

func rootCommand(out io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use: "dapi", Short: "The broker of a Ninefold host",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.PersistentFlags().String("config", "dapi.toml", "configuration file")
	root.AddCommand(startCommand(out), configCommand(out), statusCommand(out), nodesCommand(out), reloadCommand(out), doctorCommand(out))
	return root
}

func load(cmd *cobra.Command) (config.Config, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(path)
}

func startCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "start", Short: "Run the broker until it is interrupted", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			again := func() (config.Config, error) { return load(cmd) }
			return daemon.Serve(cmd.Context(), c, again, logger(c.Log, out))
		},
	}
}

// logger writes what a configuration asks for; its values are checked.
func logger(c config.Log, out io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(out, options))
	}
	return slog.New(slog.NewTextHandler(out, options))
}

// group is a command of commands; a word that is none of them is refused.
func group(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

func configCommand(out io.Writer) *cobra.Command {
	parent := group("config", "Look at the configuration")
	parent.AddCommand(&cobra.Command{
		Use: "check", Short: "Read the configuration and say what is wrong with it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load(cmd)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(out, "configuration is fine: host %s on %s, %d nodes\n", c.Host.Address, c.ChainID, len(c.Nodes))
			return err
		},
	})
	return parent
}
