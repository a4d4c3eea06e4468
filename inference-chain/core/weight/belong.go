package weight

import (
	"math"
	"math/big"
)

// MaxThroughput is where Throughput stops: it is a measure for routing and
// slots, and a model with an absurd throughput_per_nonce must not keep an
// epoch from being formed.
const MaxThroughput = uint64(math.MaxInt64)

// belong returns the listed models that the round knows, by preference, and
// the throughput for the first of them, to which the node belongs.
func belong(listed []string, weight uint64, round Round) (models []string, throughput uint64) {
	for _, id := range listed {
		if _, known := round.ThroughputPerNonce[id]; known {
			models = append(models, id)
		}
	}
	if len(models) > 0 {
		throughput = Throughput(weight, round.ThroughputPerNonce[models[0]], round.PocPeriod, round.Generation)
	}
	return models, throughput
}

// Throughput returns ⌊weight·perNonce·P/(G·10⁶)⌋, tokens a PoC period, at most
// MaxThroughput. perNonce is in 10^-6 tokens a block, P and G are blocks; a
// generation without blocks proves nothing and has throughput 0.
func Throughput(weight, perNonce, pocPeriod, generation uint64) uint64 {
	if generation == 0 {
		return 0
	}
	tokens := new(big.Int).SetUint64(weight)
	tokens.Mul(tokens, new(big.Int).SetUint64(perNonce))
	tokens.Mul(tokens, new(big.Int).SetUint64(pocPeriod))
	divisor := new(big.Int).SetUint64(generation)
	tokens.Quo(tokens, divisor.Mul(divisor, big.NewInt(1_000_000)))
	if !tokens.IsUint64() || tokens.Uint64() > MaxThroughput {
		return MaxThroughput
	}
	return tokens.Uint64()
}
