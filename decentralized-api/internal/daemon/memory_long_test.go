//go:build long

package daemon

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
)

// lifetime is how many epochs are lived through.
const lifetime = 30

// TestMemoryOverThirtyEpochsDoesNotRise lets two brokers live. What they keep alive
// in the middle of INFERENCE, and the pages of their stores, must have levelled off
// after a third of the epochs: by then caches are full and what is kept for a few
// epochs is there.
func TestMemoryOverThirtyEpochsDoesNotRise(t *testing.T) {
	defer func(before int) { runtime.MemProfileRate = before }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1 // every object counts
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4, 4)
		w.start()
		var alive, pages []int64
		for i := range uint64(lifetime) {
			w.until(epoch.PocStart)
			w.until(epoch.Inference)
			w.requireWhole(i+1, a)
			w.requireWhole(i+1, b)
			alive = append(alive, aliveInBrokers())
			pages = append(pages, a.pages()+b.pages())
		}
		t.Logf("bytes alive: %v", alive)
		t.Logf("pages of the stores: %v", pages)
		for what, values := range map[string][]int64{"bytes alive": alive, "pages": pages} {
			require.NotZero(t, values[0], what)
			middle, last := values[lifetime/3:2*lifetime/3], values[2*lifetime/3:]
			require.LessOrEqual(t, slices.Max(last), slices.Max(middle)+slices.Max(middle)/50, what)
		}
	})
}

// aliveInBrokers is how many bytes are alive that brokers allocated. What the test's
// own chain keeps, which forgets nothing, does not count.
func aliveInBrokers() int64 {
	runtime.GC()
	runtime.GC() // the profile is as of the last but one
	records := make([]runtime.MemProfileRecord, 1<<14)
	n, ok := runtime.MemProfile(records, false)
	for ; !ok; n, ok = runtime.MemProfile(records, false) {
		records = make([]runtime.MemProfileRecord, 2*n)
	}
	sum := int64(0)
	for _, r := range records[:n] {
		if brokers(r.Stack()) {
			sum += r.InUseBytes()
		}
	}
	return sum
}

// brokers says whether an allocation was a broker's: not of the test or its chain,
// but also not of the chain as it answers a broker within the same goroutine.
func brokers(stack []uintptr) bool {
	const ours = "ninefold.dev/decentralized-api/internal/"
	found := false
	frames := runtime.CallersFrames(stack)
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		if strings.HasPrefix(frame.Function, ours+"testkit.") {
			return false
		}
		found = found || strings.HasPrefix(frame.Function, ours)
	}
	return found
}

// pages is the size of a broker's store.
func (h *tester) pages() int64 {
	h.world.t.Helper()
	var count int64
	require.NoError(h.world.t, h.host.store.Write(context.Background(), func(tx *sql.Tx) error {
		return tx.QueryRow("SELECT page_count FROM pragma_page_count()").Scan(&count)
	}))
	return count
}
