// Package epoch tells which of the nine stages a height belongs to, and which
// heights a stage's messages are accepted at.
//
// Source: docs/spec/epoch.md.
package epoch

import "fmt"

// Stage is one of the nine parts of an epoch's cycle, in order.
type Stage uint8

// The stages. Zero is no stage.
const (
	StageUnspecified Stage = iota
	PocStart
	PocExchange
	PocEnd
	PocValidationStart
	PocValidationExchange
	PocValidationEnd
	ModelLoading
	SetNewValidators
	Inference
)

var stageNames = [...]string{
	"STAGE_UNSPECIFIED",
	"POC_START",
	"POC_EXCHANGE",
	"POC_END",
	"POC_VALIDATION_START",
	"POC_VALIDATION_EXCHANGE",
	"POC_VALIDATION_END",
	"MODEL_LOADING",
	"SET_NEW_VALIDATORS",
	"INFERENCE",
}

// Stages lists the nine stages in the order of a cycle.
func Stages() []Stage {
	stages := make([]Stage, 0, Inference)
	for stage := PocStart; stage <= Inference; stage++ {
		stages = append(stages, stage)
	}
	return stages
}

// String returns the stage's name as it stands in events and queries.
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return fmt.Sprintf("STAGE_%d", uint8(s))
}

// InPocPeriod says whether the stage is one of the eight from POC_START to
// SET_NEW_VALIDATORS.
func (s Stage) InPocPeriod() bool {
	return s >= PocStart && s <= SetNewValidators
}
