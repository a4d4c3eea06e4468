package keeper

import (
	"bytes"
	"context"
	"fmt"

	"cosmossdk.io/collections"
	"cosmossdk.io/core/address"

	"ninefold.dev/inference-chain/x/inference/types"
)

// genesisKeys derives the keys of exported rows from the rows.
type genesisKeys struct{ codec address.Codec }

func (k Keeper) genesisKeys() genesisKeys { return genesisKeys{codec: k.addressCodec} }

func (g genesisKeys) host(text string) ([]byte, error) {
	raw, err := g.codec.StringToBytes(text)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", text, err)
	}
	return raw, nil
}

func (g genesisKeys) epochHost(epoch uint64, text string) (byEpochAddress, error) {
	raw, err := g.host(text)
	return collections.Join(epoch, raw), err
}

func (g genesisKeys) epochHostNode(epoch uint64, text, node string) (byEpochAddressNode, error) {
	raw, err := g.host(text)
	return collections.Join3(epoch, raw, node), err
}

func (genesisKeys) model(m types.Model) (string, error)               { return m.Id, nil }
func (genesisKeys) record(e types.Epoch) (uint64, error)              { return e.Index, nil }
func (genesisKeys) round(r types.Round) (uint64, error)               { return r.EpochIndex, nil }
func (genesisKeys) settlement(s types.Settlement) (uint64, error)     { return s.EpochIndex, nil }
func (genesisKeys) prune(p types.PruneCursor) (uint64, error)         { return p.EpochIndex, nil }
func (genesisKeys) price(p types.UnitPrice) (uint64, error)           { return p.EpochIndex, nil }
func (g genesisKeys) participant(p types.Participant) ([]byte, error) { return g.host(p.Address) }
func (g genesisKeys) quota(q types.Quota) ([]byte, error)             { return g.host(q.Participant) }

func (g genesisKeys) fleetLoad(f types.FleetLoad) ([]byte, error) { return g.host(f.Participant) }

func (g genesisKeys) developer(d types.DeveloperAccount) ([]byte, error) {
	return g.host(d.Address)
}

func (genesisKeys) epochModel(m types.EpochModel) (byEpochModel, error) {
	return collections.Join(m.EpochIndex, m.Model.Id), nil
}

func (genesisKeys) group(e types.EpochGroup) (byEpochModel, error) {
	return collections.Join(e.EpochIndex, e.ModelId), nil
}

func (genesisKeys) receipt(r types.UsedReceipt) (byEpochAddress, error) {
	return collections.Join(r.EpochIndex, r.Hash), nil
}

func (genesisKeys) tokens(s types.ServedTokens) (collections.Pair[int64, string], error) {
	return collections.Join(s.Height, s.ModelId), nil
}

func (g genesisKeys) hardware(row types.HardwareNodeRow) (collections.Pair[[]byte, string], error) {
	raw, err := g.host(row.Participant)
	return collections.Join(raw, row.NodeId), err
}

func (g genesisKeys) member(m types.EpochMember) (byEpochModelAddress, error) {
	raw, err := g.host(m.Participant)
	return collections.Join3(m.EpochIndex, m.ModelId, raw), err
}

func (g genesisKeys) node(n types.EpochNode) (byEpochModelAddressNode, error) {
	raw, err := g.host(n.Participant)
	return collections.Join4(n.EpochIndex, n.ModelId, raw, n.Info.NodeId), err
}

func (g genesisKeys) batch(b types.StoredPocBatch) (byEpochAddressNodeBatch, error) {
	raw, err := g.host(b.Participant)
	return collections.Join4(b.EpochIndex, raw, b.Batch.NodeId, b.Batch.BatchId), err
}

func (g genesisKeys) nodeClaims(c types.PocNodeClaims) (byEpochAddressNode, error) {
	return g.epochHostNode(c.EpochIndex, c.Participant, c.NodeId)
}

func (g genesisKeys) nodeOutcome(o types.NodeOutcome) (byEpochAddressNode, error) {
	return g.epochHostNode(o.EpochIndex, o.Participant, o.NodeId)
}

func (g genesisKeys) hostClaims(c types.PocHostClaims) (byEpochAddress, error) {
	return g.epochHost(c.EpochIndex, c.Participant)
}

func (g genesisKeys) hostOutcome(o types.HostOutcome) (byEpochAddress, error) {
	return g.epochHost(o.EpochIndex, o.Participant)
}

func (g genesisKeys) duty(d types.JuryDuty) (byEpochAddress, error) {
	return g.epochHost(d.EpochIndex, d.Participant)
}

func (g genesisKeys) forfeit(f types.Forfeit) (byEpochAddress, error) {
	return g.epochHost(f.EpochIndex, f.Participant)
}

func (g genesisKeys) settled(s types.SettleAmount) (byEpochAddress, error) {
	return g.epochHost(s.EpochIndex, s.Participant)
}

func (g genesisKeys) verdict(v types.StoredVerdict) (byEpochAddressHolder, error) {
	host, err := g.host(v.Verdict.Participant)
	if err != nil {
		return byEpochAddressHolder{}, err
	}
	holder, err := g.host(v.Holder)
	return collections.Join3(v.EpochIndex, host, holder), err
}

// importKeys writes to whom a host's consensus keys belong.
func (k Keeper) importKeys(ctx context.Context, host []byte, p types.Participant) error {
	for _, key := range [][]byte{p.ConsensusKey, p.NextConsensusKey} {
		if len(key) == 0 {
			continue
		}
		owner, err := valueOrZero(k.ConsensusKeys.Get(ctx, key))
		if err != nil {
			return err
		}
		if owner != nil && !bytes.Equal(owner, host) {
			return fmt.Errorf("consensus key %X belongs to two hosts", key)
		}
		if err := k.ConsensusKeys.Set(ctx, key, host); err != nil {
			return err
		}
	}
	return nil
}

// importUnclaimed writes that a reward waits to be claimed.
func (k Keeper) importUnclaimed(ctx context.Context, key byEpochAddress, s types.SettleAmount) error {
	amount, err := number(s.Amount)
	if err != nil || s.Claimed || amount == 0 {
		return err
	}
	return k.Unclaimed.Set(ctx, collections.Join(key.K2(), key.K1()))
}
