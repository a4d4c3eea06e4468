package epoch

import (
	"errors"
	"fmt"
)

// ErrNotPocStart reports an attempt to open an epoch at another height than the
// one the running cycle set for it.
var ErrNotPocStart = errors.New("epoch: an epoch opens only at the POC_START of the running cycle")

// Frozen pairs the parameters an opened epoch runs on with those that wait for the
// epoch after it. T is whatever the keeper freezes: all parameters, or only Lengths.
//
// A change of the live parameters therefore acts from the POC_START after next:
// the next one freezes it, the one after that runs on it.
type Frozen[T any] struct {
	Current T // parameters of the opened epoch
	Next    T // parameters of the epoch after it
}

// FreezeGenesis gives epochs 0 and 1 the parameters of genesis.
func FreezeGenesis[T any](params T) Frozen[T] {
	return Frozen[T]{Current: params, Next: params}
}

// Open is the step of a POC_START: the waiting parameters become current, and the
// live ones, as they stand at the end of that block, are frozen for the next epoch.
func (f Frozen[T]) Open(live T) Frozen[T] {
	return Frozen[T]{Current: f.Next, Next: live}
}

// Clock is the state that decides the stage of every height.
type Clock struct {
	Opened  uint64 // index of the epoch whose cycle is running
	Heights Heights
	Lengths Frozen[Lengths]
}

// Start returns the clock of a new chain: epoch 0 in INFERENCE from its first block.
func Start(initial int64, l Lengths) (Clock, error) {
	heights, err := Genesis(initial, l)
	if err != nil {
		return Clock{}, err
	}
	return Clock{Heights: heights, Lengths: FreezeGenesis(l)}, nil
}

// Due says whether the height is the POC_START that opens the next epoch.
func (c Clock) Due(height int64) bool {
	return height == c.Heights.NextPocStart
}

// Open returns the clock after the POC_START at height. live are the parameters in
// force then; they take effect one epoch later.
func (c Clock) Open(height int64, live Lengths) (Clock, error) {
	if !c.Due(height) {
		return Clock{}, fmt.Errorf("%w: %d, due at %d", ErrNotPocStart, height, c.Heights.NextPocStart)
	}
	lengths := c.Lengths.Open(live)
	heights, err := Open(height, lengths.Current)
	if err != nil {
		return Clock{}, err
	}
	return Clock{Opened: c.Opened + 1, Heights: heights, Lengths: lengths}, nil
}
