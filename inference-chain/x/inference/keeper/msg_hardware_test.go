package keeper

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

func submitHardware(msgs types.MsgServer, k *kit, msg *types.MsgSubmitHardwareDiff) (*types.MsgSubmitHardwareDiffResponse, error) {
	return msgs.SubmitHardwareDiff(k.ctx, msg)
}

func adding(name string, nodes ...types.HardwareNode) *types.MsgSubmitHardwareDiff {
	return &types.MsgSubmitHardwareDiff{Creator: name, Add: nodes}
}

func manyNodes(n int) []types.HardwareNode {
	nodes := make([]types.HardwareNode, 0, n)
	for i := range n {
		nodes = append(nodes, *testNode(fmt.Sprintf("n%03d", i), 0))
	}
	return nodes
}

func editedNode(edit func(*types.HardwareNode)) types.HardwareNode {
	node := testNode("new", 0)
	edit(node)
	return *node
}

func TestAHardwareDiffIsRefused(t *testing.T) {
	bob := addressText(t, testAddress("bob"))
	node := func(edit func(*types.HardwareNode)) *types.MsgSubmitHardwareDiff {
		return adding(bob, editedNode(edit))
	}
	for name, c := range map[string]struct {
		msg  *types.MsgSubmitHardwareDiff
		want expectation
	}{
		"from an account that is no host": {
			adding(addressText(t, testAddress("eve")), *testNode("new", 0)), refusedWith(types.ErrNotRegistered),
		},
		"when it is empty": {
			&types.MsgSubmitHardwareDiff{Creator: bob}, refusedWith(types.ErrInvalidHardware, "add, modify or remove must name a node"),
		},
		"naming every unknown model, once and in order": {
			&types.MsgSubmitHardwareDiff{
				Creator: bob,
				Add:     []types.HardwareNode{editedNode(func(n *types.HardwareNode) { n.Models = []string{"org/z", modelA, "org/y"} })},
				Modify: []types.HardwareNode{editedNode(func(n *types.HardwareNode) {
					n.LocalId, n.Models = "b1", []string{"org/y", "org/x"}
				})},
			},
			refusedWith(types.ErrUnknownModels, "org/x, org/y, org/z:"),
		},
		"with an id that holds a slash": {
			node(func(n *types.HardwareNode) { n.LocalId = "a/b" }),
			refusedWith(types.ErrInvalidHardware, `local_id must match [A-Za-z0-9._-]{1,64}, got "a/b"`),
		},
		"with an id that is too long": {
			node(func(n *types.HardwareNode) { n.LocalId = strings.Repeat("n", 65) }), refusedWith(types.ErrInvalidHardware, "local_id must match"),
		},
		"without an id": {
			node(func(n *types.HardwareNode) { n.LocalId = "" }), refusedWith(types.ErrInvalidHardware, "local_id must match"),
		},
		"with nine models on a node": {
			node(func(n *types.HardwareNode) { n.Models = make([]string, 9) }),
			refusedWith(types.ErrInvalidHardware, "models has 9 entries, at most 8"),
		},
		"with a model listed twice": {
			node(func(n *types.HardwareNode) { n.Models = []string{modelA, modelB, modelA} }),
			refusedWith(types.ErrInvalidHardware, "models must name org/model-a once"),
		},
		"with a model id that cannot be one": {
			node(func(n *types.HardwareNode) { n.Models = []string{"two words"} }), refusedWith(types.ErrInvalidHardware, "a model id must match"),
		},
		"with an unknown status": {
			node(func(n *types.HardwareNode) { n.Status = 9 }), refusedWith(types.ErrInvalidHardware, "status", "got 9"),
		},
		"with an order of its own": {
			node(func(n *types.HardwareNode) { n.AddedSeq = 1 }), refusedWith(types.ErrInvalidHardware, "added_seq is set by the chain"),
		},
		"with a host name that is too long": {
			node(func(n *types.HardwareNode) { n.Host = strings.Repeat("h", 257) }), refusedWith(types.ErrInvalidHardware, "host has 257 bytes"),
		},
		"with a port that is no number": {
			node(func(n *types.HardwareNode) { n.Port = "http" }), refusedWith(types.ErrInvalidHardware, "port must be 1 to 65535"),
		},
		"with a port that is too large": {
			node(func(n *types.HardwareNode) { n.Port = "65536" }), refusedWith(types.ErrInvalidHardware, "port must be 1 to 65535"),
		},
		"with 17 kinds of device": {
			node(func(n *types.HardwareNode) { n.Hardware = make([]types.Hardware, 17) }),
			refusedWith(types.ErrInvalidHardware, "hardware has 17 entries, at most 16"),
		},
		"with a device that has no name": {
			node(func(n *types.HardwareNode) { n.Hardware = []types.Hardware{{Count: 1}} }),
			refusedWith(types.ErrInvalidHardware, "hardware.type must name the device"),
		},
		"with a device whose name is too long": {
			node(func(n *types.HardwareNode) {
				n.Hardware = []types.Hardware{{Type: strings.Repeat("d", 129), Count: 1}}
			}),
			refusedWith(types.ErrInvalidHardware, "hardware.type has 129 bytes"),
		},
		"with no device of a kind": {
			node(func(n *types.HardwareNode) { n.Hardware = []types.Hardware{{Type: "GPU"}} }),
			refusedWith(types.ErrInvalidHardware, "hardware.count must lie in [1, 1024], got 0"),
		},
		"with 257 nodes to add": {adding(bob, manyNodes(257)...), refusedWith(types.ErrTooMany, "add has 257 entries, at most 256")},
		"with 257 nodes to modify": {
			&types.MsgSubmitHardwareDiff{Creator: bob, Modify: manyNodes(257)}, refusedWith(types.ErrTooMany, "modify has 257 entries"),
		},
		"with 257 nodes to remove": {
			&types.MsgSubmitHardwareDiff{Creator: bob, Remove: make([]string, 257)}, refusedWith(types.ErrTooMany, "remove has 257 entries"),
		},
		"when the fleet would grow beyond 256 nodes": {
			adding(bob, manyNodes(256)...), refusedWith(types.ErrTooManyNodes, "would hold 257, at most 256"),
		},
		"when it names a node twice": {
			&types.MsgSubmitHardwareDiff{Creator: bob, Add: []types.HardwareNode{*testNode("new", 0)}, Remove: []string{"new"}},
			refusedWith(types.ErrInvalidHardware, "node new", "must name a node once"),
		},
		"when it adds a node that exists with other content": {
			adding(bob, editedNode(func(n *types.HardwareNode) { n.LocalId, n.Port = "b1", "1" })), refusedWith(types.ErrNodeExists, "b1"),
		},
		"when it modifies a node that does not exist": {
			&types.MsgSubmitHardwareDiff{Creator: bob, Modify: manyNodes(1)}, refusedWith(types.ErrNodeNotFound, "n000; add it first"),
		},
		"when it removes what cannot be an id": {
			&types.MsgSubmitHardwareDiff{Creator: bob, Remove: []string{"b 1"}}, refusedWith(types.ErrInvalidHardware, `remove: a node id must match`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			send(newRoundKit(t), submitHardware, c.msg, c.want)
		})
	}
}

