// Package reward decides what an epoch pays: how much in all, and to each host.
//
// Source: docs/spec/reward.md. Amounts are in unine.
package reward

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
)

var (
	// ErrEpoch reports an epoch that cannot be settled: no weight or no blocks.
	ErrEpoch = errors.New("reward: an epoch to settle has weight and blocks")
	// ErrHost reports a host whose numbers exceed its epoch's.
	ErrHost = errors.New("reward: a host cannot have more than its epoch")
)

// Emission is the state from which an epoch's reward follows when its settlement
// opens.
type Emission struct {
	Subsidy       uint64    // unine, of the epoch to settle
	MintedTotal   uint64    // unine minted by all settlements before
	MaxSupply     uint64    // unine
	CoverageBonus fixed.Dec // 0 … 1
}

// EpochReward returns R = min(Subsidy, ⌊(MaxSupply − MintedTotal)/(1 + CoverageBonus)⌋):
// so much that even a bonus for every host keeps minting within MaxSupply. It is 0
// when MaxSupply is reached, or was lowered below what is minted.
func (e Emission) EpochReward() (uint64, error) {
	if e.MintedTotal >= e.MaxSupply {
		return 0, nil
	}
	divisor, err := fixed.Add(uint64(fixed.One), uint64(e.CoverageBonus))
	if err != nil {
		return 0, fmt.Errorf("coverage_bonus: %w", err)
	}
	room, err := fixed.MulDivFloor(e.MaxSupply-e.MintedTotal, uint64(fixed.One), divisor)
	if err != nil {
		return 0, err
	}
	return min(e.Subsidy, room), nil
}

// NextSubsidy returns the subsidy after one more settled epoch, ⌊subsidy·decay⌋. A
// decay factor above 1 is not legal, so the subsidy never rises.
func NextSubsidy(subsidy uint64, decay fixed.Dec) (uint64, error) {
	return decay.MulFloor(subsidy)
}

// Epoch is what all hosts of a settlement share.
type Epoch struct {
	Reward        uint64    // R, unine, fixed when settlement opens
	TotalWeight   uint64    // T, nonces, as frozen at formation; at least 1
	Blocks        uint64    // blocks the epoch was effective; at least 1
	CoverageBonus fixed.Dec // 0 … 1
}

// Host is what a settlement knows of one host.
type Host struct {
	Weight         uint64 // nonces, at most TotalWeight
	SeatsDrawn     uint64 // seats in the rounds while the epoch was effective
	SeatsCast      uint64 // of these, seats with a verdict
	UnjailedBlocks uint64 // of Epoch.Blocks
	Covers         bool   // see Coverage
	Forfeited      Forfeiture
}

// GetSettleAmount returns what a host earns in an epoch, step by step:
//
//	by weight  a = ⌊R·w/T⌋
//	by duty    b = ⌊a·cast/drawn⌋, or a when no seat was drawn
//	share      = ⌊b·unjailed/blocks⌋, or 0 when forfeited
//	bonus      = ⌊share·coverage_bonus⌋ when the host covers every model, else 0
//
// Every division rounds down and nothing is passed on to others, so that splitting
// a host into several never pays.
func GetSettleAmount(epoch Epoch, host Host) (Settlement, error) {
	if err := check(epoch, host); err != nil {
		return Settlement{}, err
	}
	s := Settlement{Forfeited: host.Forfeited}
	var err error
	if s.ByWeight, err = fixed.MulDivFloor(epoch.Reward, host.Weight, epoch.TotalWeight); err != nil {
		return Settlement{}, err
	}
	s.ByDuty = s.ByWeight
	if host.SeatsDrawn > 0 {
		if s.ByDuty, err = fixed.MulDivFloor(s.ByWeight, host.SeatsCast, host.SeatsDrawn); err != nil {
			return Settlement{}, err
		}
	}
	if s.ByPresence, err = fixed.MulDivFloor(s.ByDuty, host.UnjailedBlocks, epoch.Blocks); err != nil {
		return Settlement{}, err
	}
	if host.Forfeited == ForfeitedNothing {
		s.Share = s.ByPresence
	}
	if host.Covers {
		if s.Bonus, err = epoch.CoverageBonus.MulFloor(s.Share); err != nil {
			return Settlement{}, err
		}
	}
	if s.Total, err = fixed.Add(s.Share, s.Bonus); err != nil {
		return Settlement{}, err
	}
	s.Reason = reasonOf(host, s)
	return s, nil
}

func check(epoch Epoch, host Host) error {
	switch {
	case epoch.TotalWeight == 0 || epoch.Blocks == 0:
		return fmt.Errorf("%w: weight %d, blocks %d", ErrEpoch, epoch.TotalWeight, epoch.Blocks)
	case host.Weight > epoch.TotalWeight:
		return fmt.Errorf("%w: weight %d of %d", ErrHost, host.Weight, epoch.TotalWeight)
	case host.SeatsCast > host.SeatsDrawn:
		return fmt.Errorf("%w: %d seats cast of %d drawn", ErrHost, host.SeatsCast, host.SeatsDrawn)
	case host.UnjailedBlocks > epoch.Blocks:
		return fmt.Errorf("%w: unjailed for %d blocks of %d", ErrHost, host.UnjailedBlocks, epoch.Blocks)
	default:
		return nil
	}
}
