package chain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/tx/signing"
	authsigning "github.com/cosmos/cosmos-sdk/x/auth/signing"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
	txsigning "github.com/cosmos/cosmos-sdk/x/tx/signing"
	"github.com/cosmos/gogoproto/proto"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
)

var registry = sync.OnceValue(func() codectypes.InterfaceRegistry {
	r, err := codectypes.NewInterfaceRegistryWithOptions(codectypes.InterfaceRegistryOptions{
		ProtoFiles: proto.HybridResolver,
		SigningOptions: txsigning.Options{
			AddressCodec:          address.NewBech32Codec(AddressPrefix),
			ValidatorAddressCodec: address.NewBech32Codec(AddressPrefix + "valoper"),
		},
	})
	if err != nil {
		panic(err) //nolint:forbidigo // the options are constants
	}
	cryptocodec.RegisterInterfaces(r)
	authtypes.RegisterInterfaces(r)
	authz.RegisterInterfaces(r)
	types.RegisterInterfaces(r)
	return r
})

// Codec knows every type that the broker sends or reads.
func Codec() *codec.ProtoCodec { return codec.NewProtoCodec(registry()) }

// TxConfig encodes and decodes transactions that are signed directly.
var TxConfig = sync.OnceValue(func() client.TxConfig {
	return authtx.NewTxConfig(Codec(), []signing.SignMode{signing.SignMode_SIGN_MODE_DIRECT})
})

// Signer makes transactions of the host's messages. A key that is not the
// host's own wraps them, because it acts through the host's grants. They carry
// no fee: what the broker sends is free within the quota of its host.
type Signer struct {
	chainID string
	key     Key
	wrap    bool
}

// NewSigner makes a signer for a host.
func NewSigner(chainID, host string, key Key) *Signer {
	return &Signer{chainID: chainID, key: key, wrap: Address(key) != host}
}

// Sign implements outbox.Signer.
func (s *Signer) Sign(ctx context.Context, order outbox.Order) (raw, hash []byte, err error) {
	var packed codectypes.Any
	if err := packed.Unmarshal(order.Message); err != nil {
		return nil, nil, fmt.Errorf("message: %w", err)
	}
	var message sdk.Msg
	if err := registry().UnpackAny(&packed, &message); err != nil {
		return nil, nil, fmt.Errorf("message: %w", err)
	}
	gas := gasOf(message)
	if s.wrap {
		message = &authz.MsgExec{Grantee: Address(s.key), Msgs: []*codectypes.Any{&packed}}
	}
	builder := TxConfig().NewTxBuilder()
	if err := builder.SetMsgs(message); err != nil {
		return nil, nil, fmt.Errorf("message: %w", err)
	}
	builder.SetGasLimit(gas)
	builder.SetTimeoutHeight(uint64(order.Timeout))
	if err := s.sign(ctx, builder, order); err != nil {
		return nil, nil, err
	}
	if raw, err = TxConfig().TxEncoder()(builder.GetTx()); err != nil {
		return nil, nil, fmt.Errorf("encode: %w", err)
	}
	sum := sha256.Sum256(raw)
	return raw, sum[:], nil
}

// sign sets the signature. The bytes to be signed cover the signer's mode and
// sequence, so an empty signature stands in for it first.
func (s *Signer) sign(ctx context.Context, builder client.TxBuilder, order outbox.Order) error {
	const mode = signing.SignMode_SIGN_MODE_DIRECT
	pub := s.key.PubKey()
	set := func(signature []byte) error {
		return builder.SetSignatures(signing.SignatureV2{
			PubKey: pub, Sequence: order.Sequence,
			Data: &signing.SingleSignatureData{SignMode: mode, Signature: signature},
		})
	}
	if err := set(nil); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	bytes, err := authsigning.GetSignBytesAdapter(ctx, TxConfig().SignModeHandler(), mode, authsigning.SignerData{
		Address: Address(s.key), ChainID: s.chainID,
		AccountNumber: order.Account, Sequence: order.Sequence, PubKey: pub,
	}, builder.GetTx())
	if err != nil {
		return fmt.Errorf("sign bytes: %w", err)
	}
	signature, err := s.key.Sign(bytes)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	return set(signature)
}
