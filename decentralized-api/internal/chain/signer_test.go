package chain

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/crypto/keys/secp256k1"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	"github.com/cosmos/cosmos-sdk/x/authz"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
)

var testKey = secp256k1.GenPrivKeyFromSecret([]byte("warm"))

func order(t *testing.T, creator string) outbox.Order {
	t.Helper()
	packed, err := codectypes.NewAnyWithValue(&types.MsgClaimReward{Creator: creator})
	require.NoError(t, err)
	raw, err := packed.Marshal()
	require.NoError(t, err)
	return outbox.Order{Message: raw, Account: 7, Sequence: 3, Timeout: 99}
}

// decode checks the signature and returns the transaction.
func decode(t *testing.T, raw []byte, key Key) authsigning.Tx {
	t.Helper()
	decoded, err := TxConfig().TxDecoder()(raw)
	require.NoError(t, err)
	tx := decoded.(authsigning.Tx)
	signatures, err := tx.GetSignaturesV2()
	require.NoError(t, err)
	require.Len(t, signatures, 1)
	require.EqualValues(t, 3, signatures[0].Sequence)
	bytes, err := authsigning.GetSignBytesAdapter(t.Context(), TxConfig().SignModeHandler(), signing.SignMode_SIGN_MODE_DIRECT,
		authsigning.SignerData{Address: Address(key), ChainID: "c", AccountNumber: 7, Sequence: 3, PubKey: key.PubKey()}, tx)
	require.NoError(t, err)
	require.True(t, key.PubKey().VerifySignature(bytes, signatures[0].Data.(*signing.SingleSignatureData).Signature))
	return tx
}

func TestAWarmKeyWrapsTheHostsMessage(t *testing.T) {
	host := FormatAddress([20]byte{1})
	raw, hash, err := NewSigner("c", host, testKey).Sign(t.Context(), order(t, host))
	require.NoError(t, err)
	require.Len(t, hash, 32)
	tx := decode(t, raw, testKey)
	exec, wrapped := tx.GetMsgs()[0].(*authz.MsgExec)
	require.True(t, wrapped)
	require.Equal(t, Address(testKey), exec.Grantee)
	inner, err := exec.GetMessages()
	require.NoError(t, err)
	require.Equal(t, []sdk.Msg{&types.MsgClaimReward{Creator: host}}, inner)
	signers, err := tx.GetSigners()
	require.NoError(t, err)
	require.Equal(t, [][]byte{testKey.PubKey().Address()}, signers)
	require.EqualValues(t, 99, tx.GetTimeoutHeight())
	require.True(t, tx.GetFee().IsZero())
	require.Greater(t, tx.GetGas(), types.GasForClaim())
}

func TestTheHostsOwnKeyDoesNotWrap(t *testing.T) {
	host := Address(testKey)
	raw, _, err := NewSigner("c", host, testKey).Sign(t.Context(), order(t, host))
	require.NoError(t, err)
	require.IsType(t, &types.MsgClaimReward{}, decode(t, raw, testKey).GetMsgs()[0])
}

func TestTheSameOrderGivesTheSameBytes(t *testing.T) {
	host := FormatAddress([20]byte{1})
	s := NewSigner("c", host, testKey)
	first, _, err := s.Sign(t.Context(), order(t, host))
	require.NoError(t, err)
	second, _, err := s.Sign(t.Context(), order(t, host))
	require.NoError(t, err)
	require.Equal(t, first, second)
}

func TestGasGrowsWithWhatAMessageHolds(t *testing.T) {
	batch := func(n int) *types.MsgSubmitPocBatch {
		return &types.MsgSubmitPocBatch{Batches: make([]types.PocBatch, n)}
	}
	require.Greater(t, gasOf(batch(256)), types.GasForBatches(256))
	require.Greater(t, gasOf(batch(2))-gasOf(batch(1)), types.GasForBatches(2)-types.GasForBatches(1)-1)
	verdicts := &types.MsgSubmitPocValidation{Verdicts: make([]types.Verdict, 3)}
	require.Greater(t, gasOf(verdicts), types.GasForVerdicts(3))
	diff := &types.MsgSubmitHardwareDiff{Add: make([]types.HardwareNode, 2), Remove: []string{"a"}}
	require.Greater(t, gasOf(diff), types.GasForHardwareDiff(3))
}

func TestAddressesAreOfThisChainAlone(t *testing.T) {
	raw := [20]byte{1, 2, 3}
	back, err := ParseAddress(FormatAddress(raw))
	require.NoError(t, err)
	require.Equal(t, raw, back)
	for _, wrong := range []string{"", "nine1", "cosmos1qypqxpq9qcrsszg2pvxq6rs0zqg3yyc5lzv7xu", strings.ToUpper(FormatAddress(raw))[:20]} {
		_, err := ParseAddress(wrong)
		require.ErrorIs(t, err, ErrAddress, wrong)
	}
}

func TestAHexKeyIsReadFromItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warm.key")
	require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(testKey.Key)+"\n"), 0o600))
	key, err := OpenKey(config.WarmKey{Backend: "hex", File: path})
	require.NoError(t, err)
	require.Equal(t, Address(testKey), Address(key))
	require.NoError(t, os.WriteFile(path, []byte("short"), 0o600))
	_, err = OpenKey(config.WarmKey{Backend: "hex", File: path})
	require.ErrorIs(t, err, ErrKey)
	require.ErrorContains(t, err, "64 hex digits")
}

func TestAKeyringKeySigns(t *testing.T) {
	dir := t.TempDir()
	passphrase := filepath.Join(dir, "passphrase")
	require.NoError(t, os.WriteFile(passphrase, []byte("long enough\n"), 0o600))
	ring, err := keyring.New(keyringApp, keyring.BackendFile, dir, strings.NewReader("long enough\nlong enough\n"), Codec())
	require.NoError(t, err)
	_, _, err = ring.NewMnemonic("warm", keyring.English, "", "", hd.Secp256k1)
	require.NoError(t, err)

	open := config.WarmKey{Backend: "keyring", Dir: dir, Name: "warm", PassphraseFile: passphrase}
	key, err := OpenKey(open)
	require.NoError(t, err)
	host := FormatAddress([20]byte{1})
	raw, _, err := NewSigner("c", host, key).Sign(t.Context(), order(t, host))
	require.NoError(t, err)
	decode(t, raw, key)

	open.Name = "cold"
	_, err = OpenKey(open)
	require.ErrorIs(t, err, ErrKey)
}
