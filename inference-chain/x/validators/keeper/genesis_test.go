package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// restart exports the state and starts a second chain from it, with the signing
// infos that x/slashing would carry over.
func (c *chain) restart() *chain {
	exported, err := c.keeper.ExportGenesis(c.ctx)
	require.NoError(c.t, err)
	next := newChain(c.t)
	next.ctx = next.ctx.WithBlockHeight(c.ctx.BlockHeight()).WithBlockTime(c.ctx.BlockTime())
	updates, err := next.keeper.InitGenesis(next.ctx, *exported)
	require.NoError(c.t, err)
	require.NoError(c.t, next.told.apply(updates))
	require.Equal(c.t, c.told, next.told)

	again, err := next.keeper.ExportGenesis(next.ctx)
	require.NoError(c.t, err)
	require.Equal(c.t, exported, again)
	return next
}

func TestAnExportIsImportedWithoutLoss(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.restart()
	c.untilJailed(t, 1)
	c.restart()
	c.block(c.handOver(1, append(four()[1:], withKey(1, 1, 10), member(5, 70))...))
	c.restart()
	c.doubleSigns(keyOf(2, 0))
	c.block()
	c.restart()
	c.block(c.handOver(2, four()...))
	c.restart()
}

func TestAnImportForgetsOldKeysWhenTheFirstChainWouldHave(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(c.handOver(1, four()[1:]...))
	next := c.restart()
	for range maxAgeBlocks {
		next.ctx = next.ctx.WithBlockHeight(next.ctx.BlockHeight() + 1).WithBlockTime(next.ctx.BlockTime().Add(blockTime))
		next.keeper.EndBlock(next.ctx)
		has, err := next.keeper.Validators.Has(next.ctx, operator(1))
		require.NoError(t, err)
		require.True(t, has)
	}
	next.ctx = next.ctx.WithBlockHeight(next.ctx.BlockHeight() + 1).WithBlockTime(next.ctx.BlockTime().Add(blockTime))
	next.keeper.EndBlock(next.ctx)
	has, err := next.keeper.Validators.Has(next.ctx, operator(1))
	require.NoError(t, err)
	require.False(t, has)
}

func TestWhatCouldNotBeToldBeforeAnExportIsToldAfterIt(t *testing.T) {
	c := newChain(t)
	c.genesis(member(1, 10))
	c.blocks(3)
	c.doubleSigns(keyOf(1, 0))
	c.block()
	next := c.restart()
	_, err := next.keeper.HandOver(next.ctx, 1, four()[1:], maxSet)
	require.NoError(t, err)
	require.NoError(t, next.told.apply(next.keeper.EndBlock(next.ctx)))
	require.ElementsMatch(t, []string{"2/0", "3/0", "4/0"}, names(t, next))
}

func TestGenesisWithoutAFoundingSetIsRefused(t *testing.T) {
	c := newChain(t)
	_, err := c.keeper.InitGenesis(c.ctx, *types.DefaultGenesis())
	require.ErrorIs(t, err, types.ErrEmptySet)
}

func TestGenesisIsChecked(t *testing.T) {
	good := func(t *testing.T) types.GenesisState {
		c := newChain(t)
		c.genesis(four()...)
		gs, err := c.keeper.ExportGenesis(c.ctx)
		require.NoError(t, err)
		return *gs
	}
	for name, spoil := range map[string]func(*types.GenesisState){
		"no period":                     func(gs *types.GenesisState) { gs.Period = nil },
		"a validator twice":             func(gs *types.GenesisState) { gs.Validators = append(gs.Validators, gs.Validators[0]) },
		"a key twice":                   func(gs *types.GenesisState) { gs.ConsensusAddresses[1] = gs.ConsensusAddresses[0] },
		"an address of another key":     func(gs *types.GenesisState) { gs.ConsensusAddresses[0].Address = []byte{1} },
		"an operator of another chain":  func(gs *types.GenesisState) { gs.ConsensusAddresses[0].Operator = "nine1x" },
		"a negative power":              func(gs *types.GenesisState) { gs.ConsensusAddresses[0].ToldPower = -1 },
		"a power its key does not have": func(gs *types.GenesisState) { gs.Validators[0].ToldPower++ },
		"a validator without its key":   func(gs *types.GenesisState) { gs.ConsensusAddresses = gs.ConsensusAddresses[1:] },
		"nobody with power": func(gs *types.GenesisState) {
			for i := range gs.Validators {
				gs.Validators[i].ToldPower, gs.ConsensusAddresses[i].ToldPower = 0, 0
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			gs := good(t)
			require.NoError(t, gs.Validate())
			spoil(&gs)
			want := types.ErrInvalidGenesis
			if name == "nobody with power" {
				want = types.ErrEmptySet
			}
			require.ErrorIs(t, gs.Validate(), want)
		})
	}
}

func TestAFailedStepTellsNothingAndIsTriedAgain(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	hooks := &brokenHooks{}
	c.block(func(ctx sdk.Context) {
		c.handOver(1, append(four(), member(5, 10))...)(ctx)
		c.keeper.SetHooks(hooks, c.slashing, c.rewards)
	})
	require.Len(t, c.told, 4)
	require.Equal(t, 1, c.events("validators.v1.EventStepFailed"))

	c.keeper.SetHooks(c.slashing.Hooks(), c.slashing, c.rewards)
	c.block()
	require.Len(t, c.told, 5)
}
