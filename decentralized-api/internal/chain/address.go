package chain

import (
	"errors"
	"fmt"

	"github.com/cosmos/cosmos-sdk/types/bech32"

	"ninefold.dev/decentralized-api/internal/config"
)

// AddressPrefix is the human-readable part of every account address.
const AddressPrefix = config.AddressPrefix

// ErrAddress means that a text is no account address of this chain.
var ErrAddress = errors.New("not an account address of this chain")

// ParseAddress returns the 20 bytes of an account address.
func ParseAddress(text string) ([20]byte, error) {
	prefix, raw, err := bech32.DecodeAndConvert(text)
	if err != nil || prefix != AddressPrefix || len(raw) != 20 {
		return [20]byte{}, fmt.Errorf("%w: %q", ErrAddress, text)
	}
	return [20]byte(raw), nil
}

// FormatAddress writes 20 bytes as an account address.
func FormatAddress(raw [20]byte) string {
	text, err := bech32.ConvertAndEncode(AddressPrefix, raw[:])
	if err != nil {
		panic(err) //nolint:forbidigo // 20 bytes always convert
	}
	return text
}
