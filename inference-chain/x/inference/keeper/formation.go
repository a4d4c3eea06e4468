package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
	"ninefold.dev/inference-chain/x/inference/types"
)

// ComputeNewWeights forms the opened epoch's group for as many hosts as one block
// may, by ascending address: their outcomes, weights, reasons and rows. Cutting the
// hosts into blocks in another way gives the same rows.
func (k Keeper) ComputeNewWeights(ctx sdk.Context) error {
	cursor, err := k.Formation.Get(ctx)
	if errors.Is(err, collections.ErrNotFound) || err == nil && cursor.Done {
		return nil
	}
	if err != nil {
		return fmt.Errorf("formation: %w", err)
	}
	f, err := k.resumeFormation(ctx, cursor)
	if err != nil {
		return err
	}
	budget := f.budget()
	for budget > 0 && !f.cursor.Done {
		if err := f.pass(&budget); err != nil {
			return err
		}
	}
	if err := f.flush(); err != nil {
		return err
	}
	if f.cursor.Done {
		if err := f.finish(); err != nil {
			return err
		}
	}
	return k.Formation.Set(ctx, f.cursor)
}

// formation is what one block needs to form hosts. Counters that many hosts bump
// are kept here and written once, at the end of the block.
type formation struct {
	ctx    sdk.Context
	k      Keeper
	cursor types.FormationCursor
	opened types.Epoch
	judges types.Epoch
	same   bool // whether both epochs count the same work
	jury   panels
	fraud  *poc.FraudTable
	round  weight.Round
	models map[string]types.Model // snapshot, only asked

	ranking *ranking
	rows    gathered
	groups  map[string]types.EpochGroup // touched in this block, by model
	duties  map[string]types.JuryDuty   // touched in this block, by address
}

func (k Keeper) resumeFormation(ctx sdk.Context, cursor types.FormationCursor) (*formation, error) {
	f := &formation{
		ctx: ctx, k: k, cursor: cursor,
		groups: map[string]types.EpochGroup{}, duties: map[string]types.JuryDuty{},
	}
	var err error
	if f.opened, f.judges, err = k.judgedRecords(ctx, cursor.EpochIndex); err != nil {
		return nil, err
	}
	if f.same, err = sameProof(f.opened.Params, f.judges.Params); err != nil {
		return nil, err
	}
	if f.jury, err = k.panelsOf(ctx, cursor.EpochIndex); err != nil {
		return nil, err
	}
	if f.fraud, err = fraudTable(f.opened.Params); err != nil {
		return nil, err
	}
	if f.ranking, err = k.resumeRanking(ctx, cursor.EpochIndex, cursor.Members); err != nil {
		return nil, err
	}
	return f, f.readSnapshot()
}

func (f *formation) readSnapshot() error {
	rows, err := values(f.ctx, f.k.EpochModels, collections.PairPrefix[uint64, string](f.opened.Index))
	if err != nil {
		return err
	}
	lengths := lengthsOf(f.opened.Params)
	f.round = weight.Round{
		ThroughputPerNonce: make(map[string]uint64, len(rows)),
		PocPeriod:          lengths.PocPeriod(),
		Generation:         lengths.Generation(),
		Scale:              f.scale(),
	}
	f.models = make(map[string]types.Model, len(rows))
	for _, row := range rows {
		f.round.ThroughputPerNonce[row.Model.Id] = row.Model.ThroughputPerNonce
		f.models[row.Model.Id] = row.Model
	}
	return nil
}

// scale converts weights of the judging epoch into this round's nonces.
func (f *formation) scale() weight.Scale {
	if f.same {
		return weight.Unscaled
	}
	return weight.Scale{Now: f.cursor.ScaleNew, Then: f.cursor.ScaleOld}
}

// budget is the load that this block takes.
func (f *formation) budget() uint64 {
	loading := epoch.Heights(f.opened.Heights).Window(epoch.ModelLoading)
	loading.First = f.ctx.BlockHeight()
	return epoch.FormedPerBlock(loading.Blocks(), f.cursor.HostsPerBlock, f.cursor.Remaining)
}

// pass goes through hosts until the block's budget is spent or the pass ends.
func (f *formation) pass(budget *uint64) error {
	hosts, load, more, err := f.k.nextHosts(f.ctx, f.cursor.After, *budget)
	if err != nil {
		return err
	}
	*budget -= min(load, *budget)
	f.cursor.Remaining -= min(load, f.cursor.Remaining)
	if f.cursor.Phase == passJudge {
		err = f.measure(hosts)
	} else {
		err = f.form(hosts)
	}
	if err != nil {
		return err
	}
	if len(hosts) > 0 {
		f.cursor.After = hosts[len(hosts)-1].row.Address
	}
	if more {
		*budget = 0 // less is left than the next host takes
		return nil
	}
	if f.cursor.Phase == passForm {
		f.cursor.Done = true
		return nil
	}
	f.cursor.Phase, f.cursor.After = passForm, ""
	f.round.Scale = f.scale()
	return nil
}

// measure is the first pass over hosts when the proof changed.
func (f *formation) measure(hosts []registered) error {
	if err := f.gatherVerdicts(hosts); err != nil {
		return err
	}
	for _, host := range hosts {
		if err := f.measureHost(host); err != nil {
			return fmt.Errorf("host %s: %w", host.row.Address, err)
		}
	}
	return nil
}

// form judges and writes hosts. All of them are read before the first is written:
// each walk over a prefix has to look through what its block has written so far.
func (f *formation) form(hosts []registered) error {
	if err := errors.Join(f.gatherVerdicts(hosts), f.gatherNodes(hosts)); err != nil {
		return err
	}
	read := make([]facts, 0, len(hosts))
	for _, host := range hosts {
		fact, err := f.read(host)
		if err != nil {
			return fmt.Errorf("host %s: %w", host.row.Address, err)
		}
		read = append(read, fact)
	}
	for _, fact := range read {
		if err := f.formHost(fact); err != nil {
			return fmt.Errorf("host %s: %w", fact.host.row.Address, err)
		}
	}
	return nil
}

// registered is a participant with its raw address.
type registered struct {
	address []byte
	row     types.Participant
}

// nextHosts returns the hosts after an address whose load fits the budget, at least
// one, their load, and whether there are more of them.
func (k Keeper) nextHosts(ctx context.Context, after string, budget uint64) (next []registered, load uint64, more bool, err error) {
	hosts := new(collections.Range[[]byte])
	if after != "" {
		address, err := k.addressCodec.StringToBytes(after)
		if err != nil {
			return nil, 0, false, err
		}
		hosts = hosts.StartExclusive(address)
	}
	err = k.FleetLoads.Walk(ctx, hosts, func(address []byte, row types.FleetLoad) (bool, error) {
		more = len(next) > 0 && load+row.Load > budget
		if !more {
			load += row.Load
			next = append(next, registered{address: address})
		}
		return more, nil
	})
	if err != nil {
		return nil, 0, false, err
	}
	for i, host := range next {
		if next[i].row, err = k.GetParticipant(ctx, host.address); err != nil {
			return nil, 0, false, err
		}
	}
	return next, load, more, nil
}
