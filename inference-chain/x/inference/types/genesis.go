package types

import (
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
)

// DefaultGenesis returns the parameters of a production network without models or
// hosts; a network starts once it has founding hosts.
func DefaultGenesis() *GenesisState {
	return &GenesisState{Params: DefaultParams()}
}

// IsNew says whether this starts a network. An export has a clock instead of
// founding hosts.
func (gs GenesisState) IsNew() bool { return gs.Clock == nil }

// Validate refuses a genesis that cannot start or continue a network. The error is
// an ErrInvalidGenesis that names the field and what would be right. Addresses, rows
// that stand twice, and what only heights and other modules tell are refused when the
// state is written.
func (gs GenesisState) Validate() error {
	if err := gs.Params.Validate(); err != nil {
		return ErrInvalidGenesis.Wrapf("params: %s", err)
	}
	models, err := gs.modelIDs()
	if err != nil {
		return err
	}
	if gs.IsNew() {
		return gs.validateNew(models)
	}
	return gs.validateExport()
}

func (gs GenesisState) modelIDs() (map[string]bool, error) {
	ids := make(map[string]bool, len(gs.Models))
	for i, model := range gs.Models {
		if err := model.Validate(); err != nil {
			return nil, ErrInvalidGenesis.Wrapf("models[%d]: %s", i, err)
		}
		if ids[model.Id] {
			return nil, ErrInvalidGenesis.Wrapf("models[%d].id: %s stands twice", i, model.Id)
		}
		ids[model.Id] = true
	}
	if uint64(len(ids)) > gs.Params.MaxModels {
		return nil, ErrInvalidGenesis.Wrapf("models: %d entries, params.max_models is %d", len(ids), gs.Params.MaxModels)
	}
	return ids, nil
}

// validateNew checks the founding hosts: somebody must have weight.
func (gs GenesisState) validateNew(models map[string]bool) error {
	if err := gs.checkNothingExported(); err != nil {
		return err
	}
	if len(gs.Hosts) == 0 {
		return ErrInvalidGenesis.Wrap("hosts: a new network needs at least one founding host")
	}
	founders := founders{models: models, addresses: map[string]bool{}, keys: map[string]bool{}}
	for i, host := range gs.Hosts {
		if err := founders.add(host); err != nil {
			return ErrInvalidGenesis.Wrapf("hosts[%d].%s", i, err)
		}
	}
	if founders.weight == 0 {
		return ErrInvalidGenesis.Wrap("hosts: at least one node must have a weight above 0")
	}
	return nil
}

// checkNothingExported refuses rows that only an export has, by the first field.
func (gs GenesisState) checkNothingExported() error {
	for _, field := range []struct {
		name string
		rows int
	}{
		{"participants", len(gs.Participants)},
		{"hardware_nodes", len(gs.HardwareNodes)},
		{"fleet_loads", len(gs.FleetLoads)},
		{"epochs", len(gs.Epochs)},
		{"rounds", len(gs.Rounds)},
		{"epoch_models", len(gs.EpochModels)},
		{"epoch_groups", len(gs.EpochGroups)},
		{"epoch_members", len(gs.EpochMembers)},
		{"epoch_nodes", len(gs.EpochNodes)},
		{"poc_batches", len(gs.PocBatches)},
		{"poc_node_claims", len(gs.PocNodeClaims)},
		{"poc_host_claims", len(gs.PocHostClaims)},
		{"verdicts", len(gs.Verdicts)},
		{"jury_exclusions", len(gs.JuryExclusions)},
		{"host_outcomes", len(gs.HostOutcomes)},
		{"node_outcomes", len(gs.NodeOutcomes)},
		{"jury_duties", len(gs.JuryDuties)},
		{"forfeits", len(gs.Forfeits)},
		{"settlements", len(gs.Settlements)},
		{"settle_amounts", len(gs.SettleAmounts)},
		{"prunes", len(gs.Prunes)},
		{"quotas", len(gs.Quotas)},
		{"developers", len(gs.Developers)},
		{"unit_prices", len(gs.UnitPrices)},
		{"used_receipts", len(gs.UsedReceipts)},
		{"served_tokens", len(gs.ServedTokens)},
	} {
		if field.rows > 0 {
			return ErrInvalidGenesis.Wrapf("%s: only an export has them, and an export has a clock", field.name)
		}
	}
	if gs.Treasury != (Treasury{}) || gs.Formation != nil {
		return ErrInvalidGenesis.Wrap("treasury, formation: only an export has them, and an export has a clock")
	}
	return nil
}

