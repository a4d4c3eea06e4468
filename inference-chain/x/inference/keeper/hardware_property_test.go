package keeper

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ninefold.dev/inference-chain/x/inference/types"
)

// expectedFleet is what a host has declared for the epoch that opens next: ids in the
// order in which they were added, and their ports.
type expectedFleet struct {
	order []string
	ports map[string]string
}

func (e *expectedFleet) apply(msg *types.MsgSubmitHardwareDiff) {
	for _, id := range msg.Remove {
		e.order = slices.DeleteFunc(e.order, func(known string) bool { return known == id })
		delete(e.ports, id)
	}
	for _, node := range slices.Concat(msg.Add, msg.Modify) {
		if _, known := e.ports[node.LocalId]; !known {
			e.order = append(e.order, node.LocalId)
		}
		e.ports[node.LocalId] = node.Port
	}
}

// randomDiff names up to four nodes, most of them so that the diff is legal.
func randomDiff(t *rapid.T, creator string, declared expectedFleet) *types.MsgSubmitHardwareDiff {
	msg := &types.MsgSubmitHardwareDiff{Creator: creator}
	for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a1", "a2", "x", "y", "z"}), 1, 4, rapid.ID).Draw(t, "ids") {
		node := *testNode(id, 0)
		node.Port = rapid.SampledFrom([]string{"1", "2", "8080"}).Draw(t, "port")
		_, known := declared.ports[id]
		switch legal := rapid.IntRange(0, 9).Draw(t, "legal") > 0; {
		case known != legal:
			msg.Add = append(msg.Add, node)
		case rapid.Bool().Draw(t, "modify"):
			msg.Modify = append(msg.Modify, node)
		default:
			msg.Remove = append(msg.Remove, id)
		}
	}
	return msg
}

func TestTheFleetOfARunningRoundNeverChangesAndTheNextOneIsWhatWasDeclared(t *testing.T) {
	populated := newRoundKit(t)
	rapid.Check(t, func(t *rapid.T) {
		k := *populated.kit
		k.ctx, _ = populated.ctx.CacheContext()
		fleet := func(epoch uint64) []types.HardwareNode {
			nodes, err := k.FleetAt(k.ctx, epoch, testAddress("alice"))
			require.NoError(t, err)
			return nodes
		}
		declared := expectedFleet{order: []string{"a1", "a2"}, ports: map[string]string{"a1": "8080", "a2": "8080"}}
		running := fleet(1)
		opened := uint64(1)
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			if rapid.IntRange(0, 3).Draw(t, "opens") == 0 {
				opened++
				require.NoError(t, k.openClock(opened))
				running = fleet(opened)
				require.Equal(t, declared.order, ids(running), "what was declared has become the fleet")
			}
			msg := randomDiff(t, k.text("alice"), declared)
			if _, err := populated.msgs.SubmitHardwareDiff(k.ctx, msg); err == nil {
				declared.apply(msg)
			}
			require.Equal(t, running, fleet(opened))
			next := fleet(opened + 1)
			require.Equal(t, declared.order, ids(next))
			for _, node := range next {
				require.Equal(t, declared.ports[node.LocalId], node.Port)
			}
		}
	})
}
