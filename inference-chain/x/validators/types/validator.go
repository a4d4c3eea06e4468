package types

import (
	"bytes"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"

	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// AddressOf is the consensus address of an Ed25519 public key, 20 bytes.
func AddressOf(key []byte) sdk.ConsAddress {
	if len(key) != ConsensusKeySize {
		return nil
	}
	return sdk.ConsAddress((&ed25519.PubKey{Key: key}).Address())
}

// Uses says whether the host signs with the key of the row.
func (v Validator) Uses(row ConsensusAddress) bool {
	return bytes.Equal(v.ConsensusKey, row.ConsensusKey)
}

// InSet says whether the set that was handed over gives the validator power.
func (v Validator) InSet() bool { return v.Power > 0 }

// MayVote says whether CometBFT should count the validator: in the set, and not
// in jail.
func (v Validator) MayVote() bool { return v.InSet() && !v.Jailed && !v.Tombstoned }

// JailedBlocksUntil counts the blocks of the current period, up to but not
// including height, in which the validator was jailed.
func (v Validator) JailedBlocksUntil(height int64) uint64 {
	if !v.Jailed || height <= v.JailedSince {
		return v.JailedBlocks
	}
	return v.JailedBlocks + uint64(height-v.JailedSince)
}

// Update is what CometBFT is told about the key.
func (a ConsensusAddress) Update() abci.ValidatorUpdate {
	return abci.ValidatorUpdate{
		PubKey: cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Ed25519{Ed25519: a.ConsensusKey}},
		Power:  a.ToldPower,
	}
}
