package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// retention is for how long the rows of an epoch stay.
type retention struct {
	// epochs are kept behind the last one that opened before the rows' epoch ended; an
	// abandoned epoch keeps nothing but what is marked as lasting.
	epochs  func(types.Params) uint64
	lasting bool
}

// proofRetention is for how many epochs commitments and verdicts stay after they
// were judged: long enough for whoever wants to check the judgement.
const proofRetention = 2

var (
	proofs  = retention{epochs: func(types.Params) uint64 { return proofRetention }}
	claims  = retention{epochs: func(p types.Params) uint64 { return p.ClaimRetentionEpochs }}
	results = retention{epochs: func(p types.Params) uint64 { return p.EpochRetention }}
	records = retention{epochs: func(p types.Params) uint64 { return p.EpochRetention }, lasting: true}
)

// pruned is one epoch-keyed collection with its retention. delete removes up to
// limit keys of an epoch, at least 1; it returns how many went and whether none is
// left.
type pruned struct {
	name      string
	retention retention
	delete    func(ctx sdk.Context, epoch, limit uint64) (deleted uint64, empty bool, err error)
}

// pruneTable lists every epoch-keyed collection in the order in which an epoch's
// rows go. A collection is reached when those before it are empty, so what is kept
// longest stands last, and an epoch's record goes after everything it explains.
//
// The index of an entry is stored in cursors: add new entries before the records
// only together with a migration, and never reorder.
func (k Keeper) pruneTable() []pruned {
	return []pruned{
		rowsOf("poc_batches", proofs, k.PocBatches, collections.QuadPrefix[uint64, []byte, string, uint64]),
		rowsOf("node_claims", proofs, k.NodeClaims, collections.TriplePrefix[uint64, []byte, string]),
		rowsOf("verdicts", proofs, k.Verdicts, collections.TriplePrefix[uint64, []byte, []byte]),
		rowsOf("jury_exclusions", proofs, keysOnly(k.JuryExclusions), collections.PairPrefix[uint64, []byte]),
		{"settle_amounts", claims, k.expireRewards},
		rowsOf("forfeits", claims, k.Forfeits, collections.PairPrefix[uint64, []byte]),
		rowsOf("jury_duties", claims, k.JuryDuties, collections.PairPrefix[uint64, []byte]),
		rowsOf("used_receipts", claims, k.UsedReceipts, collections.PairPrefix[uint64, []byte]),
		rowsOf("host_claims", results, k.HostClaims, collections.PairPrefix[uint64, []byte]),
		rowsOf("host_outcomes", results, k.HostOutcomes, collections.PairPrefix[uint64, []byte]),
		rowsOf("node_outcomes", results, k.NodeOutcomes, collections.TriplePrefix[uint64, []byte, string]),
		rowsOf("epoch_nodes", results, k.EpochNodes, collections.QuadPrefix[uint64, string, []byte, string]),
		rowsOf(memberPages, results, k.MemberPages, collections.PairPrefix[uint64, uint64]),
		rowsOf("epoch_members", results, k.EpochMembers, collections.TriplePrefix[uint64, string, []byte]),
		rowsOf("epoch_groups", results, k.EpochGroups, collections.PairPrefix[uint64, string]),
		rowsOf("epoch_models", results, k.EpochModels, collections.PairPrefix[uint64, string]),
		rowsOf("unit_prices", results, k.UnitPrices, whole),
		rowsOf("settlements", results, k.Settlements, whole),
		rowsOf("rounds", records, k.Rounds, whole),
		rowsOf("epochs", records, k.Epochs, whole),
	}
}

// whole is the prefix of a collection with one row an epoch.
func whole(epoch uint64) uint64 { return epoch }

// keysOnly is a set seen as a map.
func keysOnly[K any](set collections.KeySet[K]) collections.Map[K, collections.NoValue] {
	return collections.Map[K, collections.NoValue](set)
}

