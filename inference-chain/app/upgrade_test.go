package app

import (
	"os"
	"testing"

	abci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/stretchr/testify/require"

	"cosmossdk.io/log/v2"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	simtestutil "github.com/cosmos/cosmos-sdk/testutil/sims"
	sdk "github.com/cosmos/cosmos-sdk/types"
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
	extra := storetypes.NewKVStoreKeys("extra")
	upgraded.MountKVStores(extra)
	require.NoError(t, upgraded.prepareUpgrades([]Upgrade{{
		Name: plan.Name, Stores: storetypes.StoreUpgrades{Added: []string{"extra"}},
		Change: func(ctx sdk.Context, _ *App) error {
			ctx.KVStore(extra["extra"]).Set([]byte("key"), []byte("written"))
			return nil
		},
	}}))
	require.NoError(t, upgraded.LoadLatestVersion())
	n.app = upgraded
	n.until(plan.Height + 3)
	require.Equal(t, "written", string(n.ctx().KVStore(extra["extra"]).Get([]byte("key"))))
	done, err := upgraded.Upgrade.GetDoneHeight(n.ctx(), plan.Name)
	require.NoError(t, err)
	require.Equal(t, plan.Height, done)
}

func TestAnApplicationInMemoryLeavesNoFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := New(log.NewNopLogger(), dbm.NewMemDB(), simtestutil.EmptyAppOptions{})
	require.NoError(t, err)
	left, err := os.ReadDir(".")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAScheduledUpgradeOutlivesAnExport(t *testing.T) {
	n := newNetwork(t, 100, 30, 30, 30)
	plan := upgradetypes.Plan{Name: "second", Height: n.height + 20, Info: "what for"}
	id := n.propose(n.hosts[0], &upgradetypes.MsgSoftwareUpgrade{Authority: authority(), Plan: plan})
	require.Equal(t, govv1.StatusPassed, n.decide(id, yes).Status)
	next, _ := n.restarted()
	next.until(plan.Height - 1)
	found, err := next.app.Upgrade.GetUpgradePlan(next.ctx())
	require.NoError(t, err)
	require.Equal(t, plan, found)
	_, err = next.app.FinalizeBlock(&abci.RequestFinalizeBlock{Height: plan.Height, Time: next.now.Add(blockTime), Hash: make([]byte, 32)})
	require.ErrorContains(t, err, plan.Name, "the program that does not know it stops")
}

func TestAGenesisWithAPlanThatCannotBeScheduledIsRefused(t *testing.T) {
	app := newApp(t)
	module := upgradeModule{keeper: app.Upgrade}
	for name, text := range map[string]string{
		"no height": `{"plan":{"name":"second"}}`,
		"no name":   `{"plan":{"height":"7"}}`,
		"no plan":   `{"plan":"second"}`,
		"no object": `[]`,
	} {
		require.Error(t, module.ValidateGenesis(app.encoding.Codec, app.encoding.TxConfig, []byte(text)), name)
	}
	for _, text := range []string{"", "{}", `{"plan":{"name":"second","height":"7"}}`} {
		require.NoError(t, module.ValidateGenesis(app.encoding.Codec, app.encoding.TxConfig, []byte(text)), text)
	}
}
