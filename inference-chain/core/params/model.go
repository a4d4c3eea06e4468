package params

import (
	"fmt"

	"ninefold.dev/inference-chain/core/fixed"
)

// Bounds of the proof network: within them no engine's integers overflow.
const (
	minWidth, maxWidth     = 64, 131_072 // dim and the FFN's width
	minHeadDim, maxHeadDim = 32, 1_024
)

// PocModel is the shape of the EXACT8 proof network.
type PocModel struct {
	Dim              uint64 `json:"dim,string"`
	NLayers          uint64 `json:"n_layers,string"`
	NHeads           uint64 `json:"n_heads,string"`
	NKvHeads         uint64 `json:"n_kv_heads,string"`
	VocabSize        uint64 `json:"vocab_size,string"`
	FfnDimMultiplier string `json:"ffn_dim_multiplier"`
	MultipleOf       uint64 `json:"multiple_of,string"`
	SeqLen           uint64 `json:"seq_len,string"`
}

// FFNWidth returns F: ⌊8·dim/3⌋ times the multiplier, rounded down, then up to a
// multiple of multiple_of, as Llama derives it.
func (m PocModel) FFNWidth() (uint64, error) {
	multiplier, err := fixed.Parse(m.FfnDimMultiplier)
	if err != nil {
		return 0, fmt.Errorf("poc_model.ffn_dim_multiplier: %w", err)
	}
	base, err := fixed.MulDivFloor(m.Dim, 8, 3)
	if err != nil {
		return 0, err
	}
	width, err := multiplier.MulFloor(base)
	if err != nil {
		return 0, err
	}
	units, err := fixed.MulDivCeil(width, 1, m.MultipleOf)
	if err != nil {
		return 0, err
	}
	return fixed.Mul(units, m.MultipleOf)
}

// HeadDim returns hd = dim/n_heads, or 0 when n_heads does not divide dim.
func (m PocModel) HeadDim() uint64 {
	if m.NHeads == 0 || m.Dim%m.NHeads != 0 {
		return 0
	}
	return m.Dim / m.NHeads
}

func (m PocModel) same(other PocModel) bool {
	if !sameDecimal(m.FfnDimMultiplier, other.FfnDimMultiplier) {
		return false
	}
	m.FfnDimMultiplier = other.FfnDimMultiplier
	return m == other
}

func sameDecimal(a, b string) bool {
	x, errX := fixed.Parse(a)
	y, errY := fixed.Parse(b)
	return errX == nil && errY == nil && x == y
}
