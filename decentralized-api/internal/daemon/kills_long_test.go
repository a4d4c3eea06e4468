//go:build long

package daemon

const (
	kills        = 1000
	stormsEpochs = 100 * epochsAStorm
)
