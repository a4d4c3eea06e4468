package daemon

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

const (
	accepted    = types.Outcome_OUTCOME_ACCEPTED
	fraud       = types.Outcome_OUTCOME_FRAUD
	unavailable = types.Outcome_OUTCOME_UNAVAILABLE
)

// play runs a test in a bubble with a world that is stopped at its end.
func play(t *testing.T, test func(*testing.T, *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		test(t, w)
	})
}

// requireWhole says that a host's claims are what its nodes were told is safe,
// each once, and that it was accepted with all of it.
func (w *world) requireWhole(index uint64, h *tester) {
	w.t.Helper()
	require.Equal(w.t, h.acknowledged(index), w.chain.Claimed(index, h.address), "claims of %s", h.name)
	outcome := w.chain.Outcome(index, h.address)
	require.Equal(w.t, accepted, outcome.Outcome, h.name)
	require.Equal(w.t, outcome.Claimed, outcome.Credited, h.name)
	require.Equal(w.t, 1, w.chain.MostExecuted(), "no message may be accepted twice")
}

func (h *tester) verified(index uint64) int {
	h.world.t.Helper()
	round, err := h.host.client.Round(context.Background(), index)
	require.NoError(h.world.t, err)
	sum := 0
	for _, node := range h.nodes {
		sum += node.Verified(fmt.Sprintf("%x", round.Challenge))
	}
	return sum
}

func TestAWholeRoundOfTwoHosts(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4, 4)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		for _, h := range w.hosts {
			w.requireWhole(1, h)
			require.EqualValues(t, testkit.Params().SampleSize, h.verified(1), "a verdict takes work")
			for id, claimed := range w.chain.Claimed(1, h.address) {
				require.Greater(t, claimed, uint64(100), "%s of %s", id, h.name)
			}
		}
		ratio := float64(w.chain.Outcome(1, b.address).Weight) / float64(w.chain.Outcome(1, a.address).Weight)
		require.InDelta(t, 2, ratio, 0.3, "twice the nodes; validity is chance")
	})
}

func TestABrokerThatRestartsBetweenStreamingAndSubmittingLosesAndDoublesNothing(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		w.start()
		w.until(epoch.PocStart)
		for _, e := range b.endpoints {
			e.SetMute(true)
		}
		for range 3 {
			w.block()
		}
		require.Empty(t, w.chain.Claimed(1, b.address), "nothing was submitted")
		before := b.acknowledged(1)
		require.Greater(t, before["node-0"], uint64(50), "but much was streamed")
		b.stop()
		for _, e := range b.endpoints {
			e.SetMute(false)
		}
		w.block()
		b.start()
		w.until(epoch.Inference)
		for id, early := range before {
			require.Greater(t, b.acknowledged(1)[id], early, "it went on after the restart")
		}
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

func TestVerdictsThatAreRefusedAtTheDoorBlockAfterBlockAreCastOnceTheyAreLetIn(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		w.add("beta", 4)
		w.add("gamma", 4)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.PocEnd)
		w.deny(true)
		for w.chain.Stage() != epoch.PocValidationExchange || w.chain.BlocksLeft() >= spare {
			w.block()
		}
		w.deny(false)
		w.until(epoch.Inference)
		for _, h := range w.hosts {
			w.requireWhole(1, h)
			require.Len(t, w.chain.VerdictsOn(1, h.address), 2)
		}
	})
}

// TestARefusalAtTheDoorInAnyBlockCostsNothing: in the n-th round it comes in the n-th
// block, for everybody.
func TestARefusalAtTheDoorInAnyBlockCostsNothing(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		w.add("beta", 4)
		w.start()
		stages := map[epoch.Stage]int{}
		for index := uint64(1); ; index++ {
			w.until(epoch.PocStart)
			for range index - 1 {
				w.block()
			}
			if w.chain.Stage() == epoch.ModelLoading {
				break
			}
			stages[w.chain.Stage()]++
			w.deny(true)
			w.block()
			w.deny(false)
			w.until(epoch.Inference)
			for _, h := range w.hosts {
				w.requireWhole(index, h)
			}
		}
		require.Len(t, stages, 6, "%v", stages)
	})
}

func (w *world) deny(deny bool) {
	for _, h := range w.hosts {
		for _, e := range h.endpoints {
			e.SetDeny(deny)
		}
	}
}

