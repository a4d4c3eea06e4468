package types

import (
	"errors"
	"strconv"

	"ninefold.dev/inference-chain/core/fixed"
)

// checkMoney refuses an export that does not say where all of what was minted is.
func (e exported) checkMoney() error {
	return errors.Join(e.checkSettlementRows(), e.checkTreasury())
}

// checkSettlementRows compares settlements with the epochs that are settled.
func (e exported) checkSettlementRows() error {
	for i, row := range e.Settlements {
		record := e.records[row.EpochIndex]
		if !record.wasEffective() || !record.ended() || record.Index == 0 {
			return ErrInvalidGenesis.Wrapf("settlements[%d].epoch_index: must be an epoch of epochs, other than 0, that was effective and ended, got %d", i, row.EpochIndex)
		}
		if settled := record.Status == EpochStatus_EPOCH_STATUS_SETTLED; row.Done != settled {
			return ErrInvalidGenesis.Wrapf("settlements[%d].done: must be %t while epoch %d is %s", i, settled, record.Index, record.Status)
		}
		if blocks := uint64(record.EffectiveTo-record.EffectiveFrom) + 1; row.Blocks != blocks {
			return ErrInvalidGenesis.Wrapf("settlements[%d].blocks: must be %d, those for which epoch %d was effective, got %d", i, blocks, record.Index, row.Blocks)
		}
		top, known := e.groups[root(row.EpochIndex)]
		if known && row.TotalWeight != top.TotalWeight {
			return ErrInvalidGenesis.Wrapf("settlements[%d].total_weight: must be %d, that of the root group of epoch %d, got %d", i, top.TotalWeight, record.Index, row.TotalWeight)
		}
	}
	for i, record := range e.Epochs {
		if _, known := e.settlements[record.Index]; record.Status == EpochStatus_EPOCH_STATUS_SETTLING && !known {
			return ErrInvalidGenesis.Wrapf("settlements: that of epoch %d, which is %s (epochs[%d]), is missing", record.Index, record.Status, i)
		}
	}
	for i, row := range e.SettleAmounts {
		if record := e.records[row.EpochIndex]; !record.wasEffective() || !record.ended() {
			return ErrInvalidGenesis.Wrapf("settle_amounts[%d].epoch_index: must be an epoch of epochs that was effective and ended, got %d", i, row.EpochIndex)
		}
	}
	return nil
}

// checkTreasury compares the totals with the rows they add up: rows are pruned, the
// totals stay. Each reward that was minted stands in settle_amounts, or was claimed
// or burned with its row.
func (e exported) checkTreasury() error {
	minted, err := unine("treasury.minted_total", e.Treasury.MintedTotal)
	if err != nil {
		return err
	}
	expired, err := unine("treasury.expired_total", e.Treasury.ExpiredTotal)
	if err != nil {
		return err
	}
	rewards, err := addUp(e.SettleAmounts, func(row SettleAmount) string { return row.Amount })
	if err != nil {
		return ErrInvalidGenesis.Wrapf("settle_amounts: %s", err)
	}
	settled, err := addUp(e.Settlements, func(row Settlement) string { return row.Minted })
	if err != nil {
		return ErrInvalidGenesis.Wrapf("settlements: %s", err)
	}
	if e.holdsEverySettlement() && minted != settled {
		return ErrInvalidGenesis.Wrapf("treasury.minted_total: must be %d, what settlements minted together, got %d", settled, minted)
	}
	if minted < settled {
		return ErrInvalidGenesis.Wrapf("treasury.minted_total: must be at least %d, what settlements minted together, got %d", settled, minted)
	}
	if most := minted - min(rewards, minted); rewards > minted || expired > most {
		return ErrInvalidGenesis.Wrapf("treasury.expired_total: must be at most %d, minted_total %d less the %d of settle_amounts, got %d", most, minted, rewards, expired)
	}
	return nil
}

// holdsEverySettlement says whether no settlement since genesis is pruned.
func (e exported) holdsEverySettlement() bool {
	for _, record := range e.Epochs {
		_, known := e.settlements[record.Index]
		if record.wasEffective() && record.ended() && record.Index != 0 && !known {
			return false
		}
	}
	return uint64(len(e.records)) == e.Clock.Opened+2 // from 0 to the planned one
}

// UnclaimedRewards is what the module's account must hold: the settled rewards that
// are not claimed.
func (gs GenesisState) UnclaimedRewards() (uint64, error) {
	sum, err := addUp(gs.SettleAmounts, func(row SettleAmount) string {
		if row.Claimed {
			return "0"
		}
		return row.Amount
	})
	if err != nil {
		return 0, ErrInvalidGenesis.Wrapf("settle_amounts: %s", err)
	}
	return sum, nil
}

func addUp[R any](rows []R, amount func(R) string) (uint64, error) {
	var sum uint64
	for _, row := range rows {
		part, err := strconv.ParseUint(amount(row), 10, 64)
		if err != nil {
			return 0, err
		}
		if sum, err = fixed.Add(sum, part); err != nil {
			return 0, err
		}
	}
	return sum, nil
}

func unine(field, amount string) (uint64, error) {
	value, err := strconv.ParseUint(amount, 10, 64)
	if err != nil {
		return 0, ErrInvalidGenesis.Wrapf("%s: must be an integer, got %q", field, amount)
	}
	return value, nil
}
