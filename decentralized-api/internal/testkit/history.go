package testkit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// History is everything that a chain's state follows from: what it was founded with
// and what its blocks held. Brokers and nodes are goroutines, which a seed does not
// put into order; the blocks they led to can be played again to the last bit.
type History struct {
	Genesis json.RawMessage `json:"genesis"`
	Founded time.Time       `json:"founded"`
	Blocks  []PastBlock     `json:"blocks"`
}

// PastBlock is what a block held, and the state it led to.
type PastBlock struct {
	Time time.Time `json:"time"`
	Txs  [][]byte  `json:"txs,omitempty"`
	Hash []byte    `json:"hash"`
}

// History returns what has happened so far.
func (c *Chain) History() History {
	c.mu.Lock()
	defer c.mu.Unlock()
	return History{Genesis: c.history.Genesis, Founded: c.history.Founded, Blocks: append([]PastBlock(nil), c.history.Blocks...)}
}

// Save writes a history into a file.
func (h History) Save(path string) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o600)
}

// LoadHistory reads what Save wrote.
func LoadHistory(path string) (History, error) {
	var h History
	raw, err := os.ReadFile(path)
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(raw, &h); err != nil {
		return h, fmt.Errorf("%s is no history: %w", path, err)
	}
	return h, nil
}

// Replay plays a history on a new application, which may put files into home. It
// fails at the first block after which a sum is wrong, or the state another.
func (h History) Replay(home string) error {
	c := &Chain{home: home, included: nil, executed: nil}
	c.found(h.Genesis, h.Founded)
	defer func() { must(0, c.app.Close()) }()
	for i, past := range h.Blocks {
		result := c.finalize(past.Time, past.Txs)
		if !bytes.Equal(result.AppHash, past.Hash) {
			return fmt.Errorf("block %d leads to another state than it did", i+1)
		}
		if err := c.agrees(); err != nil {
			return fmt.Errorf("block %d: %w", i+1, err)
		}
	}
	return nil
}
