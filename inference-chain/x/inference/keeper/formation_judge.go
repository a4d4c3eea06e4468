package keeper

import (
	"fmt"
	"maps"
	"slices"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// ReasonFraud is why a host that forged its claims loses its reward.
const ReasonFraud = "fraud"

// judged is a host's judgement with the jury that gave it.
type judged struct {
	poc.Judgement
	jury  panel
	voted map[string]bool // holders that cast a verdict; only asked
}

// judge decides on a host's claims. It only reads.
func (f *formation) judge(host registered) (judged, error) {
	key := collections.Join(f.opened.Index, host.address)
	claims, err := valueOrZero(f.k.HostClaims.Get(f.ctx, key))
	if err != nil {
		return judged{}, err
	}
	c := poc.Case{Claimed: claims.Claimed, MinHostNonces: f.opened.Params.MinHostNonces}
	var j judged
	if c.Claimed > 0 && c.Claimed >= c.MinHostNonces {
		if j, err = f.hear(host, &c); err != nil {
			return judged{}, err
		}
	}
	j.Judgement, err = poc.Judge(c, f.fraud)
	return j, err
}

// hear fills in what the jury and the epoch before have to say.
func (f *formation) hear(host registered, c *poc.Case) (judged, error) {
	jury, err := f.jury.of(host.address)
	if err != nil {
		return judged{}, err
	}
	c.Electorate, c.Member, c.Seats = jury.electorate, jury.member, jury.drawn
	j := judged{jury: jury, voted: map[string]bool{}}
	for _, row := range f.rows.verdicts[string(host.address)] {
		holder, v := row.Key.K3(), row.Value.Verdict
		j.voted[string(holder)] = true
		c.Ballots = append(c.Ballots, poc.Ballot{Holder: holder, Seats: row.Value.Seats, Verdict: v.Finding()})
	}
	carried, err := f.minedBefore(host)
	c.Carried = f.round.Scale.Apply(carried)
	return j, err
}

// minedBefore is a host's credit in the judging epoch, if it was accepted there.
func (f *formation) minedBefore(host registered) (uint64, error) {
	before, err := f.outcomeBefore(host)
	if err != nil || before.Outcome != types.Outcome_OUTCOME_ACCEPTED {
		return 0, err
	}
	return before.Credited, nil
}

func (f *formation) outcomeBefore(host registered) (types.HostOutcome, error) {
	return valueOrZero(f.k.HostOutcomes.Get(f.ctx, collections.Join(f.judges.Index, host.address)))
}

// measureHost is the first pass: it compares what a host accepted in both epochs
// claimed then and now.
func (f *formation) measureHost(host registered) error {
	j, err := f.judge(host)
	if err != nil || j.Outcome != poc.Accepted {
		return err
	}
	before, err := f.outcomeBefore(host)
	if err != nil || before.Outcome != types.Outcome_OUTCOME_ACCEPTED {
		return err
	}
	if f.cursor.ScaleOld, err = fixed.Add(f.cursor.ScaleOld, before.Claimed); err != nil {
		return err
	}
	f.cursor.ScaleNew, err = fixed.Add(f.cursor.ScaleNew, j.Claimed)
	return err
}

// countDuty adds a host's jury to what its holders were drawn for and did.
func (f *formation) countDuty(j judged) error {
	for _, seat := range j.jury.seats {
		duty, known := f.duties[string(seat.Holder)]
		if !known {
			var err error
			if duty, err = f.readDuty(seat.Holder); err != nil {
				return err
			}
		}
		duty.Drawn += seat.Seats
		if j.voted[string(seat.Holder)] {
			duty.Cast += seat.Seats
		}
		f.duties[string(seat.Holder)] = duty
	}
	return nil
}

func (f *formation) readDuty(holder sdk.AccAddress) (types.JuryDuty, error) {
	duty, err := valueOrZero(f.k.JuryDuties.Get(f.ctx, collections.Join(f.judges.Index, []byte(holder))))
	if err != nil {
		return types.JuryDuty{}, err
	}
	duty.EpochIndex = f.judges.Index
	duty.Participant, err = f.k.addressCodec.BytesToString(holder)
	return duty, err
}

func (f *formation) flushDuties() error {
	for _, holder := range slices.Sorted(maps.Keys(f.duties)) {
		key := collections.Join(f.judges.Index, []byte(holder))
		if err := f.k.JuryDuties.Set(f.ctx, key, f.duties[holder]); err != nil {
			return err
		}
	}
	return nil
}

// forfeit takes the judging epoch's reward of a host that forged. A reason that
// stands already is kept.
func (f *formation) forfeit(host registered) error {
	key := collections.Join(f.judges.Index, host.address)
	known, err := f.k.Forfeits.Has(f.ctx, key)
	if err != nil || known {
		return err
	}
	return f.k.Forfeits.Set(f.ctx, key, types.Forfeit{
		EpochIndex: f.judges.Index, Participant: host.row.Address, Reason: ReasonFraud,
	})
}

func fraudTable(p types.Params) (*poc.FraudTable, error) {
	mismatch, err := fixed.Parse(p.PMismatch)
	if err != nil {
		return nil, fmt.Errorf("p_mismatch: %w", err)
	}
	threshold, err := fixed.Parse(p.FraudThreshold)
	if err != nil {
		return nil, fmt.Errorf("fraud_threshold: %w", err)
	}
	return poc.NewFraudTable(mismatch, threshold)
}
