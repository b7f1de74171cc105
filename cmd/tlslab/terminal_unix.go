//go:build !windows

package main

// terminal is the one that the program was started from, wherever its standard input comes from.
const terminal = "/dev/tty"
