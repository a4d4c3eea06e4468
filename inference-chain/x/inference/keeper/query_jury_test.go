package keeper

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/inference/types"
)

func TestAMembersSeatsAreThoseOfTheJuries(t *testing.T) {
	k := judgingKit(t)
	q := NewQuerier(k.Keeper)
	juries := map[string]map[string]uint64{} // holder → host → seats
	for _, host := range []string{"carol", "dave"} {
		jury, err := q.Jury(k.ctx, &types.QueryJuryRequest{EpochIndex: 1, Address: k.text(host)})
		require.NoError(t, err)
		require.Equal(t, uint64(32), jury.Drawn)
		for _, seat := range jury.Seats {
			if juries[seat.Holder] == nil {
				juries[seat.Holder] = map[string]uint64{}
			}
			juries[seat.Holder][k.text(host)] = seat.Seats
		}
	}
	require.NotEmpty(t, juries[k.text("alice")])
	for holder, want := range juries {
		got := map[string]uint64{}
		page := &query.PageRequest{Limit: 1}
		for {
			res, err := q.HolderSeats(k.ctx, &types.QueryHolderSeatsRequest{EpochIndex: 1, Holder: holder, Pagination: page})
			require.NoError(t, err)
			for _, seat := range res.Seats {
				got[seat.Participant] = seat.Seats
				require.Equal(t, uint64(1000), seat.Claimed)
				require.False(t, seat.Cast)
			}
			if len(res.Pagination.NextKey) == 0 {
				break
			}
			page = &query.PageRequest{Limit: 1, Key: res.Pagination.NextKey}
		}
		require.Equal(t, want, got)
	}
}

func TestASeatIsCastOnceItsVerdictIsThere(t *testing.T) {
	k := judgingKit(t)
	_, err := k.msgs.SubmitPocValidation(k.ctx, casting(k.text("alice"), testVerdict(k.text("dave"))))
	require.NoError(t, err)
	q := NewQuerier(k.Keeper)
	res, err := q.HolderSeats(k.ctx, &types.QueryHolderSeatsRequest{EpochIndex: 1, Holder: k.text("alice")})
	require.NoError(t, err)
	for _, seat := range res.Seats {
		require.Equal(t, seat.Participant == k.text("dave"), seat.Cast)
	}
	verdicts, err := q.Verdicts(k.ctx, &types.QueryVerdictsRequest{EpochIndex: 1, Address: k.text("dave")})
	require.NoError(t, err)
	require.Len(t, verdicts.Verdicts, 1)
	require.Equal(t, k.text("alice"), verdicts.Verdicts[0].Holder)
}

func TestAPageOfJuriesHasAtMostAHundredHosts(t *testing.T) {
	k := judgingKit(t)
	q := NewQuerier(k.Keeper)
	for limit, want := range map[uint64]codes.Code{100: codes.OK, 101: codes.InvalidArgument} {
		_, err := q.HolderSeats(k.ctx, &types.QueryHolderSeatsRequest{
			EpochIndex: 1, Holder: k.text("alice"), Pagination: &query.PageRequest{Limit: limit},
		})
		require.Equal(t, want, status.Code(err), "%v", err)
	}
}

func TestWhoHasNoSeatHasNoSample(t *testing.T) {
	k := judgingKit(t)
	q := NewQuerier(k.Keeper)
	own, err := q.Sample(k.ctx, &types.QuerySampleRequest{EpochIndex: 1, Address: k.text("carol"), Holder: k.text("carol")})
	require.NoError(t, err)
	require.Zero(t, own.Seats)
	require.Empty(t, own.Refs)
	drawn, err := q.Sample(k.ctx, &types.QuerySampleRequest{EpochIndex: 1, Address: k.text("carol"), Holder: k.text("alice")})
	require.NoError(t, err)
	require.Positive(t, drawn.Seats)
	require.Len(t, drawn.Refs, 200)
}

func TestAnOutcomeIsExplainedInOneSentence(t *testing.T) {
	for name, c := range map[string]struct {
		outcome types.HostOutcome
		want    string
	}{
		"genesis": {
			types.HostOutcome{Participant: "nine1a", Reason: types.WeightReason_WEIGHT_REASON_GENESIS, Weight: 7, MinedWeight: 7},
			"nine1a weighs 7 in epoch 0 (7 mined, 0 preserved): the weight stands in genesis.",
		},
		"accepted with invalid samples": {
			types.HostOutcome{
				Participant: "nine1a", EpochIndex: 4, Reason: types.WeightReason_WEIGHT_REASON_ACCEPTED,
				Weight: 103, MinedWeight: 98, PreservedWeight: 5, Claimed: 100, Credited: 98, CreditSampled: 3200, CreditInvalid: 16,
				SeatsDrawn: 32, SeatsHonest: 20, SeatsFraud: 1, SeatsUnavailable: 2,
			},
			"nine1a weighs 103 in epoch 4 (98 mined, 5 preserved): the jury accepted its claims; of 100 claimed nonces 98 are credited (16 of 3200 counted samples invalid); of 32 seats 20 said honest, 1 fraud, 2 unavailable, 9 nothing.",
		},
		"nothing claimed": {
			types.HostOutcome{Participant: "nine1a", EpochIndex: 4, Reason: types.WeightReason_WEIGHT_REASON_NO_BATCH},
			"nine1a weighs 0 in epoch 4 (0 mined, 0 preserved): it claimed nothing.",
		},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, explain(c.outcome)) })
	}
}

func TestEveryReasonHasAnExplanation(t *testing.T) {
	for value, name := range types.WeightReason_name {
		if value != 0 {
			require.NotEmpty(t, whyOf[types.WeightReason(value)], name)
		}
	}
}
