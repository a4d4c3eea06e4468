package daemon

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmtnode "github.com/cometbft/cometbft/node"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"ninefold.dev/inference-chain/core/epoch"
	"ninefold.dev/inference-chain/core/weight"
)

// ops is the folder of what operators load into their monitoring.
const ops = "../../../ops"

// exported maps the names of metrics to their labels.
type exported map[string][]string

// gathered is what a registry exports now, with what Prometheus makes of it.
func gathered(t *testing.T, from prometheus.Gatherer) exported {
	t.Helper()
	families, err := from.Gather()
	require.NoError(t, err)
	found := exported{}
	for _, family := range families {
		var labels []string
		for _, pair := range family.Metric[0].Label {
			labels = append(labels, pair.GetName())
		}
		found[family.GetName()] = labels
		if family.Metric[0].Histogram != nil || family.Metric[0].Summary != nil {
			for _, suffix := range []string{"_sum", "_count", "_bucket"} {
				found[family.GetName()+suffix] = labels
			}
		}
	}
	return found
}

// noting is a registerer that remembers what is registered.
type noting struct {
	prometheus.Registerer
	found exported
}

var (
	descName   = regexp.MustCompile(`fqName: "([^"]+)"`)
	descLabels = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
)

func (n noting) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		descs := make(chan *prometheus.Desc, 10)
		c.Describe(descs)
		close(descs)
		for desc := range descs {
			name := descName.FindStringSubmatch(desc.String())[1]
			labels := strings.Split(descLabels.FindStringSubmatch(desc.String())[1], ",")
			for _, suffix := range []string{"", "_sum", "_count", "_bucket"} {
				_, histogram := c.(*prometheus.HistogramVec)
				if suffix == "" || histogram {
					n.found[name+suffix] = labels
				}
			}
		}
	}
}

// chainMetrics is what CometBFT registers when a chain node turns its
// instrumentation on.
func chainMetrics() exported {
	note := noting{found: exported{}}
	before := prometheus.DefaultRegisterer
	prometheus.DefaultRegisterer = note
	defer func() { prometheus.DefaultRegisterer = before }()
	config := cmtcfg.DefaultInstrumentationConfig()
	config.Prometheus = true
	cmtnode.DefaultMetricsProvider(config)("chain")
	return note.found
}

// brokerMetrics is what a broker exports in the middle of a round.
func brokerMetrics(t *testing.T) exported {
	t.Helper()
	var found exported
	play(t, func(t *testing.T, w *world) {
		a := w.add("alpha", 4)
		w.add("beta", 4)
		w.start()
		w.until(epoch.PocStart)
		w.until(epoch.ModelLoading)
		found = gathered(t, a.host.Metrics())
	})
	return found
}

// expressions are the queries of a file of ops, by where they stand.
func expressions(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	found := map[string]string{}
	if strings.HasSuffix(path, ".json") {
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(raw, &board))
		for _, panel := range board.Panels {
			for i, target := range panel.Targets {
				found[fmt.Sprintf("%s: %s %d", filepath.Base(path), panel.Title, i)] = target.Expr
			}
		}
		return found
	}
	for _, rule := range rules(t) {
		found["alert "+rule.Alert] = rule.Expr
	}
	return found
}

type rule struct {
	Alert       string
	Expr        string
	Annotations map[string]string
}

func rules(t *testing.T) []rule {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(ops, "prometheus/alerts.yml"))
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []rule } }
	require.NoError(t, yaml.Unmarshal(raw, &file))
	var all []rule
	for _, group := range file.Groups {
		all = append(all, group.Rules...)
	}
	return all
}

