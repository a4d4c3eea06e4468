package app

import (
	"fmt"

	"github.com/cosmos/gogoproto/proto"

	"cosmossdk.io/core/address"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/codec"
	addresscodec "github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/std"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	"github.com/cosmos/cosmos-sdk/x/tx/signing"
)

// Encoding is how the chain writes and reads addresses, messages and
// transactions.
type Encoding struct {
	Registry codectypes.InterfaceRegistry
	Codec    codec.Codec
	TxConfig client.TxConfig
	Amino    *codec.LegacyAmino

	Account, Validator, Consensus address.Codec
}

// NewEncoding returns the encoding without the modules' messages; they register
// themselves as modules are created.
func NewEncoding() (Encoding, error) {
	e := Encoding{
		Account:   addresscodec.NewBech32Codec(Bech32Prefix),
		Validator: addresscodec.NewBech32Codec(validatorPrefix),
		Consensus: addresscodec.NewBech32Codec(consensusPrefix),
		Amino:     codec.NewLegacyAmino(),
	}
	registry, err := codectypes.NewInterfaceRegistryWithOptions(codectypes.InterfaceRegistryOptions{
		ProtoFiles: proto.HybridResolver,
		SigningOptions: signing.Options{
			AddressCodec:          e.Account,
			ValidatorAddressCodec: e.Validator,
		},
	})
	if err != nil {
		return Encoding{}, fmt.Errorf("interface registry: %w", err)
	}
	e.Registry = registry
	e.Codec = codec.NewProtoCodec(registry)
	e.TxConfig = authtx.NewTxConfig(e.Codec, authtx.DefaultSignModes)
	std.RegisterLegacyAminoCodec(e.Amino)
	std.RegisterInterfaces(registry)
	return e, nil
}
