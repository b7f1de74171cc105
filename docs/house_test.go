package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "example.com/tlslab/"

// mayKnow says which rooms a room may import. Everyone may import docs; tests may import anything but are read too, since
// a test in the wrong room is in the wrong room. A room that is not listed has no place yet.
var mayKnow = map[string][]string{
	"cmd/tlslab":      {"tui", "tui/term", "inspect", "inspect/capture", "inspect/report", "inspect/lesson", "kvs", "kvs/kernel", "kvs/store", "kvs/pki", "kvs/stage"},
	"inspect":         {},
	"inspect/capture": {"inspect"},
	"inspect/report":  {"inspect"},
	"inspect/lesson":  {"inspect"},
	"kvs":             {"kvs/kernel", "kvs/store", "kvs/pki"},
	"kvs/kernel":      {"kvs/pki"},
	"kvs/store":       {},
	"kvs/pki":         {},
	"kvs/stage":       {"kvs", "kvs/kernel", "kvs/store", "kvs/pki", "inspect"},
	"tui":             {"tui/term", "inspect", "inspect/lesson"},
	"tui/term":        {},
	"docs":            {},
	"testdata":        {},
}

// outsideWorld says which modules, other than Go's own library, a room may import at most, where that is fixed.
var outsideWorld = map[string][]string{
	"inspect":  {"golang.org/x/crypto"},
	"tui/term": {"github.com/charmbracelet/lipgloss"},
}

func TestEveryImportFollowsTheMapOfTheHouse(t *testing.T) {
	for file, imports := range readImports(t) {
		room := roomOf(path.Dir(file))
		known, ok := mayKnow[room]
		if !ok {
			t.Errorf("%s: there is no room %s", file, room)
			continue
		}
		for _, imported := range imports {
			other, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if other = roomOf(other); other != room && other != "docs" && other != "testdata" && !slices.Contains(known, other) {
				t.Errorf("%s imports %s: %s may not know %s (docs/decisions/0007)", file, imported, room, other)
			}
		}
	}
}

func TestTheRoomsThatMustStaySmallImportNothingElse(t *testing.T) {
	for file, imports := range readImports(t) {
		allowed, fixed := outsideWorld[roomOf(path.Dir(file))]
		if !fixed || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, imported := range imports {
			host, _, _ := strings.Cut(imported, "/")
			if !strings.Contains(host, ".") || strings.HasPrefix(imported, module) {
				continue
			}
			if !slices.ContainsFunc(allowed, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") }) {
				t.Errorf("%s imports %s", file, imported)
			}
		}
	}
}

func TestNothingElseStandsAtTheTop(t *testing.T) {
	places := []string{
		"cmd", "inspect", "kvs", "tui", "docs", "testdata", "bin",
		"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CONTRIBUTING.md",
	}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(places, name) {
			t.Errorf("%s: there is no such place", name)
		}
	}
}

// roomOf returns the room that a folder belongs to: the folder, or the nearest one above it that is a room.
func roomOf(folder string) string {
	for room := folder; room != "."; room = path.Dir(room) {
		if _, ok := mayKnow[room]; ok {
			return room
		}
	}
	return folder
}

// readImports lists the imports of every Go file of the module, by its path from the top.
func readImports(t *testing.T) map[string][]string {
	t.Helper()
	byFile := make(map[string][]string)
	err := eachGoFile(func(file string) error {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		byFile[file] = nil
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			byFile[file] = append(byFile[file], imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return byFile
}

// eachGoFile visits every Go file of the module; paths count from the top and have slashes.
func eachGoFile(visit func(file string) error) error {
	return fs.WalkDir(os.DirFS(".."), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if file != "." && (strings.HasPrefix(name, ".") || file == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) == ".go" {
			return visit(file)
		}
		return nil
	})
}
