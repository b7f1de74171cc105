//go:build !windows

package main

import (
	"math"
	"syscall"
)

// openFiles returns how many files this process may have open, connections included. Bounded is false where there is no such number.
func openFiles() (most int, bounded bool) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > math.MaxInt32 {
		return 0, false
	}
	return int(limit.Cur), true
}
