package keeper

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// Formations go through the hosts that declared nodes, not through whoever is
// registered: a row of FleetLoads says that a host is one of them, and how much
// work it makes. It comes with a host's first node and goes with the formation that
// finds no node of the host's, neither in its fleet nor in the group before.

// setFleetLoad notes a host's load, and with 0 takes the host out. It returns the
// load before.
func (k Keeper) setFleetLoad(ctx context.Context, host registered, load uint64) (uint64, error) {
	row, err := valueOrZero(k.FleetLoads.Get(ctx, host.address))
	if err != nil || row.Load == load {
		return row.Load, err
	}
	if load == 0 {
		err = k.FleetLoads.Remove(ctx, host.address)
	} else {
		err = k.FleetLoads.Set(ctx, host.address, types.FleetLoad{Participant: host.row.Address, Load: load})
	}
	if err != nil {
		return row.Load, err
	}
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return row.Load, err
	}
	clock.FleetLoad += load - row.Load // their sum, which holds the load before
	return row.Load, k.Clock.Set(ctx, clock)
}

// declareLoad notes what a host's rows of hardware add to formations. A host
// without rows keeps a load while its nodes may stand in a group.
func (k Keeper) declareLoad(ctx context.Context, host registered, rows []types.HardwareNodeRow) error {
	load := types.FleetLoadOf(rows)
	before, err := k.setFleetLoad(ctx, host, load)
	if err != nil || before == load {
		return err
	}
	return k.paceFormation(ctx, host.address, before, load)
}

// paceFormation lets a formation that is under way know of a load that changed, so
// that what it still has to go through is exact and its last blocks are no larger
// than the others.
func (k Keeper) paceFormation(ctx context.Context, host []byte, before, after uint64) error {
	cursor, err := k.Formation.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) || err == nil && cursor.Done {
		return nil
	}
	if err != nil {
		return fmt.Errorf("formation: %w", err)
	}
	passes, err := k.passesLeft(cursor, host)
	if err != nil || passes == 0 {
		return err
	}
	cursor.Remaining += passes*after - min(passes*before, cursor.Remaining)
	return k.Formation.Set(ctx, cursor)
}

// passesLeft is how often a formation will still come to a host.
func (k Keeper) passesLeft(cursor types.FormationCursor, host []byte) (uint64, error) {
	left := uint64(passForm) - uint64(cursor.Phase)
	if cursor.After == "" {
		return left + 1, nil
	}
	after, err := k.addressCodec.StringToBytes(cursor.After)
	if err == nil && bytes.Compare(host, after) > 0 {
		left++
	}
	return left, err
}

// forgetFleet takes out a host that has no node and had none, with the rows that
// tell of nodes it removed.
func (k Keeper) forgetFleet(ctx context.Context, host registered, rows []types.HardwareNodeRow) error {
	for _, row := range rows {
		if err := k.HardwareNodes.Remove(ctx, collections.Join(host.address, row.NodeId)); err != nil {
			return err
		}
	}
	_, err := k.setFleetLoad(ctx, host, 0)
	return err
}
