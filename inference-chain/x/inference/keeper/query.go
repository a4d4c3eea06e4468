package keeper

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/inference/types"
)

const (
	// maxPage is the longest page of a query, in rows.
	maxPage = 1_000
	// defaultPage is the page of a query that does not say.
	defaultPage = 100
	// maxJuryPage is the longest page of HolderSeats: each row draws a jury.
	maxJuryPage = 100
)

// querier answers the module's queries. Errors carry codes: InvalidArgument for a
// request that can never be answered, NotFound for a row that is not there,
// FailedPrecondition for one that is not there yet.
type querier struct{ Keeper }

var _ types.QueryServer = querier{}

// NewQuerier answers queries from a keeper.
func NewQuerier(keeper Keeper) types.QueryServer { return querier{keeper} }

// answered gives an error the code a client can act on. missing says, as in
// "epoch 7", what was not found.
func answered(err error, missing string, args ...any) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, collections.ErrNotFound):
		return status.Errorf(codes.NotFound, missing+": not found", args...)
	case errors.Is(err, errNoSeed):
		return status.Error(codes.FailedPrecondition, err.Error())
	case errors.Is(err, types.ErrInvalidAddress):
		return status.Error(codes.InvalidArgument, err.Error())
	default:
		return err
	}
}

// paged reads a page of rows, all or those under a key prefix.
func paged[K, V any](ctx context.Context, rows collections.Map[K, V], req *query.PageRequest, prefix ...K) ([]V, *query.PageResponse, error) {
	return pagedAs(ctx, rows, req, maxPage, func(_ K, value V) (V, error) { return value, nil }, prefix...)
}

// pagedAs reads a page of rows and turns each into something else.
func pagedAs[K, V, T any](ctx context.Context, rows collections.Map[K, V], req *query.PageRequest, most uint64, turn func(K, V) (T, error), prefix ...K) ([]T, *query.PageResponse, error) {
	page, err := pageOf(req, most)
	if err != nil {
		return nil, nil, err
	}
	var options []func(*query.CollectionsPaginateOptions[K])
	if len(prefix) > 0 {
		options = append(options, func(o *query.CollectionsPaginateOptions[K]) { o.Prefix = &prefix[0] })
	}
	result, next, err := query.CollectionPaginate(ctx, rows, page, turn, options...)
	if err != nil {
		return nil, nil, status.Errorf(codes.InvalidArgument, "pagination: %s", err)
	}
	return result, next, nil
}

// pageOf refuses pages that are too long, and gives those without a length one.
// The total is counted only for who asks: it walks every row.
func pageOf(req *query.PageRequest, most uint64) (*query.PageRequest, error) {
	if req == nil {
		return &query.PageRequest{Limit: min(defaultPage, most)}, nil
	}
	if req.Limit > most {
		return nil, status.Errorf(codes.InvalidArgument, "pagination: limit must be at most %d, got %d", most, req.Limit)
	}
	if req.Offset > 0 && len(req.Key) > 0 {
		return nil, status.Error(codes.InvalidArgument, "pagination: either offset or key, not both")
	}
	page := *req
	if page.Limit == 0 {
		page.Limit = min(defaultPage, most)
	}
	return &page, nil
}

// requestedHost reads the address that a request asks about.
func (q querier) requestedHost(field, text string) ([]byte, error) {
	host, err := q.address(field, text)
	return host, answered(err, "")
}
