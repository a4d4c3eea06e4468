// Command statecheck is a vet tool for the code that every validator must
// execute alike. Run it as
//
//	go vet -vettool=.tools/bin/statecheck ./inference-chain/core/... ./inference-chain/x/...
//
// Two validators that disagree on one bit of the state halt the chain, so what
// can differ between two machines or two runs is refused: floating point,
// clocks, chance, goroutines and the order of a map. Tests and generated files
// are not judged.
package main

import "golang.org/x/tools/go/analysis/unitchecker"

func main() { unitchecker.Main(Analyzer) }
