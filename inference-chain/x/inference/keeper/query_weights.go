package keeper

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Weight says what a host weighs in an epoch and why.
func (q querier) Weight(ctx context.Context, req *types.QueryWeightRequest) (*types.QueryWeightResponse, error) {
	host, err := q.requestedHost("address", req.GetAddress())
	if err != nil {
		return nil, err
	}
	index := req.GetEpochIndex()
	outcome, err := q.HostOutcomes.Get(ctx, collections.Join(index, host))
	if err != nil {
		return nil, answered(err, "weight of %s in epoch %d", req.GetAddress(), index)
	}
	nodes, err := values(ctx, q.NodeOutcomes, collections.TripleSuperPrefix[uint64, []byte, string](index, host))
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b types.NodeOutcome) int { return cmp.Compare(a.NodeIndex, b.NodeIndex) })
	return &types.QueryWeightResponse{Host: outcome, Nodes: nodes, Explanation: explain(outcome)}, nil
}

// Weights lists what all hosts weigh in an epoch and why, by address.
func (q querier) Weights(ctx context.Context, req *types.QueryWeightsRequest) (*types.QueryWeightsResponse, error) {
	outcomes, next, err := paged(ctx, q.HostOutcomes, req.GetPagination(), collections.PairPrefix[uint64, []byte](req.GetEpochIndex()))
	if err != nil {
		return nil, err
	}
	return &types.QueryWeightsResponse{Hosts: outcomes, Pagination: next}, nil
}

// whyOf says in words what each reason of a host means.
var whyOf = map[types.WeightReason]string{
	types.WeightReason_WEIGHT_REASON_ACCEPTED:      "the jury accepted its claims",
	types.WeightReason_WEIGHT_REASON_NO_QUORUM:     "too few seats were cast, so that it keeps at most what it mined last",
	types.WeightReason_WEIGHT_REASON_FRAUD:         "the jury found fraud, which zeroes the whole host",
	types.WeightReason_WEIGHT_REASON_REJECTED:      "fraud and missing openings together outnumber honest seats, which zeroes the whole host",
	types.WeightReason_WEIGHT_REASON_UNAVAILABLE:   "most seats got no openings, which zeroes the whole host",
	types.WeightReason_WEIGHT_REASON_BELOW_MINIMUM: "it claimed fewer nonces than the minimum",
	types.WeightReason_WEIGHT_REASON_NO_BATCH:      "it claimed nothing",
	types.WeightReason_WEIGHT_REASON_JAILED:        "its consensus key signed twice and no other key waits",
	types.WeightReason_WEIGHT_REASON_SOLE_MEMBER:   "nobody else could judge it, so that its claims count unjudged",
	types.WeightReason_WEIGHT_REASON_GENESIS:       "the weight stands in genesis",
	types.WeightReason_WEIGHT_REASON_PRESERVED:     "its nodes served through PoC and keep their weight",
	types.WeightReason_WEIGHT_REASON_MINED:         "its nodes proved it",
	types.WeightReason_WEIGHT_REASON_REMOVED:       "its nodes were removed",
	types.WeightReason_WEIGHT_REASON_NOT_IN_FLEET:  "its nodes were declared too late",
}

// explain says the same as an outcome in one sentence.
func explain(o types.HostOutcome) string {
	why := whyOf[o.Reason]
	if why == "" {
		why = "it is not computed yet"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s weighs %d in epoch %d (%d mined, %d preserved): %s",
		o.Participant, o.Weight, o.EpochIndex, o.MinedWeight, o.PreservedWeight, why)
	if o.Claimed > 0 {
		fmt.Fprintf(&b, "; of %d claimed nonces %d are credited", o.Claimed, o.Credited)
	}
	if o.CreditSampled > 0 {
		fmt.Fprintf(&b, " (%d of %d counted samples invalid)", o.CreditInvalid, o.CreditSampled)
	}
	if o.SeatsDrawn > 0 {
		fmt.Fprintf(&b, "; of %d seats %d said honest, %d fraud, %d unavailable, %d nothing",
			o.SeatsDrawn, o.SeatsHonest, o.SeatsFraud, o.SeatsUnavailable,
			o.SeatsDrawn-min(o.SeatsDrawn, o.SeatsHonest+o.SeatsFraud+o.SeatsUnavailable))
	}
	b.WriteString(".")
	return b.String()
}
