// Package keeper keeps the consensus set: who validates, with which key and
// power, and who is in jail. It alone tells CometBFT.
//
// The set is handed over whole by x/inference; in between only the jail changes
// it. Keys that changed are collected during a block and told at its end, as
// differences to what was told before.
package keeper

import (
	"context"
	"errors"

	"github.com/cosmos/gogoproto/proto"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/address"
	"cosmossdk.io/core/store"

	"github.com/cosmos/cosmos-sdk/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/internal/blockstep"
	"ninefold.dev/inference-chain/x/validators/types"
)

// Keeper is the keeper of the consensus set. It is used by pointer: x/slashing
// needs the keeper to be built, and the keeper calls its hooks.
type Keeper struct {
	State
	addressCodec   address.Codec
	validatorCodec address.Codec
	consensusCodec address.Codec

	slashing types.SlashingHooks
	infos    types.SigningInfos
	rewards  types.Rewards
}

// Codecs turn addresses into text: of accounts, of validators' operators, of
// consensus keys.
type Codecs struct {
	Account, Validator, Consensus address.Codec
}

// NewKeeper lays the keeper over its store. SetHooks must follow before the
// first block.
func NewKeeper(cdc codec.BinaryCodec, service store.KVStoreService, codecs Codecs) (*Keeper, error) {
	state, err := NewState(blockstep.Guard(service), cdc)
	if err != nil {
		return nil, err
	}
	return &Keeper{
		State:          state,
		addressCodec:   codecs.Account,
		validatorCodec: codecs.Validator,
		consensusCodec: codecs.Consensus,
	}, nil
}

// SetHooks names who hears of new keys, who keeps jail terms, and who takes
// rewards away.
func (k *Keeper) SetHooks(slashing types.SlashingHooks, infos types.SigningInfos, rewards types.Rewards) {
	k.slashing, k.infos, k.rewards = slashing, infos, rewards
}

// get returns the value of a key, and whether there is one.
func get[K, V any](ctx context.Context, m collections.Map[K, V], key K) (V, bool, error) {
	value, err := m.Get(ctx, key)
	if errors.Is(err, collections.ErrNotFound) {
		return value, false, nil
	}
	return value, err == nil, err
}

// validator returns the record of a host, and whether there is one.
func (k *Keeper) validator(ctx context.Context, operator []byte) (types.Validator, bool, error) {
	return get(ctx, k.Validators, operator)
}

// byKey returns the row of a consensus address with its host's record. found is
// false when either is unknown.
func (k *Keeper) byKey(ctx context.Context, key sdk.ConsAddress) (types.ConsensusAddress, types.Validator, bool, error) {
	row, found, err := get(ctx, k.ConsensusAddresses, []byte(key))
	if err != nil || !found {
		return row, types.Validator{}, false, err
	}
	operator, err := k.addressCodec.StringToBytes(row.Operator)
	if err != nil {
		return row, types.Validator{}, false, err
	}
	v, found, err := k.validator(ctx, operator)
	return row, v, found, err
}

// setValidator writes a record and marks its key as changed.
func (k *Keeper) setValidator(ctx context.Context, v types.Validator) error {
	operator, err := k.addressCodec.StringToBytes(v.Operator)
	if err != nil {
		return err
	}
	if err := k.Validators.Set(ctx, operator, v); err != nil {
		return err
	}
	return k.Changed.Set(ctx, types.AddressOf(v.ConsensusKey))
}

// attempt runs a step so that it is written whole or leaves no trace but an
// event: nothing here may halt the chain.
func (k *Keeper) attempt(ctx sdk.Context, step string, run func(sdk.Context) error) bool {
	err := blockstep.Attempt(ctx, run)
	if err == nil {
		return true
	}
	// Emitting a typed event only fails when it cannot be encoded, and this one can.
	_ = emit(ctx, &types.EventStepFailed{Step: step, Error: err.Error()})
	return false
}

func emit(ctx context.Context, event proto.Message) error {
	return sdk.UnwrapSDKContext(ctx).EventManager().EmitTypedEvent(event)
}
