package keeper_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/cosmos/gogoproto/proto"
	"github.com/stretchr/testify/require"

	errorsmod "cosmossdk.io/errors"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingkeeper "github.com/cosmos/cosmos-sdk/x/slashing/keeper"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// snapshot is everything the chain's stores hold.
func (c *chain) snapshot(ctx sdk.Context) map[string]string {
	rows := map[string]string{}
	for name, key := range c.stores {
		entries := ctx.KVStore(key).Iterator(nil, nil)
		for ; entries.Valid(); entries.Next() {
			rows[name+"/"+string(entries.Key())] = string(entries.Value())
		}
		require.NoError(c.t, entries.Close())
	}
	return rows
}

// jailedInEveryWay is a chain with five hosts: 1 may leave its jail, 2 has to wait
// a block, 3 signed twice, 4 is free and 5 was jailed and left out of the set.
func jailedInEveryWay(f *testing.F) *chain {
	f.Helper()
	c := newChain(f)
	c.genesis(member(1, 10), member(2, 10), member(3, 10), member(4, 10), member(5, 10))
	c.blocks(3)
	c.doubleSigns(keyOf(3, 0))
	jail := func(host int) func(sdk.Context) {
		return func(ctx sdk.Context) {
			key := types.AddressOf(keyOf(host, 0))
			require.NoError(f, c.slashing.Jail(ctx, key))
			until := ctx.BlockTime().Add(3 * blockTime)
			require.NoError(f, c.slashing.JailUntil(ctx, key, until))
		}
	}
	c.block(jail(1), jail(5))
	c.block(c.handOver(1, member(1, 10), member(2, 10), member(3, 10), member(4, 10)), jail(2))
	c.blocks(2)
	return c
}

// FuzzMsgUnjail decodes messages from bytes, lets somebody sign them and delivers
// each to the handler of x/slashing over this keeper, up to four blocks later.
// Whatever the input is: nothing panics; an error is a registered one and leaves no
// trace; who is let out was in jail, has no key that signed twice, and votes again.
func FuzzMsgUnjail(f *testing.F) {
	c := jailedInEveryWay(f)
	msgs := slashingkeeper.NewMsgServerImpl(c.slashing)
	for host := range 7 {
		wire, err := proto.Marshal(&slashingtypes.MsgUnjail{ValidatorAddr: sdk.ValAddress(operator(host)).String()})
		require.NoError(f, err)
		for later := range byte(4) {
			f.Add(wire, later, byte(0))
			f.Add(wire, later, byte(host+1))
		}
	}
	f.Fuzz(func(t *testing.T, wire []byte, later, signer byte) {
		msg := &slashingtypes.MsgUnjail{}
		if proto.Unmarshal(wire, msg) != nil {
			return
		}
		if host := int(signer) % 8; host > 0 {
			msg.ValidatorAddr = sdk.ValAddress(operator(host)).String()
		}
		at := *c
		at.t, at.told, at.signing = t, maps.Clone(c.told), slices.Clone(c.signing)
		at.ctx, _ = c.ctx.CacheContext()
		at.blocks(int(later % 5))
		at.block(func(ctx sdk.Context) {
			before := at.snapshot(ctx)
			tx, write := ctx.CacheContext()
			_, err := msgs.Unjail(tx, msg)
			if err != nil {
				space, _, _ := errorsmod.ABCIInfo(err, false)
				require.NotEqual(t, errorsmod.UndefinedCodespace, space, "%s", err)
				require.Equal(t, before, at.snapshot(tx), "a refused message changed the state: %s", err)
				return
			}
			write()
			operator, err := sdk.ValAddressFromBech32(msg.ValidatorAddr)
			require.NoError(t, err)
			v, err := at.keeper.Validators.Get(ctx, operator)
			require.NoError(t, err)
			require.False(t, v.Jailed)
			require.False(t, v.Tombstoned)
			require.NotEqual(t, before, at.snapshot(ctx), "who is free is refused")
			_, err = msgs.Unjail(ctx, msg)
			require.ErrorIs(t, err, slashingtypes.ErrValidatorNotJailed)
		})
		at.checkPowers(t)
	})
}
