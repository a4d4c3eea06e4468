package chain

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/cosmos/cosmos-sdk/types/bech32"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"

	"ninefold.dev/inference-chain/x/inference/types"
	validatorstypes "ninefold.dev/inference-chain/x/validators/types"
)

// consensusPrefix is the human-readable part of a consensus address.
const consensusPrefix = AddressPrefix + "valcons"

// Validator is what the chain knows of the own host's consensus key. All is
// zero while the host has none in the set.
type Validator struct {
	Power      int64
	Jailed     bool
	Tombstoned bool
	Missed     int64 // blocks of the signing window that it did not sign
}

// Validator returns how the own host's validator stands.
func (c *Client) Validator(ctx context.Context) (Validator, error) {
	r, err := c.validators.Validator(ctx, &validatorstypes.QueryValidatorRequest{Operator: c.host})
	if known, err := answered(err); !known {
		return Validator{}, err
	}
	v := Validator{Power: r.Validator.Power, Jailed: r.Validator.Jailed, Tombstoned: r.Validator.Tombstoned}
	hash := sha256.Sum256(r.Validator.ConsensusKey)
	address, err := bech32.ConvertAndEncode(consensusPrefix, hash[:20])
	if err != nil {
		return Validator{}, err
	}
	signing, err := c.slashing.SigningInfo(ctx, &slashingtypes.QuerySigningInfoRequest{ConsAddress: address})
	if known, err := answered(err); !known {
		return v, err // a key that is new has signed nothing yet
	}
	v.Missed = signing.ValSigningInfo.MissedBlocksCounter
	return v, nil
}

// FreeMessages returns how many messages the host may still send without a fee
// in this stage.
func (c *Client) FreeMessages(ctx context.Context) (uint64, error) {
	r, err := c.query.Quota(ctx, &types.QueryQuotaRequest{Address: c.host})
	if known, err := answered(err); !known {
		return 0, err // it is not registered
	}
	return r.Free, nil
}

// answered says whether the chain had an answer. That it has none is no error:
// the host may be new, or gone.
func answered(err error) (bool, error) {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return false, nil
	}
	return err == nil, err
}
