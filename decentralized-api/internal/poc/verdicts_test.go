package poc

import (
	"context"
	"fmt"
	"slices"
	"testing"

	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/inference-chain/x/inference/types"
)

func verdictOn(name string) types.Verdict {
	return types.Verdict{Participant: name, Sampled: 3, WorkProof: []byte(name)}
}

// cast returns the participants of each intent, in the order of the intents.
func cast(t *testing.T, b *proofBench) (ids []int64, names [][]string) {
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

func TestVerdictsAreCastTogetherAndARefusedMessageOneByOne(t *testing.T) {
	b := newProofBench(t)
	v := NewVerdicts(b.store)
	submit := func(want int) {
		t.Helper()
		got, err := v.Submit(t.Context(), host, 5, 99)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, v.Put(t.Context(), 5, verdictOn("a")))
	require.NoError(t, v.Put(t.Context(), 5, verdictOn("b")))
	require.NoError(t, v.Put(t.Context(), 6, verdictOn("other epoch")))
	submit(1)
	submit(0)
	ids, names := cast(t, b)
	require.Equal(t, [][]string{{"a", "b"}}, names)

	b.refuse(ids[0], 60, 7)
	require.NoError(t, v.Put(t.Context(), 5, verdictOn("c")))
	submit(3)
	ids, names = cast(t, b)
	require.Equal(t, [][]string{{"c"}, {"a"}, {"b"}}, names[1:])
	b.refuse(ids[2], 60, 8)
	submit(0)
	reached, err := v.Reached(t.Context(), 5)
	require.NoError(t, err)
	require.Equal(t, map[string]bool{"a": true, "b": true, "c": true}, reached)
}

// TestARefusalAtTheDoorIsNoAnswerToAVerdict: what one chain node would not take may be
// taken a block later, together or, if one of them is what it minds, without that one.
func TestARefusalAtTheDoorIsNoAnswerToAVerdict(t *testing.T) {
	b := newProofBench(t)
	v := NewVerdicts(b.store)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		require.NoError(t, v.Put(t.Context(), 5, verdictOn(name)))
	}
	var seen int
	next := func(want ...[]string) {
		t.Helper()
		_, err := v.Submit(t.Context(), host, 5, 99)
		require.NoError(t, err)
		ids, names := cast(t, b)
		require.Equal(t, want, append([][]string(nil), names[seen:]...))
		for i, on := range names[seen:] {
			if slices.Contains(on, "c") {
				b.refuse(ids[seen+i], 4, 0)
			} else {
				b.end(ids[seen+i], string(outbox.Committed), 0)
			}
		}
		seen = len(names)
	}
	next([]string{"a", "b", "c", "d", "e"})
	next([]string{"a", "b", "c"}, []string{"d", "e"})
	next([]string{"a", "b"}, []string{"c"})
	for range 20 {
		next([]string{"c"})
	}
	ids, _ := cast(t, b)
	b.refuse(ids[len(ids)-1], 60, 9)
	next()
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
