package keeper

import (
	"bytes"
	"fmt"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/core/weight"
	"ninefold.dev/inference-chain/x/inference/types"
)

// found starts a network: the founding hosts are epoch 0, which serves until the
// first PoC and judges it.
func (k Keeper) found(ctx sdk.Context, gs types.GenesisState) error {
	if err := k.Params.Set(ctx, gs.Params); err != nil {
		return err
	}
	for _, model := range gs.Models {
		if err := k.Models.Set(ctx, model.Id, model); err != nil {
			return err
		}
	}
	if err := k.copyModels(ctx, 0); err != nil {
		return err
	}
	if err := k.foundEpochs(ctx, gs.Params); err != nil {
		return err
	}
	founding := founding{ctx: ctx, k: k, gs: gs, nextSeq: 1, groups: map[string]types.EpochGroup{"": emptyGroup(0, nil)}}
	if err := founding.run(); err != nil {
		return err
	}
	return k.Clock.Set(ctx, types.Clock{
		NextAddedSeq: founding.nextSeq, Participants: uint64(len(gs.Hosts)), FleetLoad: founding.load,
	})
}

// foundEpochs writes epoch 0, which is effective at once, plans epoch 1 on the same
// parameters, and opens the treasury.
func (k Keeper) foundEpochs(ctx sdk.Context, params types.Params) error {
	first := firstHeight(ctx)
	heights, err := epoch.Genesis(first, lengthsOf(params))
	if err != nil {
		return types.ErrInvalidGenesis.Wrapf("initial_height: %s", err)
	}
	for _, record := range []types.Epoch{
		{Status: types.EpochStatus_EPOCH_STATUS_EFFECTIVE, Heights: types.EpochHeights(heights), Params: params, EffectiveFrom: first},
		{Index: 1, Status: types.EpochStatus_EPOCH_STATUS_PLANNED, Params: params},
	} {
		if err := k.Epochs.Set(ctx, record.Index, record); err != nil {
			return err
		}
	}
	if err := k.UnitPrices.Set(ctx, 0, types.UnitPrice{Price: params.InitialUnitPrice}); err != nil {
		return err
	}
	return k.Treasury.Set(ctx, types.Treasury{Subsidy: params.InitialEpochSubsidy, MintedTotal: "0", ExpiredTotal: "0"})
}

// founding writes the founding hosts as members of epoch 0.
type founding struct {
	ctx     sdk.Context
	k       Keeper
	gs      types.GenesisState
	nextSeq uint64
	load    uint64
	ranking *ranking
	total   uint64
	models  map[string]types.Model
	round   weight.Round
	groups  map[string]types.EpochGroup
	members []types.SetMember
}

func (f *founding) run() error {
	lengths := lengthsOf(f.gs.Params)
	f.round = weight.Round{
		ThroughputPerNonce: map[string]uint64{}, PocPeriod: lengths.PocPeriod(), Generation: lengths.Generation(),
		Scale: weight.Unscaled,
	}
	f.models = map[string]types.Model{}
	for _, model := range f.gs.Models {
		f.models[model.Id], f.round.ThroughputPerNonce[model.Id] = model, model.ThroughputPerNonce
	}
	hosts, err := f.sorted()
	if err != nil {
		return err
	}
	if f.ranking, err = f.k.resumeRanking(f.ctx, 0, 0); err != nil {
		return err
	}
	for _, host := range hosts {
		if err := f.add(host); err != nil {
			return fmt.Errorf("founding host %s: %w", host.row.Address, err)
		}
	}
	if err := f.ranking.flush(); err != nil {
		return err
	}
	if err := f.k.setGroups(f.ctx, 0, f.groups); err != nil {
		return err
	}
	if err := f.k.listSubGroups(f.ctx, 0); err != nil {
		return err
	}
	_, err = f.k.validators.HandOver(f.ctx, 0, f.members, f.gs.Params.MaxValidators)
	return err
}

// founder is a founding host with its raw address.
type founder struct {
	registered
	nodes []types.GenesisNode
}

