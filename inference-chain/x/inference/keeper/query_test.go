package keeper

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cosmossdk.io/collections"

	"github.com/cosmos/cosmos-sdk/types/query"

	"ninefold.dev/inference-chain/x/inference/types"
)

func TestQueriesSayWhyTheyCannotAnswer(t *testing.T) {
	k := newRoundKit(t)
	k.claims("alice", "a1", 1000)
	require.NoError(t, k.Rounds.Set(k.ctx, 1, types.Round{EpochIndex: 1})) // the seed is not known yet
	q := NewQuerier(k.Keeper)
	long := &query.PageRequest{Limit: 1_001}
	alice := k.text("alice")
	for name, c := range map[string]struct {
		ask  func() error
		code codes.Code
	}{
		"an unknown epoch": {func() error {
			_, err := q.Epoch(k.ctx, &types.QueryEpochRequest{EpochIndex: 9})
			return err
		}, codes.NotFound},
		"an unknown round": {func() error {
			_, err := q.Round(k.ctx, &types.QueryRoundRequest{EpochIndex: 9})
			return err
		}, codes.NotFound},
		"an unknown model": {func() error {
			_, err := q.GovernanceModel(k.ctx, &types.QueryGovernanceModelRequest{ModelId: "org/none"})
			return err
		}, codes.NotFound},
		"an unknown host": {func() error {
			_, err := q.Participant(k.ctx, &types.QueryParticipantRequest{Address: k.text("eve")})
			return err
		}, codes.NotFound},
		"no address": {func() error {
			_, err := q.Participant(k.ctx, &types.QueryParticipantRequest{Address: "alice"})
			return err
		}, codes.InvalidArgument},
		"an address of another chain": {func() error {
			_, err := q.Weight(k.ctx, &types.QueryWeightRequest{Address: "cosmos1zqq4g0sa"})
			return err
		}, codes.InvalidArgument},
		"a page that is too long": {func() error {
			_, err := q.Participants(k.ctx, &types.QueryParticipantsRequest{Pagination: long})
			return err
		}, codes.InvalidArgument},
		"offset and key": {func() error {
			_, err := q.Epochs(k.ctx, &types.QueryEpochsRequest{Pagination: &query.PageRequest{Offset: 1, Key: []byte{1}}})
			return err
		}, codes.InvalidArgument},
		"a jury before the seed": {func() error {
			_, err := q.Jury(k.ctx, &types.QueryJuryRequest{EpochIndex: 1, Address: alice})
			return err
		}, codes.FailedPrecondition},
		"a fleet of long ago": {func() error {
			_, err := q.Fleet(k.ctx, &types.QueryFleetRequest{EpochIndex: 7, Address: alice})
			return err
		}, codes.NotFound},
		"a quota of who is no host": {func() error {
			_, err := q.Quota(k.ctx, &types.QueryQuotaRequest{Address: k.text("eve")})
			return err
		}, codes.NotFound},
		"a reward that is not settled": {func() error {
			_, err := q.SettleAmount(k.ctx, &types.QuerySettleAmountRequest{EpochIndex: 1, Address: alice})
			return err
		}, codes.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.ask()
			require.Equal(t, c.code, status.Code(err), "%v", err)
		})
	}
}

func TestAPageEndsWhereTheNextBegins(t *testing.T) {
	k := newRoundKit(t)
	q := NewQuerier(k.Keeper)
	var seen []string
	page := &query.PageRequest{Limit: 1}
	for {
		res, err := q.EpochMembers(k.ctx, &types.QueryEpochMembersRequest{Pagination: page})
		require.NoError(t, err)
		require.Len(t, res.Members, 1)
		seen = append(seen, res.Members[0].Participant)
		if len(res.Pagination.NextKey) == 0 {
			break
		}
		page = &query.PageRequest{Limit: 1, Key: res.Pagination.NextKey}
	}
	require.ElementsMatch(t, []string{k.text("alice"), k.text("bob"), k.text("carol")}, seen)
}

