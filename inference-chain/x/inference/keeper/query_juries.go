package keeper

import (
	"bytes"
	"context"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Jury returns who judges a host, by address. It is known from the block of
// POC_VALIDATION_START on.
func (q querier) Jury(ctx context.Context, req *types.QueryJuryRequest) (*types.QueryJuryResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	seats, drawn, err := q.JuryOf(ctx, req.GetEpochIndex(), host)
	if err != nil {
		return nil, answered(err, "round of epoch %d", req.GetEpochIndex())
	}
	jury := make([]types.Seat, 0, len(seats))
	for _, seat := range seats {
		holder, err := q.addressText(seat.Holder)
		if err != nil {
			return nil, err
		}
		jury = append(jury, types.Seat{Holder: holder, Seats: seat.Seats})
	}
	return &types.QueryJuryResponse{Seats: jury, Drawn: drawn}, nil
}

// Sample returns the leaves of a host that a seat holder verifies; none for who
// has no seat.
func (q querier) Sample(ctx context.Context, req *types.QuerySampleRequest) (*types.QuerySampleResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	holder, err := q.requestedHost("holder", req.GetHolder())
	if err != nil {
		return nil, err
	}
	jury, _, err := q.JuryOf(ctx, req.GetEpochIndex(), host)
	if err != nil {
		return nil, answered(err, "round of epoch %d", req.GetEpochIndex())
	}
	seats := seatsOf(jury, holder)
	if seats == 0 {
		return &types.QuerySampleResponse{}, nil
	}
	refs, err := q.SampleOf(ctx, req.GetEpochIndex(), host, holder)
	if err != nil {
		return nil, answered(err, "round of epoch %d", req.GetEpochIndex())
	}
	return &types.QuerySampleResponse{Refs: refs, Seats: seats}, nil
}

func seatsOf(jury []JurySeat, holder []byte) uint64 {
	for _, seat := range jury {
		if bytes.Equal(seat.Holder, holder) {
			return seat.Seats
		}
	}
	return 0
}

// HolderSeats lists the hosts a member has to judge, by address. A page walks
// that many hosts with claims, so that it may be empty and yet not the last.
func (q querier) HolderSeats(ctx context.Context, req *types.QueryHolderSeatsRequest) (*types.QueryHolderSeatsResponse, error) {
	holder, err := q.requestedHost("holder", req.GetHolder())
	if err != nil {
		return nil, err
	}
	index := req.GetEpochIndex()
	juries, err := q.panelsOf(ctx, index)
	if err != nil {
		return nil, answered(err, "round of epoch %d", index)
	}
	walked, next, err := pagedAs(ctx, q.HostClaims, req.GetPagination(), maxJuryPage,
		func(key byEpochAddress, claims types.PocHostClaims) (types.HolderSeat, error) {
			return q.holderSeat(ctx, juries, holder, key, claims)
		},
		collections.PairPrefix[uint64, []byte](index))
	if err != nil {
		return nil, err
	}
	seats := make([]types.HolderSeat, 0, len(walked))
	for _, seat := range walked {
		if seat.Seats > 0 {
			seats = append(seats, seat)
		}
	}
	return &types.QueryHolderSeatsResponse{Seats: seats, Pagination: next}, nil
}

// holderSeat is a member's seat on one host's jury, zero when it has none.
func (q querier) holderSeat(ctx context.Context, juries panels, holder []byte, key byEpochAddress, claims types.PocHostClaims) (types.HolderSeat, error) {
	if claims.Claimed < juries.minClaims {
		return types.HolderSeat{}, nil
	}
	jury, err := juries.of(key.K2())
	if err != nil {
		return types.HolderSeat{}, err
	}
	seats := seatsOf(jury.seats, holder)
	if seats == 0 {
		return types.HolderSeat{}, nil
	}
	cast, err := q.Keeper.Verdicts.Has(ctx, collections.Join3(key.K1(), key.K2(), holder))
	return types.HolderSeat{Participant: claims.Participant, Seats: seats, Claimed: claims.Claimed, Cast: cast}, err
}

// JuryExclusions lists the hosts that may not sit in an epoch's juries.
func (q querier) JuryExclusions(ctx context.Context, req *types.QueryJuryExclusionsRequest) (*types.QueryJuryExclusionsResponse, error) {
	rows := collections.Map[byEpochAddress, collections.NoValue](q.Keeper.JuryExclusions)
	hosts, next, err := pagedAs(ctx, rows, req.GetPagination(), maxPage, func(key byEpochAddress, _ collections.NoValue) (string, error) {
		return q.addressText(key.K2())
	}, collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryJuryExclusionsResponse{Participants: hosts, Pagination: next}, nil
}
