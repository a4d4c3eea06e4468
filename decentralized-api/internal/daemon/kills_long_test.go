//go:build long

package daemon

const kills = 1000
