// Package chance lets a test act at random, from a seed that it prints and that a
// flag gives again. It imports nothing of the broker, so that every package's own
// tests may use it.
package chance

import (
	"flag"
	"math/rand/v2"
	"testing"
)

// Seed is a flag of a test's binary.
type Seed struct {
	name  string
	value *uint64
}

// Flag declares the seed of something random, e.g. of the random kills.
func Flag(name, of string) Seed {
	return Seed{name, flag.Uint64(name, 0, "seed of the random "+of+"; 0 draws one")}
}

// Random is a source of the seed given, or of one that is drawn; the test's log says
// how to run it again.
func (s Seed) Random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *s.value
	if seed == 0 {
		seed = rand.Uint64() //nolint:gosec // a test's chance is printed, and no secret
	}
	t.Logf("go test -run %s -%s %d", t.Name(), s.name, seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // as above: it has to come again
}
