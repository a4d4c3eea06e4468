package daemon

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ninefold.dev/decentralized-api/internal/config"
	"ninefold.dev/decentralized-api/internal/testkit"
	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/x/inference/types"
)

var (
	stormSeed   = flag.Uint64("storm-seed", 0, "seed of the one storm to run; 0 draws seeds")
	stormBlocks = flag.String("storm-blocks", "", "file with the blocks of a storm, to play them again")
	stormEpochs = flag.Int("storm-epochs", stormsEpochs, "epochs of all storms together")
)

const (
	// epochsAStorm is how long a storm lasts; the last epoch of it is calm.
	epochsAStorm = 4
	// spare is how many blocks a broker needs, after anything that happened to it, to
	// send what it has.
	spare = 4
)

// storm is a network of honest and hostile hosts to which everything happens
// that may happen to one. What happens follows from the seed and is written
// down as a script.
type storm struct {
	*world
	random *rand.Rand
	honest []*tester
	script []string
	epoch  uint64
	after  []func() // ends what lasts for this block
}

// TestWhateverHappensTheHonestAreNeitherRobbedNorBlamed runs storms. A failure
// prints the script that led to it; the same seed plays it again.
func TestWhateverHappensTheHonestAreNeitherRobbedNorBlamed(t *testing.T) {
	ran := 0
	for ran < *stormEpochs {
		seed := *stormSeed
		if seed == 0 {
			seed = rand.Uint64()
		}
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			play(t, func(t *testing.T, w *world) { newStorm(w, seed).run() })
		})
		if ran += epochsAStorm; *stormSeed != 0 || t.Failed() {
			break
		}
	}
	t.Logf("%d epochs", ran)
}

func newStorm(w *world, seed uint64) *storm {
	s := &storm{world: w, random: rand.New(rand.NewPCG(seed, 1))}
	for i := range 3 + s.random.IntN(3) {
		speeds := make([]uint64, 1+s.random.IntN(2))
		for j := range speeds {
			speeds[j] = 2 + s.random.Uint64N(4)
		}
		s.honest = append(s.honest, w.add(fmt.Sprintf("honest-%d", i), speeds...))
		s.note("host %s with nodes of speeds %v", s.honest[i].name, speeds)
	}
	// One host is hostile: with three honest ones of its weight it has no majority.
	cheat := w.add("cheat", 3)
	cheat.config.Testing = []config.Testing{
		{ForgeNonces: true}, {RepeatNonces: true}, {WithholdOpenings: true},
	}[s.random.IntN(3)]
	s.note("cheat: %+v", cheat.config.Testing)
	return s
}

func (s *storm) note(format string, args ...any) {
	s.script = append(s.script, fmt.Sprintf("%4d %s", s.chain.Height(), fmt.Sprintf(format, args...)))
}

func (s *storm) run() {
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the script:\n%s", strings.Join(s.script, "\n"))
			s.keepBlocks()
		}
	}()
	s.start()
	s.block()
	for s.epoch = 1; s.epoch <= epochsAStorm; s.epoch++ {
		// The last one is calm, and before it about every second is where something is due.
		calm := s.epoch == epochsAStorm
		forgiving := s.random.IntN(2) == 0
		for done := false; !done; done = s.chain.Stage() == epoch.Inference && s.chain.Opened() == s.epoch {
			if !calm && (!forgiving || !s.due()) {
				s.disturb()
			}
			s.block()
			for _, end := range s.after {
				end()
			}
			s.after = nil
			s.check()
		}
		if calm || forgiving {
			for _, h := range s.honest {
				s.requireWhole(s.epoch, h)
			}
		}
	}
}

// due says whether what is not sent soon is late: the chain's last blocks for batches
// and for verdicts.
func (s *storm) due() bool {
	switch s.chain.Stage() {
	case epoch.PocExchange, epoch.PocValidationExchange:
		return s.chain.BlocksLeft() < spare
	default:
		return s.chain.Stage() == epoch.PocEnd
	}
}

// keepBlocks writes down what the chain was given, and says how it is played again.
func (s *storm) keepBlocks() {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("ninefold-storm-%d.json", os.Getpid()))
	if err := s.chain.History().Save(file); err != nil {
		s.t.Logf("the blocks cannot be kept: %s", err)
		return
	}
	s.t.Logf("the blocks: go test -run TestTheBlocksOfAStormLeadToTheSameState -storm-blocks %s", file)
}

