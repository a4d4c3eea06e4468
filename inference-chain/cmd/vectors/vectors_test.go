package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root leads from this folder to the repository's.
const root = "../../.."

func TestGeneratedFilesOnDiskAreFresh(t *testing.T) {
	to := folders{vectors: filepath.Join(root, "proto/vectors"), docs: filepath.Join(root, "docs")}
	require.NoError(t, run(to, true))
}

func TestCheckNamesEveryStaleFile(t *testing.T) {
	folder := t.TempDir()
	to := folders{vectors: folder, docs: filepath.Join(folder, "docs")}
	require.NoError(t, run(to, false))
	require.NoError(t, run(to, true))

	require.NoError(t, os.WriteFile(filepath.Join(folder, "draw.json"), []byte("{}\n"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(folder, "docs", "params.md")))
	err := run(to, true)
	require.ErrorIs(t, err, errStale)
	require.ErrorContains(t, err, "draw.json")
	require.ErrorContains(t, err, "params.md")
	require.NotContains(t, err.Error(), "epoch.json")
	written, readErr := os.ReadFile(filepath.Join(folder, "draw.json"))
	require.NoError(t, readErr)
	require.Equal(t, "{}\n", string(written), "a check writes nothing")
}

func TestArtefactsHaveNamesOfTheirOwnAndBuildTheSameTwice(t *testing.T) {
	seen := map[string]bool{}
	for _, made := range artefacts() {
		require.False(t, seen[made.name], made.name)
		seen[made.name] = true
		first, err := made.build()
		require.NoError(t, err, made.name)
		second, err := made.build()
		require.NoError(t, err, made.name)
		require.True(t, bytes.Equal(first, second), made.name)
		require.True(t, bytes.HasSuffix(first, []byte("\n")), made.name)
		if !made.document {
			require.True(t, strings.HasSuffix(made.name, ".json"), made.name)
			requireNoNumberAbove32Bits(t, made.name, first)
		}
	}
	names := slices.Sorted(maps.Keys(seen))
	require.Equal(t, []string{
		"commit.json", "draw.json", "epoch.json", "fixed.json", "params.json", "params.md", "poc.json", "price.json",
		"reward.json", "throughput.json", "timeslot.json",
		"weight.json",
	}, names)
}

// requireNoNumberAbove32Bits checks that whatever could exceed a double's integers
// is written as a string.
func requireNoNumberAbove32Bits(t *testing.T, name string, content []byte) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, name)
		if number, ok := token.(json.Number); ok {
			value, err := number.Int64()
			require.NoError(t, err, "%s: %s is no integer", name, number)
			require.Less(t, value, int64(1<<32), name)
		}
	}
}