// founders is what founding hosts must not share.
type founders struct {
	models          map[string]bool // governance's
	addresses, keys map[string]bool
	weight          uint64
}

func (f *founders) add(host GenesisHost) error {
	p := host.Participant
	switch {
	case p.Address == "":
		return fmt.Errorf("participant.address: must be set")
	case f.addresses[p.Address]:
		return fmt.Errorf("participant.address: %s stands twice", p.Address)
	case len(p.ConsensusKey) != ConsensusKeySize:
		return fmt.Errorf("participant.consensus_key: must have %d bytes, got %d", ConsensusKeySize, len(p.ConsensusKey))
	case f.keys[string(p.ConsensusKey)]:
		return fmt.Errorf("participant.consensus_key: %X stands twice", p.ConsensusKey)
	case len(p.NextConsensusKey) != 0:
		return fmt.Errorf("participant.next_consensus_key: must be empty")
	case p.RegisteredHeight != 0:
		return fmt.Errorf("participant.registered_height: must be 0, got %d", p.RegisteredHeight)
	}
	if err := CheckURL(p.Url); err != nil {
		return fmt.Errorf("participant.url: %w", err)
	}
	if err := checkMetadata(p.Metadata); err != nil {
		return fmt.Errorf("participant.metadata: %w", err)
	}
	f.addresses[p.Address], f.keys[string(p.ConsensusKey)] = true, true
	return f.addNodes(host.Nodes)
}

func (f *founders) addNodes(nodes []GenesisNode) error {
	if len(nodes) > MaxNodesPerHost {
		return fmt.Errorf("nodes: %d entries, at most %d are possible", len(nodes), MaxNodesPerHost)
	}
	ids := map[string]bool{}
	for i, node := range nodes {
		if err := node.Node.Validate(); err != nil {
			return fmt.Errorf("nodes[%d].node: %w", i, err)
		}
		if ids[node.Node.LocalId] {
			return fmt.Errorf("nodes[%d].node.local_id: %s stands twice", i, node.Node.LocalId)
		}
		ids[node.Node.LocalId] = true
		for _, model := range node.Node.Models {
			if !f.models[model] {
				return fmt.Errorf("nodes[%d].node.models: %s is not among models", i, model)
			}
		}
		var err error
		if f.weight, err = fixed.Add(f.weight, node.Weight); err != nil {
			return fmt.Errorf("nodes[%d].weight: %w", i, err)
		}
	}
	return nil
}

// validateExport checks what everything else in an export hangs on.
func (gs GenesisState) validateExport() error {
	if len(gs.Hosts) > 0 {
		return ErrInvalidGenesis.Wrap("hosts: only a new network has founding hosts, and it has no clock")
	}
	if gs.Treasury.Subsidy == "" {
		return ErrInvalidGenesis.Wrap("treasury.subsidy: must be set beside a clock")
	}
	if gs.Clock.Effective > gs.Clock.Opened {
		return ErrInvalidGenesis.Wrapf("clock.effective: must be at most clock.opened %d, got %d", gs.Clock.Opened, gs.Clock.Effective)
	}
	if hosts := uint64(len(gs.Participants)); gs.Clock.Participants != hosts {
		return ErrInvalidGenesis.Wrapf("clock.participants: must be %d, the entries of participants, got %d", hosts, gs.Clock.Participants)
	}
	records := make(map[uint64]bool, len(gs.Epochs))
	for i, record := range gs.Epochs {
		if err := record.Params.Validate(); err != nil {
			return ErrInvalidGenesis.Wrapf("epochs[%d].params: %s", i, err)
		}
		records[record.Index] = true
	}
	for _, needed := range []uint64{gs.Clock.Effective, gs.Clock.Opened, gs.Clock.Opened + 1} {
		if !records[needed] {
			return ErrInvalidGenesis.Wrapf("epochs: epoch %d, which the clock needs, is missing", needed)
		}
	}
	rows := gs.lookUp()
	if err := rows.checkSums(); err != nil {
		return err
	}
	return rows.check()
}
