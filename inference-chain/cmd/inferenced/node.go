package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/spf13/cobra"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"
	serverconfig "github.com/cosmos/cosmos-sdk/server/config"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	"ninefold.dev/inference-chain/app"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

// buildError is an application that could not be built.
type buildError struct{ error }

// newApp builds the application of a node. The interface has no error; main prints
// what is thrown here.
func newApp(logger log.Logger, db dbm.DB, options servertypes.AppOptions) servertypes.Application {
	node, err := app.New(logger, db, options, server.DefaultBaseappOptions(options)...)
	if err != nil {
		panic(buildError{fmt.Errorf("home %v: %w", options.Get(flags.FlagHome), err)})
	}
	return node
}

// guardStart lets start say plainly what is wrong with the home or the ports,
// before anything is opened.
func guardStart(root *cobra.Command, model *app.App) {
	for _, cmd := range root.Commands() {
		if cmd.Name() != "start" {
			continue
		}
		before := cmd.PreRunE
		cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
			if err := checkHome(cmd, model); err != nil {
				return err
			}
			if err := checkFiles(cmd); err != nil {
				return err
			}
			if err := checkPorts(cmd); err != nil {
				return err
			}
			if before == nil {
				return nil
			}
			return before(cmd, args)
		}
	}
}

// checkHome refuses a home without genesis, of another program, or whose genesis
// could not start.
func checkHome(cmd *cobra.Command, model *app.App) error {
	ctx := server.GetServerContextFromCmd(cmd)
	file := ctx.Config.GenesisFile()
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no genesis file at %s: copy the network's genesis there, or found a network with `%s init` and `%s genesis`", file, app.Name, app.Name)
	}
	state, genesis, err := genutiltypes.GenesisStateFromGenFile(file)
	if err != nil {
		return fmt.Errorf("genesis file %s: %w", file, err)
	}
	if genesis.AppName != "" && genesis.AppName != app.Name {
		return fmt.Errorf("%s belongs to %q, not to %s: choose another --home", ctx.Config.RootDir, genesis.AppName, app.Name)
	}
	if state[inference.ModuleName] == nil {
		return fmt.Errorf("genesis file %s has no %q state: it is of another chain, or of an incompatible version", file, inference.ModuleName)
	}
	if _, err := os.Stat(filepath.Join(ctx.Config.DBDir(), "application.db")); err == nil {
		return nil
	}
	clientCtx := client.GetClientContextFromCmd(cmd)
	if err := model.Basics().ValidateGenesis(clientCtx.Codec, clientCtx.TxConfig, state); err != nil {
		return fmt.Errorf("genesis file %s cannot start a chain: %w", file, err)
	}
	return nil
}

// checkPorts tries the addresses the node will listen on.
func checkPorts(cmd *cobra.Command) error {
	ctx := server.GetServerContextFromCmd(cmd)
	cfg, err := serverconfig.GetConfig(ctx.Viper)
	if err != nil {
		return fmt.Errorf("app.toml: %w", err)
	}
	wanted := []struct{ name, address string }{
		{"rpc.laddr in config.toml", ctx.Config.RPC.ListenAddress},
		{"p2p.laddr in config.toml", ctx.Config.P2P.ListenAddress},
	}
	if cfg.API.Enable {
		wanted = append(wanted, struct{ name, address string }{"api.address in app.toml", cfg.API.Address})
	}
	if cfg.GRPC.Enable {
		wanted = append(wanted, struct{ name, address string }{"grpc.address in app.toml", cfg.GRPC.Address})
	}
	for _, w := range wanted {
		if err := checkPort(cmd, w.address); err != nil {
			return fmt.Errorf("cannot listen on %s (%s): %w", w.address, w.name, err)
		}
	}
	return nil
}

func checkPort(cmd *cobra.Command, address string) error {
	network, place, found := strings.Cut(address, "://")
	if !found {
		network, place = "tcp", address
	}
	if network != "tcp" || place == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(cmd.Context(), network, place)
	if err != nil {
		return err
	}
	return listener.Close()
}
