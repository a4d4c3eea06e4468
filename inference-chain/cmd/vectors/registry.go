package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// artefact is one generated file.
type artefact struct {
	name     string
	document bool // belongs to the documents, not to the vectors
	build    func() ([]byte, error)
}

// registered collects what the files of this package add in their init functions:
// one file a core package, which touches no other to add its vectors.
var registered []artefact

// registerVectors adds a file of vectors. build returns what is written as JSON;
// use u64 for 64-bit integers and bytesHex for bytes. It must be a pure function.
func registerVectors(name string, build func() (any, error)) {
	registered = append(registered, artefact{name: name, build: func() ([]byte, error) {
		content, err := build()
		if err != nil {
			return nil, err
		}
		return encode(content)
	}})
}

// registerDocument adds a text file to the documents.
func registerDocument(name string, build func() ([]byte, error)) {
	registered = append(registered, artefact{name: name, document: true, build: build})
}

// artefacts returns everything registered, by name.
func artefacts() []artefact {
	sorted := slices.Clone(registered)
	slices.SortFunc(sorted, func(a, b artefact) int { return strings.Compare(a.name, b.name) })
	return sorted
}

func encode(content any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// u64 is a 64-bit integer as a decimal string: a JSON number would lose digits in
// readers that keep numbers as doubles.
type u64 uint64

// MarshalText implements encoding.TextMarshaler.
func (v u64) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(v), 10), nil
}

func u64s(values []uint64) []u64 {
	out := make([]u64, len(values))
	for i, value := range values {
		out[i] = u64(value)
	}
	return out
}

// i64 is a height as a decimal string.
type i64 int64

// MarshalText implements encoding.TextMarshaler.
func (v i64) MarshalText() ([]byte, error) {
	return strconv.AppendInt(nil, int64(v), 10), nil
}

// bytesHex is a byte string in lower-case hexadecimal.
type bytesHex []byte

// MarshalText implements encoding.TextMarshaler.
func (b bytesHex) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, b), nil
}

// outcome is a result or the error that stands in its place. Readers compare
// whether there is an error, not its text.
type outcome[T any] struct {
	Value *T     `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func outcomeOf[T any](value T, err error) outcome[T] {
	if err != nil {
		return outcome[T]{Error: err.Error()}
	}
	return outcome[T]{Value: &value}
}
