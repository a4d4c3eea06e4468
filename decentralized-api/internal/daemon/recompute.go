package daemon

import (
	"context"

	"ninefold.dev/decentralized-api/internal/mlnode"
)

// recompute ties the verifier to the loop, which is built after it.
func (h *Host) recompute(ctx context.Context, publicKey [20]byte, nonces []uint64) ([]mlnode.Decision, error) {
	return h.loop.Recompute(ctx, publicKey, nonces)
}
