package chain

import (
	"context"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Batches returns a host's accepted batches, by node id and number.
func (c *Client) Batches(ctx context.Context, index uint64, host string) ([]types.PocBatch, error) {
	var batches []types.PocBatch
	err := pages(func(page *query.PageRequest) (*query.PageResponse, error) {
		r, err := c.query.PocBatches(ctx, &types.QueryPocBatchesRequest{EpochIndex: index, Address: host, Pagination: page})
		if err != nil {
			return nil, err
		}
		for _, stored := range r.Batches {
			batches = append(batches, stored.Batch)
		}
		return r.Pagination, nil
	})
	return batches, err
}

// Seats returns the hosts that the own host has to judge.
func (c *Client) Seats(ctx context.Context, index uint64) ([]types.HolderSeat, error) {
	var seats []types.HolderSeat
	err := pages(func(page *query.PageRequest) (*query.PageResponse, error) {
		r, err := c.query.HolderSeats(ctx, &types.QueryHolderSeatsRequest{EpochIndex: index, Holder: c.host, Pagination: page})
		if err != nil {
			return nil, err
		}
		seats = append(seats, r.Seats...)
		return r.Pagination, nil
	})
	return seats, err
}

// Jury returns the accounts that judge the own host.
func (c *Client) Jury(ctx context.Context, index uint64) ([]string, error) {
	return c.JuryOf(ctx, index, c.host)
}

// JuryOf returns the accounts that judge a host, each once.
func (c *Client) JuryOf(ctx context.Context, index uint64, host string) ([]string, error) {
	r, err := c.query.Jury(ctx, &types.QueryJuryRequest{EpochIndex: index, Address: host})
	if err != nil {
		return nil, err
	}
	holders := make([]string, len(r.Seats))
	for i, seat := range r.Seats {
		holders[i] = seat.Holder
	}
	return holders, nil
}
