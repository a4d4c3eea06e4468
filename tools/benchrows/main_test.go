package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const output = `goos: linux
cpu: A processor
BenchmarkBlockWork/hosts=100-2   1  29 ns/op  83.4 MODEL_LOADING-cpu-ms  184.3 MODEL_LOADING-wall-ms  100 epoch-cpu-ms  300 epoch-wall-ms
BenchmarkBlockWork/hosts=1000-2  1  29 ns/op  600 MODEL_LOADING-cpu-ms  700 MODEL_LOADING-wall-ms  900 epoch-cpu-ms  950 epoch-wall-ms  40 first-block-cpu-ms
BenchmarkBatches256              168  6379021 ns/op  2500000 cpu-ns/op
BenchmarkCheck200-2              1000  1000000 ns/op
BenchmarkSomethingElse-2         1000  1000000 ns/op
PASS
`

func TestEachCostStandsBesideItsGoal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chain.json")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := run(strings.NewReader(output), []string{file}, now); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name            string
		value, baseline float64
		ratio           float64
		goal            string
	}{
		{"MODEL_LOADING, slowest block's begin and end, 100 hosts × 10 nodes × 8 models, processor time", 83.4, 500, 0.167, "ratio <= 1"},
		{"MODEL_LOADING, slowest block's begin and end, 1000 hosts × 10 nodes × 8 models, processor time", 600, 500, 1.2, "ratio <= 1"},
		{"the chain's first block, once, 1000 hosts × 10 nodes × 8 models, processor time", 40, 500, 0.08, ""},
		{"message of 256 commitments", 2.5, 5, 0.5, "ratio <= 1"},
		{"checking 200 openings of the largest batch", 1, 5, 0.2, "ratio <= 1"},
		{"an epoch's begins and ends, 10000 nodes, against 1000 nodes made linear, processor time", 900, 1000, 0.9, "ratio <= 1.3"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows, want %d: %s", len(rows), len(want), text)
	}
	for i, w := range want {
		got := rows[i]
		if got.Name != w.name || got.Value != w.value || got.Baseline != w.baseline || got.Ratio != w.ratio || got.Goal != w.goal {
			t.Errorf("row %d is %+v, want %+v", i, got, w)
		}
		if got.Unit != "ms" || got.Date != "2026-01-02" || got.Machine != "A processor" || got.Versions == "" {
			t.Errorf("row %d is %+v", i, got)
		}
	}
}

func TestAnInputWithoutBenchmarksIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "chain.json")
	if err := run(strings.NewReader("PASS\n"), []string{file}, time.Now()); err == nil {
		t.Fatal("accepted")
	}
	if err := run(strings.NewReader(output), nil, time.Now()); err == nil {
		t.Fatal("accepted without a file")
	}
	if err := run(strings.NewReader("BenchmarkVerdict 1 x ns/op\n"), []string{file}, time.Now()); err == nil {
		t.Fatal("accepted a number that is none")
	}
}
