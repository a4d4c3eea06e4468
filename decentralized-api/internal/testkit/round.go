package testkit

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"ninefold.dev/inference-chain/core/draw"
	"ninefold.dev/inference-chain/core/fixed"
	corepoc "ninefold.dev/inference-chain/core/poc"
	"ninefold.dev/inference-chain/x/inference/types"
)

// electorate is the root group of an epoch as core reads it.
type electorate []types.EpochMember

// Len implements draw.Members.
func (e electorate) Len() int { return len(e) }

// Cumulative implements draw.Members.
func (e electorate) Cumulative(rank int) (uint64, error) { return e[rank].CumulativeWeight, nil }

// jury draws who judges a host.
func (c *Chain) jury(e *epochState, address string) (draw.Panel, electorate, error) {
	if len(e.round.SamplingSeed) == 0 {
		return draw.Panel{}, nil, errors.New("the sampling seed is not known yet")
	}
	members := electorate(c.epochs[e.record.JudgedBy].members)
	var excluded []draw.Interval
	for _, m := range members {
		if m.Participant == address {
			excluded = draw.Exclude(excluded, draw.Interval{Start: m.CumulativeWeight - m.Weight, Weight: m.Weight})
		}
	}
	panel, err := draw.Jury(draw.JuryDraw{
		Seed: e.round.SamplingSeed, Host: rawAddress(address), Members: members,
		Excluded: excluded, Seats: e.record.Params.SeatsPerHost,
	})
	return panel, members, err
}

// seats returns how many seats a holder has on a host's jury.
func (c *Chain) seats(e *epochState, address, holder string) uint64 {
	panel, members, err := c.jury(e, address)
	if err != nil {
		return 0
	}
	for _, seat := range panel.Seats {
		if members[seat.Rank].Participant == holder {
			return seat.Count
		}
	}
	return 0
}

func (e *epochState) claimed(address string) uint64 {
	var total uint64
	for _, state := range e.claims[address] {
		total += state.Claimed
	}
	return total
}

// form judges every host and makes the members of an epoch.
func (c *Chain) form(e *epochState) {
	table := fraudTable(e.record.Params)
	for _, address := range slices.Sorted(maps.Keys(c.hosts)) {
		judged := c.judge(e, address, table)
		outcome := types.HostOutcome{
			EpochIndex: e.record.Index, Participant: address, Outcome: types.Outcome(judged.Outcome),
			Claimed: judged.Claimed, Credited: judged.Credited, MinedWeight: judged.Credited, Weight: judged.Credited,
			SeatsDrawn: judged.Tally.Drawn, SeatsHonest: judged.Tally.Honest,
			SeatsFraud: judged.Tally.Fraud, SeatsUnavailable: judged.Tally.Unavailable,
		}
		outcome.Reason = reasonOf(outcome.Outcome)
		e.outcomes[address] = outcome
		if outcome.Weight > 0 {
			e.members = append(e.members, types.EpochMember{
				EpochIndex: e.record.Index, Participant: address, Weight: outcome.Weight,
			})
		}
	}
	sumUp(e)
	if len(e.members) > 0 {
		e.record.Status = types.EpochStatus_EPOCH_STATUS_FORMED
	}
}

// reasonOf is the reason of the same name: no node is preserved here.
func reasonOf(outcome types.Outcome) types.WeightReason {
	name := strings.TrimPrefix(outcome.String(), "OUTCOME_")
	return types.WeightReason(types.WeightReason_value["WEIGHT_REASON_"+name])
}

func (c *Chain) judge(e *epochState, address string, table *corepoc.FraudTable) corepoc.Judgement {
	panel, _, err := c.jury(e, address)
	must(panel, err)
	facts := corepoc.Case{
		Claimed: e.claimed(address), MinHostNonces: e.record.Params.MinHostNonces,
		Electorate: panel.Electorate, Seats: e.record.Params.SeatsPerHost,
	}
	for _, m := range c.epochs[e.record.JudgedBy].members {
		facts.Member = facts.Member || m.Participant == address
	}
	for _, v := range e.verdicts[address] {
		facts.Ballots = append(facts.Ballots, corepoc.Ballot{
			Holder: rawAddress(v.Holder), Seats: v.Seats, Verdict: v.Verdict.Finding(),
		})
	}
	return must(corepoc.Judge(facts, table))
}

func fraudTable(p types.Params) *corepoc.FraudTable {
	return must(corepoc.NewFraudTable(must(fixed.Parse(p.PMismatch)), must(fixed.Parse(p.FraudThreshold))))
}

// Outcome is how a host was judged in an epoch, once it was formed.
func (c *Chain) Outcome(index uint64, address string) types.HostOutcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epochs[index].outcomes[address]
}

// Claimed is what each node of a host has claimed in an epoch.
func (c *Chain) Claimed(index uint64, address string) map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	claimed := map[string]uint64{}
	for node, state := range c.epochs[index].claims[address] {
		claimed[node] = state.Claimed
	}
	return claimed
}

// VerdictsOn are the verdicts on a host in an epoch.
func (c *Chain) VerdictsOn(index uint64, address string) []types.StoredVerdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.epochs[index].verdicts[address])
}

// MostExecuted is how often the message was accepted that was accepted most
// often: more than once is a doubled transaction.
func (c *Chain) MostExecuted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	most := 0
	for _, times := range c.executed {
		most = max(most, times)
	}
	return most
}

// Paid says for which epochs a host was paid.
func (c *Chain) Paid(address string) []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.hosts[address].paid))
}
