// Package testkit is a world for brokers that fits into a test: a chain in
// memory that takes real signed transactions, compute servers that prove with
// a hash, and a web between brokers. Nothing in it waits for real time.
package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ninefold.dev/decentralized-api/internal/chain"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/core/commit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// ChainID is the id of every chain here; it allows sabotage.
const ChainID = "ninefold-local-test"

// Chain is a chain with one block a call of NextBlock. It does what brokers can
// see: stages, fleets, commitments, juries, verdicts, weights, sequences.
type Chain struct {
	mu       sync.Mutex
	params   types.Params
	models   map[string]types.Model
	hosts    map[string]*host // by address
	accounts map[string]*account
	blocks   []chain.Block
	mempool  [][]byte
	late     [][]byte                   // waits for the block after the next
	included map[string]outbox.Included // by hash
	executed map[string]int             // messages that were accepted, by opened epoch, type URL and content
	epochs   map[uint64]*epochState

	opened, effective uint64
	heights           epoch.Heights
	ahead             time.Duration // of the chain's time over the machines' clocks
}

// host is a participant with its hardware rows.
type host struct {
	participant types.Participant
	rows        map[string]types.HardwareNodeRow
	order       []string // node ids in the order they were added
	warm        string   // account that holds its grants
	paid        map[uint64]bool
}

type account struct {
	number, sequence uint64
}

// epochState is what an epoch froze and what was done in its round.
type epochState struct {
	record   types.Epoch
	round    types.Round
	fleets   map[string][]types.HardwareNode
	members  []types.EpochMember // by ascending address
	claims   map[string]map[string]commit.State
	batches  map[string][]types.StoredPocBatch
	verdicts map[string][]types.StoredVerdict // by judged host
	outcomes map[string]types.HostOutcome
}

// NewChain makes a chain at height 0 with some models.
func NewChain(params types.Params, models ...types.Model) (*Chain, error) {
	c := &Chain{
		params: params, models: map[string]types.Model{}, hosts: map[string]*host{}, accounts: map[string]*account{},
		included: map[string]outbox.Included{}, executed: map[string]int{}, epochs: map[uint64]*epochState{},
	}
	for _, model := range models {
		c.models[model.Id] = model
	}
	var err error
	if c.heights, err = epoch.Genesis(1, c.lengths()); err != nil {
		return nil, err
	}
	genesis := c.newEpoch(0)
	genesis.record.Status, genesis.record.Heights = types.EpochStatus_EPOCH_STATUS_EFFECTIVE, wireHeights(c.heights)
	return c, nil
}

func (c *Chain) lengths() epoch.Lengths {
	return epoch.Lengths{
		PocExchange: c.params.PocExchangeBlocks, PocValidationExchange: c.params.PocValidationExchangeBlocks,
		ModelLoading: c.params.ModelLoadingBlocks, Inference: c.params.InferenceBlocks,
	}
}

func (c *Chain) newEpoch(index uint64) *epochState {
	e := &epochState{
		record: types.Epoch{Index: index, Params: c.params, JudgedBy: c.effective},
		fleets: map[string][]types.HardwareNode{}, claims: map[string]map[string]commit.State{},
		batches: map[string][]types.StoredPocBatch{}, verdicts: map[string][]types.StoredVerdict{},
		outcomes: map[string]types.HostOutcome{},
	}
	c.epochs[index] = e
	return e
}

// AddHost makes a member of epoch 0 whose grants an account holds.
func (c *Chain) AddHost(address, warm, url string, weight uint64, nodes ...types.HardwareNode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := &host{
		participant: types.Participant{Address: address, Url: url}, warm: warm,
		rows: map[string]types.HardwareNodeRow{}, paid: map[uint64]bool{},
	}
	for _, node := range nodes {
		h.rows[node.LocalId] = types.HardwareNodeRow{Participant: address, NodeId: node.LocalId, Current: &node}
		h.order = append(h.order, node.LocalId)
	}
	c.hosts[address] = h
	c.accounts[warm] = &account{number: uint64(len(c.accounts))}
	genesis := c.epochs[0]
	genesis.members = append(genesis.members, types.EpochMember{Participant: address, Weight: weight})
	genesis.fleets[address] = c.fleetAt(h, 0)
	sumUp(genesis)
}

// sumUp orders the members and sums their weights.
func sumUp(e *epochState) {
	slices.SortFunc(e.members, func(a, b types.EpochMember) int {
		return slices.Compare(rawAddress(a.Participant), rawAddress(b.Participant))
	})
	var total uint64
	for i := range e.members {
		total += e.members[i].Weight
		e.members[i].Index, e.members[i].CumulativeWeight = uint64(i), total
	}
}

