// Command vectors writes the golden vectors of the core packages, and the table of
// parameters as a document, from the code itself. Other languages test against them.
//
//	go run ./inference-chain/cmd/vectors -out proto/vectors
//	go run ./inference-chain/cmd/vectors -out proto/vectors -check
//
// With -check nothing is written, and stale files are named with exit status 1.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "proto/vectors", "folder of the vectors")
	docs := flag.String("docs", "docs", "folder of the documents made from the code")
	check := flag.Bool("check", false, "write nothing; exit with 1 and name the files that are stale")
	flag.Parse()
	if flag.NArg() != 0 {
		fmt.Fprintf(os.Stderr, "vectors: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(folders{vectors: *out, docs: *docs}, *check); err != nil {
		fmt.Fprintln(os.Stderr, "vectors:", err)
		os.Exit(1)
	}
}

// folders says where generated files go.
type folders struct {
	vectors, docs string
}

func (f folders) path(made artefact) string {
	if made.document {
		return filepath.Join(f.docs, made.name)
	}
	return filepath.Join(f.vectors, made.name)
}

func run(to folders, check bool) error {
	var stale []error
	for _, made := range artefacts() {
		content, err := made.build()
		if err != nil {
			return fmt.Errorf("%s: %w", made.name, err)
		}
		path := to.path(made)
		if check {
			stale = append(stale, compare(path, content))
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return errors.Join(stale...)
}

var errStale = errors.New("is stale, run `go run ./inference-chain/cmd/vectors -out proto/vectors`")

func compare(path string, want []byte) error {
	got, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err != nil || !bytes.Equal(got, want) {
		return fmt.Errorf("%s %w", path, errStale)
	}
	return nil
}
