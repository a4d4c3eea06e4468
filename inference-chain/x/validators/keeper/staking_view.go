package keeper

import (
	"context"
	"math"
	"time"

	sdkmath "cosmossdk.io/math"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

const maxUint32 = math.MaxUint32

// show is a record as a validator of x/staking. Who is in the set and free is
// bonded; everybody else is unbonding, and so answerable for evidence, until the
// record goes.
func (s Staking) show(ctx context.Context, v types.Validator) (stakingtypes.Validator, error) {
	operator, err := s.keeper.addressCodec.StringToBytes(v.Operator)
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	text, err := s.keeper.validatorCodec.BytesToString(operator)
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	key, err := codectypes.NewAnyWithValue(&ed25519.PubKey{Key: v.ConsensusKey})
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	row, _, err := get(ctx, s.keeper.ConsensusAddresses, []byte(types.AddressOf(v.ConsensusKey)))
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	return stakingtypes.Validator{
		OperatorAddress:   text,
		ConsensusPubkey:   key,
		Jailed:            v.Jailed,
		Status:            statusOf(v),
		Tokens:            sdkmath.NewIntFromUint64(v.Weight),
		DelegatorShares:   sdkmath.LegacyNewDecFromInt(shares(v)),
		Description:       stakingtypes.Description{Moniker: v.Moniker},
		UnbondingHeight:   v.LeftHeight,
		UnbondingTime:     time.Unix(row.KeepUntilTime, 0).UTC(),
		Commission:        stakingtypes.NewCommission(sdkmath.LegacyOneDec(), sdkmath.LegacyOneDec(), sdkmath.LegacyZeroDec()),
		MinSelfDelegation: sdkmath.ZeroInt(),
	}, nil
}

func statusOf(v types.Validator) stakingtypes.BondStatus {
	if v.MayVote() {
		return stakingtypes.Bonded
	}
	return stakingtypes.Unbonding
}
