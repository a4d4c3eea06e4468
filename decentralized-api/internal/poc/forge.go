package poc

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"ninefold.dev/decentralized-api/internal/mlnode"
	"ninefold.dev/decentralized-api/internal/plan"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
)

// forgedSteps is how far a forging node pretends to walk each lane in a block.
const forgedSteps = 200

// forgeProofs claims invented nonces for every node of the fleet: as dense as
// chance, in valid trees, and wrong. Test networks use it to see a cheater
// caught; the configuration refuses it elsewhere.
func (o *Orchestrator) forgeProofs(ctx context.Context, facts *roundFacts) error {
	o.log.Warn("FORGING NONCES: this broker was told to cheat (testing.forge_nonces)", "epoch", facts.record.Index)
	var failures []error
	for _, node := range facts.fleet {
		if node.Serving {
			continue
		}
		round := facts.roundOf(o.raw, node)
		progress, err := o.proofs.Begin(ctx, node.ID, round)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		batch, err := forged(round, progress.LaneNext, facts.terms.Limits.ValidFraction)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		if _, err := o.proofs.Accept(ctx, node.ID, round, batch); err != nil && !errors.Is(err, mlnode.ErrClosed) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// RepeatNonces lets every batch claim each second nonce in the place of the
// next one too: true work, counted twice, in trees that are not in order. Test
// networks use it to see a cheater caught by the shape of its trees alone; the
// configuration refuses it elsewhere. Call it before the first proof.
func (p *Proofs) RepeatNonces() { p.cheat = true }

func repeatEachSecond(positions []uint64) {
	for i := 1; i < len(positions); i += 2 {
		positions[i] = positions[i-1]
	}
}

// Blame is the Recompute of a judge who lies: no nonce is right, and none was computed.
// Test networks use it; the configuration refuses it elsewhere.
func Blame(_ context.Context, _ plan.Round, nonces []uint64) ([]mlnode.Decision, error) {
	return make([]mlnode.Decision, len(nonces)), nil
}

// tree is what a batch of these positions commits to; of a host that does not
// cheat, only one in order.
func (p *Proofs) tree(positions []uint64) (*commit.Tree, error) {
	if p.cheat {
		return commit.NewUnorderedTree(positions)
	}
	return commit.NewTree(positions)
}

// forged invents a batch: a hash decides what is claimed, with the round's
// valid fraction, so that density shows nothing.
func forged(round plan.Round, from []uint64, p fixed.Dec) (mlnode.Batch, error) {
	stride := commit.Stride{NodeIndex: round.NodeIndex, NodeCount: round.NodeCount, Lanes: round.Lanes}
	threshold, err := p.MulFloor(1 << 63)
	if err != nil {
		return mlnode.Batch{}, fmt.Errorf("forge: %w", err)
	}
	batch := mlnode.Batch{
		PublicKey: round.PublicKey[:], Challenge: round.Challenge, NodeIndex: round.NodeIndex,
		LaneNext: slices.Clone(from),
	}
	for lane := range batch.LaneNext {
		for range forgedSteps {
			nonce, err := stride.Nonce(uint64(lane), batch.LaneNext[lane])
			if err != nil {
				return mlnode.Batch{}, fmt.Errorf("forge: %w", err)
			}
			batch.LaneNext[lane]++
			lot := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("forged "+round.Challenge), nonce))
			if binary.BigEndian.Uint64(lot[:8])>>1 < threshold {
				batch.Nonces = append(batch.Nonces, nonce)
			}
		}
	}
	slices.Sort(batch.Nonces)
	return batch, nil
}
