package ante

import (
	"context"
	"time"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/cosmos/cosmos-sdk/x/authz"
)

// Hosts counts free messages.
type Hosts interface {
	// UseFreeMessage takes one of the host's free messages of this stage, and
	// says whether there was one. An account that is no host has none.
	UseFreeMessage(ctx context.Context, host sdk.AccAddress) (bool, error)
}

// Grants knows who may send for whom.
type Grants interface {
	// GetAuthorization returns a grant that is in force, or nil.
	GetAuthorization(ctx context.Context, grantee, granter sdk.AccAddress, typeURL string) (authz.Authorization, *time.Time)
}

// quota counts the free messages of a transaction that pays nothing. It comes
// last, so that only signed transactions count. A stranger cannot use up a
// host's quota: what it sends for the host must have been granted.
type quota struct {
	hosts  Hosts
	grants Grants
}

// AnteHandle refuses a transaction without a fee that has more free messages
// than its hosts have left.
func (q quota) AnteHandle(ctx sdk.Context, tx sdk.Tx, simulate bool, next sdk.AnteHandler) (sdk.Context, error) {
	uses, err := freeUses(tx)
	if err != nil {
		return ctx, err
	}
	if simulate {
		uses = nil
	}
	for _, u := range uses {
		if err := q.take(ctx, u); err != nil {
			return ctx, err
		}
	}
	return next(ctx, tx, simulate)
}

func (q quota) take(ctx sdk.Context, u use) error {
	host, err := sdk.AccAddressFromBech32(u.host)
	if err != nil {
		return sdkerrors.ErrInvalidAddress.Wrapf("creator %q: %s", u.host, err)
	}
	if u.grantee != "" && u.grantee != u.host {
		grantee, err := sdk.AccAddressFromBech32(u.grantee)
		if err != nil {
			return sdkerrors.ErrInvalidAddress.Wrapf("grantee %q: %s", u.grantee, err)
		}
		if grant, _ := q.grants.GetAuthorization(ctx, grantee, host, u.typeURL); grant == nil {
			return sdkerrors.ErrUnauthorized.Wrapf("%s granted %s no %s", u.host, u.grantee, u.typeURL)
		}
	}
	left, err := q.hosts.UseFreeMessage(ctx, host)
	if err != nil {
		return err
	}
	if !left {
		return sdkerrors.ErrInsufficientFee.Wrapf("%s has no free message left in this stage: it is no registered host, or its quota is used up; pay a fee", u.host)
	}
	return nil
}
