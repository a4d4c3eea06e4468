package fixed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

const (
	// Digits is how many decimal digits a Dec carries after its point.
	Digits = 18
	// One is the Dec 1.
	One Dec = 1_000_000_000_000_000_000
)

// ErrDecimal reports a string that is no decimal a Dec can hold.
var ErrDecimal = errors.New(`fixed: a decimal is digits with at most 18 after a point, like "0.05", below 18.446744073709551616`)

// Dec is a fraction in units of 10⁻¹⁸. It is never negative, and at most
// 18.446744073709551615: enough for every parameter, and no more, so that products
// with a 64-bit integer stay within 128 bits.
type Dec uint64

// Parse reads a decimal: one or more digits, then, optionally, a point and 1 to 18
// digits. There is no sign, exponent, space or rounding.
func Parse(text string) (Dec, error) {
	whole, fraction, pointed := strings.Cut(text, ".")
	if !allDigits(whole) || pointed && !allDigits(fraction) || len(fraction) > Digits {
		return 0, fmt.Errorf("%w: got %q", ErrDecimal, text)
	}
	digits := whole + fraction + strings.Repeat("0", Digits-len(fraction))
	value, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: got %q", ErrDecimal, text)
	}
	return Dec(value), nil
}

func allDigits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// String writes the shortest decimal that Parse reads back as d, like "0.1".
func (d Dec) String() string {
	whole := strconv.FormatUint(uint64(d/One), 10)
	fraction := strconv.FormatUint(uint64(d%One), 10)
	fraction = strings.Repeat("0", Digits-len(fraction)) + fraction
	fraction = strings.TrimRight(fraction, "0")
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// MulFloor returns ⌊x·d⌋.
func (d Dec) MulFloor(x uint64) (uint64, error) {
	return MulDivFloor(x, uint64(d), uint64(One))
}

// MulCeil returns ⌈x·d⌉.
func (d Dec) MulCeil(x uint64) (uint64, error) {
	return MulDivCeil(x, uint64(d), uint64(One))
}

// AtLeast says whether part/whole ≥ d, exactly. With whole 0 it is true: nothing
// can be less than a fraction of nothing.
func (d Dec) AtLeast(part, whole uint64) bool {
	return CmpProducts(part, uint64(One), whole, uint64(d)) >= 0
}
