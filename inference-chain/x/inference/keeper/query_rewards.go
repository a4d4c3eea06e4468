package keeper

import (
	"context"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// Treasury returns the state of the subsidy.
func (q querier) Treasury(ctx context.Context, _ *types.QueryTreasuryRequest) (*types.QueryTreasuryResponse, error) {
	treasury, err := q.Keeper.Treasury.Get(ctx)
	if err != nil {
		return nil, answered(err, "the treasury")
	}
	return &types.QueryTreasuryResponse{Treasury: treasury}, nil
}

// Settlement returns the settlement of an ended epoch.
func (q querier) Settlement(ctx context.Context, req *types.QuerySettlementRequest) (*types.QuerySettlementResponse, error) {
	settlement, err := q.Settlements.Get(ctx, req.GetEpochIndex())
	if err != nil {
		return nil, answered(err, "settlement of epoch %d", req.GetEpochIndex())
	}
	return &types.QuerySettlementResponse{Settlement: settlement}, nil
}

// SettleAmount returns a host's reward with everything it came from.
func (q querier) SettleAmount(ctx context.Context, req *types.QuerySettleAmountRequest) (*types.QuerySettleAmountResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	row, err := q.Keeper.SettleAmounts.Get(ctx, collections.Join(req.GetEpochIndex(), host))
	if err != nil {
		return nil, answered(err, "reward of %s for epoch %d", req.GetAddress(), req.GetEpochIndex())
	}
	return &types.QuerySettleAmountResponse{Amount: row}, nil
}

// SettleAmounts lists the rewards of an ended epoch by address.
func (q querier) SettleAmounts(ctx context.Context, req *types.QuerySettleAmountsRequest) (*types.QuerySettleAmountsResponse, error) {
	rows, next, err := paged(ctx, q.Keeper.SettleAmounts, req.GetPagination(), collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QuerySettleAmountsResponse{Amounts: rows, Pagination: next}, nil
}

// Claimable returns what the next claim would pay a host.
func (q querier) Claimable(ctx context.Context, req *types.QueryClaimableRequest) (*types.QueryClaimableResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	epochs, err := q.unclaimedEpochs(ctx, host)
	if err != nil {
		return nil, err
	}
	var sum uint64
	for _, index := range epochs {
		row, err := q.Keeper.SettleAmounts.Get(ctx, collections.Join(index, host))
		if err != nil {
			return nil, answered(err, "reward of %s for epoch %d", req.GetAddress(), index)
		}
		amount, err := number(row.Amount)
		if err != nil {
			return nil, err
		}
		if sum, err = fixed.Add(sum, amount); err != nil {
			return nil, err
		}
	}
	return &types.QueryClaimableResponse{Amount: text(sum), Epochs: epochs}, nil
}

// ParticipantModelCoverage says which models a host covers.
func (q querier) ParticipantModelCoverage(ctx context.Context, req *types.QueryParticipantModelCoverageRequest) (*types.QueryParticipantModelCoverageResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	models, all, err := q.GetParticipantModelCoverage(ctx, req.GetEpochIndex(), host)
	if err != nil {
		return nil, answered(err, "epoch %d", req.GetEpochIndex())
	}
	return &types.QueryParticipantModelCoverageResponse{Models: models, CoversAll: all}, nil
}

// JuryDuties lists members' seats drawn and cast while an epoch was effective.
func (q querier) JuryDuties(ctx context.Context, req *types.QueryJuryDutiesRequest) (*types.QueryJuryDutiesResponse, error) {
	duties, next, err := paged(ctx, q.Keeper.JuryDuties, req.GetPagination(), collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryJuryDutiesResponse{Duties: duties, Pagination: next}, nil
}

// UnitPrice returns the price of a unit of compute in an epoch.
func (q querier) UnitPrice(ctx context.Context, req *types.QueryUnitPriceRequest) (*types.QueryUnitPriceResponse, error) {
	price, err := q.UnitPrices.Get(ctx, req.GetEpochIndex())
	if err != nil {
		return nil, answered(err, "unit price of epoch %d", req.GetEpochIndex())
	}
	return &types.QueryUnitPriceResponse{Price: price}, nil
}

// Quota returns the free messages that a host has left in the current stage.
func (q querier) Quota(ctx context.Context, req *types.QueryQuotaRequest) (*types.QueryQuotaResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	if _, err := q.Keeper.Participants.Get(ctx, host); err != nil {
		return nil, answered(err, "host %s", req.GetAddress())
	}
	free, err := q.freeMessages(ctx, host)
	if err != nil {
		return nil, answered(err, "the quota")
	}
	quota, err := q.quotaNow(ctx, host)
	if err != nil {
		return nil, answered(err, "the stage")
	}
	return &types.QueryQuotaResponse{Used: quota.Used, Free: free - min(quota.Used, free), Stage: quota.Stage}, nil
}

// Forfeits lists the hosts that lose their reward of an epoch, and why.
func (q querier) Forfeits(ctx context.Context, req *types.QueryForfeitsRequest) (*types.QueryForfeitsResponse, error) {
	rows, next, err := paged(ctx, q.Keeper.Forfeits, req.GetPagination(), collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryForfeitsResponse{Forfeits: rows, Pagination: next}, nil
}