var (
	promText    = regexp.MustCompile(`"[^"]*"`)
	promRange   = regexp.MustCompile(`\[[^\]]*\]`)
	promGroup   = regexp.MustCompile(`\b(by|on|ignoring|without)\s*\(([^)]*)\)`)
	promMatch   = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\s*\{([^}]*)\}`)
	promLabel   = regexp.MustCompile(`([a-zA-Z_]+)\s*(?:=~|!~|!=|=)`)
	promName    = regexp.MustCompile(`\b[a-zA-Z_:][a-zA-Z0-9_:]*`)
	promKeyword = []string{"and", "or", "unless", "sum", "max", "min", "rate", "delta", "changes"}
	promTarget  = []string{"instance", "job"} // labels that Prometheus adds
)

// used returns the metrics of a query, with the labels that it selects by.
func used(expr string) exported {
	found := exported{}
	expr = promText.ReplaceAllString(expr, "")
	expr = promGroup.ReplaceAllString(promRange.ReplaceAllString(expr, ""), "")
	for _, match := range promMatch.FindAllStringSubmatch(expr, -1) {
		for _, label := range promLabel.FindAllStringSubmatch(match[2], -1) {
			found[match[1]] = append(found[match[1]], label[1])
		}
	}
	expr = regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(expr, "")
	for _, name := range promName.FindAllString(expr, -1) {
		if _, known := found[name]; !known && !slices.Contains(promKeyword, name) {
			found[name] = nil
		}
	}
	return found
}

func TestTheNamesOfAQueryAreFound(t *testing.T) {
	require.Equal(t, exported{"a_b": {"x", "y"}, "c": nil, "d_e": nil},
		used(`sum by (z) (rate(a_b{x="up",y=~"v|w"}[5m])) / c and on(q) d_e > 1e6 unless 3 == 2`))
}

// TestEveryMetricThatIsLookedAtIsExported compares the dashboards and alerts
// with the registries of a running broker and of CometBFT. Names of mlnode_ are
// compared with a running mlnode in testnet/tests/test_ops.py.
func TestEveryMetricThatIsLookedAtIsExported(t *testing.T) {
	known := brokerMetrics(t)
	maps.Copy(known, chainMetrics())
	known["up"] = nil
	paths, err := filepath.Glob(filepath.Join(ops, "grafana/*.json"))
	require.NoError(t, err)
	require.Len(t, paths, 2)
	seen := exported{}
	for _, path := range append(paths, filepath.Join(ops, "prometheus/alerts.yml")) {
		for where, expr := range expressions(t, path) {
			for name, labels := range used(expr) {
				seen[name] = labels
				if strings.HasPrefix(name, "mlnode_") {
					continue
				}
				_, ok := known[name]
				require.True(t, ok, "%s asks for %s, which nobody exports", where, name)
				for _, label := range labels {
					require.Contains(t, append(promTarget, known[name]...), label, "%s selects %s by it", where, name)
				}
			}
		}
	}
	require.Contains(t, seen, "mlnode_poc_phase")
	for name := range known {
		if strings.HasPrefix(name, "dapi_") {
			_, ok := seen[name]
			require.True(t, ok, "%s is a metric that nothing shows", name)
		}
	}
}

// targets are who a file of ops/prometheus scrapes, by job.
func targets(t *testing.T, name string) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(ops, "prometheus", name))
	require.NoError(t, err)
	var file struct {
		Rules []string `yaml:"rule_files"`
		Jobs  []struct {
			Name   string `yaml:"job_name"`
			Static []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &file))
	require.Equal(t, []string{"alerts.yml"}, file.Rules)
	found := map[string][]string{}
	for _, job := range file.Jobs {
		for _, static := range job.Static {
			found[job.Name] = append(found[job.Name], static.Targets...)
		}
	}
	return found
}

// TestPrometheusScrapesWhatOperationsOpens compares the targets with what the page has
// operators write into their files.
func TestPrometheusScrapesWhatOperationsOpens(t *testing.T) {
	require.Equal(t, map[string][]string{
		"ninefold-chain": {"127.0.0.1:26660"}, "ninefold-broker": {"127.0.0.1:9190"}, "ninefold-mlnode": {"127.0.0.1:9101"},
	}, targets(t, "prometheus.yml"))
	require.Equal(t, map[string][]string{
		"ninefold-chain": {"chain:26660"}, "ninefold-broker": {"broker:9191"}, "ninefold-mlnode": {"mlnode1:9101"},
	}, targets(t, "containers.yml"))
	raw, err := os.ReadFile("../../../docs/operations.md")
	require.NoError(t, err)
	for _, opened := range []string{
		"[admin]\nlisten = \"127.0.0.1:9190\"", "\nmetrics_listen = \"127.0.0.1:9101\"", "`prometheus = true`",
		"[metrics]\nlisten = \"0.0.0.0:9191\"", "\nmetrics_listen = \"0.0.0.0:9101\"", "\nprometheus = true\n",
	} {
		require.Contains(t, string(raw), opened)
	}
	require.True(t, strings.HasSuffix(cmtcfg.DefaultInstrumentationConfig().PrometheusListenAddr, ":26660"))

	compose, err := os.ReadFile("../../../docker-compose.yml")
	require.NoError(t, err)
	var services struct{ Services map[string]any }
	require.NoError(t, yaml.Unmarshal(compose, &services))
	for _, found := range targets(t, "containers.yml") {
		for _, target := range found {
			name, _, _ := strings.Cut(target, ":")
			require.Contains(t, services.Services, name)
		}
	}
}

func TestOperationsExplainsEveryAlertAndEveryReason(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/operations.md")
	require.NoError(t, err)
	text := string(raw)
	require.NotEmpty(t, rules(t))
	for _, rule := range rules(t) {
		require.Contains(t, text, "\n### "+rule.Alert+"\n", "an alert without a section")
		require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
	}
	reasons := 0
	for r := weight.Mined; r.String() != "unspecified"; r++ {
		require.Contains(t, text, "\n| `"+r.String()+"` |", "a reason without a row")
		reasons++
	}
	require.Equal(t, 14, reasons)
	require.Contains(t, text, "\n| `"+unknownHost+"` |")
}

func TestMetricsFollowTheHost(t *testing.T) {
	play(t, func(t *testing.T, w *world) {
		a := w.add("alpha", 4)
		w.add("beta", 4)
		w.start()
		w.block()
		value := func(name string, labels ...string) int64 {
			t.Helper()
			families, err := a.host.Metrics().Gather()
			require.NoError(t, err)
			for _, family := range families {
				for _, m := range family.Metric {
					var got []string
					for _, pair := range m.Label {
						got = append(got, pair.GetName()+"="+pair.GetValue())
					}
					if family.GetName() == name && slices.Equal(got, labels) {
						return int64(m.Gauge.GetValue())
					}
				}
			}
			return -1
		}
		require.EqualValues(t, 1, value("dapi_chain_reachable"))
		require.EqualValues(t, 9, value("dapi_stage"))
		require.EqualValues(t, 100, value("dapi_validator_power"))
		require.EqualValues(t, 256, value("dapi_free_messages_left"))
		w.until(epoch.PocStart)
		w.until(epoch.ModelLoading)
		require.Equal(t, value("dapi_proofs", "are=received", "node=node-0"), value("dapi_proofs", "are=committed", "node=node-0"))
		require.Positive(t, value("dapi_outbox_intents", "kind=poc_batch", "state=committed"))
		require.Zero(t, value("dapi_outbox_intents", "kind=poc_batch", "state=rejected"))
		require.Zero(t, value("dapi_outbox_oldest_seconds"))
		w.until(epoch.Inference)
		mined := w.chain.Outcome(1, a.address).Weight
		require.EqualValues(t, mined, value("dapi_weight", "is=effective"))
		require.EqualValues(t, 1, value("dapi_weight_reason", "reason=accepted"))
		require.EqualValues(t, 1, value("dapi_judgement", "outcome=accepted"))
		require.Equal(t, value("dapi_judgement_seats", "said=drawn"), value("dapi_judgement_seats", "said=honest"))
		require.EqualValues(t, 1, value("dapi_node_phase", "node=node-0", "phase=INFERENCE"))

		a.nodes["node-0"].SetDown(true)
		w.block()
		require.Zero(t, value("dapi_node_reachable", "node=node-0"))
		require.EqualValues(t, 1, value("dapi_node_problem", "node=node-0"))
		for _, e := range a.endpoints {
			e.SetDown(true)
		}
		time.Sleep(blockTime) // the bubble's clock
		require.Zero(t, value("dapi_chain_reachable"))
		require.EqualValues(t, 9, value("dapi_stage"), "what was seen last")
		for _, e := range a.endpoints {
			e.SetDown(false)
		}
	})
}
