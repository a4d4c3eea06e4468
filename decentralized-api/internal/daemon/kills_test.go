package daemon

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/testkit/chance"
	"ninefold.dev/inference-chain/core/epoch"
)

var killSeed = chance.Flag("kill-seed", "kills")

// killer kills brokers at random moments of a bubble's clock.
type killer struct {
	*world
	random *rand.Rand
	kills  map[epoch.Stage]int
}

func newKiller(w *world) *killer {
	return &killer{world: w, random: killSeed.Random(w.t), kills: map[epoch.Stage]int{}}
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

func judging(s epoch.Stage) bool {
	return s == epoch.PocValidationStart || s == epoch.PocValidationExchange
}

func anywhere(epoch.Stage) bool { return true }

// blows are deaths of a broker at steps of its work.
type blows struct {
	left   int // that are still to come
	passed int // steps at most that pass between two
	in     func(epoch.Stage) bool
	at     []place
	deck   []place // the next one, and those after it
	fallen map[place]int
}

// mostQuiet is how many rounds may bring no death: a place that is never reached
// fails the test.
const mostQuiet = 10

// toSpare are the blocks at the end of the exchange in which nothing dies.
const toSpare = 2

// strike lets rounds go by in which a broker dies at random steps, at all places
// about as often, and looks at the claims of each.
func (k *killer) strike(victim *tester, b blows) {
	k.t.Helper()
	b.fallen = map[place]int{}
	k.arm(victim, &b)
	for index, quiet := uint64(1), 0; b.left > 0; index++ {
		before := b.left
		k.until(epoch.PocStart)
		for k.chain.Stage() != epoch.Inference {
			k.blockWithBlows(victim, &b)
		}
		for _, h := range k.hosts {
			k.requireWhole(index, h)
			require.NotEmpty(k.t, k.chain.Claimed(index, h.address))
		}
		if quiet++; b.left < before {
			quiet = 0
		}
		require.Less(k.t, quiet, mostQuiet, "no step came of %q; it died at %v", b.deck, b.fallen)
	}
	for _, where := range b.at {
		k.t.Logf("%3d deaths %s", b.fallen[where], where)
		require.NotZero(k.t, b.fallen[where], where)
	}
}

// arm draws the next place of the deck, which has every place once.
func (k *killer) arm(victim *tester, b *blows) {
	if b.left == 0 {
		return
	}
	if len(b.deck) == 0 {
		for _, i := range k.random.Perm(len(b.at)) {
			b.deck = append(b.deck, b.at[i])
		}
	}
	victim.moments.arm(b.deck[0], k.random.IntN(b.passed+1))
}

func (k *killer) blockWithBlows(victim *tester, b *blows) {
	k.chain.NextBlock()
	// Nobody has seen the block yet. The last proofs have one block to spare, which is
	// enough for one death and not for two.
	late := k.chain.Stage() == epoch.PocExchange && k.chain.BlocksLeft() < toSpare
	victim.moments.spare(late || !b.in(k.chain.Stage()))
	over := time.After(blockTime) // on the bubble's clock
	for {
		select {
		case where := <-victim.moments.hit:
			b.fallen[where]++
			b.left--
			b.deck = b.deck[1:]
			victim.kill()
			victim.start()
			k.arm(victim, b)
		case <-over:
			synctest.Wait()
			return
		}
	}
}

// TestABrokerKilledBetweenStreamingAndSubmittingLosesNoBatch kills the broker
// of two nodes at steps of its work between a proof that comes and the end of the
// message that carries it: within the writes, before their commits, and between
// them and what the nodes and the chain hear.
func TestABrokerKilledBetweenStreamingAndSubmittingLosesNoBatch(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		b.watch()
		w.start()
		newKiller(w).strike(b, blows{left: kills, passed: 4, in: streaming, at: []place{
			inProof, atProof, unheard, inBatch, atBatch, inSignature, atSignature, unsent, sent, inEnd, atEnd,
		}})
	})
}

// TestAJudgeKilledInItsWritesCastsEveryVerdictOnce is the same between a verdict
// that is reached and the end of its message.
func TestAJudgeKilledInItsWritesCastsEveryVerdictOnce(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4)
		b.watch()
		w.start()
		newKiller(w).strike(b, blows{left: 20, passed: 1, in: judging, at: []place{
			inVerdict, atVerdict, inSignature, atSignature, unsent, sent, inEnd, atEnd,
		}})
		require.NotEmpty(t, w.chain.VerdictsOn(w.chain.Opened(), a.address))
	})
}

// TestABrokerKilledWhileProofsStreamLosesNoBatch kills it at random moments of
// the clock, between two of which it may have done anything.
func TestABrokerKilledWhileProofsStreamLosesNoBatch(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		w.start()
		newKiller(w).rounds(50, streaming, b)
	})
}

// TestABrokerKilledAtAnyMomentLosesAndDoublesNothing kills all brokers at random
// moments of the clock, in all stages: judges too.
func TestABrokerKilledAtAnyMomentLosesAndDoublesNothing(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4, 4)
		w.start()
		newKiller(w).rounds(kills, anywhere, a, b)
	})
}
