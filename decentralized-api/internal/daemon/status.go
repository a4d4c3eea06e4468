package daemon

import (
	"context"
	"errors"
	"fmt"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/httpapi"
	"ninefold.dev/decentralized-api/internal/outbox"
)

// recentIntents is how many intents the status shows.
const recentIntents = 20

// Status collects what the operator sees.
func (h *Host) Status(ctx context.Context) (httpapi.Status, error) {
	status := httpapi.Status{
		ChainID: h.config.ChainID, Host: h.config.Host.Address, Signer: chain.Address(h.parts.Key),
		Nodes: httpapi.NodesOf(h.registry.Snapshot()),
	}
	var err error
	if status.Outbox, err = outbox.Counts(ctx, h.store.Read()); err != nil {
		return httpapi.Status{}, err
	}
	if status.Recent, err = outbox.Latest(ctx, h.store.Read(), recentIntents); err != nil {
		return httpapi.Status{}, err
	}
	if status.OldestOpen, err = outbox.OldestOpen(ctx, h.store.Read()); err != nil {
		return httpapi.Status{}, err
	}
	view := h.dispatcher.View()
	if view == nil {
		status.Weight.Reason = "the chain was not reached yet"
		return status, nil
	}
	clock := httpapi.EpochOf(*view)
	status.Clock = &clock
	if status.Proofs, err = h.proofs.Tallies(ctx, view.Opened); err != nil {
		return httpapi.Status{}, err
	}
	status.Weight = h.weight(ctx, *view, status)
	return status, nil
}

// weight says what the host weighs in the opened epoch: the chain's own words
// once it was formed, what was committed before.
func (h *Host) weight(ctx context.Context, view chain.View, status httpapi.Status) httpapi.Weight {
	if view.Formed() {
		r, err := h.client.Weight(ctx, view.Opened)
		var refusal *chain.Refusal
		if errors.As(err, &refusal) {
			return httpapi.Weight{Epoch: view.Opened, Reason: "the epoch has no record of the host: its nodes were declared too late for it"}
		}
		if err != nil {
			return httpapi.Weight{Epoch: view.Opened, Reason: err.Error()}
		}
		return httpapi.Weight{Epoch: view.Opened, Expected: r.Host.Weight, Reason: r.Explanation}
	}
	w := httpapi.Weight{Epoch: view.Opened}
	var received uint64
	for _, tally := range status.Proofs {
		w.Expected += tally.Committed
		received += tally.Received
	}
	w.Reason = fmt.Sprintf("%d nonces are committed of %d acknowledged, if the jury accepts them", w.Expected, received)
	return w
}
