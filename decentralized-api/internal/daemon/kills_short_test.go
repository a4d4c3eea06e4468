//go:build !long

package daemon

const (
	kills        = 50
	stormsEpochs = epochsAStorm
)
