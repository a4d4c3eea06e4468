package main

import (
	"testing"

	"golang.org/x/tools/go/analysis/analysistest"
)

func TestWhatMayDifferBetweenMachinesIsReported(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), Analyzer, "chain/x/bank")
}

func TestCoreImportsNothingButTheStandardLibrary(t *testing.T) {
	analysistest.Run(t, analysistest.TestData(), Analyzer, "chain/core/draw")
}
