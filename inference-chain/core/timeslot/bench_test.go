package timeslot_test

import (
	"fmt"
	"testing"

	"ninefold.dev/inference-chain/core/fixed"
	"ninefold.dev/inference-chain/core/timeslot"
)

func BenchmarkAllocate(b *testing.B) {
	for _, size := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(size, " hosts of one node"), func(b *testing.B) {
			throughputs := make([][]uint64, size)
			for i := range throughputs {
				throughputs[i] = []uint64{10}
			}
			hosts := hostsOf(throughputs...)
			model := timeslot.Model{ID: "org/a", Required: uint64(10 * size), Total: uint64(10 * size)}
			limits := timeslot.Limits{MaxServingFraction: fixed.One / 2, MaxConsecutivePreservedEpochs: 2}
			for b.Loop() {
				if _, err := timeslot.Allocate(seed, model, hosts, limits); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
