package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// ErrZeroHeight refuses an export for a new chain.
var ErrZeroHeight = errors.New("an export continues the same chain at its next height; heights of epochs cannot be moved to another one")

// ExportAppStateAndValidators writes the state for the same chain at the next
// height, in whatever stage it is. modules limits it to some of them; empty is
// all.
func (app *App) ExportAppStateAndValidators(forZeroHeight bool, modules []string) (servertypes.ExportedApp, error) {
	if forZeroHeight {
		return servertypes.ExportedApp{}, ErrZeroHeight
	}
	ctx := app.NewContextLegacy(true, app.lastHeader())
	state, err := app.manager.ExportGenesisForModules(ctx, app.encoding.Codec, modules)
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	bz, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return servertypes.ExportedApp{}, err
	}
	validators, err := app.exportValidators(ctx)
	return servertypes.ExportedApp{
		AppState:        bz,
		Validators:      validators,
		Height:          app.LastBlockHeight() + 1,
		ConsensusParams: app.GetConsensusParams(ctx),
	}, err
}

// LastBlockTime is the time of the block whose state was loaded.
func (app *App) LastBlockTime() (time.Time, error) {
	store, ok := app.CommitMultiStore().(interface {
		GetCommitInfo(version int64) (*storetypes.CommitInfo, error)
	})
	if !ok {
		return time.Time{}, fmt.Errorf("%T keeps no times of blocks", app.CommitMultiStore())
	}
	commit, err := store.GetCommitInfo(app.LastBlockHeight())
	if err != nil {
		return time.Time{}, fmt.Errorf("time of block %d: %w", app.LastBlockHeight(), err)
	}
	return commit.Timestamp, nil
}

// exportValidators lists the set that CometBFT was told, as the genesis file
// repeats it.
func (app *App) exportValidators(ctx sdk.Context) ([]cmttypes.GenesisValidator, error) {
	told, err := app.Validators.Told(ctx)
	if err != nil {
		return nil, err
	}
	validators := make([]cmttypes.GenesisValidator, 0, len(told))
	for _, row := range told {
		key, err := cryptocodec.ToCmtPubKeyInterface(&ed25519.PubKey{Key: row.ConsensusKey})
		if err != nil {
			return nil, fmt.Errorf("consensus key %X: %w", row.ConsensusKey, err)
		}
		validators = append(validators, cmttypes.GenesisValidator{
			Address: key.Address(), PubKey: key, Power: row.ToldPower, Name: row.Operator,
		})
	}
	return validators, nil
}
