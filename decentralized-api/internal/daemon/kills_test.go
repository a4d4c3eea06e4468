package daemon

import (
	"flag"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
)

var killSeed = flag.Uint64("kill-seed", 0, "seed of the random kills; 0 draws one")

// killer kills brokers at random moments of a bubble's clock.
type killer struct {
	*world
	random *rand.Rand
	kills  map[epoch.Stage]int
}

func newKiller(w *world) *killer {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	w.t.Logf("go test -run %s -kill-seed %d", w.t.Name(), seed)
	return &killer{world: w, random: rand.New(rand.NewPCG(seed, 0)), kills: map[epoch.Stage]int{}}
}

// block makes a block in which some brokers are killed a few times.
func (k *killer) block(most int, victims ...*tester) {
	k.chain.NextBlock()
	left := blockTime
	for range k.random.IntN(most + 1) {
		wait := time.Duration(k.random.Int64N(int64(left)))
		time.Sleep(wait) // the bubble's clock
		left -= wait
		victim := victims[k.random.IntN(len(victims))]
		victim.kill()
		k.kills[k.chain.Stage()]++
		victim.start()
	}
	time.Sleep(left)
	synctest.Wait()
}

func (k *killer) total() int {
	sum := 0
	for _, n := range k.kills {
		sum += n
	}
	return sum
}

// rounds lets rounds go by, killing in some stages, until a number of kills is
// reached, and looks at the claims of each.
func (k *killer) rounds(kills int, in func(epoch.Stage) bool, victims ...*tester) {
	for index := uint64(1); k.total() < kills; index++ {
		k.until(epoch.PocStart)
		for k.chain.Stage() != epoch.Inference {
			most := 0
			if in(k.chain.Stage()) && k.total() < kills {
				most = 3
			}
			k.block(most, victims...)
		}
		for _, h := range k.hosts {
			k.requireWhole(index, h)
			require.NotEmpty(k.t, k.chain.Claimed(index, h.address))
		}
	}
	k.t.Logf("%d kills by stage: %v", k.total(), k.kills)
}

func streaming(s epoch.Stage) bool { return s == epoch.PocStart || s == epoch.PocExchange }

func anywhere(epoch.Stage) bool { return true }

// TestABrokerKilledBetweenStreamingAndSubmittingLosesNoBatch kills the broker
// of two nodes while proofs are streamed and committed, at 50 moments.
func TestABrokerKilledBetweenStreamingAndSubmittingLosesNoBatch(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		w.start()
		newKiller(w).rounds(50, streaming, b)
	})
}

// TestABrokerKilledAtAnyMomentLosesAndDoublesNothing kills all brokers, in all
// stages: judges too.
func TestABrokerKilledAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4, 4)
		w.start()
		newKiller(w).rounds(kills, anywhere, a, b)
	})
}
