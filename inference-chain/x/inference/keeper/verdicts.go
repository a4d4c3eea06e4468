package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/inference/types"
)

// ballotBox takes the verdicts of one message before any is stored.
type ballotBox struct {
	k      Keeper
	ctx    context.Context
	holder sdk.AccAddress
	text   string
	record types.Epoch
	panels panels

	cast     []castVerdict
	repeated uint64
}

type castVerdict struct {
	host []byte
	row  types.StoredVerdict
}

func (k Keeper) newBallotBox(ctx context.Context, holder sdk.AccAddress, record types.Epoch) (*ballotBox, error) {
	text, err := k.addressText(holder)
	if err != nil {
		return nil, err
	}
	panels, err := k.panelsOf(ctx, record.Index)
	if err != nil {
		return nil, err
	}
	return &ballotBox{k: k, ctx: ctx, holder: holder, text: text, record: record, panels: panels}, nil
}

// take accepts one verdict. The same content again only counts as repeated.
func (b *ballotBox) take(verdict types.Verdict) error {
	host, err := b.k.address("participant", verdict.Participant)
	if err != nil {
		return err
	}
	if verdict.Participant, err = b.k.addressText(host); err != nil {
		return err
	}
	before, err := b.before(host)
	if err != nil {
		return err
	}
	if before != nil {
		if before.Equal(&verdict) {
			b.repeated++
			return nil
		}
		return types.ErrVerdictConflict.Wrapf("on %s in epoch %d", verdict.Participant, b.record.Index)
	}
	seats, claimed, err := b.seats(host)
	if err != nil {
		return err
	}
	if seats == 0 {
		return types.ErrNoSeat.Wrapf("%s on the jury of %s in epoch %d, which claims %d nonces",
			b.text, verdict.Participant, b.record.Index, claimed)
	}
	if err := verdict.Finding().Validate(min(b.record.Params.SampleSize, claimed)); err != nil {
		return types.ErrInvalidVerdict.Wrapf("on %s: %s", verdict.Participant, err)
	}
	b.cast = append(b.cast, castVerdict{host, types.StoredVerdict{
		EpochIndex: b.record.Index, Holder: b.text, Seats: seats, Verdict: verdict,
		Height: sdk.UnwrapSDKContext(b.ctx).BlockHeight(),
	}})
	return nil
}

// before returns the holder's verdict on a host, from this message or before it.
func (b *ballotBox) before(host sdk.AccAddress) (*types.Verdict, error) {
	for _, cast := range b.cast {
		if host.Equals(sdk.AccAddress(cast.host)) {
			return &cast.row.Verdict, nil
		}
	}
	row, err := b.k.Verdicts.Get(b.ctx, b.key(host))
	if errors.Is(err, collections.ErrNotFound) {
		return nil, nil
	}
	return &row.Verdict, err
}

// seats returns how many seats the holder has on a host's jury, and what the host
// claims.
func (b *ballotBox) seats(host sdk.AccAddress) (seats, claimed uint64, err error) {
	claims, err := valueOrZero(b.k.HostClaims.Get(b.ctx, collections.Join(b.record.Index, []byte(host))))
	if err != nil || claims.Claimed == 0 || claims.Claimed < b.panels.minClaims {
		return 0, claims.Claimed, err
	}
	jury, err := b.panels.of(host)
	if err != nil {
		return 0, 0, err
	}
	for _, seat := range jury.seats {
		if seat.Holder.Equals(b.holder) {
			seats = seat.Seats
		}
	}
	return seats, claims.Claimed, nil
}

func (b *ballotBox) key(host sdk.AccAddress) byEpochAddressHolder {
	return collections.Join3(b.record.Index, []byte(host), []byte(b.holder))
}

// store writes what was accepted.
func (b *ballotBox) store() error {
	for _, cast := range b.cast {
		if err := b.k.Verdicts.Set(b.ctx, b.key(cast.host), cast.row); err != nil {
			return err
		}
		verdict := cast.row.Verdict
		if err := emit(b.ctx, &types.EventVerdict{
			EpochIndex: b.record.Index, Holder: b.text, Participant: verdict.Participant, Seats: cast.row.Seats,
			Sampled: verdict.Sampled, Invalid: verdict.Invalid,
			Unavailable: verdict.Unavailable, Structural: verdict.Structural,
		}); err != nil {
			return err
		}
	}
	return nil
}
