package reward

import (
	"errors"
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
)

// ErrSpread reports a coverage_spread of zero, or one that with so many models does
// not fit into 64 bits.
var ErrSpread = errors.New("reward: coverage_spread times the models must lie between 1 and 2^64-1")

// Coverage is what GetParticipantModelCoverage says of one host.
type Coverage struct {
	Covered []bool // by model, in the order of the weights given
	Covers  bool   // all of them, and there is at least one
}

// GetParticipantModelCoverage says whether a host serves every model. weights are
// the host's belonging weights, one for each model whose subgroup has any weight, 0
// where the host has none. A model is covered by at least root/(spread·models) of
// the host's root weight, compared without dividing.
//
// Without any such model there is nothing to cover, and no bonus.
func GetParticipantModelCoverage(root uint64, weights []uint64, spread uint64) (Coverage, error) {
	if len(weights) == 0 {
		return Coverage{}, nil
	}
	parts, err := fixed.Mul(spread, uint64(len(weights)))
	if err != nil || parts == 0 {
		return Coverage{}, fmt.Errorf("%w: %d times %d", ErrSpread, spread, len(weights))
	}
	c := Coverage{Covered: make([]bool, len(weights)), Covers: true}
	for model, weight := range weights {
		c.Covered[model] = CoversModel(root, weight, parts)
		c.Covers = c.Covers && c.Covered[model]
	}
	return c, nil
}

// CoversModel says whether a belonging weight covers one model: weight ≥ root/parts,
// compared without dividing. parts is coverage_spread times the models that have
// weight. A host without root weight covers nothing.
func CoversModel(root, weight, parts uint64) bool {
	return root > 0 && fixed.CmpProducts(weight, parts, root, 1) >= 0
}
