//go:build !unix

package store

import "os"

// makeLike does nothing where a file has no owner and mode of that kind.
func makeLike(string, os.FileInfo) error { return nil }
