package daemon

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// scrapeTimeout bounds what a scrape may read.
const scrapeTimeout = 2 * time.Second

var (
	descHeight  = prometheus.NewDesc("dapi_height", "Newest block that was handled.", nil, nil)
	descStage   = prometheus.NewDesc("dapi_stage", "Stage of the chain, 1 to 9.", nil, nil)
	descLeft    = prometheus.NewDesc("dapi_stage_blocks_left", "Blocks until the stage ends.", nil, nil)
	descEpoch   = prometheus.NewDesc("dapi_epoch", "Epoch, by what it is.", []string{"is"}, nil)
	descNode    = prometheus.NewDesc("dapi_node_reachable", "Whether a node answered last.", []string{"node", "state"}, nil)
	descRate    = prometheus.NewDesc("dapi_node_nonces_per_second", "Nonces walked a second.", []string{"node"}, nil)
	descProofs  = prometheus.NewDesc("dapi_proofs", "Valid nonces of the opened epoch, by what became of them.", []string{"node", "are"}, nil)
	descIntents = prometheus.NewDesc("dapi_outbox_intents", "Intents in the store, by kind and state.", []string{"kind", "state"}, nil)
)

// collector reads everything at the scrape: there is nothing to keep in step.
type collector struct{ host *Host }

// Metrics returns the registry of a broker's metrics.
func (h *Host) Metrics() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{h})
	return registry
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		descHeight, descStage, descLeft, descEpoch, descNode, descRate, descProofs, descIntents,
	} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	status, err := c.host.Status(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(descHeight, err)
		return
	}
	if view := c.host.dispatcher.View(); view != nil {
		gauge(descHeight, float64(view.Height))
		gauge(descStage, float64(view.Stage))
		gauge(descLeft, float64(view.BlocksLeft))
		gauge(descEpoch, float64(view.Effective), "effective")
		gauge(descEpoch, float64(view.Opened), "opened")
	}
	for _, node := range status.Nodes {
		reachable := 0.0
		if node.Reachable {
			reachable = 1
		}
		gauge(descNode, reachable, node.ID, node.State)
		gauge(descRate, node.Report.Rate, node.ID)
	}
	for node, tally := range status.Proofs {
		gauge(descProofs, float64(tally.Received), node, "received")
		gauge(descProofs, float64(tally.Committed), node, "committed")
	}
	for kind, states := range status.Outbox {
		for state, count := range states {
			gauge(descIntents, float64(count), kind, string(state))
		}
	}
}
