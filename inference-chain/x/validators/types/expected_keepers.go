package types

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
)

// SlashingHooks is what x/slashing wants to hear of a key before CometBFT
// counts its signatures; its begin-block fails on a key it never heard of.
type SlashingHooks interface {
	AfterValidatorCreated(ctx context.Context, operator sdk.ValAddress) error
	AfterValidatorBonded(ctx context.Context, key sdk.ConsAddress, operator sdk.ValAddress) error
	AfterValidatorRemoved(ctx context.Context, key sdk.ConsAddress, operator sdk.ValAddress) error
}

// SigningInfos carries a jail term over to a host's new key, so that rotating a
// key is no way out of jail; and lets go of a key that is forgotten, which
// x/slashing does not do by itself.
type SigningInfos interface {
	GetValidatorSigningInfo(ctx context.Context, key sdk.ConsAddress) (slashingtypes.ValidatorSigningInfo, error)
	SetValidatorSigningInfo(ctx context.Context, key sdk.ConsAddress, info slashingtypes.ValidatorSigningInfo) error
	DeleteValidatorSigningInfo(ctx context.Context, key sdk.ConsAddress) error
	DeleteMissedBlockBitmap(ctx context.Context, key sdk.ConsAddress) error
}

// Rewards takes away what a double signer would have earned.
type Rewards interface {
	// ForfeitReward marks the reward of the epoch in effect as lost.
	ForfeitReward(ctx context.Context, operator sdk.AccAddress, reason string) error
}
