package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// result is what one benchmark reported, by unit.
type result struct {
	name    string
	metrics map[string]float64
}

// parse reads the lines that `go test -bench` prints, and the machine's name.
func parse(in io.Reader) (results []result, machine string, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if cpu, found := strings.CutPrefix(line, "cpu: "); found {
			machine = cpu
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		r, err := parseResult(fields)
		if err != nil {
			return nil, "", fmt.Errorf("%q: %w", line, err)
		}
		results = append(results, r)
	}
	return results, machine, lines.Err()
}

func parseResult(fields []string) (result, error) {
	name := strings.TrimPrefix(fields[0], "Benchmark")
	if cut := strings.LastIndexByte(name, '-'); cut > 0 {
		name = name[:cut] // the number of threads
	}
	r := result{name: name, metrics: map[string]float64{}}
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return result{}, err
		}
		r.metrics[fields[i+1]] = value
	}
	return r, nil
}

// Goals of docs/spec/epoch-machine.md.
const (
	blockGoal = 500 // ms
	// linearGoal is how much faster than the number of nodes an epoch's work may grow.
	linearGoal = 1.3
)

// messageGoals are in ms.
var messageGoals = []struct {
	benchmark, name string
	goal            float64
}{
	{"Batches256", "message of 256 commitments", 5},
	{"Check200", "checking 200 openings of the largest batch", 5},
	{"Check200Singly", "checking 200 openings of as many batches", 5},
	{"Verdict", "message with a verdict, jury drawn from 10,000 members", 1},
}

// rowsOf compares what was measured with its goal; processor time where the
// benchmark reports it.
func rowsOf(results []result) []row {
	var rows []row
	epochs := map[int]float64{}
	for _, r := range results {
		if hosts, found := strings.CutPrefix(r.name, "BlockWork/hosts="); found {
			n, err := strconv.Atoi(hosts)
			if err != nil {
				continue
			}
			rows = append(rows, blockRows(n, 10, r.metrics)...)
			epochs[n] = r.metrics["epoch-cpu-ms"]
			continue
		}
		if hosts, found := strings.CutPrefix(r.name, "LargeHosts/hosts="); found {
			n, err := strconv.Atoi(hosts)
			if err != nil {
				continue
			}
			rows = append(rows, blockRows(n, 256, r.metrics)...)
			continue
		}
		if kind, found := strings.CutPrefix(r.name, "FullBlock/"); found {
			made := against(fmt.Sprintf("a block whose gas is used up by %s, %.0f transactions and the commit, processor time",
				strings.ReplaceAll(kind, "-", " "), r.metrics["transactions"]), r.metrics["cpu-ms"], blockGoal)
			made.Goal = "" // what the limit of a block's gas means; the goal is of what no gas pays for
			rows = append(rows, made)
			continue
		}
		for _, goal := range messageGoals {
			if goal.benchmark == r.name {
				rows = append(rows, against(goal.name, milliseconds(r.metrics), goal.goal))
			}
		}
	}
	return append(rows, growthRows(epochs)...)
}

func milliseconds(metrics map[string]float64) float64 {
	if cpu, measured := metrics["cpu-ns/op"]; measured {
		return cpu / 1e6
	}
	return metrics["ns/op"] / 1e6
}

func against(name string, value, goal float64) row {
	return row{
		Name: name, Value: rounded(value, 3), Unit: "ms", Baseline: goal, Ratio: rounded(value/goal, 3), Goal: "ratio <= 1",
	}
}

func blockRows(hosts, nodes int, metrics map[string]float64) []row {
	var rows []row
	for _, unit := range slices.Sorted(maps.Keys(metrics)) {
		stage, found := strings.CutSuffix(unit, "-cpu-ms")
		if !found || stage == "epoch" {
			continue
		}
		what := stage + ", slowest block's begin and end"
		if stage == "first-block" {
			what = "the chain's first block, once"
		}
		name := fmt.Sprintf("%s, %d hosts × %d nodes × 8 models, processor time", what, hosts, nodes)
		made := against(name, metrics[unit], blockGoal)
		if stage == "first-block" {
			made.Goal = "" // happens once, before anybody waits
		}
		rows = append(rows, made)
	}
	return rows
}

// growthRows compares the work of a whole epoch with that of the smallest network,
// times its nodes. The ratio's goal is 1.3.
func growthRows(epochs map[int]float64) []row {
	sizes := slices.Sorted(maps.Keys(epochs))
	var rows []row
	for _, hosts := range sizes[min(1, len(sizes)):] {
		linear := epochs[sizes[0]] * float64(hosts) / float64(sizes[0])
		if linear == 0 {
			continue
		}
		rows = append(rows, row{
			Name: fmt.Sprintf("an epoch's begins and ends, %d nodes, against %d nodes made linear, processor time",
				10*hosts, 10*sizes[0]),
			Goal:  fmt.Sprintf("ratio <= %.1f", linearGoal),
			Value: rounded(epochs[hosts], 1), Unit: "ms", Baseline: rounded(linear, 1), Ratio: rounded(epochs[hosts]/linear, 3),
		})
	}
	return rows
}
