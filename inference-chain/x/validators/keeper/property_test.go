package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	sdk "github.com/cosmos/cosmos-sdk/types"

	inference "ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/validators/types"
)

// TestWhateverHappensCometBFTAcceptsTheUpdates lets hosts come, go, change keys,
// fail, sign twice and come back, in any order. chain.block checks after each
// block that the updates are legal and that x/slashing knew every key.
func TestWhateverHappensCometBFTAcceptsTheUpdates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChain(t)
		c.genesis(four()...)
		period := uint64(0)
		for range rapid.IntRange(1, 60).Draw(t, "blocks") {
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				if c.tryHandOver(period+1, drawMembers(t)) {
					period++
				}
			case 1:
				c.absent[string(keyOf(drawHost(t), drawKey(t)))] = struct{}{}
			case 2:
				clear(c.absent)
			case 3:
				c.doubleSigns(keyOf(drawHost(t), drawKey(t)))
			case 4:
				host := drawHost(t)
				c.block(func(ctx sdk.Context) {
					cached, write := ctx.CacheContext()
					if c.slashing.Unjail(cached, sdk.ValAddress(operator(host))) == nil {
						write()
					}
				})
			case 5:
				c.restart()
			}
			c.block()
			c.checkPowers(t)
		}
	})
}

// tryHandOver hands over as x/inference does: an error leaves no trace.
func (c *chain) tryHandOver(period uint64, members []inference.SetMember) (done bool) {
	c.block(func(ctx sdk.Context) {
		cached, write := ctx.CacheContext()
		if _, err := c.keeper.HandOver(cached, period, members, 5); err == nil {
			write()
			done = true
		}
	})
	return done
}

// checkPowers compares what CometBFT was told with the records: exactly those
// who may vote have power, unless that would be nobody.
func (c *chain) checkPowers(t require.TestingT) {
	want := cometBFT{}
	require.NoError(t, c.keeper.Validators.Walk(c.ctx, nil, func(_ []byte, v types.Validator) (bool, error) {
		if v.MayVote() {
			want[string(v.ConsensusKey)] = v.Power
		}
		return false, nil
	}))
	if len(want) > 0 {
		require.Equal(t, want, c.told)
	}
	require.NotEmpty(t, c.told)
	var sum int64
	for _, power := range want {
		sum += power
	}
	require.LessOrEqual(t, sum, int64(1)<<53)
}

func drawHost(t *rapid.T) int { return rapid.IntRange(1, 7).Draw(t, "host") }
func drawKey(t *rapid.T) int  { return rapid.IntRange(0, 2).Draw(t, "key") }

func drawMembers(t *rapid.T) []inference.SetMember {
	hosts := rapid.SliceOfNDistinct(rapid.IntRange(1, 7), 1, 7, rapid.ID[int]).Draw(t, "hosts")
	members := make([]inference.SetMember, 0, len(hosts))
	for _, host := range hosts {
		members = append(members, withKey(host, drawKey(t), rapid.Uint64Range(0, 1<<40).Draw(t, "weight")))
	}
	return members
}
