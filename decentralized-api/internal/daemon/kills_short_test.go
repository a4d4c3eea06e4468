//go:build !long

package daemon

const kills = 50
