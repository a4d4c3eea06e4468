// Command simcore answers questions about the arithmetic of core, so that another
// implementation can be held against it in bulk.
//
// It reads JSON lines {"op": NAME, "cases": [[…], …]} and writes one line for each:
// {"results": [[…], …]}, a result per case, in order. Operands and results are
// integers in the order that ops.go gives for each name; booleans are 0 and 1. A
// case that core refuses has the result null. A line that cannot be read ends the
// program with status 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// longestLine bounds a request, in bytes.
const longestLine = 256 << 20

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simcore:", err)
		os.Exit(1)
	}
}

type request struct {
	Op    string     `json:"op"`
	Cases [][]uint64 `json:"cases"`
}

type response struct {
	Results [][]uint64 `json:"results"`
}

func serve(in io.Reader, out io.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 1<<20), longestLine)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	for lines.Scan() {
		var asked request
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			return fmt.Errorf("a line is no request: %w", err)
		}
		answered, err := answer(asked)
		if err != nil {
			return err
		}
		if err := encoder.Encode(answered); err != nil {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func answer(asked request) (response, error) {
	made, known := operations()[asked.Op]
	if !known {
		return response{}, fmt.Errorf("no operation %q", asked.Op)
	}
	results := make([][]uint64, len(asked.Cases))
	for i, operands := range asked.Cases {
		if len(operands) < made.least {
			return response{}, fmt.Errorf("%s takes at least %d operands, case %d has %d", asked.Op, made.least, i, len(operands))
		}
		if result, err := made.run(operands); err == nil {
			results[i] = append([]uint64{}, result...) // an empty result is not a refusal
		}
	}
	return response{Results: results}, nil
}
