package keeper_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/query"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ninefold.dev/inference-chain/x/validators/keeper"
	"ninefold.dev/inference-chain/x/validators/types"
)

// brokenHooks panics where x/slashing would write.
type brokenHooks struct{}

func (*brokenHooks) AfterValidatorCreated(context.Context, sdk.ValAddress) error { panic("created") }

func (*brokenHooks) AfterValidatorBonded(context.Context, sdk.ConsAddress, sdk.ValAddress) error {
	panic("bonded")
}

func (*brokenHooks) AfterValidatorRemoved(context.Context, sdk.ConsAddress, sdk.ValAddress) error {
	panic("removed")
}

func TestStakingClientsSeeWhoValidates(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	c.untilJailed(t, 1)
	q := keeper.NewStakingQuerier(c.staking)
	for want, req := range map[int]*stakingtypes.QueryValidatorsRequest{
		4: {},
		3: {Status: "BOND_STATUS_BONDED"},
		1: {Status: "BOND_STATUS_UNBONDING"},
		0: {Status: "BOND_STATUS_UNBONDED"},
		2: {Pagination: &query.PageRequest{Limit: 2}},
	} {
		res, err := q.Validators(c.ctx, req)
		require.NoError(t, err)
		require.Len(t, res.Validators, want)
	}
	res, err := q.Validator(c.ctx, &stakingtypes.QueryValidatorRequest{ValidatorAddr: sdk.ValAddress(operator(1)).String()})
	require.NoError(t, err)
	require.True(t, res.Validator.Jailed)
	require.Equal(t, "10", res.Validator.Tokens.String())
	key, err := res.Validator.GetConsAddr()
	require.NoError(t, err)
	require.Equal(t, []byte(types.AddressOf(keyOf(1, 0))), key)

	pool, err := q.Pool(c.ctx, &stakingtypes.QueryPoolRequest{})
	require.NoError(t, err)
	require.Equal(t, "30", pool.Pool.BondedTokens.String())
	require.Equal(t, "10", pool.Pool.NotBondedTokens.String())
}

func TestStakingParametersDescribeTheSet(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	res, err := keeper.NewStakingQuerier(c.staking).Params(c.ctx, &stakingtypes.QueryParamsRequest{})
	require.NoError(t, err)
	require.Equal(t, uint32(maxSet), res.Params.MaxValidators)
	require.Equal(t, maxAge, res.Params.UnbondingTime)
	require.Equal(t, "unine", res.Params.BondDenom)
}

func TestQueriesRefuseWhatTheyCannotAnswer(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	staking, own := keeper.NewStakingQuerier(c.staking), keeper.NewQuerier(c.keeper)
	long := &query.PageRequest{Limit: 1_001}
	for name, tc := range map[string]struct {
		ask  func() error
		code codes.Code
	}{
		"an unknown status": {func() error {
			_, err := staking.Validators(c.ctx, &stakingtypes.QueryValidatorsRequest{Status: "GONE"})
			return err
		}, codes.InvalidArgument},
		"a long page of staking": {func() error {
			_, err := staking.Validators(c.ctx, &stakingtypes.QueryValidatorsRequest{Pagination: long})
			return err
		}, codes.InvalidArgument},
		"a long page": {func() error {
			_, err := own.Validators(c.ctx, &types.QueryValidatorsRequest{Pagination: long})
			return err
		}, codes.InvalidArgument},
		"no address": {func() error {
			_, err := own.Validator(c.ctx, &types.QueryValidatorRequest{Operator: "me"})
			return err
		}, codes.InvalidArgument},
		"an unknown host": {func() error {
			_, err := own.Validator(c.ctx, &types.QueryValidatorRequest{Operator: operator(9).String()})
			return err
		}, codes.NotFound},
		"an unknown validator": {func() error {
			_, err := staking.Validator(c.ctx, &stakingtypes.QueryValidatorRequest{ValidatorAddr: sdk.ValAddress(operator(9)).String()})
			return err
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.code, status.Code(tc.ask()))
		})
	}
}

func TestOnlyAHostDelegatesToItself(t *testing.T) {
	c := newChain(t)
	c.genesis(four()...)
	_, err := c.staking.Delegation(c.ctx, operator(2), sdk.ValAddress(operator(1)))
	require.ErrorIs(t, err, stakingtypes.ErrNoDelegation)
	_, err = c.staking.Delegation(c.ctx, operator(9), sdk.ValAddress(operator(9)))
	require.ErrorIs(t, err, stakingtypes.ErrNoDelegation)
	own, err := c.staking.Delegation(c.ctx, operator(1), sdk.ValAddress(operator(1)))
	require.NoError(t, err)
	require.Equal(t, "10.000000000000000000", own.GetShares().String())
}