func (k *roundKit) fleet(epoch uint64, name string) []string {
	k.t.Helper()
	nodes, err := k.FleetAt(k.ctx, epoch, testAddress(name))
	require.NoError(k.t, err)
	return ids(nodes)
}

// opens moves the clock as the POC_START of an epoch does.
func (k *roundKit) opens(epoch uint64) { require.NoError(k.t, k.openClock(epoch)) }

func (k *kit) openClock(epoch uint64) error {
	clock, err := k.ClockAt(k.ctx)
	if err != nil {
		return err
	}
	clock.Opened = epoch
	return k.Clock.Set(k.ctx, clock)
}

func TestADiffActsFromTheEpochThatOpensNext(t *testing.T) {
	k := newRoundKit(t)
	msg := &types.MsgSubmitHardwareDiff{
		Creator: k.text("alice"), Add: []types.HardwareNode{*testNode("a0", 0)}, Remove: []string{"a1"},
		Modify: []types.HardwareNode{editedNode(func(n *types.HardwareNode) { n.LocalId, n.Models = "a2", []string{modelB} })},
	}
	response := send(k, submitHardware, msg, expectation{})
	require.Equal(t, uint64(2), response.ActsFromEpoch)
	require.Equal(t, []string{"a1", "a2"}, k.fleet(1, "alice"), "the round that runs keeps its fleet")
	require.Equal(t, []string{"a2", "a0"}, k.fleet(2, "alice"), "ordered by when they were added, not by id")
	later, err := k.FleetAt(k.ctx, 2, testAddress("alice"))
	require.NoError(t, err)
	require.Equal(t, []string{modelB}, later[0].Models)
	require.Equal(t, uint64(2), later[0].AddedSeq, "a modified node keeps its place")
	require.Equal(t, []types.EventHardwareChanged{{
		Participant: k.text("alice"), Added: []string{"a0"}, Modified: []string{"a2"}, Removed: []string{"a1"}, ActsFromEpoch: 2,
	}}, eventsOf[types.EventHardwareChanged](k.kit))
}

