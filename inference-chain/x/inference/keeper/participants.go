package keeper

import (
	"bytes"
	"context"
	"errors"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// GetParticipant returns a registered host, or ErrNotRegistered.
func (k Keeper) GetParticipant(ctx context.Context, host sdk.AccAddress) (types.Participant, error) {
	participant, err := k.Participants.Get(ctx, host)
	if !errors.Is(err, collections.ErrNotFound) {
		return participant, err
	}
	text, err := k.addressText(host)
	if err != nil {
		return types.Participant{}, err
	}
	return types.Participant{}, types.ErrNotRegistered.Wrap(text)
}

// registered fails with ErrNotRegistered for who is no host.
func (k Keeper) registered(ctx context.Context, host sdk.AccAddress) error {
	_, err := k.GetParticipant(ctx, host)
	return err
}

// countParticipant bumps the number of hosts, from which a formation is sized.
func (k Keeper) countParticipant(ctx context.Context) error {
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return err
	}
	clock.Participants++
	return k.Clock.Set(ctx, clock)
}

// takeConsensusKey reserves a key for a host; a key that waits for a switch is
// reserved too. It fails with ErrConsensusKeyInUse when another host has it.
func (k Keeper) takeConsensusKey(ctx context.Context, key []byte, host sdk.AccAddress) error {
	owner, err := valueOrZero(k.ConsensusKeys.Get(ctx, key))
	if err != nil {
		return err
	}
	if owner != nil && !bytes.Equal(owner, host) {
		text, err := k.addressText(owner)
		if err != nil {
			return err
		}
		return types.ErrConsensusKeyInUse.Wrapf("consensus_key %X is the key of %s", key, text)
	}
	return k.ConsensusKeys.Set(ctx, key, host)
}

// rotateConsensusKey makes a key wait for the next switch. The one that waited
// before is free again; naming the key in use calls the rotation off.
func (k Keeper) rotateConsensusKey(ctx context.Context, host sdk.AccAddress, participant types.Participant, key []byte) (types.Participant, error) {
	waiting := participant.NextConsensusKey
	if bytes.Equal(key, waiting) {
		return participant, nil
	}
	if err := k.takeConsensusKey(ctx, key, host); err != nil {
		return participant, err
	}
	if len(waiting) != 0 {
		if err := k.ConsensusKeys.Remove(ctx, waiting); err != nil {
			return participant, err
		}
	}
	participant.NextConsensusKey = key
	if bytes.Equal(key, participant.ConsensusKey) {
		participant.NextConsensusKey = nil
	}
	return participant, nil
}