func TestABrokerMayRestartInEveryStage(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 3)
		b := w.add("beta", 3)
		w.start()
		w.until(epoch.PocStart)
		for w.chain.Stage() != epoch.Inference {
			b.stop()
			b.start()
			w.block()
		}
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

func TestAForgerIsJudgedAFraudAndTheOthersAreNot(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b, cheat := w.add("alpha", 4), w.add("beta", 4), w.add("cheat", 4)
		cheat.config.Testing = config.Testing{ForgeNonces: true}
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		require.Equal(t, fraud, w.chain.Outcome(1, cheat.address).Outcome)
		require.Zero(t, w.chain.Outcome(1, cheat.address).Weight)
		require.NotZero(t, w.chain.Outcome(1, cheat.address).Claimed, "density and trees were in order")
		w.requireWhole(1, a)
		w.requireWhole(1, b)
	})
}

func TestAHostThatRepeatsNoncesIsAFraudByTheShapeOfItsTrees(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b, cheat := w.add("alpha", 4), w.add("beta", 4), w.add("cheat", 4)
		cheat.config.Testing = config.Testing{RepeatNonces: true}
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.PocValidationEnd)
		verdicts := w.chain.VerdictsOn(1, cheat.address)
		require.NotEmpty(t, verdicts)
		for _, v := range verdicts {
			require.True(t, v.Verdict.Structural)
		}
		w.until(epoch.Inference)
		require.Equal(t, fraud, w.chain.Outcome(1, cheat.address).Outcome)
		require.NotZero(t, w.chain.Outcome(1, cheat.address).Claimed, "the chain took the batches")
		w.requireWhole(1, a)
		w.requireWhole(1, b)
	})
}

func TestAJudgeThatBlamesEverybodyHarmsNobody(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		honest := []*tester{w.add("alpha", 6), w.add("beta", 6), w.add("gamma", 6)}
		liar := w.add("liar", 1)
		w.start()
		// The founders weigh alike. With a quarter of the seats it could cost others some weight.
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		liar.stop()
		liar.config.Testing = config.Testing{BlameHosts: true}
		liar.start()
		blamed := 0
		// Whether it sits on a jury is chance: once in 150 rounds it does not.
		for index := uint64(2); blamed == 0; index++ {
			require.LessOrEqual(t, index, uint64(6), "it sits on no jury")
			w.until(epoch.PocStart)
			w.until(epoch.Inference)
			for _, h := range honest {
				w.requireWhole(index, h)
				for _, v := range w.chain.VerdictsOn(index, h.address) {
					if v.Holder == liar.address {
						require.Equal(t, v.Verdict.Sampled, v.Verdict.Invalid)
						blamed++
					}
				}
			}
			w.requireWhole(index, liar)
		}
	})
}

func TestAHostThatOpensNothingEndsUnavailable(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b, silent := w.add("alpha", 4), w.add("beta", 4), w.add("silent", 4)
		silent.config.Testing = config.Testing{WithholdOpenings: true}
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.PocValidationEnd)
		for _, v := range w.chain.VerdictsOn(1, silent.address) {
			require.True(t, v.Verdict.Unavailable)
			require.GreaterOrEqual(t, v.Height, w.chain.Height()-2, "not before the end of the window")
		}
		w.until(epoch.Inference)
		require.Equal(t, unavailable, w.chain.Outcome(1, silent.address).Outcome)
		w.requireWhole(1, a)
		w.requireWhole(1, b)
	})
}

func TestAJudgeThatDoesNotReachAHostHearsItThroughAnother(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b, far := w.add("alpha", 4), w.add("beta", 4), w.add("far", 4)
		w.web.Part(a.name, far.name, true)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.PocValidationEnd)
		heard := map[string]bool{}
		for _, v := range w.chain.VerdictsOn(1, far.address) {
			require.False(t, v.Verdict.Unavailable)
			require.Zero(t, v.Verdict.Invalid)
			heard[v.Holder] = true
		}
		require.Contains(t, heard, a.address)
		w.until(epoch.Inference)
		for _, h := range []*tester{a, b, far} {
			w.requireWhole(1, h)
		}
	})
}

func TestAHostWhoseBrokerIsAwayForMostOfTheWindowIsStillAccepted(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.PocValidationStart)
		b.stop()
		for range 5 {
			w.block()
		}
		b.start()
		w.until(epoch.Inference)
		w.requireWhole(1, a)
		w.requireWhole(1, b)
	})
}