// sorted lists the hosts by ascending address, the order of ranks.
func (f *founding) sorted() ([]founder, error) {
	hosts := make([]founder, 0, len(f.gs.Hosts))
	for i, host := range f.gs.Hosts {
		raw, err := f.k.addressCodec.StringToBytes(host.Participant.Address)
		if err != nil {
			return nil, types.ErrInvalidGenesis.Wrapf("hosts[%d].participant.address: %s", i, err)
		}
		hosts = append(hosts, founder{registered{raw, host.Participant}, host.Nodes})
	}
	slices.SortFunc(hosts, func(a, b founder) int { return bytes.Compare(a.address, b.address) })
	return hosts, nil
}

func (f *founding) add(host founder) error {
	if err := f.k.Participants.Set(f.ctx, host.address, host.row); err != nil {
		return err
	}
	if err := f.k.importKeys(f.ctx, host.address, host.row); err != nil {
		return err
	}
	if err := f.declare(host); err != nil {
		return err
	}
	formed, err := f.weigh(host)
	if err != nil {
		return err
	}
	if err := f.writeOutcomes(host, formed); err != nil || formed.Weight == 0 {
		return err
	}
	if f.total, err = fixed.Add(f.total, formed.Weight); err != nil {
		return err
	}
	member := types.EpochMember{
		Participant: host.row.Address, Weight: formed.Weight, Index: f.ranking.next, CumulativeWeight: f.total,
		ConsensusKey: host.row.ConsensusKey,
	}
	if err := f.k.setRootMember(f.ranking, host.address, member); err != nil {
		return err
	}
	f.members = append(f.members, types.SetMember{Operator: host.address, ConsensusKey: host.row.ConsensusKey, Weight: formed.Weight})
	writer := groupWriter{ctx: f.ctx, k: f.k, host: host.registered, models: f.models, groups: f.groups}
	return writer.write(formed.Weight, formed.Nodes)
}

func (f *founding) declare(host founder) error {
	rows := make([]types.HardwareNodeRow, 0, len(host.nodes))
	for _, declared := range host.nodes {
		node := declared.Node
		node.AddedSeq = f.nextSeq
		f.nextSeq++
		row := types.HardwareNodeRow{Participant: host.row.Address, NodeId: node.LocalId, Current: &node}
		if err := f.k.HardwareNodes.Set(f.ctx, collections.Join(host.address, node.LocalId), row); err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	load := types.FleetLoadOf(rows)
	f.load += load
	return f.k.FleetLoads.Set(f.ctx, host.address, types.FleetLoad{Participant: host.row.Address, Load: load})
}

// weigh lets a host carry the weights of genesis into epoch 0, as nodes carry
// theirs through a round in which they serve.
func (f *founding) weigh(host founder) (weight.HostWeight, error) {
	facts := weight.Host{Judgement: poc.Judgement{Outcome: poc.NoBatch}}
	for _, node := range host.nodes {
		facts.Nodes = append(facts.Nodes, weight.Node{
			ID: node.Node.LocalId, Models: node.Node.Models, Serves: true, Carried: node.Weight,
		})
	}
	return weight.ComputeNewWeights(facts, f.round)
}

// writeOutcomes records genesis as the reason. It counts as accepted and mined, so
// that a founding host without a quorum in round 1 may keep its weight.
func (f *founding) writeOutcomes(host founder, formed weight.HostWeight) error {
	err := f.k.HostOutcomes.Set(f.ctx, collections.Join(uint64(0), host.address), types.HostOutcome{
		Participant: host.row.Address, Outcome: types.Outcome_OUTCOME_ACCEPTED, Reason: types.WeightReason_WEIGHT_REASON_GENESIS,
		Claimed: formed.Weight, Credited: formed.Weight, MinedWeight: formed.Weight, Weight: formed.Weight,
	})
	if err != nil {
		return err
	}
	for i, node := range formed.Nodes {
		err := f.k.NodeOutcomes.Set(f.ctx, collections.Join3(uint64(0), host.address, node.ID), types.NodeOutcome{
			Participant: host.row.Address, NodeId: node.ID, NodeIndex: uint64(i),
			Reason: types.WeightReason_WEIGHT_REASON_GENESIS, Claimed: node.Weight, Weight: node.Weight,
		})
		if err != nil {
			return err
		}
	}
	return nil
}
