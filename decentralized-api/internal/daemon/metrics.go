package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ninefold.dev/decentralized-api/internal/httpapi"
	"ninefold.dev/decentralized-api/internal/outbox"
	"ninefold.dev/decentralized-api/internal/poc"
	"ninefold.dev/decentralized-api/internal/upkeep"
)

// scrapeTimeout bounds what a scrape may read.
const scrapeTimeout = 2 * time.Second

var (
	descHeight  = describe("height", "Newest block that was handled.")
	descStage   = describe("stage", "Stage of the chain, 1 to 9.")
	descLeft    = describe("stage_blocks_left", "Blocks until the stage ends.")
	descEpoch   = describe("epoch", "Epoch, by what it is.", "is")
	descNode    = describe("node_reachable", "Whether a node answered last.", "node")
	descPhase   = describe("node_phase", "1 for the phase that a node shows.", "node", "phase")
	descProblem = describe("node_problem", "Whether the last thing asked of a node failed, or it may not be declared.", "node")
	descRate    = describe("node_nonces_per_second", "Nonces walked a second.", "node")
	descProofs  = describe("proofs", "Valid nonces of the opened epoch, by what became of them.", "node", "are")
	descIntents = describe("outbox_intents", "Intents in the store, by kind and state.", "kind", "state")
	descOldest  = describe("outbox_oldest_seconds", "Age of the oldest intent without an end; 0 when all have one.")
)

// describe names a metric of the broker.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("dapi_"+name, help, labels, nil)
}

// collector reads everything at the scrape: there is nothing to keep in step.
type collector struct{ host *Host }

// Metrics returns the registry of a broker's metrics.
func (h *Host) Metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{h}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descHeight, descStage, descLeft, descEpoch, descNode, descPhase, descProblem, descRate, descProofs, descIntents, descOldest,
		descReachable, descWeight, descReason, descOutcome, descSeats, descFree, descPower, descJailed, descTombstoned, descMissed, descClaimable, descBlockAge,
	} {
		out <- desc
	}
}

// gauge hands out one value.
type gauge func(desc *prometheus.Desc, value float64, labels ...string)

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	put := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	status, err := c.host.Status(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(descHeight, err)
		return
	}
	c.host.collectNodes(status, put)
	collectOutbox(status, put)
	c.host.collectChain(ctx, status, put)
}

func (h *Host) collectNodes(status httpapi.Status, put gauge) {
	for _, node := range status.Nodes {
		put(descNode, binary(node.Reachable), node.ID)
		put(descProblem, binary(node.Problem != "" || node.Refused != ""), node.ID)
		put(descRate, node.Report.Rate, node.ID)
		if node.State != "" {
			put(descPhase, 1, node.ID, node.State)
		}
	}
	for node, tally := range status.Proofs {
		put(descProofs, float64(tally.Received), node, "received")
		put(descProofs, float64(tally.Committed), node, "committed")
	}
}

func collectOutbox(status httpapi.Status, put gauge) {
	for _, kind := range []string{poc.KindBatch, poc.KindVerdict, upkeep.KindHardware, upkeep.KindClaim} {
		// Zeros too: what comes from nowhere is no increase to Prometheus.
		for _, state := range outbox.States() {
			put(descIntents, float64(status.Outbox[kind][state]), kind, string(state))
		}
	}
	age := 0.0
	if status.OldestOpen != nil {
		age = max(0, time.Since(*status.OldestOpen).Seconds())
	}
	put(descOldest, age)
}

func binary(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
