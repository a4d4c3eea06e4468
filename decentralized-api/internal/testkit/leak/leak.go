// Package leak fails a test binary that leaves goroutines behind.
package leak

import (
	"testing"

	"go.uber.org/goleak"
)

// Verify runs the tests and looks for goroutines that outlived them.
func Verify(m *testing.M) {
	goleak.VerifyTestMain(m,
		// Started by the init function of a library of the SDK's client.
		goleak.IgnoreTopFunction("github.com/desertbit/timer.timerRoutine"))
}
