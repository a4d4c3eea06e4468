package chain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

// memory is a cursor in memory.
type memory struct{ height int64 }

func (m *memory) Cursor(context.Context) (int64, error) { return m.height, nil }
func (m *memory) SetCursor(_ context.Context, height int64) error {
	m.height = height
	return nil
}

type seen struct {
	height int64
	tip    bool
}

// follow runs a follower in a bubble until stop is called.
func follow(pool *Pool, cursor *memory, handle Handler) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	f := NewFollower(pool, cursor, handle, 500*time.Millisecond, 30*time.Second, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { defer close(done); f.Run(ctx) }()
	synctest.Wait()
	return func() { cancel(); <-done }
}

// pass lets time pass on the bubble's clock, and everybody come to rest.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestEveryBlockIsHandedOverOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, cursor := healthy(50), &memory{height: 7}
		var got []seen
		stop := follow(poolOf(node), cursor, func(_ context.Context, b Block, tip bool) error {
			got = append(got, seen{b.Height, tip})
			return nil
		})
		node.grow(51)
		pass(time.Second)
		stop()
		require.Len(t, got, 44, "the gap was filled, page by page")
		for i, s := range got {
			require.Equal(t, seen{int64(8 + i), i >= 42}, s)
		}
		require.EqualValues(t, 51, cursor.height)
	})
}

func TestAHintIsFasterThanThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := healthy(10)
		handled := 0
		stop := follow(poolOf(node), &memory{}, func(context.Context, Block, bool) error { handled++; return nil })
		defer stop()
		node.grow(11)
		node.hints <- struct{}{}
		synctest.Wait()
		require.Equal(t, 2, handled)
	})
}

func TestWhereTheFollowerBegins(t *testing.T) {
	for name, tc := range map[string]struct {
		cursor, earliest int64
		first            int64
	}{
		"a new store begins at the newest block":            {0, 1, 30},
		"a known one after the last handled":                {27, 1, 28},
		"a pruned chain node at the first block it has":     {5, 20, 20},
		"a store at the newest block with that block again": {30, 1, 30},
		"a chain node that lags behind the store is waited": {40, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node := healthy(30)
				node.status.Earliest = tc.earliest
				var first int64
				stop := follow(poolOf(node), &memory{height: tc.cursor}, func(_ context.Context, b Block, _ bool) error {
					if first == 0 {
						first = b.Height
					}
					return nil
				})
				defer stop()
				require.Equal(t, tc.first, first)
			})
		})
	}
}

func TestTheNewestBlockComesAgainOnceAfterAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := healthy(30)
		var got []seen
		stop := follow(poolOf(node), &memory{height: 30}, func(_ context.Context, b Block, tip bool) error {
			got = append(got, seen{b.Height, tip})
			return nil
		})
		defer stop()
		pass(10 * time.Second)
		node.grow(31)
		pass(time.Second)
		require.Equal(t, []seen{{30, true}, {31, true}}, got)
	})
}

func TestABlockThatFailsIsHandledAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		cursor := &memory{height: 9}
		stop := follow(poolOf(healthy(10)), cursor, func(context.Context, Block, bool) error {
			require.EqualValues(t, 9, cursor.height, "it is not noted before it was handled")
			if attempts++; attempts < 3 {
				return errors.New("not now")
			}
			return nil
		})
		pass(2 * time.Second)
		stop()
		require.Equal(t, 3, attempts)
		require.EqualValues(t, 10, cursor.height)
	})
}

func TestAChainNodeThatStallsIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := healthy(10), healthy(10)
		stop := follow(poolOf(first, second), &memory{}, func(context.Context, Block, bool) error { return nil })
		pass(40 * time.Second)
		stop()
		require.NotZero(t, second.asked)
	})
}

func TestBlocksOutOfOrderAreNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := healthy(12)
		node.gap = true
		stop := follow(poolOf(node), &memory{height: 9}, func(_ context.Context, b Block, _ bool) error {
			return fmt.Errorf("block %d must not be handled", b.Height)
		})
		stop()
	})
}