func TestAPageHasAHundredRowsUnlessToldOtherwise(t *testing.T) {
	k := newRoundKit(t)
	for i := range uint64(120) {
		require.NoError(t, k.UnitPrices.Set(k.ctx, i, types.UnitPrice{EpochIndex: i}))
		require.NoError(t, k.Models.Set(k.ctx, "m"+strconv.FormatUint(i, 10), testModel("m")))
	}
	q := NewQuerier(k.Keeper)
	for want, page := range map[int]*query.PageRequest{100: nil, 7: {Limit: 7}, 122: {Limit: 1_000}} {
		res, err := q.GovernanceModels(k.ctx, &types.QueryGovernanceModelsRequest{Pagination: page})
		require.NoError(t, err)
		require.Len(t, res.Models, want)
	}
}

func TestTheStageSaysHowLongItLasts(t *testing.T) {
	k := newRoundKit(t)
	q := NewQuerier(k.Keeper)
	for height, want := range map[int64]types.QueryCurrentStageResponse{
		k.heights.PocStart:           {Stage: types.Stage_STAGE_POC_START},
		k.heights.PocStart + 1:       {Stage: types.Stage_STAGE_POC_EXCHANGE, BlocksLeft: 7},
		k.heights.PocEnd - 1:         {Stage: types.Stage_STAGE_POC_EXCHANGE},
		k.heights.SetNewValidators:   {Stage: types.Stage_STAGE_SET_NEW_VALIDATORS},
		k.heights.NextPocStart - 1:   {Stage: types.Stage_STAGE_INFERENCE},
		k.heights.NextPocStart - 35:  {Stage: types.Stage_STAGE_INFERENCE, BlocksLeft: 34},
		k.heights.PocValidationStart: {Stage: types.Stage_STAGE_POC_VALIDATION_START},
	} {
		k.at(height)
		got, err := q.CurrentStage(k.ctx, &types.QueryCurrentStageRequest{})
		require.NoError(t, err)
		require.Equal(t, want.Stage, got.Stage, "height %d", height)
		require.Equal(t, want.BlocksLeft, got.BlocksLeft, "height %d", height)
		require.Equal(t, height, got.Height)
		require.Equal(t, uint64(1), got.Opened)
		require.Equal(t, types.EpochStatus_EPOCH_STATUS_OPENED, got.OpenedStatus)
	}
}

func TestAFleetSaysWhichNodesServe(t *testing.T) {
	k := newRoundKit(t)
	host := []byte(testAddress("alice"))
	for _, row := range []types.EpochNode{
		{Models: []string{modelA}, Info: types.MLNodeInfo{NodeId: "a2", TimeslotAllocation: []bool{true, true}}},
		{ModelId: modelA, Models: []string{modelA}, Info: types.MLNodeInfo{NodeId: "a2", TimeslotAllocation: []bool{true, true}}},
	} {
		require.NoError(t, k.EpochNodes.Set(k.ctx, collections.Join4(uint64(0), row.ModelId, host, "a2"), row))
	}
	res, err := NewQuerier(k.Keeper).Fleet(k.ctx, &types.QueryFleetRequest{EpochIndex: 1, Address: k.text("alice")})
	require.NoError(t, err)
	require.Len(t, res.Nodes, 2)
	require.Equal(t, []bool{false, true}, res.Serving)
}

func TestWhatAClaimWouldPay(t *testing.T) {
	k := newRoundKit(t)
	k.settled("bob", 3, 100)
	k.settled("bob", 4, 23)
	q := NewQuerier(k.Keeper)
	res, err := q.Claimable(k.ctx, &types.QueryClaimableRequest{Address: k.text("bob")})
	require.NoError(t, err)
	require.Equal(t, "123", res.Amount)
	require.Equal(t, []uint64{3, 4}, res.Epochs)
	res, err = q.Claimable(k.ctx, &types.QueryClaimableRequest{Address: k.text("alice")})
	require.NoError(t, err)
	require.Equal(t, "0", res.Amount)
}

func TestAQuotaSaysWhatIsLeft(t *testing.T) {
	k := newRoundKit(t)
	q := NewQuerier(k.Keeper)
	for used := range uint64(3) {
		res, err := q.Quota(k.ctx, &types.QueryQuotaRequest{Address: k.text("bob")})
		require.NoError(t, err)
		require.Equal(t, types.QueryQuotaResponse{Used: used, Free: 256 - used, Stage: types.Stage_STAGE_POC_EXCHANGE}, *res)
		require.True(t, k.free("bob"))
	}
}

