package weight

import "ninefold.dev/inference-chain/core/fixed"

// Scale converts a weight of the effective epoch into the nonces of this
// round: ⌊w·Now/Then⌋. Now and Then are the claims of the hosts accepted in
// both epochs. Where the proof did not change, it is Unscaled.
type Scale struct {
	Now  uint64
	Then uint64
}

// Unscaled leaves every weight as it is.
var Unscaled = Scale{Now: 1, Then: 1}

// Apply scales a weight, rounding down. Nothing is carried when no host was
// accepted in both epochs, for then nobody measured what an old nonce is
// worth; nor when the result passes 64 bits, which no measured ratio gives.
func (s Scale) Apply(w uint64) uint64 {
	scaled, err := fixed.MulDivFloor(w, s.Now, s.Then)
	if err != nil {
		return 0
	}
	return scaled
}
