package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/x/inference/types"
)

// rankedMembers reads the members of a root group by rank, each page at most once.
// It serves one block or one message and is not kept.
type rankedMembers struct {
	ctx    context.Context
	keeper Keeper
	epoch  uint64
	count  uint64
	pages  map[uint64]types.MemberPage // that were read
}

func (k Keeper) rankedMembersOf(ctx context.Context, index uint64) (*rankedMembers, error) {
	root, err := k.EpochGroups.Get(ctx, collections.Join(index, ""))
	if err != nil {
		return nil, fmt.Errorf("root group of epoch %d: %w", index, err)
	}
	return &rankedMembers{
		ctx: ctx, keeper: k, epoch: index, count: root.MemberCount, pages: map[uint64]types.MemberPage{},
	}, nil
}

// Len returns the number of members.
func (m *rankedMembers) Len() int { return int(m.count) }

// Cumulative returns the weight of the members up to and including a rank.
func (m *rankedMembers) Cumulative(rank int) (uint64, error) {
	page, place, err := m.page(rank)
	if err != nil {
		return 0, err
	}
	return page.CumulativeWeights[place], nil
}

// address returns the address of a member.
func (m *rankedMembers) address(rank int) ([]byte, error) {
	page, place, err := m.page(rank)
	if err != nil {
		return nil, err
	}
	rest := page.Addresses
	for skip := place; len(rest) > 0 && len(rest) > int(rest[0]); skip-- {
		end := 1 + int(rest[0])
		if skip == 0 {
			return bytes.Clone(rest[1:end]), nil
		}
		rest = rest[end:]
	}
	return nil, m.missing(rank)
}

// page returns the page of a rank, and the rank's place on it.
func (m *rankedMembers) page(rank int) (types.MemberPage, int, error) {
	number, place := uint64(rank)/membersPerPage, rank%membersPerPage
	page, read := m.pages[number]
	if !read {
		var err error
		if page, err = m.keeper.MemberPages.Get(m.ctx, collections.Join(m.epoch, number)); err != nil {
			return types.MemberPage{}, 0, fmt.Errorf("page %d of the members of epoch %d: %w", number, m.epoch, err)
		}
		m.pages[number] = page
	}
	if place >= len(page.CumulativeWeights) {
		return types.MemberPage{}, 0, m.missing(rank)
	}
	return page, place, nil
}

func (m *rankedMembers) missing(rank int) error {
	return fmt.Errorf("member %d of epoch %d: %w", rank, m.epoch, collections.ErrNotFound)
}

// interval returns the part of the cumulative weights that belongs to an address,
// and whether it is a member.
func (m *rankedMembers) interval(address []byte) (draw.Interval, bool, error) {
	row, err := m.keeper.EpochMembers.Get(m.ctx, collections.Join3(m.epoch, "", address))
	if errors.Is(err, collections.ErrNotFound) {
		return draw.Interval{}, false, nil
	}
	return draw.Interval{Start: row.CumulativeWeight - row.Weight, Weight: row.Weight}, err == nil, err
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
