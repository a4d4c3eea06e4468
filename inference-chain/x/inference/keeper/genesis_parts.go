package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"

	"ninefold.dev/inference-chain/x/inference/types"
)

// errTwice reports two rows of one key in an exported state.
var errTwice = errors.New("its key stands twice")

// genesisPart is one field of an exported state.
type genesisPart struct {
	field  string
	export func(context.Context, *types.GenesisState) error
	load   func(context.Context, *types.GenesisState) error
}

// genesisParts lists every field of an exported state. What follows from other
// rows is not exported: the owners of consensus keys, the ranks of members and what
// waits to be claimed are written again by the parts they follow from.
func (k Keeper) genesisParts() []genesisPart {
	in := k.genesisKeys()
	return []genesisPart{
		k.paramsPart(),
		rowsPart("models", k.Models, func(gs *types.GenesisState) *[]types.Model { return &gs.Models }, in.model, nil),
		rowsPart("participants", k.Participants, func(gs *types.GenesisState) *[]types.Participant { return &gs.Participants }, in.participant, k.importKeys),
		rowsPart("hardware_nodes", k.HardwareNodes, func(gs *types.GenesisState) *[]types.HardwareNodeRow { return &gs.HardwareNodes }, in.hardware, nil),
		rowsPart("fleet_loads", k.FleetLoads, func(gs *types.GenesisState) *[]types.FleetLoad { return &gs.FleetLoads }, in.fleetLoad, nil),
		rowsPart("epochs", k.Epochs, func(gs *types.GenesisState) *[]types.Epoch { return &gs.Epochs }, in.record, nil),
		rowsPart("rounds", k.Rounds, func(gs *types.GenesisState) *[]types.Round { return &gs.Rounds }, in.round, nil),
		rowsPart("epoch_models", k.EpochModels, func(gs *types.GenesisState) *[]types.EpochModel { return &gs.EpochModels }, in.epochModel, nil),
		rowsPart("epoch_groups", k.EpochGroups, func(gs *types.GenesisState) *[]types.EpochGroup { return &gs.EpochGroups }, in.group, nil),
		rowsPart("epoch_members", k.EpochMembers, func(gs *types.GenesisState) *[]types.EpochMember { return &gs.EpochMembers }, in.member, nil),
		{field: "epoch_members", export: nothing, load: k.rankMembers},
		rowsPart("epoch_nodes", k.EpochNodes, func(gs *types.GenesisState) *[]types.EpochNode { return &gs.EpochNodes }, in.node, nil),
		rowsPart("poc_batches", k.PocBatches, func(gs *types.GenesisState) *[]types.StoredPocBatch { return &gs.PocBatches }, in.batch, nil),
		rowsPart("poc_node_claims", k.NodeClaims, func(gs *types.GenesisState) *[]types.PocNodeClaims { return &gs.PocNodeClaims }, in.nodeClaims, nil),
		rowsPart("poc_host_claims", k.HostClaims, func(gs *types.GenesisState) *[]types.PocHostClaims { return &gs.PocHostClaims }, in.hostClaims, nil),
		rowsPart("verdicts", k.Verdicts, func(gs *types.GenesisState) *[]types.StoredVerdict { return &gs.Verdicts }, in.verdict, nil),
		k.exclusionsPart(in),
		rowsPart("host_outcomes", k.HostOutcomes, func(gs *types.GenesisState) *[]types.HostOutcome { return &gs.HostOutcomes }, in.hostOutcome, nil),
		rowsPart("node_outcomes", k.NodeOutcomes, func(gs *types.GenesisState) *[]types.NodeOutcome { return &gs.NodeOutcomes }, in.nodeOutcome, nil),
		rowsPart("jury_duties", k.JuryDuties, func(gs *types.GenesisState) *[]types.JuryDuty { return &gs.JuryDuties }, in.duty, nil),
		rowsPart("forfeits", k.Forfeits, func(gs *types.GenesisState) *[]types.Forfeit { return &gs.Forfeits }, in.forfeit, nil),
		k.treasuryPart(),
		rowsPart("settlements", k.Settlements, func(gs *types.GenesisState) *[]types.Settlement { return &gs.Settlements }, in.settlement, nil),
		rowsPart("settle_amounts", k.SettleAmounts, func(gs *types.GenesisState) *[]types.SettleAmount { return &gs.SettleAmounts }, in.settled, k.importUnclaimed),
		itemPart("formation", k.Formation, func(gs *types.GenesisState) **types.FormationCursor { return &gs.Formation }),
		rowsPart("prunes", k.Prunes, func(gs *types.GenesisState) *[]types.PruneCursor { return &gs.Prunes }, in.prune, nil),
		rowsPart("quotas", k.Quotas, func(gs *types.GenesisState) *[]types.Quota { return &gs.Quotas }, in.quota, nil),
		rowsPart("developers", k.Developers, func(gs *types.GenesisState) *[]types.DeveloperAccount { return &gs.Developers }, in.developer, nil),
		rowsPart("unit_prices", k.UnitPrices, func(gs *types.GenesisState) *[]types.UnitPrice { return &gs.UnitPrices }, in.price, nil),
		rowsPart("used_receipts", k.UsedReceipts, func(gs *types.GenesisState) *[]types.UsedReceipt { return &gs.UsedReceipts }, in.receipt, nil),
		rowsPart("served_tokens", k.ServedTokens, func(gs *types.GenesisState) *[]types.ServedTokens { return &gs.ServedTokens }, in.tokens, nil),
		itemPart("clock", k.Clock, func(gs *types.GenesisState) **types.Clock { return &gs.Clock }),
	}
}

