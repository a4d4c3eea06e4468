package daemon

import (
	"context"
	"errors"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
)

// verifier recomputes nonces and does nothing else.
type verifier interface {
	Validate(ctx context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error)
}

// recompute ties the verifier of verdicts to what computes. Own nodes come
// first: they cost nothing more. Where none can, the serverless ones follow,
// in the order of the configuration.
func (h *Host) recompute(ctx context.Context, round plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
	decisions, err := h.loop.Recompute(ctx, round.PublicKey, nonces)
	for _, v := range h.verifiers {
		if err == nil {
			break
		}
		failed := err
		if decisions, err = v.Validate(ctx, round, nonces); err != nil {
			err = errors.Join(failed, err)
		}
	}
	return decisions, err
}
