package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/x/inference/types"
)

func updateParams(msgs types.MsgServer, k *kit, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	return msgs.UpdateParams(k.ctx, msg)
}

func TestParametersAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*types.MsgUpdateParams)
		want expectation
	}{
		"from anyone but the governance account": {
			func(m *types.MsgUpdateParams) { m.Authority = addressText(t, testAddress("alice")) },
			refusedWith(types.ErrNotAuthority, "authority must be nine1"),
		},
		"when a window is too short": {
			func(m *types.MsgUpdateParams) { m.Params.PocExchangeBlocks = 1 },
			refusedWith(types.ErrInvalidParams, "poc_exchange_blocks must lie in [2, 1000000]", `"1"`),
		},
		"when a fraction is too large": {
			func(m *types.MsgUpdateParams) { m.Params.ValidFraction = "0.5" },
			refusedWith(types.ErrInvalidParams, "valid_fraction", "[0.001, 0.49]", `"0.5"`),
		},
		"when a fraction is no decimal": {
			func(m *types.MsgUpdateParams) { m.Params.CoverageBonus = "-1e3" },
			refusedWith(types.ErrInvalidParams, "coverage_bonus", `"-1e3"`),
		},
		"when cq does not follow from r_target": {
			func(m *types.MsgUpdateParams) { m.Params.Cq++ },
			refusedWith(types.ErrInvalidParams, "cq must be"),
		},
		"when r_target does not follow from valid_fraction": {
			func(m *types.MsgUpdateParams) { m.Params.ValidFraction = "0.2" },
			refusedWith(types.ErrInvalidParams, "r_target must lie within 10^-9", "which give 1.39548171724644"),
		},
		"without the shape of the network": {
			func(m *types.MsgUpdateParams) { m.Params.PocModel = nil },
			refusedWith(types.ErrInvalidParams, "poc_model must be set"),
		},
		"when an amount is no integer": {
			func(m *types.MsgUpdateParams) { m.Params.MaxSupply = "1.5" },
			refusedWith(types.ErrInvalidParams, "max_supply must be an integer", `"1.5"`),
		},
		"when an amount has a leading zero": {
			func(m *types.MsgUpdateParams) { m.Params.InitialEpochSubsidy = "007" },
			refusedWith(types.ErrInvalidParams, "initial_epoch_subsidy must be an integer", `"007"`),
		},
		"when the proof is of a kind the chain does not judge": {
			func(m *types.MsgUpdateParams) { m.Params.PocKind = types.PocKind_POC_KIND_SERVED_MODEL },
			refusedWith(types.ErrInvalidParams, "poc_kind must be EXACT8", "SERVED_MODEL"),
		},
		"when the kind of proof has no name": {
			func(m *types.MsgUpdateParams) { m.Params.PocKind = 77 },
			refusedWith(types.ErrInvalidParams, "poc_kind must be EXACT8", "77"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := newRoundKit(t)
			msg := &types.MsgUpdateParams{Authority: k.Authority(), Params: types.TestnetParams()}
			c.edit(msg)
			send(k, updateParams, msg, c.want)
		})
	}
}

func TestParametersActFromThePocStartAfterNext(t *testing.T) {
	k := newRoundKit(t)
	msg := &types.MsgUpdateParams{Authority: k.Authority(), Params: types.DefaultParams()}
	response := send(k, updateParams, msg, expectation{})
	require.Equal(t, uint64(3), response.ActsFromEpoch, "epoch 1 is opened, 2 is frozen")
	live, err := k.Params.Get(k.ctx)
	require.NoError(t, err)
	require.Equal(t, types.DefaultParams(), live)
	for _, index := range []uint64{1, 2} {
		record, err := k.EpochAt(k.ctx, index)
		require.NoError(t, err)
		require.Equal(t, types.TestnetParams(), record.Params, "the copies that epochs run on stay")
	}
	require.Equal(t, []types.EventParamsUpdated{{ActsFromEpoch: 3}}, eventsOf[types.EventParamsUpdated](k.kit))
}

func TestTheSameParametersAgainAreSuccessWithoutEffect(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	msg := &types.MsgUpdateParams{Authority: k.Authority(), Params: types.TestnetParams()}
	send(k, updateParams, msg, expectation{})
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
}
