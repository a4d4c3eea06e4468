package keeper_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/core/weight"
	inference "ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/validators/types"
)

func TestASetIsHandedOverWhole(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(c.handOver(1, member(2, 30), member(3, 20), member(4, 20), member(5, 25)))

	require.ElementsMatch(t, []string{"2/0", "3/0", "4/0", "5/0"}, names(t, c))
	require.Equal(t, int64(0), c.record(1).Power)
	require.Equal(t, int64(1), c.record(1).LeftHeight)
	require.Equal(t, uint64(30), c.record(2).Weight)
	require.Equal(t, c.record(2).Power, c.record(2).ToldPower)
}

func TestNobodyHoldsAThirdAmongFour(t *testing.T) {
	c := newChain(t)
	c.genesis(member(1, 1_000), member(2, 10), member(3, 10), member(4, 10))

	require.Less(t, 3*c.record(1).Power, c.record(1).Power+30)
	require.Equal(t, uint64(1_000), c.record(1).Weight)
}

func TestOnlyTheStrongestValidate(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(func(ctx sdk.Context) {
		summary, err := c.keeper.HandOver(ctx, 1, append(four(), member(5, 11)), 2)
		require.NoError(t, err)
		require.Equal(t, uint64(2), summary.Validators)
		require.Equal(t, int64(21), summary.TotalPower)
	})
	require.ElementsMatch(t, []string{"1/0", "5/0"}, names(t, c), "of equals the lower address stays")
}

func TestWhatTheSetRefusesHasItsError(t *testing.T) {
	for name, tc := range map[string]struct {
		try  func(*chain, sdk.Context) error
		want error
	}{
		"no members": {func(c *chain, ctx sdk.Context) error {
			_, err := c.keeper.HandOver(ctx, 1, nil, maxSet)
			return err
		}, weight.ErrEmptySet},
		"only members in jail": {func(c *chain, ctx sdk.Context) error {
			require.NoError(t, c.staking.Jail(ctx, types.AddressOf(keyOf(1, 0))))
			_, err := c.keeper.HandOver(ctx, 1, four()[:1], maxSet)
			return err
		}, types.ErrEmptySet},
		"only members without a key": {func(c *chain, ctx sdk.Context) error {
			m := member(1, 10)
			m.ConsensusKey = m.ConsensusKey[:31]
			_, err := c.keeper.HandOver(ctx, 1, append(four()[:0], m), maxSet)
			return err
		}, weight.ErrEmptySet},
		"a key that nobody has leaves jail": {func(c *chain, ctx sdk.Context) error {
			return c.staking.Unjail(ctx, types.AddressOf(keyOf(9, 9)))
		}, types.ErrUnknownValidator},
		"the period that runs": {func(c *chain, ctx sdk.Context) error {
			_, err := c.keeper.HandOver(ctx, 0, four(), maxSet)
			return err
		}, types.ErrPeriod},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t)
			c.genesis(four()...)
			c.block(func(ctx sdk.Context) {
				cached, _ := ctx.CacheContext()
				require.ErrorIs(t, tc.try(c, cached), tc.want)
			})
			require.Len(t, c.told, 4)
		})
	}
}

func TestAMemberWithAnothersKeyIsLeftOut(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	thief := member(5, 50)
	thief.ConsensusKey = keyOf(1, 0)
	c.block(c.handOver(1, append(four()[1:], thief)...))

	require.ElementsMatch(t, []string{"2/0", "3/0", "4/0"}, names(t, c))
	require.Equal(t, 1, c.events("validators.v1.EventMemberLeftOut"))
}

func TestOfTwoMembersWithOneNewKeyTheFirstKeepsIt(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	first, second := member(5, 10), member(6, 10)
	second.ConsensusKey = first.ConsensusKey
	c.block(c.handOver(1, append(four(), first, second)...))

	require.Len(t, c.told, 5)
	require.Equal(t, int64(10), c.record(5).ToldPower)
}

func TestANewKeyTakesOverAtTheHandOver(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(c.handOver(1, append(four()[1:], withKey(1, 1, 10))...))
	c.blocks(3)

	require.ElementsMatch(t, []string{"1/1", "2/0", "3/0", "4/0"}, names(t, c))
	old, err := c.keeper.ConsensusAddresses.Get(c.ctx, types.AddressOf(keyOf(1, 0)))
	require.NoError(t, err)
	require.Equal(t, int64(1+maxAgeBlocks), old.KeepUntil)
}

func TestAHostMayReturnToAnOldKey(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.block(c.handOver(1, append(four()[1:], withKey(1, 1, 10))...))
	c.block(c.handOver(2, four()...))
	c.blocks(maxAgeBlocks + 2)

	require.ElementsMatch(t, []string{"1/0", "2/0", "3/0", "4/0"}, names(t, c))
	_, err := c.keeper.ConsensusAddresses.Get(c.ctx, types.AddressOf(keyOf(1, 0)))
	require.NoError(t, err)
	_, err = c.keeper.ConsensusAddresses.Get(c.ctx, types.AddressOf(keyOf(1, 1)))
	require.Error(t, err, "the key in between is forgotten")
}

// TestOfAForgottenKeyNothingIsLeft lets every host change its key again and again,
// and miss blocks with each.
func TestOfAForgottenKeyNothingIsLeft(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	rows := func() (n int) {
		for _, name := range slices.Sorted(maps.Keys(c.stores)) {
			iterator := c.ctx.KVStore(c.stores[name]).Iterator(nil, nil)
			for ; iterator.Valid(); iterator.Next() {
				n++
			}
			require.NoError(t, iterator.Close())
		}
		return n
	}
	var after []int
	for turn := 1; turn <= 12; turn++ {
		set := make([]inference.SetMember, 0, 4)
		for host := 1; host <= 4; host++ {
			set = append(set, withKey(host, turn%8, 10))
		}
		clear(c.absent)
		c.absent[string(keyOf(1, turn%8))] = struct{}{}
		c.block(c.handOver(uint64(turn), set...))
		c.blocks(4) // the absent one misses one, and is not jailed
		clear(c.absent)
		c.blocks(maxAgeBlocks + 2)
		require.False(t, c.record(1).Jailed)
		after = append(after, rows())
		_, err := c.slashing.GetValidatorSigningInfo(c.ctx, types.AddressOf(keyOf(1, turn-1)))
		require.ErrorIs(t, err, slashingtypes.ErrNoSigningInfoFound, "turn %d", turn)
	}
	require.Equal(t, slices.Max(after), slices.Min(after), "%v", after)
}
