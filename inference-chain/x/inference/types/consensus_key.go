package types

import (
	"crypto/ed25519"
	"encoding/binary"
)

const (
	// ConsensusKeySize is the length of an Ed25519 public key, in bytes.
	ConsensusKeySize = ed25519.PublicKeySize
	// consensusKeyDomain keeps the proof apart from votes, which the same key signs.
	consensusKeyDomain = "ninefold/consensus-key"
)

// ConsensusKeyProofBytes is what a consensus key signs to show that its holder
// wants it to belong to an account (raw address): lp(domain) ‖ lp(chain id) ‖
// lp(account), lp being a be32 length and the bytes. Source:
// docs/spec/messages.md.
func ConsensusKeyProofBytes(chainID string, account []byte) []byte {
	var b []byte
	for _, field := range [][]byte{[]byte(consensusKeyDomain), []byte(chainID), account} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return b
}

// CheckConsensusKey refuses a key that is no Ed25519 public key or did not sign
// (chain id, account).
func CheckConsensusKey(key, proof []byte, chainID string, account []byte) error {
	if err := checkKeySizes(key, proof); err != nil {
		return err
	}
	if !ed25519.Verify(key, ConsensusKeyProofBytes(chainID, account), proof) {
		return ErrConsensusKeyProof.Wrapf("consensus_key_proof must be the key's signature over chain id %q and the signing account", chainID)
	}
	return nil
}

func checkKeySizes(key, proof []byte) error {
	if len(key) != ConsensusKeySize {
		return ErrInvalidConsensusKey.Wrapf("consensus_key must have %d bytes, got %d", ConsensusKeySize, len(key))
	}
	if len(proof) != ed25519.SignatureSize {
		return ErrConsensusKeyProof.Wrapf("consensus_key_proof must have %d bytes, got %d", ed25519.SignatureSize, len(proof))
	}
	return nil
}