// TestEveryCollectionCanBeAskedFor names the query that shows each collection, so
// that a new one does not stay out of sight.
func TestEveryCollectionCanBeAskedFor(t *testing.T) {
	shown := map[string]string{
		"params": "Params", "clock": "CurrentStage", "models": "GovernanceModels",
		"participants": "Participants", "consensus_keys": "Participants", "hardware_nodes": "HardwareNodes",
		"fleet_loads": "FleetLoads", "epochs": "Epochs", "rounds": "Round", "epoch_models": "EpochModels",
		"epoch_groups": "EpochGroup", "epoch_members": "EpochMembers", "member_pages": "Jury", "epoch_nodes": "EpochNodes",
		"poc_batches": "PocBatches", "node_claims": "PocNodeClaims", "host_claims": "PocHostClaims",
		"verdicts": "Verdicts", "jury_exclusions": "JuryExclusions", "host_outcomes": "Weights", "node_outcomes": "Weight",
		"jury_duties": "JuryDuties", "forfeits": "Forfeits", "treasury": "Treasury", "settlements": "Settlement",
		"settle_amounts": "SettleAmounts", "unclaimed": "Claimable", "formation": "Formation", "prunes": "Prunes",
		"quotas": "Quota", "unit_prices": "UnitPrice",
		// No message writes these yet.
		"developers": "", "used_receipts": "", "served_tokens": "",
	}
	queries := reflect.TypeFor[types.QueryServer]()
	k := newKit(t)
	for _, c := range k.Schema.ListCollections() {
		method, known := shown[c.GetName()]
		require.True(t, known, "no query shows %s", c.GetName())
		if method != "" {
			_, exists := queries.MethodByName(method)
			require.True(t, exists, "there is no query %s", method)
		}
	}
	require.Len(t, shown, len(k.Schema.ListCollections()))
}

func TestWhatWaitsAndWhoIsLeftOutCanBeSeen(t *testing.T) {
	k := newRoundKit(t)
	q := NewQuerier(k.Keeper)
	none, err := q.Formation(k.ctx, &types.QueryFormationRequest{})
	require.NoError(t, err)
	require.Nil(t, none.Formation)

	bob := []byte(testAddress("bob"))
	cursor := types.FormationCursor{EpochIndex: 1, Members: 2, Remaining: 3}
	require.NoError(t, k.Formation.Set(k.ctx, cursor))
	require.NoError(t, k.Prunes.Set(k.ctx, 0, types.PruneCursor{Collection: 4}))
	forfeit := types.Forfeit{EpochIndex: 1, Participant: k.text("bob"), Reason: "fraud"}
	for epoch, host := range map[uint64][]byte{1: bob, 2: []byte(testAddress("carol"))} {
		require.NoError(t, k.JuryExclusions.Set(k.ctx, collections.Join(epoch, host)))
		require.NoError(t, k.Forfeits.Set(k.ctx, collections.Join(epoch, host), forfeit))
	}

	formation, err := q.Formation(k.ctx, &types.QueryFormationRequest{})
	require.NoError(t, err)
	require.Equal(t, cursor, *formation.Formation)
	prunes, err := q.Prunes(k.ctx, &types.QueryPrunesRequest{})
	require.NoError(t, err)
	require.Equal(t, []types.PruneCursor{{Collection: 4}}, prunes.Prunes)
	excluded, err := q.JuryExclusions(k.ctx, &types.QueryJuryExclusionsRequest{EpochIndex: 1})
	require.NoError(t, err)
	require.Equal(t, []string{k.text("bob")}, excluded.Participants)
	forfeits, err := q.Forfeits(k.ctx, &types.QueryForfeitsRequest{EpochIndex: 1})
	require.NoError(t, err)
	require.Equal(t, []types.Forfeit{forfeit}, forfeits.Forfeits)

	require.NoError(t, k.FleetLoads.Set(k.ctx, bob, types.FleetLoad{Participant: k.text("bob"), Load: 7}))
	loads, err := q.FleetLoads(k.ctx, &types.QueryFleetLoadsRequest{Pagination: &query.PageRequest{Limit: 1_000}})
	require.NoError(t, err)
	require.Contains(t, loads.Loads, types.FleetLoad{Participant: k.text("bob"), Load: 7})
}
