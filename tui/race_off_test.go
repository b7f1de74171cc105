//go:build !race

package tui

const slowness = 1