// nothing is what a part exports whose rows follow from others.
func nothing(context.Context, *types.GenesisState) error { return nil }

func (k Keeper) paramsPart() genesisPart {
	return genesisPart{
		field: "params",
		export: func(ctx context.Context, gs *types.GenesisState) (err error) {
			gs.Params, err = k.Params.Get(ctx)
			return err
		},
		load: func(ctx context.Context, gs *types.GenesisState) error { return k.Params.Set(ctx, gs.Params) },
	}
}

func (k Keeper) treasuryPart() genesisPart {
	return genesisPart{
		field: "treasury",
		export: func(ctx context.Context, gs *types.GenesisState) (err error) {
			gs.Treasury, err = k.Treasury.Get(ctx)
			return err
		},
		load: func(ctx context.Context, gs *types.GenesisState) error {
			if err := k.Treasury.Set(ctx, gs.Treasury); err != nil {
				return err
			}
			_, err := k.treasury(ctx)
			return err
		},
	}
}

// rowsPart is a collection whose keys follow from its rows. derived, when set,
// writes what follows from a row.
func rowsPart[K, V any](
	field string, rows collections.Map[K, V], in func(*types.GenesisState) *[]V,
	key func(V) (K, error), derived func(context.Context, K, V) error,
) genesisPart {
	return genesisPart{
		field: field,
		export: func(ctx context.Context, gs *types.GenesisState) error {
			iterator, err := rows.Iterate(ctx, nil)
			if err != nil {
				return err
			}
			*in(gs), err = iterator.Values()
			return err
		},
		load: func(ctx context.Context, gs *types.GenesisState) error {
			for i, row := range *in(gs) {
				if err := importRow(ctx, rows, row, key, derived); err != nil {
					return fmt.Errorf("entry %d: %w", i, err)
				}
			}
			return nil
		},
	}
}

func importRow[K, V any](
	ctx context.Context, rows collections.Map[K, V], row V,
	key func(V) (K, error), derived func(context.Context, K, V) error,
) error {
	at, err := key(row)
	if err != nil {
		return err
	}
	known, err := rows.Has(ctx, at)
	if err != nil {
		return err
	}
	if known {
		return errTwice
	}
	if err := rows.Set(ctx, at, row); err != nil || derived == nil {
		return err
	}
	return derived(ctx, at, row)
}

// itemPart is a single row that may be missing.
func itemPart[V any](field string, item collections.Item[V], in func(*types.GenesisState) **V) genesisPart {
	return genesisPart{
		field: field,
		export: func(ctx context.Context, gs *types.GenesisState) error {
			value, err := item.Get(ctx)
			if errors.Is(err, collections.ErrNotFound) {
				return nil
			}
			*in(gs) = &value
			return err
		},
		load: func(ctx context.Context, gs *types.GenesisState) error {
			if *in(gs) == nil {
				return nil
			}
			return item.Set(ctx, **in(gs))
		},
	}
}

func (k Keeper) exclusionsPart(in genesisKeys) genesisPart {
	return genesisPart{
		field: "jury_exclusions",
		export: func(ctx context.Context, gs *types.GenesisState) error {
			return k.JuryExclusions.Walk(ctx, nil, func(key byEpochAddress) (bool, error) {
				text, err := k.addressText(key.K2())
				gs.JuryExclusions = append(gs.JuryExclusions, types.JuryExclusion{EpochIndex: key.K1(), Participant: text})
				return err != nil, err
			})
		},
		load: func(ctx context.Context, gs *types.GenesisState) error {
			for i, row := range gs.JuryExclusions {
				key, err := in.epochHost(row.EpochIndex, row.Participant)
				if err != nil {
					return fmt.Errorf("entry %d: %w", i, err)
				}
				known, err := k.JuryExclusions.Has(ctx, key)
				if err != nil {
					return err
				}
				if known {
					return fmt.Errorf("entry %d: %w", i, errTwice)
				}
				if err := k.JuryExclusions.Set(ctx, key); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
