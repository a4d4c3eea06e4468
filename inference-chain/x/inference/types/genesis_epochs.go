package types

import (
	"crypto/sha256"
	"errors"
	"slices"

	"ninefold.dev/inference-chain/core/epoch"
)

// exported looks up the rows of an export that others hang on. Of rows that stand
// twice it knows one; they are refused when the state is written.
type exported struct {
	GenesisState
	records     map[uint64]Epoch
	rounds      map[uint64]Round
	groups      map[group]EpochGroup
	settlements map[uint64]Settlement
}

func (gs GenesisState) lookUp() exported {
	e := exported{
		GenesisState: gs,
		records:      make(map[uint64]Epoch, len(gs.Epochs)),
		rounds:       make(map[uint64]Round, len(gs.Rounds)),
		groups:       make(map[group]EpochGroup, len(gs.EpochGroups)),
		settlements:  make(map[uint64]Settlement, len(gs.Settlements)),
	}
	for _, row := range gs.Epochs {
		e.records[row.Index] = row
	}
	for _, row := range gs.Rounds {
		e.rounds[row.EpochIndex] = row
	}
	for _, row := range gs.EpochGroups {
		e.groups[group{row.EpochIndex, row.ModelId}] = row
	}
	for _, row := range gs.Settlements {
		e.settlements[row.EpochIndex] = row
	}
	return e
}

