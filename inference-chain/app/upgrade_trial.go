//go:build upgradetest

package app

import (
	"encoding/binary"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// TrialUpgrade is an upgrade to try upgrading with: it mounts a store of that name
// and writes its own height there, so that who did not apply it has another app
// hash from then on, and everybody can look. No ordinary build contains it.
const TrialUpgrade = "trial"

// trialKey is where the height stands, as eight bytes, big endian.
var trialKey = []byte("height")

func init() {
	storeNames = append(storeNames, TrialUpgrade)
	upgrades = append(upgrades, Upgrade{
		Name:   TrialUpgrade,
		Stores: storetypes.StoreUpgrades{Added: []string{TrialUpgrade}},
		Change: func(ctx sdk.Context, app *App) error {
			height := binary.BigEndian.AppendUint64(nil, uint64(ctx.BlockHeight()))
			ctx.KVStore(app.keys[TrialUpgrade]).Set(trialKey, height)
			return nil
		},
	})
}
