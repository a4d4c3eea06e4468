package poc

import (
	"context"
	"fmt"
	"slices"
	"testing"

	errorsmod "cosmossdk.io/errors"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
)

func verdictOn(name string) types.Verdict {
	return types.Verdict{Participant: name, Sampled: 3, WorkProof: []byte(name)}
}

// cast returns the participants of each intent, in the order of the intents.
func cast(t testing.TB, b *proofBench) (ids []int64, names [][]string) {
	t.Helper()
	rows, err := b.store.Read().QueryContext(context.Background(), `SELECT id, message FROM outbox ORDER BY id`)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		var raw []byte
		require.NoError(t, rows.Scan(&id, &raw))
		var packed codectypes.Any
		require.NoError(t, packed.Unmarshal(raw))
		var m types.MsgSubmitPocValidation
		require.NoError(t, m.Unmarshal(packed.Value))
		var on []string
		for _, v := range m.Verdicts {
			on = append(on, v.Participant)
		}
		ids, names = append(ids, id), append(names, on)
	}
	require.NoError(t, rows.Err())
	return ids, names
}

// casting lets the verdicts on some hosts be submitted block by block.
type casting struct {
	*proofBench
	verdicts *Verdicts
	seen     int
}

func newCasting(t *testing.T, names ...string) *casting {
	c := &casting{proofBench: newProofBench(t)}
	c.verdicts = NewVerdicts(c.store)
	for _, name := range names {
		require.NoError(t, c.verdicts.Put(t.Context(), 5, verdictOn(name)))
	}
	return c
}

// next submits and returns whom each new message is about; answer says how it ends, by
// an error and the height of the block that refused it, 0 for a chain node's door.
func (c *casting) next(answer func(on []string) (*errorsmod.Error, int64)) [][]string {
	c.t.Helper()
	_, err := c.verdicts.Submit(c.t.Context(), host, 5, 99)
	require.NoError(c.t, err)
	ids, names := cast(c.t, c.proofBench)
	ids, names = ids[c.seen:], names[c.seen:]
	c.seen += len(ids)
	for i, on := range names {
		if refusal, height := answer(on); refusal != nil {
			c.refuse(ids[i], refusal, height)
		} else {
			c.end(ids[i], string(outbox.Committed), 0)
		}
	}
	return append([][]string(nil), names...)
}

func accepted([]string) (*errorsmod.Error, int64) { return nil, 0 }

func TestVerdictsAreCastTogetherAndEachOnce(t *testing.T) {
	c := newCasting(t, "a", "b")
	require.NoError(t, c.verdicts.Put(t.Context(), 6, verdictOn("other epoch")))
	require.Equal(t, [][]string{{"a", "b"}}, c.next(accepted))
	require.Empty(t, c.next(accepted))
	require.NoError(t, c.verdicts.Put(t.Context(), 5, verdictOn("c")))
	require.Equal(t, [][]string{{"c"}}, c.next(accepted))
	reached, err := c.verdicts.Reached(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"a": true, "b": true, "c": true}, reached)
}

// TestTheVerdictThatTheChainRefusesIsFoundByHalves, and keeps no other one.
func TestTheVerdictThatTheChainRefusesIsFoundByHalves(t *testing.T) {
	for _, of := range []*errorsmod.Error{types.ErrNoSeat, sdkerrors.ErrOutOfGas} {
		c := newCasting(t, "a", "b", "c", "d", "e")
		height := int64(0) // first at the door, then in blocks
		minded := func(on []string) (*errorsmod.Error, int64) {
			if slices.Contains(on, "c") {
				return of, height
			}
			return nil, 0
		}
		require.Equal(t, [][]string{{"a", "b", "c", "d", "e"}}, c.next(minded))
		require.Equal(t, [][]string{{"a", "b", "c"}, {"d", "e"}}, c.next(minded))
		require.Equal(t, [][]string{{"a", "b"}, {"c"}}, c.next(minded))
		for range 20 {
			require.Equal(t, [][]string{{"c"}}, c.next(minded), "one node's word is not the chain's")
		}
		height = 7
		require.Equal(t, [][]string{{"c"}}, c.next(minded))
		require.Empty(t, c.next(minded), "the chain refused it")
	}
}

// TestWhatIsRefusedForNothingInItGoesAgainTogether: a block takes one message of an
// account, and a window has few blocks.
func TestWhatIsRefusedForNothingInItGoesAgainTogether(t *testing.T) {
	for _, height := range []int64{0, 7} {
		c := newCasting(t, "a", "c", "d")
		noGrant := func([]string) (*errorsmod.Error, int64) { return sdkerrors.ErrUnauthorized, height }
		require.Equal(t, [][]string{{"a", "c", "d"}}, c.next(noGrant))
		require.NoError(t, c.verdicts.Put(t.Context(), 5, verdictOn("b")))
		for range 20 {
			on := c.next(noGrant)
			require.Len(t, on, 1)
			require.ElementsMatch(t, []string{"a", "b", "c", "d"}, on[0])
		}
		require.Len(t, c.next(accepted), 1)
		require.Empty(t, c.next(accepted))
	}
}

func TestTheFirstVerdictStands(t *testing.T) {
	b := newProofBench(t)
	v := NewVerdicts(b.store)
	require.NoError(t, v.Put(t.Context(), 5, verdictOn("a")))
	changed := verdictOn("a")
	changed.Invalid = 3
	require.NoError(t, v.Put(t.Context(), 5, changed))
	_, err := v.Submit(t.Context(), host, 5, 99)
	require.NoError(t, err)
	entries, err := outbox.Latest(t.Context(), b.store.Read(), 1)
	require.NoError(t, err)
	require.EqualValues(t, 99, entries[0].Deadline)
	var raw []byte
	require.NoError(t, b.store.Read().QueryRowContext(t.Context(), `SELECT verdict FROM poc_verdicts`).Scan(&raw))
	var stored types.Verdict
	require.NoError(t, stored.Unmarshal(raw))
	require.Zero(t, stored.Invalid)
}

func TestNoMessageCarriesMoreVerdictsThanTheChainTakes(t *testing.T) {
	b := newProofBench(t)
	v := NewVerdicts(b.store)
	for i := range types.MaxVerdictsPerMessage + 1 {
		require.NoError(t, v.Put(t.Context(), 5, verdictOn(fmt.Sprintf("%04d", i))))
	}
	intents, err := v.Submit(t.Context(), host, 5, 99)
	require.NoError(t, err)
	require.Equal(t, 2, intents)
	_, names := cast(t, b)
	require.Len(t, names[0], types.MaxVerdictsPerMessage)
	require.Len(t, names[1], 1)
}
