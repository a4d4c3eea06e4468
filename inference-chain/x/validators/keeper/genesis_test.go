package keeper_test

import (
	"math"
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

// TestJailedTimeAndPowersOfGenesisAreChecked: an export with jailed time is damaged in
// one way at a time.
func TestJailedTimeAndPowersOfGenesisAreChecked(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(func(ctx sdk.Context) { require.NoError(t, c.staking.Jail(ctx, types.AddressOf(keyOf(1, 0)))) })
	c.block(c.handOver(3, four()...))
	c.block(c.handOver(5, four()...))
	for _, tc := range []struct {
		name string
		harm func(*types.GenesisState)
		want string
	}{
		{"nothing", func(*types.GenesisState) {}, ""},
		{"jailed time twice", func(gs *types.GenesisState) { gs.PeriodJails = append(gs.PeriodJails, gs.PeriodJails[0]) }, "period_jails[2]: period 0 of " + operator(1).String() + " must stand once"},
		{"jailed time in the running period", func(gs *types.GenesisState) { gs.PeriodJails[1].Period = 5 }, "period_jails[1].period: must be below 5, the running period, got 5"},
		{"jailed time before the running period", func(gs *types.GenesisState) { gs.PeriodJails[1].Period = 4 }, ""},
		{"jailed time of no blocks", func(gs *types.GenesisState) { gs.PeriodJails[0].Blocks = 0 }, "period_jails[0].blocks: "},
		{"jailed time of another chain", func(gs *types.GenesisState) { gs.PeriodJails[0].Operator = "nine1x" }, "period_jails[0].operator: "},
		{"a period of nobody", func(gs *types.GenesisState) { gs.Period.MaxValidators = 0 }, "period: since must be at least 0 and max_validators at least 1, got "},
		{"a period before the first block", func(gs *types.GenesisState) { gs.Period.Since = -1 }, "period: since must be at least 0"},
		{"powers beyond 63 bits", func(gs *types.GenesisState) {
			gs.ConsensusAddresses[0].ToldPower, gs.ConsensusAddresses[1].ToldPower = math.MaxInt64, math.MaxInt64
		}, "told_power must be at most 1152921504606846975, so that all are at most 1152921504606846975 together, got 9223372036854775807"},
		{"the most power there may be", func(gs *types.GenesisState) { tellFirst(gs, math.MaxInt64/8) }, ""},
		{"one more than the most", func(gs *types.GenesisState) { tellFirst(gs, math.MaxInt64/8+1) }, "so that all are at most"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			gs, err := c.keeper.ExportGenesis(c.ctx)
			require.NoError(t, err)
			require.Len(t, gs.PeriodJails, 2)
			tc.harm(gs)
			err = gs.Validate()
			if tc.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, types.ErrInvalidGenesis)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// tellFirst gives the first key with power what the others leave of a sum.
func tellFirst(gs *types.GenesisState, sum int64) {
	told := func() (total int64) {
		for _, row := range gs.ConsensusAddresses {
			total += row.ToldPower
		}
		return total
	}
	for i := range gs.ConsensusAddresses {
		row := &gs.ConsensusAddresses[i]
		if row.ToldPower == 0 {
			continue
		}
		row.ToldPower += sum - told()
		for j := range gs.Validators {
			if gs.Validators[j].Operator == row.Operator {
				gs.Validators[j].ToldPower = row.ToldPower
			}
		}
		return
	}
}
