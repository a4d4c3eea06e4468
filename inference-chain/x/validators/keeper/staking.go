package keeper

import (
	"context"

	"cosmossdk.io/core/address"
	"cosmossdk.io/math"

	sdk "github.com/cosmos/cosmos-sdk/types"
	evidencetypes "github.com/cosmos/cosmos-sdk/x/evidence/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

var (
	_ slashingtypes.StakingKeeper = Staking{}
	_ evidencetypes.StakingKeeper = Staking{}
)

// Staking shows the set to modules of the SDK that ask for a staking keeper:
// x/slashing, x/evidence, and readers of the staking query service. Where
// staking has tokens, this has weight; slashing moves no coins.
//
// Both modules ask at a block's begin, where an error halts the chain. What they
// ask about an unknown key is therefore answered, not refused, wherever their
// interfaces leave the choice.
type Staking struct {
	keeper *Keeper
	denom  string
}

// NewStaking returns the view of a keeper's set. denom is what the staking
// parameters name as the bond.
func NewStaking(keeper *Keeper, denom string) Staking {
	return Staking{keeper: keeper, denom: denom}
}

// ValidatorAddressCodec turns operators into text.
func (s Staking) ValidatorAddressCodec() address.Codec { return s.keeper.validatorCodec }

// ConsensusAddressCodec turns consensus addresses into text.
func (s Staking) ConsensusAddressCodec() address.Codec { return s.keeper.consensusCodec }

// IterateValidators walks all records by ascending address.
func (s Staking) IterateValidators(ctx context.Context, visit func(int64, stakingtypes.ValidatorI) bool) error {
	validators, err := s.GetAllValidators(ctx)
	if err != nil {
		return err
	}
	for i, v := range validators {
		if visit(int64(i), v) {
			return nil
		}
	}
	return nil
}

// GetAllValidators lists all records by ascending address.
func (s Staking) GetAllValidators(ctx context.Context) ([]stakingtypes.Validator, error) {
	_, records, err := s.keeper.records(ctx)
	if err != nil {
		return nil, err
	}
	validators := make([]stakingtypes.Validator, 0, len(records))
	for _, v := range records {
		shown, err := s.show(ctx, v)
		if err != nil {
			return nil, err
		}
		validators = append(validators, shown)
	}
	return validators, nil
}

// Validator returns a host's record.
func (s Staking) Validator(ctx context.Context, operator sdk.ValAddress) (stakingtypes.ValidatorI, error) {
	v, found, err := s.keeper.validator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, stakingtypes.ErrNoValidatorFound
	}
	return s.show(ctx, v)
}

// ValidatorByConsAddr returns the host of a key as that key's evidence should
// see it: with this key, also when the host uses another by now, and in jail
// when this key can do no more.
func (s Staking) ValidatorByConsAddr(ctx context.Context, key sdk.ConsAddress) (stakingtypes.ValidatorI, error) {
	return s.byKey(ctx, key)
}

// ValidatorByHistoricalConsAddr is ValidatorByConsAddr, which knows old keys too.
func (s Staking) ValidatorByHistoricalConsAddr(ctx context.Context, key sdk.ConsAddress) (stakingtypes.Validator, error) {
	return s.byKey(ctx, key)
}

func (s Staking) byKey(ctx context.Context, key sdk.ConsAddress) (stakingtypes.Validator, error) {
	row, v, found, err := s.keeper.byKey(ctx, key)
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	if !found {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	if !v.Uses(row) {
		v.ConsensusKey, v.Power, v.Weight = row.ConsensusKey, 0, 0
		v.Jailed = row.Tombstoned
	}
	return s.show(ctx, v)
}

// IsValidatorJailed says whether missed blocks of a key do not count: its host
// is in jail, or the key left the set and CometBFT has yet to notice.
func (s Staking) IsValidatorJailed(ctx context.Context, key sdk.ConsAddress) (bool, error) {
	row, v, found, err := s.keeper.byKey(ctx, key)
	if err != nil {
		return false, err
	}
	return !found || !v.Uses(row) || !v.MayVote(), nil
}

// Slash moves no coins.
func (s Staking) Slash(context.Context, sdk.ConsAddress, int64, int64, math.LegacyDec) (math.Int, error) {
	return math.ZeroInt(), nil
}

// SlashWithInfractionReason moves no coins; a key that signed twice is
// tombstoned here, because x/evidence calls this whatever the jail says.
func (s Staking) SlashWithInfractionReason(ctx context.Context, key sdk.ConsAddress, _, _ int64, _ math.LegacyDec, why stakingtypes.Infraction) (math.Int, error) {
	if why != stakingtypes.Infraction_INFRACTION_DOUBLE_SIGN {
		return math.ZeroInt(), nil
	}
	return math.ZeroInt(), s.keeper.tombstone(ctx, key)
}

// Jail takes the power of the host that uses the key.
func (s Staking) Jail(ctx context.Context, key sdk.ConsAddress) error { return s.keeper.jail(ctx, key) }

// Unjail gives the power back.
func (s Staking) Unjail(ctx context.Context, key sdk.ConsAddress) error {
	return s.keeper.unjail(ctx, key)
}

// Delegation is the host's own stake in itself; nobody else has one. Without it
// x/slashing lets no one out of jail.
func (s Staking) Delegation(ctx context.Context, delegator sdk.AccAddress, operator sdk.ValAddress) (stakingtypes.DelegationI, error) {
	if !sdk.AccAddress(operator).Equals(delegator) {
		return nil, stakingtypes.ErrNoDelegation
	}
	v, found, err := s.keeper.validator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, stakingtypes.ErrNoDelegation
	}
	text, err := s.keeper.validatorCodec.BytesToString(operator)
	if err != nil {
		return nil, err
	}
	return stakingtypes.NewDelegation(v.Operator, text, math.LegacyNewDecFromInt(shares(v))), nil
}

// MaxValidators is the largest size of the set that was handed over last.
func (s Staking) MaxValidators(ctx context.Context) (uint32, error) {
	period, _, err := s.keeper.period(ctx)
	return uint32(min(period.MaxValidators, maxUint32)), err
}

// GetParams describes the set in staking's terms: a key that left is answerable
// for as long as evidence may come.
func (s Staking) GetParams(ctx context.Context) (stakingtypes.Params, error) {
	params := stakingtypes.DefaultParams()
	_, params.UnbondingTime = evidenceAge(sdk.UnwrapSDKContext(ctx))
	params.BondDenom = s.denom
	params.KeyRotationFee = sdk.NewInt64Coin(s.denom, 0)
	params.HistoricalEntries = 0
	var err error
	params.MaxValidators, err = s.MaxValidators(ctx)
	return params, err
}

// shares of a host in itself: its weight, or one share when it has none, since
// staking divides by them.
func shares(v types.Validator) math.Int {
	return math.NewIntFromUint64(max(v.Weight, 1))
}