// must is for what can only fail when the testkit itself is wrong.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err) //nolint:forbidigo // a test that goes on would prove nothing
	}
	return value
}

// rawAddress is for addresses that were made by this package.
func rawAddress(text string) []byte {
	raw := must(chain.ParseAddress(text))
	return raw[:]
}

func (c *Chain) fleetAt(h *host, epoch uint64) []types.HardwareNode {
	var fleet []types.HardwareNode
	for _, id := range h.order {
		if node := h.rows[id].At(epoch); node != nil {
			fleet = append(fleet, *node)
		}
	}
	return fleet
}

func wireHeights(h epoch.Heights) types.EpochHeights {
	return types.EpochHeights{
		PocStart: h.PocStart, PocEnd: h.PocEnd, PocValidationStart: h.PocValidationStart,
		PocValidationEnd: h.PocValidationEnd, SetNewValidators: h.SetNewValidators, NextPocStart: h.NextPocStart,
	}
}

func (c *Chain) height() int64 { return int64(len(c.blocks)) }

// Height is the newest height.
func (c *Chain) Height() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.height()
}

// Opened is the epoch that was opened last.
func (c *Chain) Opened() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opened
}

// Stage is the stage of the newest height.
func (c *Chain) Stage() epoch.Stage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stage()
}

func (c *Chain) stage() epoch.Stage {
	return must(c.heights.StageAt(max(c.height(), c.heights.First())))
}

// NextBlock executes what waits and does what the block's end does.
func (c *Chain) NextBlock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	height := c.height() + 1
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %d", ChainID, height))
	c.blocks = append(c.blocks, chain.Block{Height: height, Hash: hash[:], Time: time.Now().Add(c.ahead)})
	for _, tx := range c.mempool {
		c.execute(tx)
	}
	c.mempool, c.late = c.late, nil
	c.endBlock(height, hash[:])
}

// Disturb lets a function say which of the waiting transactions the next block
// takes, in which order, and which wait for the one after it.
func (c *Chain) Disturb(choose func(waiting [][]byte) (now, later [][]byte)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mempool, c.late = choose(c.mempool)
}

// SetAhead moves the chain's time away from the machines' clocks.
func (c *Chain) SetAhead(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = by
}

// DropMempool forgets what waits, as a node does that is restarted.
func (c *Chain) DropMempool() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mempool = nil
}

// endBlock turns the stages.
func (c *Chain) endBlock(height int64, hash []byte) {
	if height == c.heights.NextPocStart {
		c.open(height, hash)
		return
	}
	if c.heights.IsGenesis() {
		return
	}
	e := c.epochs[c.opened]
	switch height {
	case c.heights.PocValidationStart:
		e.round.SamplingSeed, e.round.SamplingHeight = hash, height
	case c.heights.PocValidationEnd + 1:
		c.form(e)
	case c.heights.SetNewValidators:
		if e.record.Status == types.EpochStatus_EPOCH_STATUS_FORMED {
			c.epochs[c.effective].record.Status = types.EpochStatus_EPOCH_STATUS_SETTLED
			e.record.Status, c.effective = types.EpochStatus_EPOCH_STATUS_EFFECTIVE, c.opened
		}
	}
}

func (c *Chain) open(height int64, hash []byte) {
	c.heights, c.opened = must(epoch.Open(height, c.lengths())), c.opened+1
	e := c.newEpoch(c.opened)
	e.record.Status, e.record.Heights = types.EpochStatus_EPOCH_STATUS_OPENED, wireHeights(c.heights)
	e.round = types.Round{EpochIndex: c.opened, Challenge: hash, ChallengeHeight: height}
	for address, h := range c.hosts {
		e.fleets[address] = c.fleetAt(h, c.opened)
	}
}

// Params returns the parameters that tests of a network in memory run on: the
// test network's, with an epoch of 30 blocks.
func Params() types.Params {
	p := types.TestnetParams()
	p.PocExchangeBlocks, p.PocValidationExchangeBlocks, p.ModelLoadingBlocks, p.InferenceBlocks = 8, 8, 4, 5
	return p
}

// Model returns a governed model.
func Model(id string) types.Model {
	return types.Model{
		Id: id, Name: id, HfRepo: "ninefold/" + id, HfCommit: strings.Repeat("0", 39) + hex.EncodeToString([]byte{byte(len(id))})[1:],
		ModelArgs: []string{"--max-model-len", "128"}, ThroughputPerNonce: 1, UnitsOfComputePerToken: 1,
	}
}
