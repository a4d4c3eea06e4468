package ante

import (
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/x/authz"

	inference "ninefold.dev/inference-chain/x/inference/types"
)

// use is one free message of a transaction.
type use struct {
	host    string // whose quota it counts against
	grantee string // who sends it for the host; empty when the host does
	typeURL string
}

// freeUses lists the free messages of a transaction that consists of nothing
// else and offers no fee; nil for every other transaction.
func freeUses(tx sdk.Tx) ([]use, error) {
	feeTx, ok := tx.(sdk.FeeTx)
	if !ok || !feeTx.GetFee().IsZero() {
		return nil, nil
	}
	var uses []use
	for _, msg := range tx.GetMsgs() {
		found, err := usesOf(msg)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		uses = append(uses, found...)
	}
	return uses, nil
}

// usesOf lists the free messages that a message is or wraps; nil when there is
// another among them.
func usesOf(msg sdk.Msg) ([]use, error) {
	exec, wrapped := msg.(*authz.MsgExec)
	if !wrapped {
		if host, free := hostOf(msg); free {
			return []use{{host: host, typeURL: sdk.MsgTypeURL(msg)}}, nil
		}
		return nil, nil
	}
	inner, err := exec.GetMessages()
	if err != nil {
		return nil, sdkerrors.ErrTxDecode.Wrap(err.Error())
	}
	uses := make([]use, 0, len(inner))
	for _, msg := range inner {
		host, free := hostOf(msg)
		if !free {
			return nil, nil
		}
		uses = append(uses, use{host: host, grantee: exec.Grantee, typeURL: sdk.MsgTypeURL(msg)})
	}
	return uses, nil
}

// hostOf returns who signs a free message.
func hostOf(msg sdk.Msg) (host string, free bool) {
	by, ok := msg.(interface{ GetCreator() string })
	if !ok || !inference.IsFreeMessage(sdk.MsgTypeURL(msg)) {
		return "", false
	}
	return by.GetCreator(), true
}

// refuseNested refuses a MsgExec inside a MsgExec: it would hide messages from
// every check that looks one level deep.
type refuseNested struct{}

// AnteHandle looks into every MsgExec of the transaction.
func (refuseNested) AnteHandle(ctx sdk.Context, tx sdk.Tx, simulate bool, next sdk.AnteHandler) (sdk.Context, error) {
	for _, msg := range tx.GetMsgs() {
		exec, ok := msg.(*authz.MsgExec)
		if !ok {
			continue
		}
		inner, err := exec.GetMessages()
		if err != nil {
			return ctx, sdkerrors.ErrTxDecode.Wrap(err.Error())
		}
		for _, msg := range inner {
			if _, nested := msg.(*authz.MsgExec); nested {
				return ctx, sdkerrors.ErrInvalidRequest.Wrap("a MsgExec may not wrap another MsgExec")
			}
		}
	}
	return next(ctx, tx, simulate)
}
