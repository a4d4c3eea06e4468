// Package httpapi is the broker's HTTP: a public listener that opens claims to
// judges and says what is served, and an operator's listener that never leaves
// the machine.
package httpapi

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"

	"ninefold.dev/decentralized-api/internal/chain"
)

// Headers of a signed request.
const (
	headerHolder    = "X-Ninefold-Holder"    // account of the seat holder
	headerKey       = "X-Ninefold-Key"       // public key that signed, 33 bytes in hex
	headerTime      = "X-Ninefold-Time"      // of the newest block, Unix seconds
	headerSignature = "X-Ninefold-Signature" // 64 bytes in hex
)

// openingsRoute opens an epoch's claims, below the URL that a host registered.
const openingsRoute = "/poc/v1/epochs/{epoch}/openings"

const (
	// domainOpenings keeps these signatures apart from all others of the key.
	domainOpenings = "ninefold/openings/v1"
	// clockSkew is how far the newest blocks of the two may lie apart.
	clockSkew = time.Minute
)

// ErrSignature means that a request is not signed as it must be.
var ErrSignature = errors.New("request is not signed as it must be")

// openingsPath is the route of one epoch.
func openingsPath(epoch uint64) string {
	return strings.Replace(openingsRoute, "{epoch}", strconv.FormatUint(epoch, 10), 1)
}

// signBytes is what is signed: every field that decides who asks whom for
// what, each as its 32-bit big-endian length and its bytes, then the time. The
// route is signed and not the path of the URL: a proxy may take the part away
// that the host registered, and the host's account says whom it is for. A
// request can be repeated to the same host within clockSkew, which gives the
// same answer to whoever has heard it before. The same request goes to a relay.
func signBytes(chainID, method string, epoch uint64, holder, host string, at int64) []byte {
	var b []byte
	for _, field := range []string{domainOpenings, chainID, method, openingsPath(epoch), holder, host} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(at))
}

// sign signs a request for an epoch's openings to the broker of host.
func (a Asker) sign(r *http.Request, epoch uint64, host string) error {
	now := a.Now()
	signature, err := a.Key.Sign(signBytes(a.ChainID, r.Method, epoch, a.Host, host, now.Unix()))
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	r.Header.Set(headerHolder, a.Host)
	r.Header.Set(headerKey, hex.EncodeToString(a.Key.PubKey().Bytes()))
	r.Header.Set(headerTime, strconv.FormatInt(now.Unix(), 10))
	r.Header.Set(headerSignature, hex.EncodeToString(signature))
	return nil
}

// verify returns for whom an epoch's openings of a host are asked, and the account
// that signed the request; whether that account may act for the holder is another
// question.
func (p *Public) verify(r *http.Request, epoch uint64, host string) (holder, signer string, err error) {
	holder = r.Header.Get(headerHolder)
	if _, err := chain.ParseAddress(holder); err != nil {
		return "", "", fmt.Errorf("%w: %s: %w", ErrSignature, headerHolder, err)
	}
	at, err := strconv.ParseInt(r.Header.Get(headerTime), 10, 64)
	if err != nil {
		return "", "", fmt.Errorf("%w: %s must be Unix seconds", ErrSignature, headerTime)
	}
	if age := p.Now().Sub(time.Unix(at, 0)); age.Abs() > clockSkew {
		return "", "", fmt.Errorf("%w: %s is %s away from the newest block, at most %s", ErrSignature, headerTime, age, clockSkew)
	}
	raw, err := hex.DecodeString(r.Header.Get(headerKey))
	if err != nil || len(raw) != secp256k1.PubKeySize {
		return "", "", fmt.Errorf("%w: %s must be %d bytes in hex", ErrSignature, headerKey, secp256k1.PubKeySize)
	}
	signature, err := hex.DecodeString(r.Header.Get(headerSignature))
	if err != nil {
		return "", "", fmt.Errorf("%w: %s must be hex", ErrSignature, headerSignature)
	}
	key := &secp256k1.PubKey{Key: raw}
	if !key.VerifySignature(signBytes(p.ChainID, r.Method, epoch, holder, host, at), signature) {
		return "", "", fmt.Errorf("%w: the signature does not fit", ErrSignature)
	}
	return holder, chain.FormatAddress([20]byte(key.Address())), nil
}
