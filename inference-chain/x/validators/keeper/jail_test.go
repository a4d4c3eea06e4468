package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// untilJailed lets a host miss blocks until x/slashing jails it.
func (c *chain) untilJailed(t *testing.T, host int) {
	t.Helper()
	key := string(c.record(host).ConsensusKey)
	c.absent[key] = struct{}{}
	for range 20 {
		if c.block(); c.record(host).Jailed {
			delete(c.absent, key)
			return
		}
	}
	t.Fatal("the host was never jailed")
}

func TestAHostThatMissesBlocksLosesItsPowerAndGetsItBack(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.untilJailed(t, 1)
	require.ElementsMatch(t, []string{"2/0", "3/0", "4/0"}, names(t, c))
	require.Equal(t, int64(10), c.record(1).Power, "the set still gives it power")

	c.blocks(2)
	require.ErrorIs(t, c.unjail(1), slashingtypes.ErrValidatorJailed, "the term is three blocks")
	c.blocks(1)
	c.block(func(sdk.Context) { require.NoError(t, c.unjail(1)) })
	require.Len(t, c.told, 4)
	require.ErrorIs(t, c.unjail(1), slashingtypes.ErrValidatorNotJailed)
	c.blocks(6)
	require.False(t, c.record(1).Jailed, "the window starts anew")
}

func TestJailedBlocksCountFromTheBlockOfTheJailToTheBlockBeforeTheUnjail(t *testing.T) {
	jail := func(c *chain) func(sdk.Context) {
		return func(ctx sdk.Context) { require.NoError(c.t, c.staking.Jail(ctx, types.AddressOf(keyOf(1, 0)))) }
	}
	unjail := func(c *chain) func(sdk.Context) {
		return func(ctx sdk.Context) { require.NoError(c.t, c.staking.Unjail(ctx, types.AddressOf(keyOf(1, 0)))) }
	}
	for name, tc := range map[string]struct {
		jail, unjail, handOver int // heights; 0 never
		first, second          uint64
	}{
		"never":                                  {0, 0, 10, 0, 0},
		"in and out in one block":                {4, 4, 10, 0, 0},
		"one block":                              {4, 5, 10, 1, 0},
		"up to the hand-over":                    {8, 0, 10, 3, 5},
		"jailed in the block of the hand-over":   {10, 0, 10, 1, 5},
		"unjailed in the block of the hand-over": {8, 10, 10, 2, 0},
		"unjailed in the next period":            {8, 13, 10, 3, 2},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t)
			c.genesis(four()...)
			for height := 1; height <= 15; height++ {
				var txs []func(sdk.Context)
				if height == tc.jail {
					txs = append(txs, jail(c))
				}
				if height == tc.unjail {
					txs = append(txs, unjail(c))
				}
				switch height {
				case tc.handOver:
					txs = append(txs, c.handOver(1, four()...))
				case 15:
					txs = append(txs, c.handOver(2, four()...))
				}
				c.block(txs...)
			}
			for period, want := range []uint64{tc.first, tc.second} {
				blocks, err := c.keeper.JailedBlocks(c.ctx, uint64(period), operator(1))
				require.NoError(t, err)
				require.Equal(t, want, blocks, "period %d", period)
			}
		})
	}
}

func TestAKeyThatSignedTwiceNeverComesBackAndItsHostLosesTheReward(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	c.doubleSigns(keyOf(1, 0))
	c.block()

	require.Len(t, c.told, 3)
	require.Equal(t, []string{operator(1).String() + " double_sign"}, c.rewards.lost)
	tombstoned, err := c.keeper.IsTombstoned(c.ctx, operator(1))
	require.NoError(t, err)
	require.True(t, tombstoned)
	c.blocks(50)
	require.ErrorIs(t, c.unjail(1), slashingtypes.ErrValidatorJailed)

	c.block(c.handOver(1, four()...))
	require.Equal(t, 1, c.events("validators.v1.EventMemberLeftOut"))
	c.blocks(2 * maxAgeBlocks)
	require.Len(t, c.told, 3, "the old key stays out, however long ago")

	c.block(c.handOver(2, append(four()[1:], withKey(1, 1, 10))...))
	require.ElementsMatch(t, []string{"1/1", "2/0", "3/0", "4/0"}, names(t, c))
	require.False(t, c.record(1).Jailed)
}

