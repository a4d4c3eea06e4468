package keeper

import (
	"context"
	"errors"

	"cosmossdk.io/collections"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"ninefold.dev/inference-chain/x/validators/types"
)

// periodRetention is of how many periods with jailed time it is kept. The
// settlement of an epoch asks for it in the blocks after the epoch ended; the
// rest is for people who ask later. Their indices may lie far apart.
const periodRetention = 20

// JailedBlocks counts the blocks the host was in jail during a period: the
// running one up to the last block, or an ended one.
func (k *Keeper) JailedBlocks(ctx context.Context, period uint64, operator sdk.AccAddress) (uint64, error) {
	running, found, err := k.period(ctx)
	if err != nil {
		return 0, err
	}
	if found && running.Index == period {
		v, _, err := k.validator(ctx, operator)
		return v.JailedBlocksUntil(sdk.UnwrapSDKContext(ctx).BlockHeight()), err
	}
	blocks, _, err := get(ctx, k.PeriodJails, collections.Join(period, []byte(operator)))
	return blocks, err
}

func (k *Keeper) period(ctx context.Context) (types.Period, bool, error) {
	period, err := k.Period.Get(ctx)
	if err == nil {
		return period, true, nil
	}
	if errors.Is(err, collections.ErrNotFound) {
		return types.Period{}, false, nil
	}
	return types.Period{}, false, err
}

// turn ends the running period with this block and opens the next one: jailed
// time is written down, and counting starts anew.
func (k *Keeper) turn(ctx context.Context, next types.Period) error {
	running, found, err := k.period(ctx)
	if err != nil {
		return err
	}
	if found {
		if next.Index <= running.Index {
			return types.ErrPeriod.Wrapf("%d after %d", next.Index, running.Index)
		}
		if err := k.writeJails(ctx, running, next.Since); err != nil {
			return err
		}
	}
	if err := k.forgetJails(ctx); err != nil {
		return err
	}
	return k.Period.Set(ctx, next)
}

func (k *Keeper) writeJails(ctx context.Context, ended types.Period, last int64) error {
	operators, records, err := k.records(ctx)
	if err != nil {
		return err
	}
	for i, v := range records {
		blocks := v.JailedBlocksUntil(last + 1)
		if blocks == 0 {
			continue
		}
		if err := k.PeriodJails.Set(ctx, collections.Join(ended.Index, operators[i]), blocks); err != nil {
			return err
		}
		v.JailedBlocks = 0
		if v.Jailed {
			v.JailedSince = last + 1
		}
		if err := k.Validators.Set(ctx, operators[i], v); err != nil {
			return err
		}
	}
	return nil
}

// forgetJails drops all periods but the last ones.
func (k *Keeper) forgetJails(ctx context.Context) error {
	tooOld, found, err := k.periodBefore(ctx, periodRetention)
	if err != nil || !found {
		return err
	}
	return k.PeriodJails.Clear(ctx, collections.NewPrefixUntilPairRange[uint64, []byte](tooOld))
}

// periodBefore returns the latest period with jailed time before the last n such ones.
func (k *Keeper) periodBefore(ctx context.Context, n int) (period uint64, found bool, err error) {
	iterator, err := k.PeriodJails.Iterate(ctx, new(collections.PairRange[uint64, []byte]).Descending())
	if err != nil {
		return 0, false, err
	}
	defer iterator.Close()
	seen := 0
	for ; iterator.Valid(); iterator.Next() {
		key, err := iterator.Key()
		if err != nil {
			return 0, false, err
		}
		if seen == 0 || key.K1() != period {
			seen, period = seen+1, key.K1()
		}
		if seen > n {
			return period, true, nil
		}
	}
	return 0, false, nil
}

// records lists all validators by ascending address; a few hundred at most.
func (k *Keeper) records(ctx context.Context) ([][]byte, []types.Validator, error) {
	var operators [][]byte
	var records []types.Validator
	err := k.Validators.Walk(ctx, nil, func(operator []byte, v types.Validator) (bool, error) {
		operators = append(operators, operator)
		records = append(records, v)
		return false, nil
	})
	return operators, records, err
}
