package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync/atomic"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
)

// killed is what a crash point panics with.
type killed struct{}

var errOffline = errors.New("offline")

// fakeChain is one account's view of a chain: a mempool, blocks and an index
// that may lag.
type fakeChain struct {
	height   int64
	sequence uint64 // of the committed state
	mempool  [][]byte
	blocks   map[string]Included // by hash
	indexed  map[string]Included
	offline  atomic.Bool // switched while the outbox runs
	closed   bool        // whatever comes is refused

	refuse   map[string]uint32 // message → code at CheckTx
	fail     map[string]uint32 // message → code at inclusion
	crashIn  int               // calls left until the process dies; 0 never
	executed map[string]int    // message → times it was accepted
}

func newFakeChain() *fakeChain {
	return &fakeChain{
		height: 1, blocks: map[string]Included{}, indexed: map[string]Included{},
		refuse: map[string]uint32{}, fail: map[string]uint32{}, executed: map[string]int{},
	}
}

// point is passed before and after every call: between two of them lie all
// moments that differ for the outside world.
func (c *fakeChain) point() {
	if c.crashIn > 0 {
		if c.crashIn--; c.crashIn == 0 {
			panic(killed{})
		}
	}
}

func (c *fakeChain) Account(context.Context) (uint64, uint64, error) {
	c.point()
	if c.offline.Load() {
		return 0, 0, errOffline
	}
	return 7, c.sequence, nil
}

func (c *fakeChain) Tx(_ context.Context, hash []byte) (*Included, error) {
	c.point()
	if c.offline.Load() {
		return nil, errOffline
	}
	if in, ok := c.indexed[string(hash)]; ok {
		return &in, nil
	}
	return nil, nil
}

func (c *fakeChain) Broadcast(_ context.Context, tx []byte) (CheckResult, error) {
	c.point()
	defer c.point()
	if c.offline.Load() {
		return CheckResult{}, errOffline
	}
	f := parse(tx)
	for _, waiting := range c.mempool {
		if string(waiting) == string(tx) {
			return CheckResult{Check: Admitted}, nil
		}
	}
	switch {
	case c.closed:
		return CheckResult{Check: Refused, Code: 4}, nil
	case c.refuse[f.message] != 0:
		return CheckResult{Check: Refused, Code: c.refuse[f.message]}, nil
	case f.timeout <= c.height:
		return CheckResult{Check: Refused, Code: 30}, nil
	case f.sequence != c.sequence+uint64(len(c.mempool)):
		return CheckResult{Check: WrongSequence, Code: 32}, nil
	}
	c.mempool = append(c.mempool, slices.Clone(tx))
	return CheckResult{Check: Admitted}, nil
}

// foreign puts a transaction of somebody else who has the key in the mempool.
func (c *fakeChain) foreign() {
	c.mempool = append(c.mempool, fakeTx("foreign", c.sequence+uint64(len(c.mempool)), c.height+100))
}

// next makes a block. lose drops the mempool instead, as a restart does.
func (c *fakeChain) next(lose, lagging bool) {
	c.height++
	for hash, in := range c.blocks {
		if in.Height < c.height-1 || !lagging {
			c.indexed[hash] = in
		}
	}
	if lose {
		c.mempool = nil
		return
	}
	for _, tx := range c.mempool {
		f := parse(tx)
		if f.sequence != c.sequence || f.timeout < c.height {
			continue
		}
		c.sequence++
		code := c.fail[f.message]
		if code == 0 {
			c.executed[f.message]++
		}
		in := Included{Height: c.height, Code: code}
		c.blocks[hashOf(tx)] = in
		if !lagging {
			c.indexed[hashOf(tx)] = in
		}
	}
	c.mempool = nil
}

type fakeSigner struct{}

func (fakeSigner) Sign(_ context.Context, o Order) ([]byte, []byte, error) {
	var packed codectypes.Any
	if err := packed.Unmarshal(o.Message); err != nil {
		return nil, nil, err
	}
	tx := fakeTx(string(packed.Value), o.Sequence, o.Timeout)
	return tx, []byte(hashOf(tx)), nil
}

type fields struct {
	message  string
	sequence uint64
	timeout  int64
}

func fakeTx(message string, sequence uint64, timeout int64) []byte {
	tx := binary.BigEndian.AppendUint64(nil, sequence)
	return append(binary.BigEndian.AppendUint64(tx, uint64(timeout)), message...)
}

func parse(tx []byte) fields {
	return fields{string(tx[16:]), binary.BigEndian.Uint64(tx), int64(binary.BigEndian.Uint64(tx[8:]))}
}

func hashOf(tx []byte) string { return "hash of " + string(tx) }
