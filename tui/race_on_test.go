//go:build race

package tui

// The race detector makes everything several times slower.
const slowness = 5