func rowsOf[K, V any](name string, kept retention, rows collections.Map[K, V], prefix func(uint64) K) pruned {
	return pruned{name, kept, func(ctx sdk.Context, epoch, limit uint64) (uint64, bool, error) {
		found, err := firstKeys(ctx, rows, prefix(epoch), limit)
		if err != nil {
			return 0, false, err
		}
		for _, key := range found {
			if err := rows.Remove(ctx, key); err != nil {
				return 0, false, err
			}
		}
		deleted := uint64(len(found))
		return deleted, deleted < limit, nil
	}}
}

// firstKeys lists up to limit keys under a prefix, without reading their values.
func firstKeys[K, V any](ctx context.Context, rows collections.Map[K, V], prefix K, limit uint64) ([]K, error) {
	iterator, err := rows.Iterate(ctx, new(collections.Range[K]).Prefix(prefix))
	if err != nil {
		return nil, err
	}
	defer iterator.Close()
	var found []K
	for ; iterator.Valid() && uint64(len(found)) < limit; iterator.Next() {
		key, err := iterator.Key()
		if err != nil {
			return nil, err
		}
		found = append(found, key)
	}
	return found, nil
}

// pruneSteps are the steps that delete what is past its retention, the oldest epoch
// first, together up to max_pruned_keys_per_block rows. Each epoch is a step of its own,
// so that one that cannot go on does not hold up the others.
func (k Keeper) pruneSteps(ctx context.Context) ([]step, error) {
	params, err := k.Params.Get(ctx)
	if err != nil {
		return nil, err
	}
	clock, err := k.ClockAt(ctx)
	if err != nil {
		return nil, err
	}
	cursors, err := k.waitingPrunes(ctx)
	if err != nil {
		return nil, err
	}
	budget := params.MaxPrunedKeysPerBlock
	steps := make([]step, len(cursors))
	for i, cursor := range cursors {
		steps[i] = step{
			name: fmt.Sprintf("prune_epoch_%d", cursor.EpochIndex),
			run: func(ctx sdk.Context) error {
				return k.pruneEpoch(ctx, cursor, clock, &budget)
			},
		}
	}
	return steps, nil
}

func (k Keeper) waitingPrunes(ctx context.Context) ([]types.PruneCursor, error) {
	iterator, err := k.Prunes.Iterate(ctx, nil)
	if err != nil {
		return nil, err
	}
	return iterator.Values()
}

// pruneEpoch moves one epoch's cursor on.
func (k Keeper) pruneEpoch(ctx sdk.Context, cursor types.PruneCursor, clock types.Clock, budget *uint64) error {
	if *budget == 0 {
		return nil
	}
	record, err := k.Epochs.Get(ctx, cursor.EpochIndex)
	if errors.Is(err, collections.ErrNotFound) {
		return k.Prunes.Remove(ctx, cursor.EpochIndex) // the record goes last
	}
	if err != nil {
		return err
	}
	table := k.pruneTable()
	before := cursor
	for *budget > 0 && int(cursor.Collection) < len(table) && due(table[cursor.Collection].retention, record, clock.Opened-cursor.LastOpened) {
		deleted, empty, err := table[cursor.Collection].delete(ctx, record.Index, *budget)
		if err != nil {
			return err
		}
		*budget -= min(deleted, *budget)
		if empty {
			cursor.Collection++
		}
	}
	switch {
	case int(cursor.Collection) == len(table):
		return k.Prunes.Remove(ctx, cursor.EpochIndex)
	case cursor == before:
		return nil
	default:
		return k.Prunes.Set(ctx, cursor.EpochIndex, cursor)
	}
}

// due says whether an epoch's rows are past their retention, age epochs after the last
// one that it was effective in. Nothing of an epoch that is still needed is ever due:
// only settled and abandoned ones are.
func due(kept retention, record types.Epoch, age uint64) bool {
	switch record.Status {
	case types.EpochStatus_EPOCH_STATUS_ABANDONED:
		return !kept.lasting || age > kept.epochs(record.Params)
	case types.EpochStatus_EPOCH_STATUS_SETTLED:
		return age > kept.epochs(record.Params)
	default:
		return false
	}
}
