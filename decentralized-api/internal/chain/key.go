package chain

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	cryptotypes "github.com/cosmos/cosmos-sdk/crypto/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"

	"ninefold.dev/decentralized-api/internal/config"
)

// ErrKey means that the warm key cannot be used.
var ErrKey = errors.New("warm key cannot be used")

// keyringApp names the keyring's folder entries.
const keyringApp = "dapi"

// Key signs. The host's own key is never one: the broker holds a warm key
// with grants.
type Key interface {
	PubKey() cryptotypes.PubKey
	// Sign signs bytes; 64 bytes, secp256k1 over their SHA-256.
	Sign(bytes []byte) ([]byte, error)
}

// Address returns the account of a key.
func Address(key Key) string {
	return FormatAddress([20]byte(key.PubKey().Address()))
}

// OpenKey opens the warm key that a configuration names.
func OpenKey(c config.WarmKey) (Key, error) {
	if c.Backend == "hex" {
		return openHexKey(c.File)
	}
	return openKeyringKey(c)
}

func openHexKey(path string) (Key, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != secp256k1.PrivKeySize {
		return nil, fmt.Errorf("%w: %s must hold %d hex digits", ErrKey, path, 2*secp256k1.PrivKeySize)
	}
	return &secp256k1.PrivKey{Key: raw}, nil
}

// keyringKey is a key of a file keyring.
type keyringKey struct {
	ring keyring.Keyring
	name string
	pub  cryptotypes.PubKey
}

func openKeyringKey(c config.WarmKey) (Key, error) {
	passphrase, err := os.ReadFile(c.PassphraseFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	line := strings.TrimSpace(string(passphrase)) + "\n"
	ring, err := keyring.New(keyringApp, keyring.BackendFile, c.Dir, strings.NewReader(line+line), Codec())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	record, err := ring.Key(c.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %q in %s: %w", ErrKey, c.Name, c.Dir, err)
	}
	pub, err := record.GetPubKey()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return &keyringKey{ring: ring, name: c.Name, pub: pub}, nil
}

// PubKey implements Key.
func (k *keyringKey) PubKey() cryptotypes.PubKey { return k.pub }

// Sign implements Key.
func (k *keyringKey) Sign(bytes []byte) ([]byte, error) {
	signature, _, err := k.ring.Sign(k.name, bytes, signing.SignMode_SIGN_MODE_DIRECT)
	return signature, err
}
