// Command benchrows turns the output of the chain's Go benchmarks into the rows of
// docs/benchmarks/chain.json: each cost beside its goal.
//
//	go test -bench . ./... | benchrows docs/benchmarks/chain.json
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"time"
)

func main() {
	if err := run(os.Stdin, os.Args[1:], time.Now()); err != nil {
		fmt.Fprintln(os.Stderr, "benchrows:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, args []string, now time.Time) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: benchrows FILE, with the benchmarks' output at the input")
	}
	results, machine, err := parse(in)
	if err != nil {
		return err
	}
	rows := rowsOf(results)
	if len(rows) == 0 {
		return fmt.Errorf("the input holds no benchmark of the chain")
	}
	for i := range rows {
		rows[i].Date = now.UTC().Format(time.DateOnly)
		rows[i].Machine = machine
		rows[i].Versions = runtime.Version()
	}
	text, err := json.MarshalIndent(rows, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], append(text, '\n'), 0o644) //nolint:gosec // who calls it names the file
}

// row is one line of the table that docs/benchmarks.md shows.
type row struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline"`
	Ratio    float64 `json:"ratio"`
	Goal     string  `json:"goal,omitempty"`
	Date     string  `json:"date"`
	Machine  string  `json:"machine"`
	Versions string  `json:"versions"`
}

func rounded(value float64, digits float64) float64 {
	scale := math.Pow(10, digits)
	return math.Round(value*scale) / scale
}
