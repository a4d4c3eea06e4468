package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/math"

	"github.com/cosmos/cosmos-sdk/types/query"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// StakingQuerier answers what clients of Cosmos chains read of the staking query
// service: validators, parameters, and that nobody delegates. The rest of the
// service is not implemented.
type StakingQuerier struct {
	*stakingtypes.UnimplementedQueryServer
	staking Staking
}

var _ stakingtypes.QueryServer = StakingQuerier{}

// NewStakingQuerier answers from the staking view of a set.
func NewStakingQuerier(staking Staking) StakingQuerier { return StakingQuerier{staking: staking} }

// Validators lists validators by operator address, all or those of one status.
func (q StakingQuerier) Validators(ctx context.Context, req *stakingtypes.QueryValidatorsRequest) (*stakingtypes.QueryValidatorsResponse, error) {
	if req == nil {
		return nil, status.Error(codes.InvalidArgument, "empty request")
	}
	if _, known := stakingtypes.BondStatus_value[req.Status]; !known && req.Status != "" {
		return nil, status.Errorf(codes.InvalidArgument, "unknown validator status %q", req.Status)
	}
	page, err := checkPage(req.Pagination)
	if err != nil {
		return nil, err
	}
	rows, next, err := query.CollectionFilteredPaginate(ctx, q.staking.keeper.Validators, page,
		func(_ []byte, v types.Validator) (bool, error) {
			return req.Status == "" || statusOf(v).String() == req.Status, nil
		},
		func(_ []byte, v types.Validator) (stakingtypes.Validator, error) { return q.staking.show(ctx, v) })
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &stakingtypes.QueryValidatorsResponse{Validators: rows, Pagination: next}, nil
}

// Validator returns one validator by its operator address.
func (q StakingQuerier) Validator(ctx context.Context, req *stakingtypes.QueryValidatorRequest) (*stakingtypes.QueryValidatorResponse, error) {
	if req == nil {
		return nil, status.Error(codes.InvalidArgument, "empty request")
	}
	operator, err := q.staking.keeper.validatorCodec.StringToBytes(req.ValidatorAddr)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "validator %q: %s", req.ValidatorAddr, err)
	}
	v, found, err := q.staking.keeper.validator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, status.Errorf(codes.NotFound, "validator %s not found", req.ValidatorAddr)
	}
	shown, err := q.staking.show(ctx, v)
	if err != nil {
		return nil, err
	}
	return &stakingtypes.QueryValidatorResponse{Validator: shown}, nil
}

// Params describes the set in staking's terms.
func (q StakingQuerier) Params(ctx context.Context, _ *stakingtypes.QueryParamsRequest) (*stakingtypes.QueryParamsResponse, error) {
	params, err := q.staking.GetParams(ctx)
	if err != nil {
		return nil, err
	}
	return &stakingtypes.QueryParamsResponse{Params: params}, nil
}

// Pool sums the weight of validators that vote, and of those that do not.
func (q StakingQuerier) Pool(ctx context.Context, _ *stakingtypes.QueryPoolRequest) (*stakingtypes.QueryPoolResponse, error) {
	_, records, err := q.staking.keeper.records(ctx)
	if err != nil {
		return nil, err
	}
	pool := stakingtypes.Pool{BondedTokens: math.ZeroInt(), NotBondedTokens: math.ZeroInt()}
	for _, v := range records {
		sum := &pool.NotBondedTokens
		if v.MayVote() {
			sum = &pool.BondedTokens
		}
		*sum = sum.Add(math.NewIntFromUint64(v.Weight))
	}
	return &stakingtypes.QueryPoolResponse{Pool: pool}, nil
}

// DelegatorDelegations is empty: there is no delegation.
func (q StakingQuerier) DelegatorDelegations(context.Context, *stakingtypes.QueryDelegatorDelegationsRequest) (*stakingtypes.QueryDelegatorDelegationsResponse, error) {
	return &stakingtypes.QueryDelegatorDelegationsResponse{Pagination: &query.PageResponse{}}, nil
}

// DelegatorUnbondingDelegations is empty: there is no delegation.
func (q StakingQuerier) DelegatorUnbondingDelegations(context.Context, *stakingtypes.QueryDelegatorUnbondingDelegationsRequest) (*stakingtypes.QueryDelegatorUnbondingDelegationsResponse, error) {
	return &stakingtypes.QueryDelegatorUnbondingDelegationsResponse{Pagination: &query.PageResponse{}}, nil
}
