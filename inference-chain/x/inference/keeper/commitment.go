package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/gogoproto/proto"

	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/x/inference/types"
)

// batchErrors says what core's reasons against a batch are called on the chain;
// the others are ErrInvalidBatch.
var batchErrors = []struct {
	reason   error
	sentinel *errorsmod.Error
}{
	{commit.ErrBatchGap, types.ErrBatchGap},
	{commit.ErrBatchConflict, types.ErrBatchConflict},
	{commit.ErrTooManyBatches, types.ErrTooManyBatches},
	{commit.ErrTooManyNonces, types.ErrTooManyNonces},
	{commit.ErrSparseClaims, types.ErrSparseClaims},
}

var eventBatchAccepted = proto.MessageName(&types.EventBatchAccepted{})

func batchError(node string, id uint64, reason error) error {
	for _, known := range batchErrors {
		if errors.Is(reason, known.reason) {
			return known.sentinel.Wrapf("node %s, batch %d: %s", node, id, reason)
		}
	}
	return types.ErrInvalidBatch.Wrapf("node %s, batch %d: %s", node, id, reason)
}

// commitment is what one message adds to a host's claims, before it is stored.
type commitment struct {
	k      Keeper
	ctx    context.Context
	host   sdk.AccAddress
	text   string
	record types.Epoch
	limits commit.Limits

	fleet    map[string]prover // read when a node commits its first batch
	order    []string          // ids of the nodes, as the message names them first
	nodes    map[string]*nodeCommitment
	accepted []types.StoredPocBatch
	repeated uint64
}

// prover is a node of the epoch's fleet.
type prover struct {
	index     uint64 // node_index
	preserved bool   // it serves through PoC, and does not prove
}

// nodeCommitment is one node's running total with the message's batches.
type nodeCommitment struct {
	claims  types.PocNodeClaims
	state   commit.State
	batches []commit.Batch // accepted from this message
	first   uint64         // number of the first of them
}

func (k Keeper) newCommitment(ctx context.Context, host sdk.AccAddress, record types.Epoch) (*commitment, error) {
	fraction, err := fixed.Parse(record.Params.ValidFraction)
	if err != nil {
		return nil, fmt.Errorf("valid_fraction of epoch %d: %w", record.Index, err)
	}
	text, err := k.addressText(host)
	if err != nil {
		return nil, err
	}
	return &commitment{
		k: k, ctx: ctx, host: host, text: text, record: record,
		limits: commit.Limits{
			Lanes:      record.Params.Lanes,
			MaxBatches: record.Params.MaxBatchesPerNode,
			MaxNonces:  record.Params.MaxNoncesPerNode, ValidFraction: fraction,
		},
		nodes: map[string]*nodeCommitment{},
	}, nil
}

// take accepts one batch after those before it. The same bytes again only count
// as repeated.
func (c *commitment) take(batch types.PocBatch) error {
	node, err := c.node(batch.NodeId)
	if err != nil {
		return err
	}
	state := node.state
	if batch.BatchId <= state.LastID {
		if state.Stored, err = c.stored(node, batch); err != nil {
			return err
		}
	}
	next, err := commit.AcceptBatch(state, batch.Commitment(), c.limits)
	if errors.Is(err, commit.ErrBatchRepeated) {
		c.repeated++
		return nil
	}
	if err != nil {
		return batchError(batch.NodeId, batch.BatchId, err)
	}
	node.state = next
	node.batches = append(node.batches, batch.Commitment())
	c.accepted = append(c.accepted, types.StoredPocBatch{
		EpochIndex: c.record.Index, Participant: c.text, Batch: batch,
		Height: sdk.UnwrapSDKContext(c.ctx).BlockHeight(),
	})
	return nil
}

// stored returns the accepted batch of a number, from this message or before it;
// nil when the number is none.
func (c *commitment) stored(node *nodeCommitment, batch types.PocBatch) (*commit.Batch, error) {
	if batch.BatchId >= node.first {
		found := node.batches[batch.BatchId-node.first]
		return &found, nil
	}
	row, err := c.k.PocBatches.Get(c.ctx, collections.Join4(c.record.Index, []byte(c.host), batch.NodeId, batch.BatchId))
	if errors.Is(err, collections.ErrNotFound) {
		return nil, nil
	}
	found := row.Batch.Commitment()
	return &found, err
}

