package keeper

import (
	"bytes"
	"context"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// memberWalk walks the members of an ended epoch by ascending address, and beside
// them the rows that their rewards come from.
type memberWalk struct {
	members  collections.Iterator[byEpochModelAddress, types.EpochMember]
	duties   *follower[byEpochAddress, types.JuryDuty]
	forfeits *follower[byEpochAddress, types.Forfeit]
	models   []*follower[byEpochModelAddress, types.EpochMember] // subgroups that count for coverage
	walks
}

// walkMembers begins after an address, or with the first member.
func (k Keeper) walkMembers(ctx context.Context, ended settledEpoch, after []byte) (walk *memberWalk, err error) {
	walk = new(memberWalk)
	defer func() {
		if err != nil {
			walk.close()
		}
	}()
	if walk.members, err = k.EpochMembers.Iterate(ctx, groupAfter(ended.index, "", after)); err != nil {
		return walk, err
	}
	walk.add(walk.members.Close)
	hosts := new(collections.Range[byEpochAddress]).Prefix(collections.PairPrefix[uint64, []byte](ended.index))
	if after != nil {
		hosts = hosts.StartExclusive(collections.Join(ended.index, after))
	}
	if walk.duties, err = follow(ctx, &walk.walks, k.JuryDuties, hosts, byEpochAddress.K2); err != nil {
		return walk, err
	}
	if walk.forfeits, err = follow(ctx, &walk.walks, k.Forfeits, hosts, byEpochAddress.K2); err != nil {
		return walk, err
	}
	for _, model := range ended.coverage.models {
		group, err := follow(ctx, &walk.walks, k.EpochMembers, groupAfter(ended.index, model, after), byEpochModelAddress.K3)
		if err != nil {
			return walk, err
		}
		walk.models = append(walk.models, group)
	}
	return walk, nil
}

// groupAfter is the members of a group after an address; all of them when it is nil.
func groupAfter(index uint64, model string, after []byte) *collections.Range[byEpochModelAddress] {
	group := new(collections.Range[byEpochModelAddress]).Prefix(collections.TripleSuperPrefix[uint64, string, []byte](index, model))
	if after == nil {
		return group
	}
	return group.StartExclusive(collections.Join3(index, model, after))
}

// walks are iterators that are closed together.
type walks struct{ closers []func() error }

func (w *walks) add(closer func() error) { w.closers = append(w.closers, closer) }

func (w *walks) close() {
	for _, closer := range w.closers {
		_ = closer() // of a read, with nothing to lose
	}
}

// follower reads rows keyed by ascending address beside a walk over addresses in
// the same order. Looking each of them up instead took most of a settlement's time.
type follower[K, V any] struct {
	rows    collections.Iterator[K, V]
	address func(K) []byte
	started bool
	key     []byte // of the row under the iterator; nil at the end
}

func follow[K, V any](ctx context.Context, with *walks, rows collections.Map[K, V], in *collections.Range[K], address func(K) []byte) (*follower[K, V], error) {
	iterator, err := rows.Iterate(ctx, in)
	if err != nil {
		return nil, err
	}
	with.add(iterator.Close)
	return &follower[K, V]{rows: iterator, address: address}, nil
}

// at returns the row of an address, zero when it has none. Addresses ascend.
func (f *follower[K, V]) at(address []byte) (V, error) {
	var none V
	if !f.started {
		f.started = true
		if err := f.look(); err != nil {
			return none, err
		}
	}
	for f.key != nil && bytes.Compare(f.key, address) < 0 {
		f.rows.Next()
		if err := f.look(); err != nil {
			return none, err
		}
	}
	if !bytes.Equal(f.key, address) {
		return none, nil
	}
	return f.rows.Value()
}

func (f *follower[K, V]) look() error {
	f.key = nil
	if !f.rows.Valid() {
		return nil
	}
	key, err := f.rows.Key()
	if err == nil {
		f.key = f.address(key)
	}
	return err
}
