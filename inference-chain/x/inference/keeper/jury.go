package keeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// errNoSeed means that the hash of POC_VALIDATION_START is not known (yet).
var errNoSeed = errors.New("the sampling seed of the round is not known")

// JurySeat is a member's place on a jury.
type JurySeat struct {
	Holder sdk.AccAddress
	Seats  uint64 // times it was drawn
}

// JuryOf returns who judges a host in an epoch's round, by ascending address, and
// how many seats were drawn. Both are empty for a host whose claims stay below
// min_host_nonces, and where nobody but the host could judge.
//
// The jury is computed each time it is asked for; nothing of it is stored.
func (k Keeper) JuryOf(ctx context.Context, index uint64, host sdk.AccAddress) ([]JurySeat, uint64, error) {
	panels, err := k.panelsOf(ctx, index)
	if err != nil {
		return nil, 0, err
	}
	claims, err := valueOrZero(k.HostClaims.Get(ctx, collections.Join(index, []byte(host))))
	if err != nil || claims.Claimed < panels.minClaims {
		return nil, 0, err
	}
	p, err := panels.of(host)
	return p.seats, p.drawn, err
}

// SampleOf returns the claims of a host that a seat holder has to verify, by
// ascending index: sample_size of them, or all when there are fewer.
func (k Keeper) SampleOf(ctx context.Context, index uint64, host, holder sdk.AccAddress) ([]types.SampleRef, error) {
	record, err := k.EpochAt(ctx, index)
	if err != nil {
		return nil, err
	}
	seed, err := k.samplingSeed(ctx, index)
	if err != nil {
		return nil, err
	}
	batches, nodes, err := k.batchesOf(ctx, index, host)
	if err != nil {
		return nil, err
	}
	leaves, err := poc.Sample(seed, holder, host, record.Params.SampleSize, batches)
	if err != nil {
		return nil, err
	}
	sample := make([]types.SampleRef, 0, len(leaves))
	for _, leaf := range leaves {
		sample = append(sample, types.SampleRef{
			Index: leaf.Claim, NodeId: nodes[leaf.NodeIndex], NodeIndex: leaf.NodeIndex,
			BatchId: leaf.BatchID, Leaf: leaf.Index,
		})
	}
	return sample, nil
}

// batchesOf lists a host's batches in the order in which samples count them, and
// the node ids by node_index.
func (k Keeper) batchesOf(ctx context.Context, index uint64, host []byte) ([]poc.Batch, map[uint64]string, error) {
	nodes, err := values(ctx, k.NodeClaims, collections.TripleSuperPrefix[uint64, []byte, string](index, host))
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(nodes, func(a, b types.PocNodeClaims) int {
		return cmp.Compare(a.NodeIndex, b.NodeIndex)
	})
	var batches []poc.Batch
	ids := make(map[uint64]string, len(nodes))
	for _, node := range nodes {
		ids[node.NodeIndex] = node.NodeId
		rows, err := values(ctx, k.PocBatches,
			collections.QuadSuperPrefix3[uint64, []byte, string, uint64](index, host, node.NodeId))
		if err != nil {
			return nil, nil, err
		}
		for _, row := range rows {
			batches = append(batches, poc.Batch{NodeIndex: node.NodeIndex, ID: row.Batch.BatchId, Count: row.Batch.Count})
		}
	}
	return batches, ids, nil
}

func (k Keeper) samplingSeed(ctx context.Context, index uint64) ([]byte, error) {
	round, err := k.Rounds.Get(ctx, index)
	if err != nil {
		return nil, fmt.Errorf("round of epoch %d: %w", index, err)
	}
	if len(round.SamplingSeed) == 0 {
		return nil, fmt.Errorf("%w: epoch %d", errNoSeed, index)
	}
	return round.SamplingSeed, nil
}

// panel is the jury of one host.
type panel struct {
	seats      []JurySeat
	drawn      uint64
	electorate uint64 // weight that could judge
	member     bool   // whether the host is one of those who judge
}

// panels draws the juries of one round. It keeps what it read of the electorate,
// so that a block that judges many hosts reads each page of members once.
type panels struct {
	seed      []byte
	seats     uint64
	minClaims uint64
	members   *rankedMembers
	jailed    []draw.Interval
}

// panelsOf prepares the juries of an epoch's round.
func (k Keeper) panelsOf(ctx context.Context, index uint64) (panels, error) {
	record, err := k.EpochAt(ctx, index)
	if err != nil {
		return panels{}, err
	}
	seed, err := k.samplingSeed(ctx, index)
	if err != nil {
		return panels{}, err
	}
	members, err := k.rankedMembersOf(ctx, record.JudgedBy)
	if err != nil {
		return panels{}, err
	}
	p := panels{
		seed: seed, seats: record.Params.SeatsPerHost, minClaims: record.Params.MinHostNonces, members: members,
	}
	excluded, err := keys(ctx, k.JuryExclusions, collections.PairPrefix[uint64, []byte](index))
	if err != nil {
		return panels{}, err
	}
	for _, key := range excluded {
		interval, member, err := members.interval(key.K2())
		if err != nil {
			return panels{}, err
		}
		if member {
			p.jailed = draw.Exclude(p.jailed, interval)
		}
	}
	return p, nil
}

// of draws the jury of one host.
func (p panels) of(host []byte) (panel, error) {
	own, member, err := p.members.interval(host)
	if err != nil {
		return panel{}, err
	}
	excluded := p.jailed
	if member {
		excluded = draw.Exclude(excluded, own)
	}
	drawn, err := draw.Jury(draw.JuryDraw{
		Seed: p.seed, Host: host, Members: p.members, Excluded: excluded, Seats: p.seats,
	})
	if err != nil {
		return panel{}, err
	}
	result := panel{electorate: drawn.Electorate, member: member}
	for _, seat := range drawn.Seats {
		holder, err := p.members.address(seat.Rank)
		if err != nil {
			return panel{}, err
		}
		result.seats = append(result.seats, JurySeat{Holder: holder, Seats: seat.Count})
		result.drawn += seat.Count
	}
	return result, nil
}
