package types

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// BankKeeper moves the module's coins: settlement mints, claims send, expiry burns.
// An import compares what the module holds with what waits to be claimed.
type BankKeeper interface {
	GetBalance(ctx context.Context, holder sdk.AccAddress, denom string) sdk.Coin
	MintCoins(ctx context.Context, module string, amount sdk.Coins) error
	BurnCoins(ctx context.Context, module string, amount sdk.Coins) error
	SendCoinsFromModuleToAccount(ctx context.Context, module string, to sdk.AccAddress, amount sdk.Coins) error
}

// ValidatorSet is the consensus set, which the module hands over whole and asks
// who sat in jail.
type ValidatorSet interface {
	// HandOver replaces the set at SET_NEW_VALIDATORS: the strongest maxValidators
	// members, capped and scaled. period is the epoch that becomes effective.
	HandOver(ctx context.Context, period uint64, members []SetMember, maxValidators uint64) (SetSummary, error)
	// JailedOperators lists who is in jail, by ascending address.
	JailedOperators(ctx context.Context) ([]sdk.AccAddress, error)
	// IsTombstoned says whether the operator's key signed twice.
	IsTombstoned(ctx context.Context, operator sdk.AccAddress) (bool, error)
	// JailedBlocks counts the blocks the operator was in jail during a period.
	JailedBlocks(ctx context.Context, period uint64, operator sdk.AccAddress) (uint64, error)
}

// SetMember is a host that may validate.
type SetMember struct {
	Operator     sdk.AccAddress
	ConsensusKey []byte // Ed25519 public key, 32 bytes
	Weight       uint64 // root weight, neither capped nor scaled
}

// SetSummary tells what a hand-over made of the members.
type SetSummary struct {
	Validators uint64
	TotalPower int64
}