func TestAHeightThatNobodyDeliversIsNotBelieved(t *testing.T) {
	for name, lie := range map[string]int64{"one block ahead": 1, "absurdly far ahead": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				liar, honest := healthy(10), healthy(10)
				liar.claim(10 + lie)
				pool := poolOf(liar, honest)
				var newest []int64
				stop := follow(pool, &memory{height: 9}, func(_ context.Context, b Block, tip bool) error {
					if tip {
						newest = append(newest, b.Height)
					}
					return nil
				})
				defer stop()
				require.Equal(t, []int64{10}, newest, "another endpoint is used at once")
				require.Equal(t, timeOf(10), pool.Now(), "no time of a block that nobody has")
				for height := range int64(3) {
					honest.grow(11 + height)
					pass(time.Second)
				}
				require.Equal(t, []int64{10, 11, 12, 13}, newest)
				require.Equal(t, timeOf(13), pool.Now())
			})
		})
	}
}

func TestAnEndpointThatLiedAboutItsHeightIsUsedAgainWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		only, cursor := healthy(10), &memory{height: 9}
		only.claim(1 << 40)
		stop := follow(poolOf(only), cursor, func(context.Context, Block, bool) error { return nil })
		defer stop()
		pass(time.Minute)
		only.claim(0)
		only.grow(11)
		pass(time.Second)
		require.EqualValues(t, 11, cursor.height)
	})
}

func TestWhatABlockSetsOffHearsNothingFromBeforeIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node := healthy(10)
		node.app = 9 // the block is stored and not executed yet
		pool := poolOf(node)
		var answers []error
		stop := follow(pool, &memory{height: 9}, func(ctx context.Context, _ Block, _ bool) error {
			answers = append(answers, pool.Query(ctx, "/q", nil, anything))
			return nil
		})
		defer stop()
		pass(10 * time.Second)
		require.Len(t, answers, 1)
		require.ErrorIs(t, answers[0], ErrStale)
	})
}

// phases notes which stage was called.
type phases struct {
	called []string
	err    error
}

func (p *phases) note(name string) error {
	p.called = append(p.called, name)
	return p.err
}
func (p *phases) StartPoc(context.Context, View) error         { return p.note("StartPoc") }
func (p *phases) InitValidate(context.Context, View) error     { return p.note("InitValidate") }
func (p *phases) OnNextEpochReady(context.Context, View) error { return p.note("OnNextEpochReady") }
func (p *phases) Serve(context.Context, View) error            { return p.note("Serve") }

func TestEveryStageHasItsPhaseAtEveryBlock(t *testing.T) {
	p := &phases{}
	var view View
	told := 0
	d := NewDispatcher(func(context.Context) (View, error) { return view, nil }, p, slog.New(slog.DiscardHandler),
		func(View) { told++ })
	require.Nil(t, d.View())
	for _, tc := range []struct {
		stage  epoch.Stage
		opened uint64
		status int32
		want   string
	}{
		{epoch.PocStart, 1, 2, "StartPoc"},
		{epoch.PocExchange, 1, 2, "StartPoc"},
		{epoch.PocEnd, 1, 2, "StartPoc"},
		{epoch.PocValidationStart, 1, 2, "InitValidate"},
		{epoch.PocValidationExchange, 1, 2, "InitValidate"},
		{epoch.PocValidationEnd, 1, 2, "InitValidate"},
		{epoch.ModelLoading, 1, 2, "Serve"},
		{epoch.ModelLoading, 1, 3, "OnNextEpochReady"},
		{epoch.SetNewValidators, 0, 4, "Serve"},
		{epoch.Inference, 0, 4, "Serve"},
	} {
		view = View{Stage: tc.stage, Opened: tc.opened, OpenedStatus: types.EpochStatus(tc.status)}
		p.called = nil
		for range 2 {
			require.NoError(t, d.OnBlock(t.Context(), Block{}, true))
		}
		require.Equal(t, []string{tc.want, tc.want}, p.called, tc.stage)
	}
	require.Equal(t, 20, told)

	p.called = nil
	require.NoError(t, d.OnBlock(t.Context(), Block{}, false))
	require.Empty(t, p.called, "old blocks decide nothing")
	p.err = errors.New("no")
	require.ErrorIs(t, d.OnBlock(t.Context(), Block{}, true), p.err, "the follower repeats the block")
}
