package keeper

import (
	"context"
	"fmt"
	"slices"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// membersPerPage is how many members of a root group a page lists. A jury looks at
// members all over the group, and a block draws hundreds of juries: with a row for
// each rank that was tens of thousands of reads in a block.
const membersPerPage = 128

// memberPages is the name of the pages as a collection.
const memberPages = "member_pages"

// ranking writes the pages of a root group, member by member in ascending order of
// address.
type ranking struct {
	ctx   context.Context
	k     Keeper
	epoch uint64
	next  uint64           // rank of the member that comes next
	page  types.MemberPage // where it goes
}

// resumeRanking goes on after so many members.
func (k Keeper) resumeRanking(ctx context.Context, epoch, members uint64) (*ranking, error) {
	r := &ranking{ctx: ctx, k: k, epoch: epoch, next: members}
	if members%membersPerPage == 0 {
		return r, nil
	}
	var err error
	if r.page, err = k.MemberPages.Get(ctx, collections.Join(epoch, members/membersPerPage)); err != nil {
		return nil, fmt.Errorf("open page of the members of epoch %d: %w", epoch, err)
	}
	return r, nil
}

// add writes the next member. A page is stored when it is full.
func (r *ranking) add(address []byte, cumulative uint64) error {
	r.page.Addresses = append(append(r.page.Addresses, byte(len(address))), address...)
	r.page.CumulativeWeights = append(r.page.CumulativeWeights, cumulative)
	r.next++
	if r.next%membersPerPage != 0 {
		return nil
	}
	full := r.page
	r.page = types.MemberPage{}
	return r.k.MemberPages.Set(r.ctx, collections.Join(r.epoch, r.next/membersPerPage-1), full)
}

// flush stores the page that is not full.
func (r *ranking) flush() error {
	if len(r.page.CumulativeWeights) == 0 {
		return nil
	}
	return r.k.MemberPages.Set(r.ctx, collections.Join(r.epoch, r.next/membersPerPage), r.page)
}

// rankMembers writes the pages of every root group from the rows of its members. It
// fails when those do not count up, as nothing that formed them could have written.
// A group whose pages the pruner took has none, and perhaps not all of its members.
func (k Keeper) rankMembers(ctx context.Context, gs *types.GenesisState) error {
	pages := slices.IndexFunc(k.pruneTable(), func(p pruned) bool { return p.name == memberPages })
	for _, record := range gs.Epochs {
		taken := slices.ContainsFunc(gs.Prunes, func(c types.PruneCursor) bool {
			return c.EpochIndex == record.Index && int(c.Collection) > pages
		})
		if taken {
			continue
		}
		if err := k.rankGroup(ctx, record.Index); err != nil {
			return err
		}
	}
	return nil
}

func (k Keeper) rankGroup(ctx context.Context, index uint64) error {
	ranking, err := k.resumeRanking(ctx, index, 0)
	if err != nil {
		return err
	}
	var total uint64
	root := new(collections.Range[byEpochModelAddress]).Prefix(collections.TripleSuperPrefix[uint64, string, []byte](index, ""))
	err = k.EpochMembers.Walk(ctx, root, func(key byEpochModelAddress, member types.EpochMember) (bool, error) {
		if total, err = fixed.Add(total, member.Weight); err != nil {
			return true, err
		}
		if member.Index != ranking.next || member.CumulativeWeight != total {
			return true, fmt.Errorf("%s of epoch %d has index %d and cumulative_weight %d, must be %d and %d",
				member.Participant, index, member.Index, member.CumulativeWeight, ranking.next, total)
		}
		return false, ranking.add(key.K3(), total)
	})
	if err != nil {
		return err
	}
	return ranking.flush()
}
