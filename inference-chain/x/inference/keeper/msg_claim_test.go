package keeper

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

func claimReward(msgs types.MsgServer, k *kit, msg *types.MsgClaimReward) (*types.MsgClaimRewardResponse, error) {
	return msgs.ClaimReward(k.ctx, msg)
}

// settled gives a host a reward of an epoch, minted into the module's account.
func (k *roundKit) settled(name string, index, amount uint64) {
	host := []byte(testAddress(name))
	require.NoError(k.t, k.SettleAmounts.Set(k.ctx, collections.Join(index, host), types.SettleAmount{
		EpochIndex: index, Participant: k.text(name), Amount: strconv.FormatUint(amount, 10),
	}))
	require.NoError(k.t, k.Unclaimed.Set(k.ctx, collections.Join(host, index)))
	require.NoError(k.t, k.bank.MintCoins(k.ctx, types.ModuleName, coins(amount)))
}

// waitingRewards are the settled rows that wait for their claim.
func waitingRewards(k *kit) []types.SettleAmount {
	k.t.Helper()
	var rows []types.SettleAmount
	require.NoError(k.t, k.Unclaimed.Walk(k.ctx, nil, func(key collections.Pair[[]byte, uint64]) (bool, error) {
		row, err := k.SettleAmounts.Get(k.ctx, collections.Join(key.K2(), key.K1()))
		rows = append(rows, row)
		return false, err
	}))
	return rows
}

// requirePaid holds what everybody has against what they held and the settled rows
// that waited: for each that ended since, its host has its amount more and the module
// less. No other coins moved.
func requirePaid(k *kit, held *fakeBank, waited []types.SettleAmount) {
	k.t.Helper()
	want := held.copied()
	for _, row := range waited {
		host, err := testAddresses.StringToBytes(row.Participant)
		require.NoError(k.t, err)
		waits, err := k.Unclaimed.Has(k.ctx, collections.Join(host, row.EpochIndex))
		require.NoError(k.t, err)
		now, err := k.SettleAmounts.Get(k.ctx, collections.Join(row.EpochIndex, host))
		require.NoError(k.t, err)
		require.Equal(k.t, row.Amount, now.Amount)
		require.Equal(k.t, !waits, now.Claimed)
		if waits {
			continue
		}
		amount, err := strconv.ParseInt(row.Amount, 10, 64)
		require.NoError(k.t, err)
		paid := sdk.NewCoins(sdk.NewInt64Coin(types.BaseDenom, amount))
		require.NoError(k.t, want.SendCoinsFromModuleToAccount(k.ctx, types.ModuleName, host, paid))
	}
	require.Equal(k.t, want, k.bank, "what was paid is what the rows said")
}

func TestAClaimPaysEverySettledReward(t *testing.T) {
	k := newRoundKit(t)
	k.settled("bob", 3, 100)
	k.settled("bob", 4, 23)
	k.settled("carol", 4, 1000)
	response := send(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}, expectation{})
	require.Equal(t, sdk.NewCoin(types.BaseDenom, math.NewInt(123)), response.Amount)
	require.Equal(t, []uint64{3, 4}, response.Epochs)
	require.Equal(t, int64(123), k.bank.balance(string(testAddress("bob"))))
	require.Equal(t, int64(1000), k.bank.balance(types.ModuleName))
	row, err := k.SettleAmounts.Get(k.ctx, collections.Join(uint64(4), []byte(testAddress("bob"))))
	require.NoError(t, err)
	require.True(t, row.Claimed)
	require.Equal(t, []types.EventRewardClaimed{{Participant: k.text("bob"), Amount: "123", Epochs: []uint64{3, 4}}},
		eventsOf[types.EventRewardClaimed](k.kit))
}

func TestAClaimIsRefusedWhenNothingWaits(t *testing.T) {
	k := newRoundKit(t)
	k.settled("bob", 3, 100)
	send(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}, expectation{})
	send(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}, refusedWith(types.ErrNothingToClaim, k.text("bob")))
	send(k, claimReward, &types.MsgClaimReward{Creator: k.text("carol")}, refusedWith(types.ErrNothingToClaim, k.text("carol")))
	send(k, claimReward, &types.MsgClaimReward{Creator: k.text("eve")}, refusedWith(types.ErrNotRegistered))
	send(k, claimReward, &types.MsgClaimReward{Creator: "bob"}, refusedWith(types.ErrInvalidAddress, `creator "bob"`))
}

func TestAClaimPaysTheOldestEpochsFirstUpToItsCap(t *testing.T) {
	k := newRoundKit(t)
	for index := range uint64(types.MaxClaimsPerMessage + 1) {
		k.settled("bob", index+1, 1)
	}
	first := send(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}, expectation{})
	require.Len(t, first.Epochs, types.MaxClaimsPerMessage)
	require.Equal(t, uint64(1), first.Epochs[0])
	second := send(k, claimReward, &types.MsgClaimReward{Creator: k.text("bob")}, expectation{})
	require.Equal(t, []uint64{types.MaxClaimsPerMessage + 1}, second.Epochs)
}

func TestAForfeitKeepsItsFirstReason(t *testing.T) {
	k := newRoundKit(t)
	require.NoError(t, k.ForfeitReward(k.ctx, testAddress("bob"), "double_sign"))
	require.NoError(t, k.ForfeitReward(k.ctx, testAddress("bob"), "fraud"))
	row, err := k.Forfeits.Get(k.ctx, collections.Join(uint64(0), []byte(testAddress("bob"))))
	require.NoError(t, err)
	require.Equal(t, types.Forfeit{EpochIndex: 0, Participant: k.text("bob"), Reason: "double_sign"}, row)
}
