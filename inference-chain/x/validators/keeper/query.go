package keeper

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/validators/types"
)

// maxPage is the longest page of a query.
const maxPage = 1_000

// Querier answers the module's queries.
type Querier struct{ keeper *Keeper }

var _ types.QueryServer = Querier{}

// NewQuerier answers from a keeper.
func NewQuerier(keeper *Keeper) Querier { return Querier{keeper: keeper} }

// Validators lists the records by operator address.
func (q Querier) Validators(ctx context.Context, req *types.QueryValidatorsRequest) (*types.QueryValidatorsResponse, error) {
	if req == nil {
		return nil, status.Error(codes.InvalidArgument, "empty request")
	}
	page, err := checkPage(req.Pagination)
	if err != nil {
		return nil, err
	}
	rows, next, err := query.CollectionPaginate(ctx, q.keeper.Validators, page,
		func(_ []byte, v types.Validator) (types.Validator, error) { return v, nil })
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &types.QueryValidatorsResponse{Validators: rows, Pagination: next}, nil
}

// Validator returns one record.
func (q Querier) Validator(ctx context.Context, req *types.QueryValidatorRequest) (*types.QueryValidatorResponse, error) {
	if req == nil {
		return nil, status.Error(codes.InvalidArgument, "empty request")
	}
	operator, err := q.keeper.addressCodec.StringToBytes(req.Operator)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "operator %q: %s", req.Operator, err)
	}
	v, found, err := q.keeper.validator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, status.Errorf(codes.NotFound, "%s is not, and was not lately, a validator", req.Operator)
	}
	return &types.QueryValidatorResponse{Validator: v}, nil
}

func checkPage(page *query.PageRequest) (*query.PageRequest, error) {
	if page == nil {
		page = &query.PageRequest{}
	}
	if page.Limit > maxPage {
		return nil, status.Errorf(codes.InvalidArgument, "a page has at most %d rows, not %d", maxPage, page.Limit)
	}
	return page, nil
}
