package types

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheBytesThatAConsensusKeySignsAreFixed(t *testing.T) {
	signed := ConsensusKeyProofBytes("ninefold-local-1", []byte{1, 2, 3})
	require.Equal(t, "000000166e696e65666f6c642f636f6e73656e7375732d6b6579"+
		"000000106e696e65666f6c642d6c6f63616c2d31"+"00000003010203", hex.EncodeToString(signed))
}
