package types

import (
	"bytes"

	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// DefaultGenesis is the genesis of a new network: empty, the set comes from the
// founding hosts in the inference module's genesis.
func DefaultGenesis() *GenesisState { return &GenesisState{} }

// IsNew says whether this is the genesis of a new network.
func (gs GenesisState) IsNew() bool {
	return gs.Period == nil && len(gs.Validators) == 0 && len(gs.ConsensusAddresses) == 0
}

// Validate checks that every record has its consensus address, that no key, host or
// jailed time stands twice, and that the set CometBFT knows has power.
func (gs GenesisState) Validate() error {
	if gs.IsNew() {
		return nil
	}
	if gs.Period == nil {
		return ErrInvalidGenesis.Wrap("the period is missing")
	}
	if gs.Period.Since < 0 || gs.Period.MaxValidators == 0 {
		return ErrInvalidGenesis.Wrapf("period: since must be at least 0 and max_validators at least 1, got %d and %d", gs.Period.Since, gs.Period.MaxValidators)
	}
	keys, told, err := gs.checkAddresses()
	if err != nil {
		return err
	}
	if told <= 0 {
		return ErrEmptySet.Wrap("no key in genesis has power")
	}
	if err := gs.checkValidators(keys); err != nil {
		return err
	}
	return gs.checkPeriodJails()
}

// periodOf names a host in a period.
type periodOf struct {
	period   uint64
	operator string
}

// checkPeriodJails refuses jailed time that no hand-over wrote down.
func (gs GenesisState) checkPeriodJails() error {
	seen := make(map[periodOf]bool, len(gs.PeriodJails))
	for i, row := range gs.PeriodJails {
		if _, err := sdk.AccAddressFromBech32(row.Operator); err != nil {
			return ErrInvalidGenesis.Wrapf("period_jails[%d].operator: %q: %s", i, row.Operator, err)
		}
		at := periodOf{row.Period, row.Operator}
		if seen[at] {
			return ErrInvalidGenesis.Wrapf("period_jails[%d]: period %d of %s must stand once", i, row.Period, row.Operator)
		}
		seen[at] = true
		if row.Period >= gs.Period.Index {
			return ErrInvalidGenesis.Wrapf("period_jails[%d].period: must be below %d, the running period, got %d", i, gs.Period.Index, row.Period)
		}
		if row.Blocks == 0 {
			return ErrInvalidGenesis.Wrapf("period_jails[%d].blocks: of %s in period %d must be at least 1", i, row.Operator, row.Period)
		}
	}
	return nil
}

func (gs GenesisState) checkAddresses() (map[string]ConsensusAddress, int64, error) {
	keys := make(map[string]ConsensusAddress, len(gs.ConsensusAddresses))
	var told int64
	for _, row := range gs.ConsensusAddresses {
		if _, err := sdk.AccAddressFromBech32(row.Operator); err != nil {
			return nil, 0, ErrInvalidGenesis.Wrapf("operator %q: %s", row.Operator, err)
		}
		if !bytes.Equal(row.Address, AddressOf(row.ConsensusKey)) {
			return nil, 0, ErrInvalidGenesis.Wrapf("consensus address %X is not that of its key", row.Address)
		}
		if _, twice := keys[string(row.ConsensusKey)]; twice {
			return nil, 0, ErrInvalidGenesis.Wrapf("consensus address %X stands twice", row.Address)
		}
		if row.ToldPower < 0 {
			return nil, 0, ErrInvalidGenesis.Wrapf("consensus address %X has negative power", row.Address)
		}
		keys[string(row.ConsensusKey)] = row
		// Beyond that, CometBFT stops.
		if left := cmttypes.MaxTotalVotingPower - told; row.ToldPower > left {
			return nil, 0, ErrInvalidGenesis.Wrapf("consensus address %X: told_power must be at most %d, so that all are at most %d together, got %d", row.Address, left, cmttypes.MaxTotalVotingPower, row.ToldPower)
		}
		told += row.ToldPower
	}
	return keys, told, nil
}

func (gs GenesisState) checkValidators(keys map[string]ConsensusAddress) error {
	seen := make(map[string]bool, len(gs.Validators))
	for _, v := range gs.Validators {
		if seen[v.Operator] {
			return ErrInvalidGenesis.Wrapf("validator %s stands twice", v.Operator)
		}
		seen[v.Operator] = true
		row, ok := keys[string(v.ConsensusKey)]
		if !ok || row.Operator != v.Operator {
			return ErrInvalidGenesis.Wrapf("validator %s has no consensus address", v.Operator)
		}
		if v.Power < 0 || v.ToldPower != row.ToldPower {
			return ErrInvalidGenesis.Wrapf("validator %s: power %d, told %d, its key %d", v.Operator, v.Power, v.ToldPower, row.ToldPower)
		}
	}
	return nil
}