// node returns a node's running total, and fails for a node that does not prove.
func (c *commitment) node(id string) (*nodeCommitment, error) {
	if node, known := c.nodes[id]; known {
		return node, nil
	}
	claims, err := c.k.NodeClaims.Get(c.ctx, collections.Join3(c.record.Index, []byte(c.host), id))
	if errors.Is(err, collections.ErrNotFound) {
		claims, err = c.firstClaims(id)
	}
	if err != nil {
		return nil, err
	}
	node := &nodeCommitment{
		claims: claims,
		state:  commit.State{LastID: claims.LastBatchId, Claimed: claims.Claimed, LaneNext: claims.LaneNext},
		first:  claims.LastBatchId + 1,
	}
	c.nodes[id] = node
	c.order = append(c.order, id)
	return node, nil
}

// firstClaims begins the running total of a node of the fleet.
func (c *commitment) firstClaims(id string) (types.PocNodeClaims, error) {
	if c.fleet == nil {
		if err := c.readFleet(); err != nil {
			return types.PocNodeClaims{}, err
		}
	}
	node, known := c.fleet[id]
	if !known {
		return types.PocNodeClaims{}, types.ErrNodeNotInFleet.Wrapf(
			"node %s in epoch %d; a node takes part from the epoch after the one in which it was added", id, c.record.Index)
	}
	if node.preserved {
		return types.PocNodeClaims{}, types.ErrNodePreserved.Wrapf("node %s in epoch %d", id, c.record.Index)
	}
	return types.PocNodeClaims{EpochIndex: c.record.Index, Participant: c.text, NodeId: id, NodeIndex: node.index}, nil
}

// readFleet reads all nodes at once: a message names most of them, and a walk over a
// table costs about as much as a few single reads.
func (c *commitment) readFleet() error {
	fleet, err := c.k.FleetAt(c.ctx, c.record.Index, c.host)
	if err != nil {
		return err
	}
	before, err := values(c.ctx, c.k.EpochNodes,
		collections.QuadSuperPrefix3[uint64, string, []byte, string](c.record.JudgedBy, "", c.host))
	if err != nil {
		return err
	}
	preserved := make(map[string]bool, len(before))
	for _, row := range before {
		preserved[row.Info.NodeId] = servesThroughPoc(row.Info)
	}
	c.fleet = make(map[string]prover, len(fleet))
	for index, node := range fleet {
		c.fleet[node.LocalId] = prover{uint64(index), preserved[node.LocalId]}
	}
	return nil
}

// store writes what was accepted.
func (c *commitment) store() error {
	if len(c.accepted) == 0 {
		return nil
	}
	host, err := c.hostClaims()
	if err != nil {
		return err
	}
	for _, row := range c.accepted {
		if err := c.storeBatch(row); err != nil {
			return err
		}
		if host.Claimed, err = fixed.Add(host.Claimed, row.Batch.Count); err != nil {
			return err
		}
		host.Batches++
	}
	for _, id := range c.order {
		node := c.nodes[id]
		if len(node.batches) == 0 {
			continue
		}
		node.claims.LastBatchId, node.claims.Claimed, node.claims.LaneNext = node.state.LastID, node.state.Claimed, node.state.LaneNext
		if err := c.k.NodeClaims.Set(c.ctx, collections.Join3(c.record.Index, []byte(c.host), id), node.claims); err != nil {
			return err
		}
	}
	return c.k.HostClaims.Set(c.ctx, collections.Join(c.record.Index, []byte(c.host)), host)
}

func (c *commitment) storeBatch(row types.StoredPocBatch) error {
	key := collections.Join4(c.record.Index, []byte(c.host), row.Batch.NodeId, row.Batch.BatchId)
	if err := c.k.PocBatches.Set(c.ctx, key, row); err != nil {
		return err
	}
	sdk.UnwrapSDKContext(c.ctx).EventManager().EmitEvent(acceptedEvent(row))
	return nil
}

// acceptedEvent is the typed event EventBatchAccepted, as EmitTypedEvent would write
// it by way of JSON and a map: with 256 batches that was half of a message's cost.
func acceptedEvent(row types.StoredPocBatch) sdk.Event {
	quoted := func(value string) string { return `"` + value + `"` } // ids and addresses need no escape
	return sdk.NewEvent(
		eventBatchAccepted,
		sdk.NewAttribute("batch_id", quoted(text(row.Batch.BatchId))),
		sdk.NewAttribute("count", quoted(text(row.Batch.Count))),
		sdk.NewAttribute("epoch_index", quoted(text(row.EpochIndex))),
		sdk.NewAttribute("node_id", quoted(row.Batch.NodeId)),
		sdk.NewAttribute("participant", quoted(row.Participant)),
	)
}

func (c *commitment) hostClaims() (types.PocHostClaims, error) {
	claims, err := valueOrZero(c.k.HostClaims.Get(c.ctx, collections.Join(c.record.Index, []byte(c.host))))
	claims.EpochIndex, claims.Participant = c.record.Index, c.text
	return claims, err
}
