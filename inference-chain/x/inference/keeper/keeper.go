// Package keeper holds the state of the inference module and what changes it:
// messages, the epoch machine, queries and genesis. It loads, asks core, stores
// and emits; every decision is core's.
package keeper

import (
	"context"
	"fmt"

	"cosmossdk.io/core/address"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
	"ninefold.dev/inference-chain/x/internal/blockstep"
)

// Keeper is the module's state with what it needs of other modules. It is a
// value: copies share the store.
type Keeper struct {
	State
	authority    string
	addressCodec address.Codec
	bank         types.BankKeeper
	validators   types.ValidatorSet
}

// NewKeeper lays the keeper over its store. authority is the account whose
// messages count as governance. It fails when that is no address, or when two
// collections share a prefix.
func NewKeeper(cdc codec.BinaryCodec, service store.KVStoreService, authority string, addressCodec address.Codec, bank types.BankKeeper, validators types.ValidatorSet) (Keeper, error) {
	if _, err := addressCodec.StringToBytes(authority); err != nil {
		return Keeper{}, fmt.Errorf("authority %q: %w", authority, err)
	}
	state, err := NewState(blockstep.Guard(service), cdc)
	if err != nil {
		return Keeper{}, err
	}
	return Keeper{State: state, authority: authority, addressCodec: addressCodec, bank: bank, validators: validators}, nil
}

// Authority is the account whose messages count as governance.
func (k Keeper) Authority() string { return k.authority }

// ClockAt returns which epochs are opened and effective.
func (k Keeper) ClockAt(ctx context.Context) (types.Clock, error) {
	clock, err := k.Clock.Get(ctx)
	if err != nil {
		return types.Clock{}, fmt.Errorf("clock: %w", err)
	}
	return clock, nil
}

// address reads an account's address in a message's field.
func (k Keeper) address(field, text string) (sdk.AccAddress, error) {
	raw, err := k.addressCodec.StringToBytes(text)
	if err != nil {
		return nil, types.ErrInvalidAddress.Wrapf("%s %q: %s", field, text, err)
	}
	return raw, nil
}

// addressText writes an account's address as events and rows hold it.
func (k Keeper) addressText(raw []byte) (string, error) {
	text, err := k.addressCodec.BytesToString(raw)
	if err != nil {
		return "", types.ErrInvalidAddress.Wrapf("%X: %s", raw, err)
	}
	return text, nil
}