// disturb lets up to two things happen before a block.
func (s *storm) disturb() {
	for range s.random.IntN(3) {
		h := s.honest[s.random.IntN(len(s.honest))]
		switch s.random.IntN(11) {
		case 0:
			s.note("kill %s", h.name)
			h.kill()
			h.start()
		case 1:
			s.note("restart %s", h.name)
			h.stop()
			h.start()
		case 2:
			s.note("lose the mempool")
			s.chain.DropMempool()
		case 3:
			s.note("reorder, delay and duplicate transactions")
			s.chain.Disturb(shuffle(s.random.Uint64()))
		case 4:
			s.note("%s loses its first chain node for a block", h.name)
			s.forABlock(h.endpoints[0].SetDown)
		case 5:
			s.note("%s is cut off from the chain for a block", h.name)
			s.forABlock(h.isolate)
		case 6:
			s.note("nobody takes transactions of %s for a block", h.name)
			for _, e := range h.endpoints {
				s.forABlock(e.SetMute)
			}
		case 7:
			s.note("node-0 of %s is restarted", h.name)
			h.nodes["node-0"].SetDown(true)
			s.after = append(s.after, func() { h.nodes["node-0"].SetDown(false) })
		case 8:
			s.note("nobody hears %s for a block", h.name)
			s.web.Put(h.name, nil)
			s.after = append(s.after, func() { s.web.Put(h.name, h.host.PublicHandler()) })
		case 9:
			other := s.hosts[s.random.IntN(len(s.hosts))]
			s.note("%s does not reach %s for a block", h.name, other.name)
			s.forABlock(func(cut bool) { s.web.Part(h.name, other.name, cut) })
		case 10:
			s.note("%s is refused at the door for a block", h.name)
			for _, e := range h.endpoints {
				s.forABlock(e.SetDeny)
			}
		}
	}
}

func (s *storm) forABlock(fault func(bool)) {
	fault(true)
	s.after = append(s.after, func() { fault(false) })
}

// shuffle puts transactions into any order, some twice and some off to the
// next block. It draws from a seed of its own: how many transactions wait is
// nobody's choice, and must not change what happens later.
func shuffle(seed uint64) func(waiting [][]byte) (now, later [][]byte) {
	random := rand.New(rand.NewPCG(seed, 2))
	return func(waiting [][]byte) (now, later [][]byte) {
		for _, i := range random.Perm(len(waiting)) {
			switch random.IntN(4) {
			case 0:
				later = append(later, waiting[i])
			case 1:
				now = append(now, waiting[i], waiting[i])
			default:
				now = append(now, waiting[i])
			}
		}
		return now, later
	}
}

// check holds after every block, whatever has happened.
func (s *storm) check() {
	s.t.Helper()
	require.NoError(s.t, s.chain.Check())
	require.LessOrEqual(s.t, s.chain.MostExecuted(), 1, "no message is accepted twice")
	names := map[string]bool{}
	for _, h := range s.honest {
		names[h.address] = true
	}
	index := s.chain.Opened()
	if index == 0 {
		return
	}
	for _, h := range s.honest {
		acknowledged := h.acknowledged(index)
		for id, claimed := range s.chain.Claimed(index, h.address) {
			require.LessOrEqual(s.t, claimed, acknowledged[id], "%s of %s claims what it was never given", id, h.name)
		}
		for _, v := range s.chain.VerdictsOn(index, h.address) {
			if names[v.Holder] {
				require.Zero(s.t, v.Verdict.Invalid, "an honest judge blames %s", h.name)
			}
		}
		outcome := s.chain.Outcome(index, h.address)
		require.NotEqual(s.t, types.Outcome_OUTCOME_FRAUD, outcome.Outcome, "%s is called a fraud", h.name)
		require.LessOrEqual(s.t, outcome.Weight, outcome.Claimed, h.name)
	}
}

// TestAStormIsPlayedTheSameFromTheSameSeed keeps a printed seed worth its ink: the
// same happens to the same hosts at the same heights. What their goroutines make of
// it is the scheduler's choice as well; the blocks it led to are kept beside it.
func TestAStormIsPlayedTheSameFromTheSameSeed(t *testing.T) {
	var scripts [2]string
	for i := range scripts {
		play(t, func(t *testing.T, w *world) {
			s := newStorm(w, 7)
			s.run()
			scripts[i] = strings.Join(s.script, "\n")
		})
	}
	require.Equal(t, scripts[0], scripts[1])
	require.Greater(t, strings.Count(scripts[0], "\n"), 20)
}

// TestTheBlocksOfAStormLeadToTheSameState plays the blocks of a storm again, which
// went through a file: the chain's own part of a counter-example, to the last bit.
func TestTheBlocksOfAStormLeadToTheSameState(t *testing.T) {
	file := *stormBlocks
	if file == "" {
		file = filepath.Join(t.TempDir(), "storm.json")
		play(t, func(t *testing.T, w *world) {
			newStorm(w, 7).run()
			require.NoError(t, w.chain.History().Save(file))
		})
	}
	history, err := testkit.LoadHistory(file)
	require.NoError(t, err)
	require.NoError(t, history.Replay(t.TempDir()))
	if *stormBlocks != "" {
		return
	}
	last := &history.Blocks[len(history.Blocks)-1]
	last.Hash[0] ^= 1
	require.ErrorContains(t, history.Replay(t.TempDir()), fmt.Sprintf("block %d leads to another state", len(history.Blocks)))
}