func TestChangesArePromotedWhenTheHostTouchesItsNodesInALaterEpoch(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{
		Creator: k.text("alice"), Add: []types.HardwareNode{*testNode("a0", 0)}, Remove: []string{"a1"},
	}, expectation{})
	k.opens(2)
	require.Equal(t, []string{"a2", "a0"}, k.fleet(2, "alice"), "the rows answer before anyone touches them")
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("alice"), Remove: []string{"a2"}}, expectation{})
	require.Equal(t, []string{"a2", "a0"}, k.fleet(2, "alice"))
	require.Equal(t, []string{"a0"}, k.fleet(3, "alice"))
	gone, err := k.HardwareNodes.Has(k.ctx, collections.Join([]byte(testAddress("alice")), "a1"))
	require.NoError(t, err)
	require.False(t, gone, "the removed node's row is deleted")
	row, err := k.HardwareNodes.Get(k.ctx, collections.Join([]byte(testAddress("alice")), "a0"))
	require.NoError(t, err)
	require.NotNil(t, row.Current)
	require.Nil(t, row.Next)
	require.Zero(t, row.NextEpoch)
}

func TestTheSameDiffAgainIsSuccessWithoutEffect(t *testing.T) {
	k := newRoundKit(t)
	msg := &types.MsgSubmitHardwareDiff{
		Creator: k.text("alice"), Add: []types.HardwareNode{*testNode("a0", 0)}, Remove: []string{"a1"},
		Modify: []types.HardwareNode{editedNode(func(n *types.HardwareNode) { n.LocalId, n.Models = "a2", []string{modelB} })},
	}
	send(k, submitHardware, msg, expectation{})
	before := snapshotState(k.forget())
	response := send(k, submitHardware, msg, expectation{})
	require.Equal(t, uint64(2), response.ActsFromEpoch)
	require.Equal(t, before, snapshotState(k.kit))
	require.Empty(t, k.ctx.EventManager().Events())
}

func TestANodeRemovedAndAddedAgainMovesToTheEndOfTheFleet(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("alice"), Remove: []string{"a1"}}, expectation{})
	send(k, submitHardware, adding(k.text("alice"), *testNode("a1", 0)), expectation{})
	require.Equal(t, []string{"a1", "a2"}, k.fleet(1, "alice"))
	require.Equal(t, []string{"a2", "a1"}, k.fleet(2, "alice"))
}

func TestANodeAddedAndRemovedInOneEpochLeavesNoRow(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, adding(k.text("alice"), *testNode("a0", 0)), expectation{})
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("alice"), Remove: []string{"a0"}}, expectation{})
	known, err := k.HardwareNodes.Has(k.ctx, collections.Join([]byte(testAddress("alice")), "a0"))
	require.NoError(t, err)
	require.False(t, known)
}

