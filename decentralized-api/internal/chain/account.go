package chain

import (
	"context"
	"errors"
	"fmt"

	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/authz"
)

// Account returns the number and the next sequence of the signing account.
func (c *Client) Account(ctx context.Context) (number, sequence uint64, err error) {
	r, err := c.auth.AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: c.signer})
	if err != nil {
		return 0, 0, fmt.Errorf("account %s: %w", c.signer, err)
	}
	if r.Info == nil {
		return 0, 0, fmt.Errorf("account %s: %w", c.signer, errors.New("the chain answers nothing"))
	}
	return r.Info.AccountNumber, r.Info.Sequence, nil
}

// MayAct says whether an account may cast verdicts for a host: it is the host,
// or holds the host's grant.
func (c *Client) MayAct(ctx context.Context, host, account string) (bool, error) {
	return c.granted(ctx, host, account, "/inference.v1.MsgSubmitPocValidation")
}

// MaySend says whether the own host is registered and the signing account may
// send a message for it.
func (c *Client) MaySend(ctx context.Context, typeURL string) (bool, error) {
	_, err := c.PeerURL(ctx, c.host)
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return false, nil // no such participant
	}
	if err != nil {
		return false, err
	}
	return c.granted(ctx, c.host, c.signer, typeURL)
}

func (c *Client) granted(ctx context.Context, host, account, typeURL string) (bool, error) {
	if host == account {
		return true, nil
	}
	r, err := c.authz.Grants(ctx, &authz.QueryGrantsRequest{Granter: host, Grantee: account, MsgTypeUrl: typeURL})
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return false, nil // no grant is an error of this query
	}
	return err == nil && len(r.Grants) > 0, err
}
