package keeper

import (
	"bytes"
	"context"
	"errors"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// RegisterParticipant makes the signer a host. It proves from the next POC_START
// and validates once an epoch with its weight is effective.
func (m msgServer) RegisterParticipant(ctx context.Context, msg *types.MsgRegisterParticipant) (*types.MsgRegisterParticipantResponse, error) {
	sdkCtx := charge(ctx, types.GasForParticipant(), "register_participant")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	host, err := m.address("creator", msg.Creator)
	if err != nil {
		return nil, err
	}
	if err := types.CheckConsensusKey(msg.ConsensusKey, msg.ConsensusKeyProof, sdkCtx.ChainID(), host); err != nil {
		return nil, err
	}
	response := &types.MsgRegisterParticipantResponse{}
	before, err := m.Participants.Get(sdkCtx, host)
	if err == nil {
		return response, sameRegistration(before, msg)
	}
	if !errors.Is(err, collections.ErrNotFound) {
		return nil, err
	}
	return response, m.register(sdkCtx, host, msg)
}

// sameRegistration tells a message that was sent twice from a second registration.
func sameRegistration(before types.Participant, msg *types.MsgRegisterParticipant) error {
	for _, field := range []struct {
		name string
		same bool
	}{
		{"url", before.Url == msg.Url},
		{"metadata", before.Metadata == msg.Metadata},
		{"consensus_key", bytes.Equal(before.ConsensusKey, msg.ConsensusKey)},
	} {
		if !field.same {
			return types.ErrAlreadyRegistered.Wrapf("%s has another %s; MsgUpdateParticipant changes it", before.Address, field.name)
		}
	}
	return nil
}

func (k Keeper) register(ctx sdk.Context, host sdk.AccAddress, msg *types.MsgRegisterParticipant) error {
	text, err := k.addressText(host)
	if err != nil {
		return err
	}
	if err := k.takeConsensusKey(ctx, msg.ConsensusKey, host); err != nil {
		return err
	}
	participant := types.Participant{
		Address: text, Url: msg.Url, Metadata: msg.Metadata,
		ConsensusKey: msg.ConsensusKey, RegisteredHeight: ctx.BlockHeight(),
	}
	if err := k.Participants.Set(ctx, host, participant); err != nil {
		return err
	}
	if err := k.countParticipant(ctx); err != nil {
		return err
	}
	return emit(ctx, &types.EventParticipantRegistered{Participant: text, Url: msg.Url, Created: true})
}

// UpdateParticipant changes a host's URL and metadata at once and its consensus key
// at the next switch. Empty fields stay; the key in use calls a waiting rotation
// off.
func (m msgServer) UpdateParticipant(ctx context.Context, msg *types.MsgUpdateParticipant) (*types.MsgUpdateParticipantResponse, error) {
	sdkCtx := charge(ctx, types.GasForParticipant(), "update_participant")
	if err := msg.ValidateBasic(); err != nil {
		return nil, err
	}
	host, err := m.address("creator", msg.Creator)
	if err != nil {
		return nil, err
	}
	before, err := m.GetParticipant(sdkCtx, host)
	if err != nil {
		return nil, err
	}
	after, err := m.updated(sdkCtx, host, before, msg)
	if err != nil {
		return nil, err
	}
	response := &types.MsgUpdateParticipantResponse{}
	if sameParticipant(before, after) {
		return response, nil
	}
	if err := m.Participants.Set(sdkCtx, host, after); err != nil {
		return nil, err
	}
	return response, emit(sdkCtx, &types.EventParticipantRegistered{Participant: after.Address, Url: after.Url})
}

func (k Keeper) updated(ctx sdk.Context, host sdk.AccAddress, participant types.Participant, msg *types.MsgUpdateParticipant) (types.Participant, error) {
	if msg.Url != "" {
		participant.Url = msg.Url
	}
	if msg.Metadata != "" {
		participant.Metadata = msg.Metadata
	}
	if len(msg.ConsensusKey) == 0 {
		return participant, nil
	}
	if err := types.CheckConsensusKey(msg.ConsensusKey, msg.ConsensusKeyProof, ctx.ChainID(), host); err != nil {
		return participant, err
	}
	return k.rotateConsensusKey(ctx, host, participant, msg.ConsensusKey)
}

func sameParticipant(a, b types.Participant) bool {
	return a.Url == b.Url && a.Metadata == b.Metadata && bytes.Equal(a.NextConsensusKey, b.NextConsensusKey)
}
