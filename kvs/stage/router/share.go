package router

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/tlslab/kvs/kernel"
)

// Bounds of a shared folder.
const (
	MaxEntries     = 1024    // of the folder; one that has more is not read
	DefaultMaxFile = 1 << 20 // bytes of a file that is given out
)

var (
	errNoFile   = errors.New("there is no such file")
	errTooLarge = errors.New("the file is too large")
)

// A share gives out files of a folder: those that lie in it and not deeper, are regular files and
// no links, and have a name that is plain. A name that a client sends is looked up among
// theirs and is never a path; and what is opened, is opened by an os.Root, which does not leave the folder.
type share struct {
	root  *os.Root
	limit int // of a file, in bytes
}

// names returns the files' names, in no order.
func (s share) names() (names []string, err error) {
	folder, err := s.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	entries, err := folder.ReadDir(MaxEntries + 1)
	switch {
	case err != nil && err != io.EOF:
		return nil, err
	case len(entries) > MaxEntries:
		return nil, fmt.Errorf("the shared folder has more than %d entries", MaxEntries)
	}
	for _, entry := range entries {
		if entry.Type().IsRegular() && IsPlain(entry.Name()) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// read returns what is in a file.
func (s share) read(name string) ([]byte, error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, errNoFile
	}
	return s.readListed(name)
}

func (s share) readListed(name string) ([]byte, error) {
	file, err := s.root.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errNoFile
	} else if err != nil {
		return nil, err
	}
	defer file.Close()
	switch info, err := file.Stat(); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errNoFile
	}
	content, err := io.ReadAll(io.LimitReader(file, int64(s.limit)+1))
	if err == nil && len(content) > s.limit {
		return nil, errTooLarge
	}
	return content, err
}

// hashes returns the SHA-256 of each file in hex, and the names of those that are too large or cannot be read.
func (s share) hashes(ctx context.Context) (hashes map[string]string, leftOut []string, err error) {
	names, err := s.names()
	if err != nil {
		return nil, nil, err
	}
	hashes = make(map[string]string)
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, nil, kernel.ErrStopping
		}
		content, err := s.readListed(name)
		switch {
		case err == nil:
			sum := sha256.Sum256(content)
			hashes[name] = hex.EncodeToString(sum[:])
		case !errors.Is(err, errNoFile):
			leftOut = append(leftOut, name)
		}
	}
	slices.SortFunc(leftOut, cmp.Compare[string])
	return hashes, leftOut, nil
}

// maxName is the greatest length of a plain name, in bytes.
const maxName = 255

// device matches the names that Windows keeps for devices, in every folder.
var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)`)

// IsPlain reports whether a file of that name can lie in a folder of any system, and
// is no more there than a visible file: no path, no device, no stream of another file, nothing that a
// terminal would draw otherwise than it is. Only such files are shared; who
// writes what a server has given under its name should see to it too.
func IsPlain(name string) bool {
	switch {
	case name == "" || len(name) > maxName || !utf8.ValidString(name):
		return false
	case strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " "):
		return false
	case strings.ContainsAny(name, `/\:*?"<>|`) || device.MatchString(name):
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
	})
}
