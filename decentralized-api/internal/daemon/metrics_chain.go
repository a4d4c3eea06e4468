package daemon

import (
	"context"
	"errors"
	"strconv"
	"time"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/httpapi"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
)

var (
	descReachable  = describe("chain_reachable", "Whether a chain node answered everything that was asked of it for this scrape.")
	descWeight     = describe("weight", "Weight of the host: of the effective epoch as the chain has it; of the opened one as it is known so far.", "is")
	descReason     = describe("weight_reason", "1 for the reason that the chain gives for the weight of the effective epoch.", "reason")
	descOutcome    = describe("judgement", "1 for what the jury of the effective epoch found about the host.", "outcome")
	descSeats      = describe("judgement_seats", "Seats of the jury of the effective epoch, by what they said.", "said")
	descFree       = describe("free_messages_left", "Messages that the host may still send without a fee in this stage.")
	descPower      = describe("validator_power", "Consensus power of the host; 0 when it is not in the set.")
	descJailed     = describe("validator_jailed", "Whether the host's validator is jailed.")
	descTombstoned = describe("validator_tombstoned", "Whether the host's consensus key signed twice: only another key can come back.")
	descMissed     = describe("validator_missed_blocks", "Blocks of the signing window that the validator did not sign.")
	descBlockAge   = describe("block_age_seconds", "This machine's clock less the time of the newest block: how late the block is, or how wrong the clock.")
	descClaimable  = describe("claimable_unine", "Reward that is settled and not claimed yet.")
)

// unknownHost is the reason for no weight in an epoch that has no record of the
// host: it registered later, or never.
const unknownHost = "unknown"

// collectChain asks the chain how the host stands. What cannot be asked is left
// out, and said by dapi_chain_reachable.
func (h *Host) collectChain(ctx context.Context, status httpapi.Status, put gauge) {
	view := h.dispatcher.View()
	if view == nil {
		put(descReachable, 0)
		return
	}
	put(descHeight, float64(view.Height))
	put(descStage, float64(view.Stage))
	put(descLeft, float64(view.BlocksLeft))
	put(descEpoch, float64(view.Effective), "effective")
	put(descEpoch, float64(view.Opened), "opened")
	put(descWeight, float64(status.Weight.Expected), "opened")
	err := errors.Join(
		h.collectClock(ctx, put),
		h.collectWeight(ctx, view.Effective, put),
		h.collectValidator(ctx, put),
		h.collectAccount(ctx, put),
	)
	put(descReachable, binary(err == nil))
	if err != nil {
		h.parts.Log.Warn("metrics of the chain are incomplete", "err", err)
	}
}

func (h *Host) collectClock(ctx context.Context, put gauge) error {
	status, err := h.pool.Status(ctx)
	if err != nil {
		return err
	}
	put(descBlockAge, time.Since(status.Time).Seconds())
	return nil
}

func (h *Host) collectWeight(ctx context.Context, epoch uint64, put gauge) error {
	r, err := h.client.Weight(ctx, epoch)
	var refusal *chain.Refusal
	if errors.As(err, &refusal) { // the epoch does not know the host
		put(descWeight, 0, "effective")
		put(descReason, 1, unknownHost)
		return nil
	}
	if err != nil {
		return err
	}
	host := r.Host
	put(descWeight, float64(host.Weight), "effective")
	put(descReason, 1, weight.Reason(host.Reason).String())
	put(descOutcome, 1, poc.Outcome(host.Outcome).String())
	for said, seats := range map[string]uint64{
		"drawn": host.SeatsDrawn, "honest": host.SeatsHonest, "fraud": host.SeatsFraud, "unavailable": host.SeatsUnavailable,
	} {
		put(descSeats, float64(seats), said)
	}
	return nil
}

func (h *Host) collectValidator(ctx context.Context, put gauge) error {
	v, err := h.client.Validator(ctx)
	if err != nil {
		return err
	}
	put(descPower, float64(v.Power))
	put(descJailed, binary(v.Jailed))
	put(descTombstoned, binary(v.Tombstoned))
	put(descMissed, float64(v.Missed))
	return nil
}

func (h *Host) collectAccount(ctx context.Context, put gauge) error {
	free, err := h.client.FreeMessages(ctx)
	if err != nil {
		return err
	}
	put(descFree, float64(free))
	text, err := h.client.ClaimableAmount(ctx)
	if err != nil {
		return err
	}
	amount, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return err
	}
	put(descClaimable, amount)
	return nil
}
