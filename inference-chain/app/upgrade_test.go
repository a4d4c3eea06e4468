package app

import (
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	govv1 "github.com/cosmos/cosmos-sdk/x/gov/types/v1"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// TestAnUpgradeStopsTheOldProgramAndMountsStoresInTheNewOne schedules an upgrade by
// vote, and goes on with a program that knows it and has one store more.
func TestAnUpgradeStopsTheOldProgramAndMountsStoresInTheNewOne(t *testing.T) {
	db, options := dbm.NewMemDB(), homeIn(t.TempDir())
	old, err := New(log.NewNopLogger(), db, options, baseOptions()...)
	require.NoError(t, err)
	n := newNetworkOn(t, old, inference.TestnetParams(), 100, 30, 30, 30)
	plan := upgradetypes.Plan{Name: "second", Height: n.height + 20}
	id := n.propose(n.hosts[0], &upgradetypes.MsgSoftwareUpgrade{Authority: authority(), Plan: plan})
	require.Equal(t, govv1.StatusPassed, n.decide(id, yes).Status)
	n.until(plan.Height - 1)
	_, err = n.app.FinalizeBlock(&abci.RequestFinalizeBlock{Height: plan.Height, Time: n.now.Add(blockTime), Hash: make([]byte, 32)})
	require.ErrorContains(t, err, plan.Name, "the old program stops")

	upgraded, err := build(log.NewNopLogger(), db, options, baseOptions()...)
	require.NoError(t, err)
	upgraded.MountKVStores(storetypes.NewKVStoreKeys("extra"))
	require.NoError(t, upgraded.prepareUpgrades([]Upgrade{{Name: plan.Name, Stores: storetypes.StoreUpgrades{Added: []string{"extra"}}}}))
	require.NoError(t, upgraded.LoadLatestVersion())
	n.app = upgraded
	n.until(plan.Height + 3)
	done, err := upgraded.Upgrade.GetDoneHeight(n.ctx(), plan.Name)
	require.NoError(t, err)
	require.Equal(t, plan.Height, done)
}
