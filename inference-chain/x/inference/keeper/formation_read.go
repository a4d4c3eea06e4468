package keeper

import (
	"context"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// gathered is what the tables say of the hosts that are looked at together, by raw
// address. One walk over a table for all of them is half the price of one for each:
// most of a short walk is finding where it begins.
type gathered struct {
	verdicts map[string][]collections.KeyValue[byEpochAddressHolder, types.StoredVerdict]
	fleets   map[string][]types.HardwareNodeRow
	claimed  map[string]map[string]uint64     // by node
	before   map[string]map[string]nodeBefore // by node
}

// nodeBefore is a node as the judging epoch has it.
type nodeBefore struct {
	weight uint64
	serves bool
}

// gatherVerdicts reads what the juries of consecutive hosts said.
func (f *formation) gatherVerdicts(hosts []registered) error {
	f.rows.verdicts = map[string][]collections.KeyValue[byEpochAddressHolder, types.StoredVerdict]{}
	return walk(f.ctx, f.k.Verdicts, hosts, func(address []byte) byEpochAddressHolder {
		return collections.TripleSuperPrefix[uint64, []byte, []byte](f.opened.Index, address)
	}, func(key byEpochAddressHolder, row types.StoredVerdict) {
		judged := string(key.K2())
		f.rows.verdicts[judged] = append(f.rows.verdicts[judged],
			collections.KeyValue[byEpochAddressHolder, types.StoredVerdict]{Key: key, Value: row})
	})
}

// gatherNodes reads what consecutive hosts declared, claimed, and had before.
func (f *formation) gatherNodes(hosts []registered) error {
	f.rows.fleets = map[string][]types.HardwareNodeRow{}
	err := walk(f.ctx, f.k.HardwareNodes, hosts, collections.PairPrefix[[]byte, string],
		func(key collections.Pair[[]byte, string], row types.HardwareNodeRow) {
			f.rows.fleets[string(key.K1())] = append(f.rows.fleets[string(key.K1())], row)
		})
	if err != nil {
		return err
	}
	f.rows.claimed = map[string]map[string]uint64{}
	err = walk(f.ctx, f.k.NodeClaims, hosts, func(address []byte) byEpochAddressNode {
		return collections.TripleSuperPrefix[uint64, []byte, string](f.opened.Index, address)
	}, func(key byEpochAddressNode, row types.PocNodeClaims) {
		put(f.rows.claimed, key.K2(), row.NodeId, row.Claimed)
	})
	if err != nil {
		return err
	}
	f.rows.before = map[string]map[string]nodeBefore{}
	return walk(f.ctx, f.k.EpochNodes, hosts, func(address []byte) byEpochModelAddressNode {
		return collections.QuadSuperPrefix3[uint64, string, []byte, string](f.judges.Index, "", address)
	}, func(key byEpochModelAddressNode, row types.EpochNode) {
		put(f.rows.before, key.K3(), row.Info.NodeId,
			nodeBefore{weight: row.Info.PocWeight, serves: servesThroughPoc(row.Info)})
	})
}

func put[V any](table map[string]map[string]V, address []byte, node string, value V) {
	nodes := table[string(address)]
	if nodes == nil {
		nodes = map[string]V{}
		table[string(address)] = nodes
	}
	nodes[node] = value
}

// walk visits the rows of hosts in a table whose keys begin with prefix(address).
// Of all hosts with such rows, the given ones must be consecutive. Inside a key an address stands after
// its length, so that those of one length lie together, in the order of their bytes.
func walk[K, V any](
	ctx context.Context, table collections.Map[K, V], hosts []registered, prefix func(address []byte) K, visit func(K, V),
) error {
	for _, s := range spans(hosts) {
		iterator, err := table.Iterate(ctx, between[K]{prefix(s.first), prefix(s.last)})
		if err != nil {
			return err
		}
		rows, err := iterator.KeyValues()
		if err != nil {
			return err
		}
		for _, row := range rows {
			visit(row.Key, row.Value)
		}
	}
	return nil
}

// span is the first and the last of several addresses of one length.
type span struct{ first, last []byte }

// spans groups hosts, which ascend, by the length of their addresses.
func spans(hosts []registered) []span {
	var all []span
	at := map[int]int{}
	for _, host := range hosts {
		i, known := at[len(host.address)]
		if !known {
			at[len(host.address)] = len(all)
			all = append(all, span{host.address, host.address})
			continue
		}
		all[i].last = host.address
	}
	return all
}

// between is the range from a key prefix to the end of another one.
type between[K any] struct{ first, last K }

// RangeValues implements collections.Ranger.
func (b between[K]) RangeValues() (*collections.RangeKey[K], *collections.RangeKey[K], collections.Order, error) {
	return collections.RangeKeyExact(b.first), collections.RangeKeyPrefixEnd(b.last), collections.OrderAscending, nil
}