// check refuses rows that are missing or contradict each other. The first error is
// told: those after it may follow from it.
func (e exported) check() error {
	for _, check := range []func() error{
		e.checkRegistered, e.checkSeq, e.checkEpochs, e.checkMembership, e.checkPrunes, e.checkMoney,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// root is an epoch's root group.
func root(index uint64) group { return group{epoch: index} }

// checkEpochs refuses records, rounds and a formation that no block leaves behind,
// whatever steps failed in it.
func (e exported) checkEpochs() error {
	for i, record := range e.Epochs {
		for _, check := range []func(int, Epoch) error{e.checkStatus, e.checkHeights, e.checkTerm, e.checkJudges, e.checkRoundOf} {
			if err := check(i, record); err != nil {
				return err
			}
		}
	}
	return errors.Join(e.checkRounds(), e.checkFormation())
}

// checkStatus compares an epoch's status with where the clock stands.
func (e exported) checkStatus(i int, record Epoch) error {
	var may []EpochStatus
	switch {
	case record.Index == e.Clock.Effective:
		may = []EpochStatus{EpochStatus_EPOCH_STATUS_EFFECTIVE}
	case record.Index == e.Clock.Opened:
		may = []EpochStatus{EpochStatus_EPOCH_STATUS_OPENED, EpochStatus_EPOCH_STATUS_FORMED, EpochStatus_EPOCH_STATUS_ABANDONED}
	case record.Index == e.Clock.Opened+1:
		may = []EpochStatus{EpochStatus_EPOCH_STATUS_PLANNED}
	case record.Index > e.Clock.Opened:
		return ErrInvalidGenesis.Wrapf("epochs[%d].index: must be at most %d, the epoch after clock.opened, got %d", i, e.Clock.Opened+1, record.Index)
	case record.Index > e.Clock.Effective:
		may = []EpochStatus{EpochStatus_EPOCH_STATUS_ABANDONED}
	default:
		may = []EpochStatus{EpochStatus_EPOCH_STATUS_ABANDONED, EpochStatus_EPOCH_STATUS_SETTLING, EpochStatus_EPOCH_STATUS_SETTLED}
	}
	if !slices.Contains(may, record.Status) {
		return ErrInvalidGenesis.Wrapf("epochs[%d].status: of epoch %d must be one of %v while clock.opened is %d and clock.effective %d, got %s",
			i, record.Index, may, e.Clock.Opened, e.Clock.Effective, record.Status)
	}
	return nil
}

// checkHeights computes an epoch's heights again: they follow from where it opened
// and from the parameters it froze.
func (e exported) checkHeights(i int, record Epoch) error {
	want, err := record.wantedHeights()
	if err != nil {
		return ErrInvalidGenesis.Wrapf("epochs[%d].heights: %s", i, err)
	}
	if record.Heights != want {
		return ErrInvalidGenesis.Wrapf("epochs[%d].heights: of epoch %d, which is %s, must be %v by its params, got %v",
			i, record.Index, record.Status, want, record.Heights)
	}
	after, known := e.records[record.Index+1]
	if opened := after.Heights.PocStart; known && opened != 0 && opened < want.NextPocStart {
		return ErrInvalidGenesis.Wrapf("epochs[%d].heights.next_poc_start: must be at most %d, where epoch %d opened, got %d",
			i, opened, after.Index, want.NextPocStart)
	}
	return nil
}

// wantedHeights are the heights that an epoch's parameters give it.
func (m Epoch) wantedHeights() (EpochHeights, error) {
	if m.Status == EpochStatus_EPOCH_STATUS_PLANNED {
		return EpochHeights{}, nil
	}
	lengths := epoch.Lengths{
		PocExchange: m.Params.PocExchangeBlocks, PocValidationExchange: m.Params.PocValidationExchangeBlocks,
		ModelLoading: m.Params.ModelLoadingBlocks, Inference: m.Params.InferenceBlocks,
	}
	var heights epoch.Heights
	var err error
	if m.Index == 0 {
		heights, err = epoch.Genesis(m.Heights.SetNewValidators+1, lengths)
	} else {
		heights, err = epoch.Open(m.Heights.PocStart, lengths)
	}
	return EpochHeights(heights), err
}

// wasEffective says whether an epoch has ever given the validators.
func (m Epoch) wasEffective() bool {
	switch m.Status {
	case EpochStatus_EPOCH_STATUS_EFFECTIVE, EpochStatus_EPOCH_STATUS_SETTLING, EpochStatus_EPOCH_STATUS_SETTLED:
		return true
	default:
		return false
	}
}

// ended says whether nothing is written for an epoch any more but its settlement.
func (m Epoch) ended() bool {
	switch m.Status {
	case EpochStatus_EPOCH_STATUS_ABANDONED, EpochStatus_EPOCH_STATUS_SETTLING, EpochStatus_EPOCH_STATUS_SETTLED:
		return true
	default:
		return false
	}
}

// checkTerm refuses heights at which an epoch cannot have been effective.
func (e exported) checkTerm(i int, record Epoch) error {
	var from int64
	if record.wasEffective() {
		from = record.Heights.SetNewValidators + 1
	}
	if record.EffectiveFrom != from {
		return ErrInvalidGenesis.Wrapf("epochs[%d].effective_from: of epoch %d, which is %s, must be %d, got %d",
			i, record.Index, record.Status, from, record.EffectiveFrom)
	}
	over := record.wasEffective() && record.ended()
	if over && record.EffectiveTo < from {
		return ErrInvalidGenesis.Wrapf("epochs[%d].effective_to: of epoch %d, which is %s, must be at least effective_from %d, got %d",
			i, record.Index, record.Status, from, record.EffectiveTo)
	}
	if !over && record.EffectiveTo != 0 {
		return ErrInvalidGenesis.Wrapf("epochs[%d].effective_to: of epoch %d, which is %s, must be 0, got %d",
			i, record.Index, record.Status, record.EffectiveTo)
	}
	return nil
}

// checkJudges refuses an epoch that others judge than those who were effective when
// it opened. Of an epoch that took over long ago they may be pruned.
func (e exported) checkJudges(i int, record Epoch) error {
	if record.Status == EpochStatus_EPOCH_STATUS_PLANNED || record.Index == 0 {
		if record.JudgedBy != 0 {
			return ErrInvalidGenesis.Wrapf("epochs[%d].judged_by: of epoch %d, which has not opened, must be 0, got %d", i, record.Index, record.JudgedBy)
		}
		return nil
	}
	if record.Index > e.Clock.Effective && record.JudgedBy != e.Clock.Effective {
		return ErrInvalidGenesis.Wrapf("epochs[%d].judged_by: of epoch %d must be clock.effective %d, got %d",
			i, record.Index, e.Clock.Effective, record.JudgedBy)
	}
	if record.JudgedBy >= record.Index {
		return ErrInvalidGenesis.Wrapf("epochs[%d].judged_by: must be an epoch before %d, got %d", i, record.Index, record.JudgedBy)
	}
	judges, known := e.records[record.JudgedBy]
	if !known {
		return nil
	}
	if !judges.wasEffective() {
		return ErrInvalidGenesis.Wrapf("epochs[%d].judged_by: of epoch %d must be an epoch that was effective; %d is %s",
			i, record.Index, judges.Index, judges.Status)
	}
	if record.wasEffective() && judges.EffectiveTo != record.EffectiveFrom-1 {
		return ErrInvalidGenesis.Wrapf("epochs[%d].judged_by: of epoch %d must be the epoch with effective_to %d; that of %d is %d",
			i, record.Index, record.EffectiveFrom-1, judges.Index, judges.EffectiveTo)
	}
	return nil
}

// checkRoundOf asks for the round of an epoch whose rows are not pruned yet.
func (e exported) checkRoundOf(i int, record Epoch) error {
	if record.Index == 0 || !record.standing() {
		return nil
	}
	round, known := e.rounds[record.Index]
	if !known {
		return ErrInvalidGenesis.Wrapf("rounds: that of epoch %d, which is %s (epochs[%d]), is missing", record.Index, record.Status, i)
	}
	if record.Status != EpochStatus_EPOCH_STATUS_OPENED && len(round.SamplingSeed) == 0 {
		return ErrInvalidGenesis.Wrapf("rounds: that of epoch %d, which is %s, must have a sampling_seed", record.Index, record.Status)
	}
	return nil
}

// standing says whether an epoch has opened and none of its rows can be pruned.
func (m Epoch) standing() bool {
	switch m.Status {
	case EpochStatus_EPOCH_STATUS_OPENED, EpochStatus_EPOCH_STATUS_FORMED,
		EpochStatus_EPOCH_STATUS_EFFECTIVE, EpochStatus_EPOCH_STATUS_SETTLING:
		return true
	default:
		return false
	}
}

// checkRounds compares rounds with the heights of their epochs, which outlast them.
func (e exported) checkRounds() error {
	for i, round := range e.Rounds {
		record, known := e.records[round.EpochIndex]
		if !known || record.Heights.PocStart == 0 {
			return ErrInvalidGenesis.Wrapf("rounds[%d].epoch_index: must be an epoch of epochs that has opened, got %d", i, round.EpochIndex)
		}
		if len(round.Challenge) != sha256.Size || round.ChallengeHeight != record.Heights.PocStart {
			return ErrInvalidGenesis.Wrapf("rounds[%d]: epoch %d needs a challenge of %d bytes at height %d, got %d at %d",
				i, round.EpochIndex, sha256.Size, record.Heights.PocStart, len(round.Challenge), round.ChallengeHeight)
		}
		if len(round.SamplingSeed) == 0 && round.SamplingHeight == 0 {
			continue
		}
		if len(round.SamplingSeed) != sha256.Size || round.SamplingHeight != record.Heights.PocValidationStart {
			return ErrInvalidGenesis.Wrapf("rounds[%d]: epoch %d needs a sampling_seed of %d bytes at height %d, got %d at %d",
				i, round.EpochIndex, sha256.Size, record.Heights.PocValidationStart, len(round.SamplingSeed), round.SamplingHeight)
		}
	}
	return nil
}

// checkFormation refuses a formation without an epoch to form, and an epoch that
// is being formed without one: the block that starts a formation writes the empty
// root group with it, and the switch takes it away.
func (e exported) checkFormation() error {
	opened := e.records[e.Clock.Opened]
	forms := opened.Status == EpochStatus_EPOCH_STATUS_OPENED || opened.Status == EpochStatus_EPOCH_STATUS_FORMED
	top, begun := e.groups[root(opened.Index)]
	if e.Formation == nil {
		if forms && begun {
			return ErrInvalidGenesis.Wrapf("formation: must be there while epoch %d is %s and has a root group in epoch_groups", opened.Index, opened.Status)
		}
		return nil
	}
	cursor := *e.Formation
	switch {
	case cursor.EpochIndex != opened.Index:
		return ErrInvalidGenesis.Wrapf("formation.epoch_index: must be clock.opened %d, got %d", opened.Index, cursor.EpochIndex)
	case !forms:
		return ErrInvalidGenesis.Wrapf("formation: must be left out while epoch %d is %s", opened.Index, opened.Status)
	case !begun:
		return ErrInvalidGenesis.Wrapf("epoch_groups: the root group of epoch %d, which is being formed, is missing", opened.Index)
	case len(e.rounds[opened.Index].SamplingSeed) == 0:
		return ErrInvalidGenesis.Wrapf("rounds: that of epoch %d, which is being formed, must have a sampling_seed", opened.Index)
	case cursor.Phase > 1:
		return ErrInvalidGenesis.Wrapf("formation.phase: must be 0 or 1, got %d", cursor.Phase)
	case cursor.Done != (opened.Status == EpochStatus_EPOCH_STATUS_FORMED):
		return ErrInvalidGenesis.Wrapf("formation.done: must be %t while epoch %d is %s", !cursor.Done, opened.Index, opened.Status)
	case cursor.Members != top.MemberCount || cursor.TotalWeight != top.TotalWeight:
		return ErrInvalidGenesis.Wrapf("formation: the root group of epoch %d has %d members with weight %d, it says %d with %d",
			opened.Index, top.MemberCount, top.TotalWeight, cursor.Members, cursor.TotalWeight)
	}
	return nil
}
