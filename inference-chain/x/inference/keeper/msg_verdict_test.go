package keeper

import (
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

func submitVerdicts(msgs types.MsgServer, k *kit, msg *types.MsgSubmitPocValidation) (*types.MsgSubmitPocValidationResponse, error) {
	return msgs.SubmitPocValidation(k.ctx, msg)
}

// judgingKit is the round in which verdicts are accepted: dave and carol claim 1,000
// nonces each, bob 3, which is below the minimum.
func judgingKit(t testing.TB) *roundKit {
	t.Helper()
	k := newRoundKit(t).judging()
	k.claims("dave", "d1", 1000)
	k.claims("carol", "c1", 1000)
	k.claims("bob", "b1", 3)
	return k
}

// testVerdict finds a sample of 200 honest.
func testVerdict(host string) types.Verdict {
	proof := sha256.Sum256([]byte("digests"))
	return types.Verdict{Participant: host, Sampled: 200, WorkProof: proof[:]}
}

func casting(holder string, verdicts ...types.Verdict) *types.MsgSubmitPocValidation {
	return &types.MsgSubmitPocValidation{Creator: holder, EpochIndex: 1, Verdicts: verdicts}
}

func TestAVerdictIsRefused(t *testing.T) {
	alice, carol, dave := addressText(t, testAddress("alice")), addressText(t, testAddress("carol")), addressText(t, testAddress("dave"))
	edited := func(edit func(*types.Verdict)) *types.MsgSubmitPocValidation {
		verdict := testVerdict(dave)
		edit(&verdict)
		return casting(alice, verdict)
	}
	later := casting(alice, testVerdict(dave))
	later.EpochIndex = 0
	for name, c := range map[string]struct {
		msg  *types.MsgSubmitPocValidation
		want expectation
	}{
		"from an account that is no host": {
			casting(addressText(t, testAddress("eve")), testVerdict(dave)), refusedWith(types.ErrNotRegistered),
		},
		"from a host that is no member": {casting(dave, testVerdict(carol)), refusedWith(types.ErrNoSeat, dave, carol)},
		"on oneself":                    {casting(carol, testVerdict(carol)), refusedWith(types.ErrNoSeat, carol)},
		"on a host below the minimum": {
			casting(alice, testVerdict(addressText(t, testAddress("bob")))), refusedWith(types.ErrNoSeat, "claims 3 nonces"),
		},
		"on a host that claims nothing": {
			casting(carol, testVerdict(alice)), refusedWith(types.ErrNoSeat, "claims 0 nonces"),
		},
		"when there is none": {casting(alice), refusedWith(types.ErrField, "verdicts must have 1 to 256 entries")},
		"when there are 257": {
			casting(alice, slices.Repeat([]types.Verdict{testVerdict(dave)}, 257)...),
			refusedWith(types.ErrTooMany, "verdicts has 257 entries, at most 256"),
		},
		"for another epoch": {later, refusedWith(types.ErrWrongEpoch, "epoch_index must be 1, got 0")},
		"without a host": {
			edited(func(v *types.Verdict) { v.Participant = "" }), refusedWith(types.ErrInvalidVerdict, "participant must be an address"),
		},
		"on an address of another chain": {
			edited(func(v *types.Verdict) { v.Participant = "cosmos1abc" }), refusedWith(types.ErrInvalidAddress, "participant", "cosmos1abc"),
		},
		"on a smaller sample than drawn": {
			edited(func(v *types.Verdict) { v.Sampled = 199 }), refusedWith(types.ErrInvalidVerdict, "199, drawn 200"),
		},
		"on a larger sample than drawn": {
			edited(func(v *types.Verdict) { v.Sampled = 201 }), refusedWith(types.ErrInvalidVerdict, "201, drawn 200"),
		},
		"with more invalid than sampled": {
			edited(func(v *types.Verdict) { v.Invalid = 201 }), refusedWith(types.ErrInvalidVerdict, "201 of 200"),
		},
		"without a work proof": {
			edited(func(v *types.Verdict) { v.WorkProof = nil }), refusedWith(types.ErrInvalidVerdict, "32 bytes"),
		},
		"with a work proof that is too long": {
			edited(func(v *types.Verdict) { v.WorkProof = make([]byte, 33) }), refusedWith(types.ErrInvalidVerdict, "work_proof must have 32 bytes, got 33"),
		},
		"that is unavailable and has findings": {
			edited(func(v *types.Verdict) { v.Unavailable, v.Invalid, v.WorkProof = true, 1, nil }), refusedWith(types.ErrInvalidVerdict, "unavailable"),
		},
		"that is unavailable and structural": {
			edited(func(v *types.Verdict) { v.Unavailable, v.Structural, v.WorkProof = true, true, nil }), refusedWith(types.ErrInvalidVerdict, "unavailable"),
		},
		"that is unavailable and has a work proof": {
			edited(func(v *types.Verdict) { v.Unavailable = true }), refusedWith(types.ErrInvalidVerdict, "unavailable"),
		},
		"when the message holds two on one host": {
			func() *types.MsgSubmitPocValidation {
				other := testVerdict(dave)
				other.Invalid = 1
				return casting(alice, testVerdict(dave), other)
			}(),
			refusedWith(types.ErrVerdictConflict, dave),
		},
		"when one of the message is bad, and none is stored": {
			casting(alice, testVerdict(dave), testVerdict(alice)), refusedWith(types.ErrNoSeat),
		},
	} {
		t.Run(name, func(t *testing.T) {
			send(judgingKit(t), submitVerdicts, c.msg, c.want)
		})
	}
}

func TestVerdictsAreAcceptedFromTheBlockAfterPocValidationStartToPocValidationEnd(t *testing.T) {
	heights := newRoundKit(t).heights
	wrong := refusedWith(types.ErrWrongStage, "from the block after POC_VALIDATION_START to POC_VALIDATION_END")
	for name, c := range map[string]struct {
		height int64
		want   expectation
	}{
		"POC_VALIDATION_START does not take them":               {heights.PocValidationStart, wrong},
		"the first block of POC_VALIDATION_EXCHANGE takes them": {heights.PocValidationStart + 1, expectation{}},
		"POC_VALIDATION_END takes them":                         {heights.PocValidationEnd, expectation{}},
		"MODEL_LOADING does not":                                {heights.PocValidationEnd + 1, wrong},
	} {
		t.Run(name, func(t *testing.T) {
			k := judgingKit(t)
			k.at(c.height)
			send(k, submitVerdicts, casting(k.text("alice"), testVerdict(k.text("dave"))), c.want)
		})
	}
}

func TestAVerdictCountsForAllSeatsOfItsHolder(t *testing.T) {
	k := judgingKit(t)
	jury, drawn, err := k.JuryOf(k.ctx, 1, testAddress("dave"))
	require.NoError(t, err)
	require.Equal(t, uint64(32), drawn)
	var seats uint64
	for _, seat := range jury {
		if seat.Holder.Equals(testAddress("alice")) {
			seats = seat.Seats
		}
	}
	require.NotZero(t, seats)
	verdict := testVerdict(k.text("dave"))
	verdict.Invalid, verdict.Structural = 7, true
	response := send(k, submitVerdicts, casting(k.text("alice"), verdict, testVerdict(k.text("carol"))), expectation{})
	require.Equal(t, &types.MsgSubmitPocValidationResponse{Accepted: 2}, response)
	stored, err := k.Verdicts.Get(k.ctx, collections.Join3(uint64(1), []byte(testAddress("dave")), []byte(testAddress("alice"))))
	require.NoError(t, err)
	require.Equal(t, types.StoredVerdict{
		EpochIndex: 1, Holder: k.text("alice"), Seats: seats, Verdict: verdict, Height: k.ctx.BlockHeight(),
	}, stored)
	events := eventsOf[types.EventVerdict](k.kit)
	require.Len(t, events, 2)
	require.Equal(t, types.EventVerdict{
		EpochIndex: 1, Holder: k.text("alice"), Participant: k.text("dave"), Seats: seats, Sampled: 200, Invalid: 7, Structural: true,
	}, events[0])
}

func TestTheSameVerdictAgainIsSuccessWithoutEffect(t *testing.T) {
	k := judgingKit(t)
	msg := casting(k.text("alice"), testVerdict(k.text("dave")))
	send(k, submitVerdicts, msg, expectation{})
	before := snapshotState(k.at(k.ctx.BlockHeight() + 1).forget())
	require.Equal(t, &types.MsgSubmitPocValidationResponse{Duplicates: 1}, send(k, submitVerdicts, msg, expectation{}))
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
}

func TestOtherContentAfterAFirstVerdictIsRefused(t *testing.T) {
	k := judgingKit(t)
	send(k, submitVerdicts, casting(k.text("alice"), testVerdict(k.text("dave"))), expectation{})
	for name, edit := range map[string]func(*types.Verdict){
		"another count":      func(v *types.Verdict) { v.Invalid = 1 },
		"another work proof": func(v *types.Verdict) { v.WorkProof = make([]byte, 32) },
		"structural now":     func(v *types.Verdict) { v.Structural = true },
		"unavailable now":    func(v *types.Verdict) { v.Unavailable, v.WorkProof = true, nil },
	} {
		t.Run(name, func(t *testing.T) {
			verdict := testVerdict(k.text("dave"))
			edit(&verdict)
			send(k, submitVerdicts, casting(k.text("alice"), verdict), refusedWith(types.ErrVerdictConflict, k.text("dave")))
		})
	}
}

func TestAnUnavailableVerdictIsAccepted(t *testing.T) {
	k := judgingKit(t)
	verdict := types.Verdict{Participant: k.text("dave"), Sampled: 200, Unavailable: true}
	send(k, submitVerdicts, casting(k.text("bob"), verdict), expectation{})
}

func TestAHostWithFewClaimsIsSampledWhole(t *testing.T) {
	k := judgingKit(t)
	k.claims("dave", "d1", 150)
	verdict := testVerdict(k.text("dave"))
	send(k, submitVerdicts, casting(k.text("alice"), verdict), refusedWith(types.ErrInvalidVerdict, "200, drawn 150"))
	verdict.Sampled = 150
	send(k, submitVerdicts, casting(k.text("alice"), verdict), expectation{})
}

func TestAMemberInJailWhenTheSampleWasDrawnHasNoSeat(t *testing.T) {
	k := judgingKit(t)
	require.NoError(t, k.JuryExclusions.Set(k.ctx, collections.Join(uint64(1), []byte(testAddress("alice")))))
	send(k, submitVerdicts, casting(k.text("alice"), testVerdict(k.text("dave"))), refusedWith(types.ErrNoSeat))
	send(k, submitVerdicts, casting(k.text("bob"), testVerdict(k.text("dave"))), expectation{})
}
