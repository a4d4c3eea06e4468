package keeper

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// TestAWalkOverConsecutiveHostsSeesWhatAWalkOverEachSees: also where addresses of
// 20 and of 32 bytes (secp256r1) alternate, whose rows stand in another order.
func TestAWalkOverConsecutiveHostsSeesWhatAWalkOverEachSees(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		k := newKit(t)
		address := rapid.Custom(func(r *rapid.T) []byte {
			raw := make([]byte, rapid.SampledFrom([]int{20, 32}).Draw(r, "length"))
			raw[0], raw[19] = rapid.Byte().Draw(r, "first"), rapid.Byte().Draw(r, "last")
			return raw
		})
		all := rapid.SliceOfNDistinct(address, 1, 12, func(raw []byte) string { return string(raw) }).Draw(r, "addresses")
		slices.SortFunc(all, bytes.Compare)
		want := map[string]uint64{}
		from := rapid.IntRange(0, len(all)-1).Draw(r, "from")
		to := rapid.IntRange(from+1, len(all)).Draw(r, "to")
		var hosts []registered
		for i, raw := range all {
			asked := from <= i && i < to
			if asked {
				hosts = append(hosts, registered{address: raw})
			}
			for _, index := range []uint64{6, 7, 8} {
				for node := range rapid.IntRange(0, 2).Draw(r, "nodes") {
					row := types.PocNodeClaims{NodeId: fmt.Sprint("n", node), Claimed: uint64(i*10+node) + 1}
					require.NoError(t, k.NodeClaims.Set(k.ctx, collections.Join3(index, raw, row.NodeId), row))
					if asked && index == 7 {
						want[string(raw)+row.NodeId] = row.Claimed
					}
				}
			}
		}
		seen := map[string]uint64{}
		require.NoError(t, walk(k.ctx, k.NodeClaims, hosts, func(raw []byte) byEpochAddressNode {
			return collections.TripleSuperPrefix[uint64, []byte, string](7, raw)
		}, func(key byEpochAddressNode, row types.PocNodeClaims) {
			seen[string(key.K2())+key.K3()] = row.Claimed
		}))
		require.Equal(t, want, seen)
	})
}
