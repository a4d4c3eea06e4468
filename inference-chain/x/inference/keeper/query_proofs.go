package keeper

import (
	"cmp"
	"context"
	"slices"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// PocBatches lists a host's accepted batches by node id and number, of all its
// nodes or of one.
func (q querier) PocBatches(ctx context.Context, req *types.QueryPocBatchesRequest) (*types.QueryPocBatchesResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	prefix := collections.QuadSuperPrefix[uint64, []byte, string, uint64](req.GetEpochIndex(), host)
	if req.GetNodeId() != "" {
		prefix = collections.QuadSuperPrefix3[uint64, []byte, string, uint64](req.GetEpochIndex(), host, req.GetNodeId())
	}
	batches, next, err := paged(ctx, q.Keeper.PocBatches, req.GetPagination(), prefix)
	if err != nil {
		return nil, err
	}
	return &types.QueryPocBatchesResponse{Batches: batches, Pagination: next}, nil
}

// PocNodeClaims lists the running totals of a host's nodes by node index.
func (q querier) PocNodeClaims(ctx context.Context, req *types.QueryPocNodeClaimsRequest) (*types.QueryPocNodeClaimsResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	claims, err := values(ctx, q.NodeClaims, collections.TripleSuperPrefix[uint64, []byte, string](req.GetEpochIndex(), host))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(claims, func(a, b types.PocNodeClaims) int { return cmp.Compare(a.NodeIndex, b.NodeIndex) })
	return &types.QueryPocNodeClaimsResponse{Claims: claims}, nil
}

// PocHostClaims lists the running totals of all hosts by address.
func (q querier) PocHostClaims(ctx context.Context, req *types.QueryPocHostClaimsRequest) (*types.QueryPocHostClaimsResponse, error) {
	claims, next, err := paged(ctx, q.HostClaims, req.GetPagination(), collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryPocHostClaimsResponse{Claims: claims, Pagination: next}, nil
}

// Verdicts lists what seat holders found in a host's claims, by holder; a jury
// has at most as many as seats.
func (q querier) Verdicts(ctx context.Context, req *types.QueryVerdictsRequest) (*types.QueryVerdictsResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	verdicts, err := values(ctx, q.Keeper.Verdicts, collections.TripleSuperPrefix[uint64, []byte, []byte](req.GetEpochIndex(), host))
	if err != nil {
		return nil, err
	}
	return &types.QueryVerdictsResponse{Verdicts: verdicts}, nil
}
