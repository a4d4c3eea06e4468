package mlnode

import (
	"context"
	"errors"
	"fmt"
	"io"

	"ninefold.dev/decentralized-api/internal/mlnode/mlnodev1"
	"ninefold.dev/decentralized-api/internal/plan"
)

// progress is a step of a long command, the last of which says ready.
type progress interface {
	GetFraction() float64
	GetReady() bool
}

// await reads steps until the last one.
func await[P progress](receive func() (P, error), report func(fraction float64)) error {
	ready := false
	for {
		step, err := receive()
		switch {
		case errors.Is(err, io.EOF) && ready:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: it ended before it was ready", ErrProtocol)
		case err != nil:
			return err
		}
		ready = step.GetReady()
		report(step.GetFraction())
	}
}

// StartRound opens a round, or finds it open. report is told how much of the
// weights is in place, 0 to 1.
func (c *Client) StartRound(ctx context.Context, round plan.Round, report func(fraction float64)) error {
	ctx, cancel := context.WithTimeout(ctx, roundTimeout)
	defer cancel()
	stream, err := c.poc.StartRound(ctx, &mlnodev1.StartRoundRequest{
		Round: RoundMessage(round), Generation: c.nextCommand(),
	})
	if err != nil {
		return fmt.Errorf("start round: %w", err)
	}
	if err := await(stream.Recv, report); err != nil {
		return fmt.Errorf("start round: %w", err)
	}
	return nil
}

// RoundMessage is a round as it is sent.
func RoundMessage(r plan.Round) *mlnodev1.Round {
	n := r.Network
	return &mlnodev1.Round{
		Kind: mlnodev1.PocKind_POC_KIND_EXACT8, PocVersion: r.PocVersion,
		BlockHash: r.Challenge, BlockHeight: uint64(r.Height), PublicKey: r.PublicKey[:],
		NodeIndex: r.NodeIndex, NodeCount: r.NodeCount, Lanes: r.Lanes,
		Params: &mlnodev1.PocParams{
			Dim: n.Dim, NLayers: n.Layers, NHeads: n.Heads, NKvHeads: n.KVHeads, VocabSize: n.Vocab,
			FfnDimMultiplier: n.FFNMultiplier, MultipleOf: n.MultipleOf, SeqLen: n.SeqLen,
		},
		ValidFraction: r.ValidFraction, RTarget: r.RTarget, Cq: r.Cq,
	}
}

// Stop ends generation and validation and, when endRound, the round itself.
func (c *Client) Stop(ctx context.Context, endRound bool) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if _, err := c.poc.Stop(ctx, &mlnodev1.StopRequest{Generation: c.nextCommand(), EndRound: endRound}); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// LoadModel loads a model, or finds it loaded.
func (c *Client) LoadModel(ctx context.Context, model plan.Model, report func(fraction float64)) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	stream, err := c.node.LoadModel(ctx, &mlnodev1.LoadModelRequest{
		Generation: c.nextCommand(), ModelId: model.ID, HfRepo: model.Repo, HfCommit: model.Commit, Args: model.Args,
	})
	if err != nil {
		return fmt.Errorf("load %s: %w", model.ID, err)
	}
	if err := await(stream.Recv, report); err != nil {
		return fmt.Errorf("load %s: %w", model.ID, err)
	}
	return nil
}

// UnloadModel frees the model.
func (c *Client) UnloadModel(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if _, err := c.node.UnloadModel(ctx, &mlnodev1.UnloadModelRequest{Generation: c.nextCommand()}); err != nil {
		return fmt.Errorf("unload: %w", err)
	}
	return nil
}
