// Package price decides what a unit of compute costs and how a charge is divided.
//
// Source: docs/spec/price.md. Prices are in 10⁻⁶ unine a unit of compute, amounts
// in unine, loads in tokens.
package price

import (
	"errors"
	"fmt"
	"math/big"

	"ninefold.dev/inference-chain/core/fixed"
)

const (
	// PerUnine is how many units of price make one unine.
	PerUnine = 1_000_000
	// Max is the highest price, the largest legal initial_unit_price. A price that
	// passed it could not be written into genesis again.
	Max = 1<<63 - 1

	// step is the divisor of a change: a fiftieth, 2 %.
	step = 50
	// The load above which the price rises and below which it falls, in fifths.
	riseAbove, fallBelow, fifths = 3, 2, 5
)

var (
	// ErrPrice reports a price outside of 1 … Max.
	ErrPrice = errors.New("price: a price lies between 1 and 2^63-1")
	// ErrBurn reports a burned share above 1.
	ErrBurn = errors.New("price: serving_burn lies between 0 and 1")
)

// Load is what the models of an epoch served of what was expected, summed over
// models and taken of PRE_POC_SLOT, in tokens a PoC period.
type Load struct {
	Real     uint64
	Expected uint64
}

// Next returns the price after SET_NEW_VALIDATORS: p + ⌈p/50⌉, at most Max, when
// real/expected is above 0.6; max(1, p − ⌊p/50⌋) when it is below 0.4; else p.
//
// The rise rounds up, so that a price of any height can rise again. Loads are
// compared without dividing: where nothing was expected, serving anything raises
// the price, and serving nothing leaves it.
func Next(p uint64, load Load) (uint64, error) {
	if p == 0 || p > Max {
		return 0, fmt.Errorf("%w: %d", ErrPrice, p)
	}
	switch {
	case fixed.CmpProducts(load.Real, fifths, load.Expected, riseAbove) > 0:
		rise := (p-1)/step + 1
		return p + min(rise, Max-p), nil
	case fixed.CmpProducts(load.Real, fifths, load.Expected, fallBelow) < 0:
		return max(1, p-p/step), nil
	default:
		return p, nil
	}
}

// Usage is what one receipt asks to be paid for.
type Usage struct {
	PromptTokens     uint64
	CompletionTokens uint64
	UnitsPerToken    uint64 // units_of_compute_per_token of the epoch's snapshot
	MaxCost          uint64 // unine, as the developer signed it
}

// Charge returns what a receipt costs, in unine:
// min(MaxCost, ⌈(prompt + completion)·units·p/10⁶⌉).
//
// It rounds up, so that no request is free and cutting one into many never pays.
// The product is formed in unbounded integers.
func Charge(u Usage, p uint64) uint64 {
	cost := new(big.Int).SetUint64(u.PromptTokens)
	cost.Add(cost, new(big.Int).SetUint64(u.CompletionTokens))
	cost.Mul(cost, new(big.Int).SetUint64(u.UnitsPerToken)).Mul(cost, new(big.Int).SetUint64(p))
	cost.Add(cost, big.NewInt(PerUnine-1)).Quo(cost, big.NewInt(PerUnine))
	if !cost.IsUint64() {
		return u.MaxCost
	}
	return min(u.MaxCost, cost.Uint64())
}

// Division is a charge divided. Burned + Paid is the charge.
type Division struct {
	Burned uint64 // ⌈charge·serving_burn⌉
	Paid   uint64 // to the host, at settlement
}

// Divide takes the burned share off a charge. It rounds up, so that small charges
// do not escape it.
func Divide(charge uint64, burn fixed.Dec) (Division, error) {
	if burn > fixed.One {
		return Division{}, fmt.Errorf("%w: %s", ErrBurn, burn)
	}
	burned, err := burn.MulCeil(charge)
	if err != nil {
		return Division{}, err
	}
	return Division{Burned: burned, Paid: charge - burned}, nil
}
