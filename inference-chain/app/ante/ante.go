// Package ante decides which transactions may enter a block and what they pay.
package ante

import (
	"errors"

	"github.com/cosmos/cosmos-sdk/types"
	authante "github.com/cosmos/cosmos-sdk/x/auth/ante"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/tx/signing"
)

// Options are what the chain of checks needs.
type Options struct {
	Accounts  authante.AccountKeeper
	Bank      authtypes.BankKeeper
	FeeGrants authante.FeegrantKeeper
	SignModes *signing.HandlerMap
	Hosts     Hosts
	Grants    Grants
}

// NewHandler returns the SDK's usual checks, with messages that are free within a
// host's quota, and without nested MsgExec.
func NewHandler(o Options) (types.AnteHandler, error) {
	if o.Accounts == nil || o.Bank == nil || o.SignModes == nil || o.Hosts == nil || o.Grants == nil {
		return nil, errors.New("ante: an option is missing")
	}
	return types.ChainAnteDecorators(
		authante.NewSetUpContextDecorator(),
		authante.NewExtensionOptionsDecorator(nil),
		authante.NewValidateBasicDecorator(),
		authante.NewTxTimeoutHeightDecorator(),
		authante.NewValidateMemoDecorator(o.Accounts),
		refuseNested{},
		authante.NewConsumeGasForTxSizeDecorator(o.Accounts),
		authante.NewDeductFeeDecorator(o.Accounts, o.Bank, o.FeeGrants, fee),
		authante.NewSetPubKeyDecorator(o.Accounts),
		authante.NewValidateSigCountDecorator(o.Accounts),
		authante.NewSigGasConsumeDecorator(o.Accounts, authante.DefaultSigVerificationGasConsumer),
		authante.NewSigVerificationDecorator(o.Accounts, o.SignModes),
		authante.NewIncrementSequenceDecorator(o.Accounts),
		quota{hosts: o.Hosts, grants: o.Grants},
	), nil
}
