//go:build unix

package store

import (
	"os"
	"syscall"
)

// makeLike gives a file of this process the mode and the owner of another one.
func makeLike(path string, other os.FileInfo) error {
	if there, ok := other.Sys().(*syscall.Stat_t); ok {
		here, err := os.Stat(path)
		if err != nil {
			return err
		}
		if now, ok := here.Sys().(*syscall.Stat_t); ok && (now.Uid != there.Uid || now.Gid != there.Gid) {
			if err := os.Chown(path, int(there.Uid), int(there.Gid)); err != nil {
				return err
			}
		}
	}
	return os.Chmod(path, other.Mode().Perm())
}
