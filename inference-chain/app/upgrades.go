package app

import (
	"context"
	"fmt"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"
)

// Upgrade is a named change of the state that governance schedules.
type Upgrade struct {
	// Name is the name in the plan.
	Name string
	// Stores are the stores that appear or go with it.
	Stores storetypes.StoreUpgrades
	// Change is what it changes besides the modules' own migrations, which come
	// first; nil when that is all. An error halts the chain at the plan's height.
	Change func(ctx sdk.Context, app *App) error
}

// upgrades lists every upgrade this program knows; none since its first version.
var upgrades []Upgrade

// prepareUpgrades registers what runs at the upgrades' heights, and mounts new
// stores when the node was stopped for one of them.
func (app *App) prepareUpgrades(known []Upgrade) error {
	for _, u := range known {
		app.Upgrade.SetUpgradeHandler(u.Name, app.upgradeHandler(u))
	}
	u, height, err := app.pendingUpgrade(known)
	if err == nil && u != nil {
		app.SetStoreLoader(upgradetypes.UpgradeStoreLoader(height, &u.Stores))
	}
	return err
}

// pendingUpgrade returns the upgrade that the node was stopped for, with its height;
// none when it was not, when this program does not have it, or when it is skipped.
func (app *App) pendingUpgrade(known []Upgrade) (*Upgrade, int64, error) {
	if app.home == "" {
		return nil, 0, nil // the keeper would make ./data to look into
	}
	pending, err := app.Upgrade.ReadUpgradeInfoFromDisk()
	if err != nil {
		return nil, 0, fmt.Errorf("upgrade info: %w", err)
	}
	for i := range known {
		if known[i].Name == pending.Name && !app.Upgrade.IsSkipHeight(pending.Height) {
			return &known[i], pending.Height, nil
		}
	}
	return nil, 0, nil
}

func (app *App) upgradeHandler(u Upgrade) upgradetypes.UpgradeHandler {
	return func(ctx context.Context, _ upgradetypes.Plan, from module.VersionMap) (module.VersionMap, error) {
		versions, err := app.manager.RunMigrations(ctx, app.configurator, from)
		if err != nil || u.Change == nil {
			return versions, err
		}
		return versions, u.Change(sdk.UnwrapSDKContext(ctx), app)
	}
}
