package bank

import (
	"maps"
	"math"
	"math/big"
	"math/rand" // want `import of math/rand`
	"slices"
	"strconv"
	"time"
)

func clock() time.Time {
	return time.Now() // want `call of time.Now: use the block's time`
}

func duration(d time.Duration) time.Duration { return 2 * d }

func chance() int { return rand.Int() }

func share(a, b int64) float64 { // want `floating point in share` `floating point in float64`
	return float64(a) / float64(b) // want `floating point in float64` `floating point in float64`
}

const half = 0.5 // want `floating point in half` `floating point literal 0.5`

func parsed(s string) {
	v, _ := strconv.ParseFloat(s, 64) // want `floating point in v` `floating point in ParseFloat`
	_ = v                             // want `floating point in v`
}

func exact(a, b *big.Int) *big.Int { return new(big.Int).Quo(a, b) }

func inexact() {
	_ = big.NewFloat(0) // want `floating point in NewFloat`
}

func bound() int64 { return math.MaxInt64 }

func order(m map[string]int) (total int) {
	for _, v := range m { // want `range over a map`
		total += v
	}
	for k := range maps.Keys(m) { // want `call of maps.Keys: sort it`
		total += len(k)
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		total += m[k]
	}
	for i := range 3 {
		total += i
	}
	return total
}

func concurrent(a, b chan int) {
	go order(nil) // want `goroutine`
	select {      // want `select`
	case <-a:
	case <-b:
	}
}