func TestANodeThatDiesMidRoundGoesOnWhereItWasAcknowledged(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4, 4)
		w.start()
		w.until(epoch.PocStart)
		w.block()
		w.block()
		b.nodes["node-0"].SetDown(true)
		w.block()
		require.False(t, b.host.registry.Snapshot().Nodes["node-0"].Observed.Reachable)
		early := b.acknowledged(1)["node-0"]
		b.nodes["node-0"].SetDown(false)
		w.until(epoch.Inference)
		require.Greater(t, b.acknowledged(1)["node-0"], early)
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

func TestANodeReachesExactlyItsMaximum(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.stop()
		params := testkit.Params()
		params.MaxNoncesPerNode = 500
		w.chain = testkit.NewChain(t.TempDir(), params, testkit.Model("tiny"))
		w.add("alpha", 30)
		b := w.add("beta", 30, 30)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		require.Equal(t, map[string]uint64{"node-0": 500, "node-1": 500}, w.chain.Claimed(1, b.address))
		require.EqualValues(t, 1000, w.chain.Outcome(1, b.address).Weight)
	})
}

func TestWhenAnEndpointDiesTheOtherOneIsUsed(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		b := w.add("beta", 4)
		w.start()
		w.until(epoch.PocStart)
		w.block()
		b.endpoints[0].SetDown(true)
		w.until(epoch.PocValidationStart)
		b.endpoints[0].SetDown(false)
		b.endpoints[1].SetDown(true)
		w.until(epoch.Inference)
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

func TestALostMempoolLosesNoProof(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		w.add("alpha", 4)
		w.add("beta", 4)
		w.start()
		w.until(epoch.PocStart)
		for i := 0; w.chain.Stage() != epoch.PocValidationEnd; i++ {
			if i%3 == 1 && w.chain.Stage() != epoch.PocEnd {
				w.chain.DropMempool()
			}
			w.block()
		}
		w.until(epoch.Inference)
		for _, h := range w.hosts {
			w.requireWhole(1, h)
		}
	})
}

func TestModelsAreLoadedWhenTheEpochIsReadyAndNotTwice(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a := w.add("alpha", 4)
		w.add("beta", 4)
		a.config.Nodes[0].Args = []string{"--max_model_len", "9", "--seed=1"}
		w.start()
		w.block()
		node := a.nodes["node-0"]
		model, args := node.Serving()
		require.Equal(t, "tiny", model, "genesis has nodes too")
		require.Equal(t, []string{"--max-model-len", "128", "--seed=1"}, args)
		w.until(epoch.PocStart)
		model, _ = node.Serving()
		require.Empty(t, model, "the round has the node")
		w.until(epoch.SetNewValidators)
		model, _ = node.Serving()
		require.Equal(t, "tiny", model, "loaded before the epoch is in effect")
		loads := node.Loads()
		a.stop()
		a.start()
		w.until(epoch.PocStart)
		require.Equal(t, loads, node.Loads(), "a restart and the switch load nothing again")
	})
}

func TestRewardsAreClaimedWithoutBeingAsked(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a, b := w.add("alpha", 4), w.add("beta", 4)
		w.start()
		for range 3 {
			w.until(epoch.PocStart)
		}
		require.Equal(t, []uint64{1}, w.chain.Paid(a.address))
		require.Equal(t, []uint64{1}, w.chain.Paid(b.address))
		require.Equal(t, 1, w.chain.MostExecuted())
	})
}

func TestNodesJoinAndLeaveTheFleetWithTheNextEpoch(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a := w.add("alpha", 4, 4)
		w.add("beta", 4)
		a.nodes["late"] = testkit.NewNode(4)
		w.start()
		w.until(epoch.PocStart)
		ctx := context.Background()
		require.NoError(t, a.host.registry.RegisterNode(ctx, config.Node{ID: "late", Address: "late:1", Models: []string{"tiny"}}))
		require.NoError(t, a.host.registry.SetEnabled(ctx, "node-1", false))
		w.until(epoch.Inference)
		require.Equal(t, []string{"node-0", "node-1"}, slices.Sorted(maps.Keys(w.chain.Claimed(1, a.address))), "not in this epoch")
		w.until(epoch.PocStart)
		w.until(epoch.Inference)
		require.Equal(t, []string{"late", "node-0"}, slices.Sorted(maps.Keys(w.chain.Claimed(2, a.address))))
		w.requireWhole(1, a)
	})
}
