package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/draw"
)

// rankedMember is what a draw needs of a member of a root group.
type rankedMember struct {
	address    []byte
	weight     uint64
	cumulative uint64
}

// rankedMembers reads the members of a root group by rank, each at most once.
// It serves one block or one message and is not kept.
type rankedMembers struct {
	ctx    context.Context
	keeper Keeper
	epoch  uint64
	read   []*rankedMember // by rank; nil where not read yet
}

func (k Keeper) rankedMembersOf(ctx context.Context, index uint64) (*rankedMembers, error) {
	root, err := k.EpochGroups.Get(ctx, collections.Join(index, ""))
	if err != nil {
		return nil, fmt.Errorf("root group of epoch %d: %w", index, err)
	}
	return &rankedMembers{ctx: ctx, keeper: k, epoch: index, read: make([]*rankedMember, root.MemberCount)}, nil
}

// Len returns the number of members.
func (m *rankedMembers) Len() int { return len(m.read) }

// Cumulative returns the weight of the members up to and including a rank.
func (m *rankedMembers) Cumulative(rank int) (uint64, error) {
	member, err := m.at(rank)
	if err != nil {
		return 0, err
	}
	return member.cumulative, nil
}

func (m *rankedMembers) at(rank int) (*rankedMember, error) {
	if m.read[rank] != nil {
		return m.read[rank], nil
	}
	address, err := m.keeper.MemberRanks.Get(m.ctx, collections.Join(m.epoch, uint64(rank)))
	if err != nil {
		return nil, fmt.Errorf("member %d of epoch %d: %w", rank, m.epoch, err)
	}
	row, err := m.keeper.EpochMembers.Get(m.ctx, collections.Join3(m.epoch, "", address))
	if err != nil {
		return nil, fmt.Errorf("member %d of epoch %d: %w", rank, m.epoch, err)
	}
	m.read[rank] = &rankedMember{address: address, weight: row.Weight, cumulative: row.CumulativeWeight}
	return m.read[rank], nil
}

// interval returns the part of the cumulative weights that belongs to an address,
// and whether it is a member.
func (m *rankedMembers) interval(address []byte) (draw.Interval, bool, error) {
	key := collections.Join3(m.epoch, "", address)
	member, err := m.keeper.EpochMembers.Has(m.ctx, key)
	if err != nil || !member {
		return draw.Interval{}, false, err
	}
	row, err := m.keeper.EpochMembers.Get(m.ctx, key)
	if err != nil {
		return draw.Interval{}, false, err
	}
	return draw.Interval{Start: row.CumulativeWeight - row.Weight, Weight: row.Weight}, true, nil
}

// RootWeight returns the weight of an address in the effective epoch; zero for
// who is not a member.
func (k Keeper) RootWeight(ctx context.Context, address sdk.AccAddress) (uint64, error) {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("clock: %w", err)
	}
	member, err := valueOrZero(k.EpochMembers.Get(ctx, collections.Join3(clock.Effective, "", []byte(address))))
	return member.Weight, err
}

// RootTotal returns the total weight of the effective epoch.
func (k Keeper) RootTotal(ctx context.Context) (uint64, error) {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return 0, fmt.Errorf("clock: %w", err)
	}
	root, err := k.EpochGroups.Get(ctx, collections.Join(clock.Effective, ""))
	if err != nil {
		return 0, fmt.Errorf("root group of epoch %d: %w", clock.Effective, err)
	}
	return root.TotalWeight, nil
}
