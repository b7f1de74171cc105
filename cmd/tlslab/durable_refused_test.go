package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/store"
	"example.com/tlslab/testdata/needs"
	bolt "go.etcd.io/bbolt"
)

// strangers are what --db may name and is no store that can be had, and what is said of it, after its path.
var strangers = []struct {
	name    string
	make    func(t *testing.T, path string)
	en, pt  string
	guarded bool // the program must not be root
}{
	{"text", func(t *testing.T, path string) { write(t, path, bytes.Repeat([]byte("dear diary\n"), 5000)) }, "does not begin as a database does", "não começa como um banco de dados", false},
	{"short", func(t *testing.T, path string) { write(t, path, []byte("x")) }, "does not begin as a database does", "não começa como um banco de dados", false},
	{"program", theirs, "the database of another program", "o banco de dados de outro programa", false},
	{"page", func(t *testing.T, path string) {
		content := ours(t, path)
		copy(content[3*os.Getpagesize():], make([]byte, 3*os.Getpagesize()))
		write(t, path, content)
	}, "its pages are not in order", "as páginas dele não estão em ordem", false},
	{"metas", func(t *testing.T, path string) {
		content := ours(t, path)
		content[20], content[os.Getpagesize()+20] = ^content[20], ^content[os.Getpagesize()+20]
		write(t, path, content)
	}, "does not begin as a database does", "não começa como um banco de dados", false},
	{"cut", func(t *testing.T, path string) {
		content := ours(t, path)
		write(t, path, content[:len(content)/2])
	}, "its end is missing", "falta o fim dele", false},
	{"folder", func(t *testing.T, path string) { noError(t, os.Mkdir(path, 0o700)) }, "is a folder", "é uma pasta", false},
	{"held", func(t *testing.T, path string) {
		file, err := store.Open(path, store.Options{})
		noError(t, err)
		t.Cleanup(func() { noError(t, file.Close()) })
	}, "in use", "em uso", false},
	{"secret", func(t *testing.T, path string) {
		write(t, path, ours(t, path))
		noError(t, os.Chmod(path, 0))
	}, "may not be read or written by you", "não tem permissão", true},
	{"readonly", func(t *testing.T, path string) {
		write(t, path, ours(t, path))
		noError(t, os.Chmod(path, 0o400))
	}, "may not be read or written by you", "não tem permissão", true},
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	noError(t, os.WriteFile(path, content, 0o640))
}

// ours makes a store of many pages, and returns its bytes.
func ours(t *testing.T, path string) []byte {
	t.Helper()
	file, err := store.Open(path, store.Options{})
	noError(t, err)
	for n := range 30 {
		noError(t, store.Create(file, fmt.Append(nil, n), bytes.Repeat([]byte("x"), 3000)))
	}
	noError(t, file.Close())
	content, err := os.ReadFile(path)
	noError(t, err)
	noError(t, os.Remove(path))
	return content
}

// theirs makes the database of another program.
func theirs(t *testing.T, path string) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	noError(t, err)
	noError(t, db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("accounts"))
		return err
	}))
	noError(t, db.Close())
}

// snapshot is all that a folder has in it.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	noError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		noError(t, err)
		info, err := entry.Info()
		noError(t, err)
		fmt.Fprintln(&all, path, info.Mode(), info.ModTime(), info.Size())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if !os.IsPermission(err) {
				noError(t, err)
			}
			fmt.Fprintf(&all, "%x\n", content)
		}
		return nil
	}))
	return all.String()
}

func TestAFileThatIsNoStoreToBeHadIsRefusedInOneSentenceAndLeftUntouched(t *testing.T) {
	home := t.TempDir()
	noError(t, tlslab(home, nil, "pki", "ca").Run())
	for _, stranger := range strangers {
		t.Run(stranger.name, func(t *testing.T) {
			t.Parallel()
			var before []string
			if stranger.guarded && os.Geteuid() == 0 { // nobody forbids root anything, unless it gives up the right
				const rights = "-dac_override,-dac_read_search"
				before = []string{needs.Program(t, "setpriv"), "--bounding-set=" + rights, "--inh-caps=" + rights}
			}
			dir := t.TempDir()
			path, spare := filepath.Join(dir, "pairs.db"), filepath.Join(dir, "spare")
			stranger.make(t, path)
			then := time.Now().Add(-time.Hour)
			noError(t, os.Chtimes(path, then, then))
			untouched := snapshot(t, dir)
			for i, words := range [][]string{
				{"serve", "--addr", "127.0.0.1:0"},
				{"serve", "--addr", "127.0.0.1:0", "--lang", docs.Portuguese},
				{"store", "verify"},
				{"store", "compact", "--lang", docs.Portuguese},
				{"store", "export", spare},
				{"store", "backup", spare, "--lang", docs.Portuguese},
				{"store", "import", "--replace"},
			} {
				if stranger.name == "readonly" && i == 2 { // which only reads
					continue
				}
				says := stranger.en
				if words[len(words)-1] == docs.Portuguese {
					says = stranger.pt
				}
				cmd := tlslab(home, before, append(words, "--db", path)...)
				var out, problem bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &problem
				cmd.Run()
				said := problem.String()
				if code := cmd.ProcessState.ExitCode(); code != 1 || out.Len() > 0 {
					t.Errorf("%v: exit code %d, output %q", words, code, &out)
				}
				if strings.Count(said, "\n") != 1 || !strings.Contains(said, path) || !strings.Contains(said, says) {
					t.Errorf("%v said %q, want one line with %q", words, said, says)
				}
				if now := snapshot(t, dir); now != untouched {
					t.Fatalf("%v changed something:\n%.300s\nwas\n%.300s", words, now, untouched)
				}
			}
		})
	}
}
