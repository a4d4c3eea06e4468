package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/weight"
	"ninefold.dev/inference-chain/x/inference/types"
)

// switchEpoch is SET_NEW_VALIDATORS: the opened epoch takes over with its
// validators and the one before is settled, or it is abandoned and everything
// stays as it is.
func (k Keeper) switchEpoch(ctx sdk.Context) error {
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return err
	}
	opened, old, err := k.judgedRecords(ctx, clock.Opened)
	if err != nil {
		return err
	}
	reason, err := k.reasonAgainst(ctx, opened, old)
	if err != nil {
		return err
	}
	if reason != "" {
		return k.abandon(ctx, reason)
	}
	if err := k.handOver(ctx, opened); err != nil {
		return err
	}
	return k.takeOver(ctx, clock, opened, old)
}

// reasonAgainst says why the opened epoch must not take over; empty when it may.
func (k Keeper) reasonAgainst(ctx context.Context, opened, old types.Epoch) (string, error) {
	cursor, err := k.Formation.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) || err == nil && cursor.EpochIndex != opened.Index {
		return "its formation never began", nil
	}
	if err != nil {
		return "", err
	}
	if !cursor.Done {
		return fmt.Sprintf("its formation is not complete: %d members after host %q", cursor.Members, cursor.After), nil
	}
	root, err := k.EpochGroups.Get(ctx, collections.Join(old.Index, ""))
	if err != nil {
		return "", fmt.Errorf("root group of epoch %d: %w", old.Index, err)
	}
	minKept, err := fixed.Parse(opened.Params.MinKeptPower)
	if err != nil {
		return "", fmt.Errorf("min_kept_power: %w", err)
	}
	formed := weight.Formed{Total: cursor.TotalWeight, OldTotal: root.TotalWeight, KeptOld: cursor.KeptWeight}
	return reasonOf(formed.CheckKept(minKept)), nil
}

func reasonOf(refused error) string {
	if refused == nil {
		return ""
	}
	return refused.Error()
}

// handOver gives the consensus set its new members, with the keys that waited for
// this switch.
func (k Keeper) handOver(ctx sdk.Context, opened types.Epoch) error {
	members, err := k.membersWithKeys(ctx, opened.Index)
	if err != nil {
		return err
	}
	set, err := k.validators.HandOver(ctx, opened.Index, members, opened.Params.MaxValidators)
	if err != nil {
		return fmt.Errorf("hand-over: %w", err)
	}
	return emit(ctx, &types.EventValidatorsSwitched{
		EpochIndex: opened.Index, Validators: set.Validators, TotalPower: set.TotalPower,
	})
}

// membersWithKeys lists the members of an epoch that takes over. All are read before
// a key is rotated. Each is looked up among the registered: reading these side by
// side would go through everyone who ever registered.
func (k Keeper) membersWithKeys(ctx context.Context, index uint64) ([]types.SetMember, error) {
	found, err := k.membersAsHosts(ctx, index)
	if err != nil {
		return nil, err
	}
	members := make([]types.SetMember, 0, len(found))
	for _, m := range found {
		key, err := k.rotateKey(ctx, m.host, m.member)
		if err != nil {
			return nil, err
		}
		members = append(members, types.SetMember{Operator: m.host.address, ConsensusKey: key, Weight: m.member.Weight})
	}
	return members, nil
}

// memberHost is a root member with its row as a host.
type memberHost struct {
	member types.EpochMember
	host   registered
}

func (k Keeper) membersAsHosts(ctx context.Context, index uint64) ([]memberHost, error) {
	var members []memberHost
	err := k.EpochMembers.Walk(ctx, groupAfter(index, "", nil), func(key byEpochModelAddress, row types.EpochMember) (bool, error) {
		host, err := k.GetParticipant(ctx, key.K3())
		members = append(members, memberHost{row, registered{key.K3(), host}})
		return err != nil, err
	})
	return members, err
}

// rotateKey puts a member's waiting consensus key into use, if it has one, and
// returns the key it validates with. The old key is free to be registered again;
// the consensus set remembers whose it was for as long as evidence counts.
func (k Keeper) rotateKey(ctx context.Context, of registered, member types.EpochMember) ([]byte, error) {
	host := of.row
	if len(host.NextConsensusKey) > 0 {
		if err := k.ConsensusKeys.Remove(ctx, host.ConsensusKey); err != nil {
			return nil, err
		}
		host.ConsensusKey, host.NextConsensusKey = host.NextConsensusKey, nil
		if err := k.Participants.Set(ctx, of.address, host); err != nil {
			return nil, err
		}
	}
	if string(member.ConsensusKey) == string(host.ConsensusKey) {
		return host.ConsensusKey, nil
	}
	// The host asked for another key after it was formed.
	member.ConsensusKey = host.ConsensusKey
	return host.ConsensusKey, k.EpochMembers.Set(ctx, collections.Join3(member.EpochIndex, "", of.address), member)
}

// takeOver makes the opened epoch the effective one from the next height on.
func (k Keeper) takeOver(ctx sdk.Context, clock types.Clock, opened, old types.Epoch) error {
	height := ctx.BlockHeight()
	opened.Status, opened.EffectiveFrom = types.EpochStatus_EPOCH_STATUS_EFFECTIVE, height+1
	if err := k.Epochs.Set(ctx, opened.Index, opened); err != nil {
		return err
	}
	old.EffectiveTo = height
	if err := k.openSettlement(ctx, old, opened.Index-1); err != nil {
		return err
	}
	if err := k.carryPrice(ctx, old, opened.Index); err != nil {
		return err
	}
	clock.Effective = opened.Index
	if err := k.Clock.Set(ctx, clock); err != nil {
		return err
	}
	cursor, err := k.Formation.Get(ctx)
	if err != nil {
		return err
	}
	if err := k.Formation.Remove(ctx); err != nil {
		return err
	}
	return emit(ctx, &types.EventEpochEffective{EpochIndex: opened.Index, TotalWeight: cursor.TotalWeight})
}

// carryPrice gives the new epoch the unit price of the old one.
func (k Keeper) carryPrice(ctx context.Context, old types.Epoch, index uint64) error {
	price, err := k.UnitPrices.Get(ctx, old.Index)
	if errors.Is(err, collections.ErrNotFound) {
		price, err = types.UnitPrice{Price: old.Params.InitialUnitPrice}, nil
	}
	if err != nil {
		return err
	}
	price.EpochIndex = index
	return k.UnitPrices.Set(ctx, index, price)
}

// abandonFailed abandons the opened epoch after a switch that failed.
func (k Keeper) abandonFailed(ctx sdk.Context, failed error) error {
	return k.abandon(ctx, fmt.Sprintf("the switch failed: %s", failed))
}

// abandon gives the opened epoch up: the effective one stays, and the pruner takes
// what was written for the other.
func (k Keeper) abandon(ctx sdk.Context, reason string) error {
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return err
	}
	record, err := k.EpochAt(ctx, clock.Opened)
	if err != nil {
		return err
	}
	record.Status, record.AbandonedReason = types.EpochStatus_EPOCH_STATUS_ABANDONED, reason
	if err := k.Epochs.Set(ctx, record.Index, record); err != nil {
		return err
	}
	if err := k.Formation.Remove(ctx); err != nil {
		return err
	}
	if err := k.Prunes.Set(ctx, record.Index, types.PruneCursor{EpochIndex: record.Index, LastOpened: record.Index}); err != nil {
		return err
	}
	return emit(ctx, &types.EventEpochAbandoned{EpochIndex: record.Index, Effective: clock.Effective, Reason: reason})
}
