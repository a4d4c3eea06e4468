package poc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/inference-chain/core/commit"
	corepoc "ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// MaxOpenings bounds an answer with openings, in bytes.
const MaxOpenings = 1 << 20

// Why openings are not given.
var (
	// ErrNotOpen means that the epoch's sample is not drawn yet, or is over.
	ErrNotOpen = errors.New("openings of this epoch are not given now")
	// ErrNoSeat means that the account does not judge this host.
	ErrNoSeat = errors.New("the account has no seat on this host's jury")
	// ErrTooLarge means that an answer would pass MaxOpenings.
	ErrTooLarge = errors.New("the openings are too large")
)

// OwnRound is what the chain says about the own host's round.
type OwnRound interface {
	Commitments
	Epoch(ctx context.Context, epoch uint64) (types.Epoch, error)
	Round(ctx context.Context, epoch uint64) (types.Round, error)
}

// Jury is who judges the own host.
type Jury interface {
	Jury(ctx context.Context, epoch uint64) ([]string, error)
}

// Opener answers the judges of the own host. The answers of all of them are
// made at once, each batch's tree once, when the first one asks.
type Opener struct {
	round  OwnRound
	jury   Jury
	proofs *Proofs
	host   string
	log    *slog.Logger

	mu      sync.Mutex
	epoch   uint64
	answers map[string][]byte // by holder
}

// NewOpener makes an opener for a host.
func NewOpener(round OwnRound, jury Jury, proofs *Proofs, host string, log *slog.Logger) *Opener {
	return &Opener{round: round, jury: jury, proofs: proofs, host: host, log: log}
}

// Openings returns the encoded inference.v1.Openings for one judge. It fails
// with ErrNotOpen or ErrNoSeat.
func (o *Opener) Openings(ctx context.Context, epoch uint64, holder string) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers == nil || o.epoch != epoch {
		answers, err := o.open(ctx, epoch)
		if err != nil {
			return nil, err
		}
		o.epoch, o.answers = epoch, answers
	}
	answer, seated := o.answers[holder]
	if !seated {
		return nil, fmt.Errorf("%w: %s", ErrNoSeat, holder)
	}
	if len(answer) > MaxOpenings {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(answer))
	}
	return answer, nil
}

func (o *Opener) open(ctx context.Context, epoch uint64) (map[string][]byte, error) {
	round, err := o.round.Round(ctx, epoch)
	var refusal *chain.Refusal
	if errors.As(err, &refusal) || err == nil && len(round.SamplingSeed) == 0 {
		return nil, fmt.Errorf("%w: %d", ErrNotOpen, epoch)
	}
	if err != nil {
		return nil, err
	}
	record, err := o.round.Epoch(ctx, epoch)
	if err != nil {
		return nil, err
	}
	d, err := openDossier(ctx, o.round, epoch, o.host, record.Params.Lanes)
	if err != nil {
		return nil, err
	}
	holders, err := o.jury.Jury(ctx, epoch)
	if err != nil {
		return nil, fmt.Errorf("jury: %w", err)
	}
	wanted, err := wantedLeaves(d, holders, round.SamplingSeed, record.Params.SampleSize)
	if err != nil {
		return nil, err
	}
	return o.build(ctx, epoch, d, holders, wanted)
}

// wantedLeaves groups every holder's sample by batch.
func wantedLeaves(d *dossier, holders []string, seed []byte, size uint64) (map[batchKey]map[string][]uint64, error) {
	wanted := map[batchKey]map[string][]uint64{}
	for _, holder := range holders {
		raw, err := chain.ParseAddress(holder)
		if err != nil {
			return nil, err
		}
		sample, err := d.sample(seed, raw, size)
		if err != nil {
			return nil, err
		}
		for _, part := range corepoc.ByBatch(sample) {
			key := batchKey{part.NodeIndex, part.BatchID}
			if wanted[key] == nil {
				wanted[key] = map[string][]uint64{}
			}
			wanted[key][holder] = part.Index
		}
	}
	return wanted, nil
}

type batchKey struct{ index, id uint64 }

// build opens the batches in the order of the claims, each for all holders.
func (o *Opener) build(ctx context.Context, epoch uint64, d *dossier, holders []string, wanted map[batchKey]map[string][]uint64) (map[string][]byte, error) {
	openings := make(map[string]*types.Openings, len(holders))
	for _, holder := range holders {
		openings[holder] = &types.Openings{EpochIndex: epoch, Participant: o.host, Holder: holder}
	}
	for _, b := range d.batches {
		leaves := wanted[batchKey{b.index, b.id}]
		if len(leaves) == 0 {
			continue
		}
		tree, err := o.tree(ctx, epoch, b)
		if err != nil {
			return nil, err
		}
		if tree == nil {
			continue // the others can be opened still
		}
		for holder, index := range leaves {
			opening, err := tree.Open(index)
			if err != nil {
				return nil, err
			}
			openings[holder].Batches = append(openings[holder].Batches, toWire(b, opening))
		}
	}
	answers := make(map[string][]byte, len(holders))
	for holder, opening := range openings {
		raw, err := opening.Marshal()
		if err != nil {
			return nil, fmt.Errorf("openings: %w", err)
		}
		answers[holder] = raw
	}
	return answers, nil
}

// tree makes a batch's tree of what is stored; nil where that is not what was
// committed.
func (o *Opener) tree(ctx context.Context, epoch uint64, b dossierBatch) (*commit.Tree, error) {
	positions, err := o.proofs.positions(ctx, epoch, b.node, b.id)
	if err != nil {
		return nil, err
	}
	tree, err := o.proofs.tree(positions)
	if err != nil || tree.Root() != b.claim.Root {
		o.log.Error("the store is damaged: a batch is not what was committed and stays closed",
			"epoch", epoch, "node", b.node, "batch", b.id, "stored", len(positions), "committed", b.claim.Count, "err", err)
		return nil, nil
	}
	return tree, nil
}

func toWire(b dossierBatch, o commit.Opening) types.BatchOpening {
	siblings := make([]types.SubtreeSummary, len(o.Siblings))
	for i, s := range o.Siblings {
		siblings[i] = types.SubtreeSummary{Hash: s.Hash[:], Count: s.Count, Min: s.Min, Max: s.Max}
	}
	return types.BatchOpening{NodeId: b.node, BatchId: b.id, Index: o.Index, X: o.X, Siblings: siblings}
}

// fromWire reads an opening; a malformed hash makes it open nothing.
func fromWire(b types.BatchOpening) commit.Opening {
	o := commit.Opening{Index: b.Index, X: b.X, Siblings: make([]commit.Summary, len(b.Siblings))}
	for i, s := range b.Siblings {
		if len(s.Hash) != commit.HashSize {
			return commit.Opening{}
		}
		o.Siblings[i] = commit.Summary{Hash: [commit.HashSize]byte(s.Hash), Count: s.Count, Min: s.Min, Max: s.Max}
	}
	return o
}