func TestModifyingANodeBackCallsTheChangeOff(t *testing.T) {
	k := newRoundKit(t)
	before := snapshotState(k.kit)
	changed := editedNode(func(n *types.HardwareNode) { n.LocalId, n.Port = "b1", "1" })
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("bob"), Modify: []types.HardwareNode{changed}}, expectation{})
	back := []types.HardwareNode{*testNode("b1", 0)}
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("bob"), Modify: back}, expectation{})
	require.Equal(t, before, snapshotState(k.kit))
}

func TestAFleetOf256NodesIsTakenAndReplacedWhole(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("bob"), Remove: []string{"b1"}, Add: manyNodes(256)}, expectation{})
	require.Len(t, k.fleet(2, "bob"), 256)
	removed := make([]string, 0, 256)
	for _, node := range manyNodes(256) {
		removed = append(removed, node.LocalId)
	}
	send(k, submitHardware, &types.MsgSubmitHardwareDiff{Creator: k.text("bob"), Remove: removed, Add: []types.HardwareNode{*testNode("only", 0)}}, expectation{})
	require.Equal(t, []string{"only"}, k.fleet(2, "bob"))
}

func TestANodeMayListNoModel(t *testing.T) {
	k := newRoundKit(t)
	send(k, submitHardware, adding(k.text("bob"), editedNode(func(n *types.HardwareNode) { n.Models = nil })), expectation{})
	require.Equal(t, []string{"b1", "new"}, k.fleet(2, "bob"))
}

func TestAValidatedNodeListsWhatTheSnapshotKnows(t *testing.T) {
	k := newRoundKit(t)
	node := testNode("b1", 3)
	node.Models = []string{modelA, modelB}
	k.setNode("bob", types.HardwareNodeRow{NodeId: "b1", Current: node})
	require.NoError(t, k.EpochModels.Set(k.ctx, collections.Join(uint64(1), modelB), types.EpochModel{EpochIndex: 1, Model: testModel(modelB)}))
	nodes, err := k.GetValidatedHardwareNodes(k.ctx, 1, testAddress("bob"))
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	require.Equal(t, []string{modelB}, nodes[0].Models)
	left, err := k.GetValidatedHardwareNodes(k.ctx, 1, testAddress("alice"))
	require.NoError(t, err)
	require.Equal(t, []string{"a1", "a2"}, ids(left), "a node without a model stays")
}

func TestNodesForAModelAreThoseOfItsSubgroup(t *testing.T) {
	k := newRoundKit(t)
	for _, row := range []types.EpochNode{
		{ModelId: modelA, Participant: k.text("bob"), Info: types.MLNodeInfo{NodeId: "b1"}},
		{ModelId: modelB, Participant: k.text("carol"), Info: types.MLNodeInfo{NodeId: "c1"}},
	} {
		host, err := testAddresses.StringToBytes(row.Participant)
		require.NoError(t, err)
		require.NoError(t, k.EpochNodes.Set(k.ctx, collections.Join4(uint64(0), row.ModelId, host, row.Info.NodeId), row))
	}
	nodes, err := k.GetNodesForModel(k.ctx, 0, modelA)
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	require.Equal(t, "b1", nodes[0].Info.NodeId)
}

func TestARemovalThatIsSentAgainSucceedsWithoutEffect(t *testing.T) {
	k := newRoundKit(t)
	bob := k.text("bob")
	send(k, submitHardware, adding(bob, *testNode("b2", 0)), expectation{})
	removal := &types.MsgSubmitHardwareDiff{Creator: bob, Remove: []string{"b1", "b2"}}
	send(k, submitHardware, removal, expectation{})
	before := snapshotState(k.kit)
	k.forget()
	response := send(k, submitHardware, removal, expectation{})
	require.Equal(t, &types.MsgSubmitHardwareDiffResponse{ActsFromEpoch: 2}, response)
	require.Equal(t, before, snapshotState(k.kit), "also of a node that no fleet has seen")
	require.Empty(t, k.ctx.EventManager().Events())
}