func TestADoubleSignerWithANewKeyIsRedeemedAlsoOutsideTheSet(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	c.doubleSigns(keyOf(1, 0))
	c.block()
	c.block(func(ctx sdk.Context) {
		_, err := c.keeper.HandOver(ctx, 1, append(four()[1:], withKey(1, 1, 5)), 3)
		require.NoError(t, err)
	})
	tombstoned, err := c.keeper.IsTombstoned(c.ctx, operator(1))
	require.NoError(t, err)
	require.False(t, tombstoned)
	require.Len(t, c.told, 3)
}

func TestTheSameEvidenceTwiceCostsOnce(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	for range 3 {
		c.doubleSigns(keyOf(1, 0))
		c.block()
	}
	require.Len(t, c.rewards.lost, 1)
}

func TestEvidenceAgainstAnOldKeyCostsTheRewardButNotTheNewKey(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	c.block(c.handOver(1, append(four()[1:], withKey(1, 1, 10))...))
	c.blocks(3)
	c.doubleSigns(keyOf(1, 0))
	c.block()

	require.ElementsMatch(t, []string{"1/1", "2/0", "3/0", "4/0"}, names(t, c))
	require.Len(t, c.rewards.lost, 1)
	c.block(c.handOver(2, four()...))
	require.NotContains(t, names(t, c), "1/0", "the old key is dead")
}

func TestEvidenceAgainstAHostInJailTombstonesIt(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.untilJailed(t, 1)
	c.doubleSigns(keyOf(1, 0))
	c.block()

	require.True(t, c.record(1).Tombstoned)
	require.Len(t, c.rewards.lost, 1)
}

func TestEvidenceAgainstAnUnknownKeyIsIgnored(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	c.doubleSigns(keyOf(9, 0))
	c.block()
	require.Empty(t, c.rewards.lost)
	require.Len(t, c.told, 4)
}

func TestARewardThatCannotBeForfeitedDoesNotStopTheChain(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.blocks(3)
	c.rewards.fail = errRefused
	c.doubleSigns(keyOf(1, 0))
	c.block()

	require.True(t, c.record(1).Tombstoned)
	require.Equal(t, 1, c.events("validators.v1.EventStepFailed"))
}

func TestRotatingTheKeyIsNoWayOutOfJail(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.untilJailed(t, 1)
	c.block(c.handOver(1, append(four()[1:], withKey(1, 1, 10))...))

	require.ElementsMatch(t, []string{"2/0", "3/0", "4/0"}, names(t, c))
	require.ErrorIs(t, c.unjail(1), slashingtypes.ErrValidatorJailed, "one block of the term is over")
	c.blocks(2)
	c.block(func(sdk.Context) { require.NoError(t, c.unjail(1)) })
	require.ElementsMatch(t, []string{"1/1", "2/0", "3/0", "4/0"}, names(t, c))
}

func TestTheLastValidatorKeepsItsPowerInJail(t *testing.T) {
	c := newChain(t)
	c.genesis(member(1, 10))
	c.blocks(3)
	c.doubleSigns(keyOf(1, 0))
	c.block()
	require.Len(t, c.told, 1)
	require.Equal(t, 1, c.events("validators.v1.EventStepFailed"))
	c.blocks(3)
	c.block(c.handOver(1, member(2, 10)))
	require.Equal(t, []string{"2/0"}, names(t, c), "what waited is told with the next set")
}

func TestJailedHostsAreListedByAddress(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(func(ctx sdk.Context) {
		for _, host := range []int{3, 1} {
			require.NoError(t, c.staking.Jail(ctx, types.AddressOf(keyOf(host, 0))))
		}
	})
	jailed, err := c.keeper.JailedOperators(c.ctx)
	require.NoError(t, err)
	require.Equal(t, []sdk.AccAddress{operator(1), operator(3)}, jailed)
}

// TestTimeInJailIsKnownWhenItIsSettled: however many epochs were abandoned between two
// that were effective, and of the last twenty in which somebody was in jail.
func TestTimeInJailIsKnownWhenItIsSettled(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(c.handOver(1, four()...))
	c.block(func(ctx sdk.Context) { require.NoError(t, c.staking.Jail(ctx, types.AddressOf(keyOf(1, 0)))) })
	known := func(period uint64) bool {
		blocks, err := c.keeper.JailedBlocks(c.ctx, period, operator(1))
		require.NoError(t, err)
		return blocks > 0
	}
	for n := uint64(1); n <= 30; n++ {
		c.blocks(2)
		c.block(c.handOver(1+n*40, four()...))
		c.block()
		for back := range n {
			require.Equal(t, back < 20, known(1+(n-1-back)*40), "%d periods ago of %d", back, n)
		}
	}
}
