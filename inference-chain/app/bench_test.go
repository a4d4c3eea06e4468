package app

import (
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ninefold.dev/inference-chain/core/epoch"
	inference "ninefold.dev/inference-chain/x/inference/types"
)

var (
	benchHosts  = flag.String("bench-hosts", "100,1000", "numbers of hosts of BenchmarkBlockWork; the limit is set for 10,000")
	benchLarge  = flag.Int("bench-large-hosts", 20, "number of hosts of BenchmarkLargeHosts")
	benchEpochs = flag.Uint64("bench-epochs", 4, "epochs it turns; the pruner has work from the fourth on")
)

// benchParams are those of production, with INFERENCE cut to a few blocks more than
// the settlement of the largest network takes.
func benchParams() inference.Params {
	p := inference.DefaultParams()
	p.InferenceBlocks = 250
	p.EpochRetention, p.ClaimRetentionEpochs = 3, 1
	return p
}

// BenchmarkBlockWork turns whole epochs of the whole application and reports, for
// each stage, the most that a block's begin and end took together: the time on the
// clock, and the processor time of the thread that ran it. Also reported is what
// all of them took for each epoch. Messages and the commit are not counted. The first
// block stands apart: it reads a genesis that no commit has sorted yet, which happens
// once in a chain's life.
func BenchmarkBlockWork(b *testing.B) {
	for _, text := range strings.Split(*benchHosts, ",") {
		hosts, err := strconv.Atoi(text)
		require.NoError(b, err)
		b.Run(fmt.Sprintf("hosts=%d", hosts), func(b *testing.B) {
			for b.Loop() {
				newMeter(b, hosts, largeNodes).run(*benchEpochs)
			}
		})
	}
}

// BenchmarkLargeHosts is BenchmarkBlockWork with hosts of as many nodes as a host may
// have.
func BenchmarkLargeHosts(b *testing.B) {
	b.Run(fmt.Sprintf("hosts=%d", *benchLarge), func(b *testing.B) {
		for b.Loop() {
			newMeter(b, *benchLarge, inference.MaxNodesPerHost).run(*benchEpochs)
		}
	})
}

// cost is what some work took.
type cost struct{ wall, cpu time.Duration }

// meter measures the blocks of a large network.
type meter struct {
	*largeNetwork
	b     *testing.B
	spent cost // in this block
	total cost
	worst map[epoch.Stage]cost
}

func newMeter(b *testing.B, hosts, nodes int) *meter {
	b.Helper()
	m := &meter{b: b, largeNetwork: newLargeNetwork(b, benchParams(), hosts, nodes), worst: map[epoch.Stage]cost{}}
	m.measured = func(run func()) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		before, began := m.threadTime(), time.Now()
		run()
		m.spent.wall += time.Since(began)
		m.spent.cpu += m.threadTime() - before
	}
	return m
}

// threadTime is the processor time that this thread has had.
func (m *meter) threadTime() time.Duration {
	m.b.Helper()
	var usage syscall.Rusage
	require.NoError(m.b, syscall.Getrusage(syscall.RUSAGE_THREAD, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func (m *meter) run(epochs uint64) {
	m.b.Helper()
	for m.height == 0 || m.clock().Opened <= epochs {
		m.spent = cost{}
		m.block()
		if m.height == 1 {
			m.report("first-block", m.spent)
			continue
		}
		worst := m.worst[m.stage]
		m.worst[m.stage] = cost{max(worst.wall, m.spent.wall), max(worst.cpu, m.spent.cpu)}
		m.total.wall += m.spent.wall
		m.total.cpu += m.spent.cpu
	}
	require.Equal(m.b, epochs, m.clock().Effective)
	for _, stage := range slices.Sorted(maps.Keys(m.worst)) {
		m.report(stage.String(), m.worst[stage])
	}
	m.report("epoch", cost{m.total.wall / time.Duration(epochs), m.total.cpu / time.Duration(epochs)})
}

func (m *meter) report(name string, c cost) {
	m.b.ReportMetric(float64(c.cpu.Microseconds())/1000, name+"-cpu-ms")
	m.b.ReportMetric(float64(c.wall.Microseconds())/1000, name+"-wall-ms")
}
