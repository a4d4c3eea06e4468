// Package fixed is the arithmetic of the state machine: products and quotients of
// 64-bit integers through 128 bits, each saying how it rounds, and fractions of
// eighteen decimal digits. Nothing here panics or loses a bit silently.
//
// Source: docs/spec/fixed.md.
package fixed

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
)

var (
	// ErrOverflow reports a result that does not fit into 64 bits.
	ErrOverflow = errors.New("fixed: the result does not fit into 64 bits")
	// ErrDivideByZero reports a division by zero.
	ErrDivideByZero = errors.New("fixed: division by zero")
)

// MulDivFloor returns ⌊a·b/c⌋, the product taken in 128 bits.
func MulDivFloor(a, b, c uint64) (uint64, error) {
	quotient, _, err := mulDiv(a, b, c)
	return quotient, err
}

// MulDivCeil returns ⌈a·b/c⌉, the product taken in 128 bits.
func MulDivCeil(a, b, c uint64) (uint64, error) {
	quotient, remainder, err := mulDiv(a, b, c)
	if err != nil || remainder == 0 {
		return quotient, err
	}
	return Add(quotient, 1)
}

func mulDiv(a, b, c uint64) (quotient, remainder uint64, err error) {
	if c == 0 {
		return 0, 0, ErrDivideByZero
	}
	high, low := bits.Mul64(a, b)
	if high >= c {
		return 0, 0, fmt.Errorf("%w: %d·%d/%d", ErrOverflow, a, b, c)
	}
	quotient, remainder = bits.Div64(high, low, c)
	return quotient, remainder, nil
}

// Add returns a + b.
func Add(a, b uint64) (uint64, error) {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 0, fmt.Errorf("%w: %d + %d", ErrOverflow, a, b)
	}
	return sum, nil
}

// Mul returns a·b.
func Mul(a, b uint64) (uint64, error) {
	high, low := bits.Mul64(a, b)
	if high != 0 {
		return 0, fmt.Errorf("%w: %d·%d", ErrOverflow, a, b)
	}
	return low, nil
}

// CmpProducts compares a·b with c·d exactly, in 128 bits: −1, 0 or +1. It compares
// the ratios a/d and c/b without dividing.
func CmpProducts(a, b, c, d uint64) int {
	leftHigh, leftLow := bits.Mul64(a, b)
	rightHigh, rightLow := bits.Mul64(c, d)
	return cmp.Or(cmp.Compare(leftHigh, rightHigh), cmp.Compare(leftLow, rightLow))
}
