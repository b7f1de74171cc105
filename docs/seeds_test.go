package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A seedsPage lists what the five systems have become, in one language.
type seedsPage struct {
	path    string
	header  []string // the columns of every table
	reasons []string // how a reason begins: done in another way, explained where there is nothing to run, not done, still to come
}

var seedsPages = []seedsPage{
	{"manual/seeds.md", []string{"there", "here", "shown by", "why"}, []string{"Different: ", "Told: ", "Left out: ", "Not yet: "}},
	{"manual/seeds.pt-BR.md", []string{"lá", "aqui", "mostrado por", "por quê"}, []string{"Diferente: ", "Contado: ", "Omitido: ", "Ainda não: "}},
}

// players are the tests that play every file of a kind, and where these are, by what the page calls them.
var players = map[string]struct{ folder, test string }{
	"cmd/*.txtar":              {"testdata/script", "cmd/tlslab.TestTheProgramDoesWhatItsScriptsSay"},
	"first-15-minutes/*.txtar": {"testdata/script", "cmd/tlslab.TestTheScreenDoesWhatItsScriptsSay"},
	"hold/*.txtar":             {"testdata/script", "cmd/tlslab.TestTheScreenDoesWhatItsScriptsSay"},
	"scenes/*.scene":           {"docs", "cmd/tlslab.TestEverySceneEndsAsItsScriptExpects"},
}

func TestEachRowOfTheSeedsIsShownByATestThatExistsOrHasAReason(t *testing.T) {
	tests := readTests(t)
	for _, page := range seedsPages {
		tables := page.tables(t)
		if len(tables) != 5 {
			t.Errorf("%s has %d tables, not one for each of the five systems", page.path, len(tables))
		}
		for _, rows := range tables {
			if !slices.Equal(rows[0].cells, page.header) {
				t.Errorf("%s:%d: the columns are %q, not %q", page.path, rows[0].line, rows[0].cells, page.header)
				continue
			}
			known := make(map[string]bool)
			for _, row := range rows[1:] {
				if err := page.checkSeed(row.cells, tests); err != nil {
					t.Errorf("%s:%d: %v", page.path, row.line, err)
				} else if known[row.cells[0]] {
					t.Errorf("%s:%d: %s stands here twice", page.path, row.line, row.cells[0])
				}
				known[row.cells[0]] = true
			}
		}
	}
}

func (p seedsPage) tables(t *testing.T) [][]tableRow {
	t.Helper()
	page, err := os.ReadFile(p.path)
	if err != nil {
		t.Fatal(err)
	}
	return readTables(string(page))
}

// Row by row both name the same things of the five systems and of this program, the same tests, and the same kind of reason.
func TestTheSeedsAreTheSameInBothLanguages(t *testing.T) {
	english, portuguese := seedsPages[0], seedsPages[1]
	here, there := slices.Concat(english.tables(t)...), slices.Concat(portuguese.tables(t)...)
	if len(here) != len(there) {
		t.Fatalf("%s has %d rows, %s has %d", english.path, len(here), portuguese.path, len(there))
	}
	for i := range here {
		a, b := here[i].cells, there[i].cells
		if a[2] == english.header[2] {
			continue
		}
		for column, what := range []string{"what is there", "what is here"} {
			if of, in := codeIn(a[column]), codeIn(b[column]); !slices.Equal(of, in) {
				t.Errorf("%s:%d: %s is %q, and in %s %q", portuguese.path, there[i].line, what, in, english.path, of)
			}
		}
		if a[2] != b[2] || english.reason(a[3]) != portuguese.reason(b[3]) {
			t.Errorf("%s:%d: it names %s (%s), and %s:%d names %s (%s)", portuguese.path, there[i].line, b[2], b[3], english.path, here[i].line, a[2], a[3])
		}
	}
}

var inCode = regexp.MustCompile("`[^`]+`")

// codeIn returns what stands in a cell as code, sorted.
func codeIn(cell string) []string {
	return slices.Sorted(slices.Values(inCode.FindAllString(cell, -1)))
}

// reason is which kind of reason a cell has; -1 for none.
func (p seedsPage) reason(cell string) int {
	return slices.IndexFunc(p.reasons, func(word string) bool { return strings.HasPrefix(cell, word) })
}

func TestARowOfTheSeedsThatShowsNothingIsNoticed(t *testing.T) {
	tests := map[string]string{"kvs.TestAnything": `t.Run("one", nil)`, "cmd/tlslab.TestTheProgramDoesWhatItsScriptsSay": ""}
	for row, want := range map[string]string{
		"a | b | `kvs.TestAnything` | ":                        "",
		"a | b | `kvs.TestAnything/one`, `cmd/serve.txtar` | ": "",
		"a | b | | Told: there is nothing to run.":             "",
		"a | b | | ":                                              "neither a test nor a reason",
		"a | | `kvs.TestAnything` | ":                             "is empty",
		"a | b | `kvs.TestAnything`":                              "3 cells",
		"a | b | `kvs.TestNothing` | ":                            "no test kvs.TestNothing",
		"a | b | `kvs/store.TestAnything` | ":                     "no test kvs/store.TestAnything",
		"a | b | `kvs.TestAnything/two` | ":                       "has no subtest two",
		"a | b | `kvs.TestAnything`, kvs.TestNothing | ":          "is no list of tests",
		"a | b | see `kvs.TestAnything` | ":                       "is no list of tests",
		"a | b | `cmd/nothing.txtar` | ":                          "no such file",
		"a | b | `terminals/dumb.txtar` | ":                       "no test terminals/dumb.txtar",
		"a | b | `scenes/flip.scene` | ":                          "no test cmd/tlslab.TestEverySceneEndsAsItsScriptExpects",
		"a | b | `kvs.TestNothing` | Different: it is very good.": "no test kvs.TestNothing",
		"a | b | | it just is so":                                 "begins with none of",
	} {
		err := seedsPages[0].checkSeed(cells(row), tests)
		if got := fmt.Sprint(err); err == nil != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: got %v, want %q", row, err, want)
		}
	}
}

// A tableRow is a line of a table of Markdown.
type tableRow struct {
	line  int
	cells []string
}

// readTables returns the tables of a page, each with its header and without the line below it.
func readTables(page string) (tables [][]tableRow) {
	inside := false
	for i, line := range strings.Split(page, "\n") {
		row, isRow := strings.CutPrefix(line, "|")
		switch {
		case isRow && !inside:
			tables = append(tables, nil)
		case isRow && strings.Contains(row, "-") && strings.Trim(row, "-| ") == "":
			continue
		}
		if inside = isRow; inside {
			last := len(tables) - 1
			tables[last] = append(tables[last], tableRow{i + 1, cells(strings.TrimSuffix(row, "|"))})
		}
	}
	return tables
}

func cells(row string) []string {
	all := strings.Split(row, "|")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

var listOfTests = regexp.MustCompile("^`[^`]+`(, `[^`]+`)*$")

// checkSeed reports what is wrong with a row, where tests are the bodies of all tests by package and name.
func (p seedsPage) checkSeed(row []string, tests map[string]string) error {
	if len(row) != len(p.header) {
		return fmt.Errorf("a row of %d cells", len(row))
	}
	there, here, shownBy, why := row[0], row[1], row[2], row[3]
	switch {
	case there == "" || here == "":
		return fmt.Errorf("one of the first two cells is empty")
	case shownBy == "" && why == "":
		return fmt.Errorf("%s: neither a test nor a reason", there)
	case shownBy != "" && !listOfTests.MatchString(shownBy):
		return fmt.Errorf("%s: %q is no list of tests", there, shownBy)
	case why != "" && p.reason(why) < 0:
		return fmt.Errorf("%s: the reason begins with none of %q", there, p.reasons)
	}
	for _, test := range strings.FieldsFunc(shownBy, func(r rune) bool { return r == '`' }) {
		if test == ", " {
			continue
		}
		if err := checkTest(test, tests); err != nil {
			return fmt.Errorf("%s: %w", there, err)
		}
	}
	return nil
}

// testName is the name of a test with its package, and perhaps of a subtest.
var testName = regexp.MustCompile(`^(\S+\.(?:Test|Fuzz|Example)\w*)(?:/(.+))?$`)

// checkTest reports that a test does not exist: package.TestName, perhaps with a slash and the name of a
// subtest, or the file of a script or of a scene.
func checkTest(test string, tests map[string]string) error {
	for pattern, player := range players {
		if match, _ := path.Match(pattern, test); match {
			if _, err := os.Stat(filepath.Join("..", player.folder, filepath.FromSlash(test))); err != nil {
				return err
			}
			return checkTest(player.test, tests)
		}
	}
	name := testName.FindStringSubmatch(test)
	if name == nil {
		return fmt.Errorf("there is no test %s", test)
	}
	body, ok := tests[name[1]]
	switch subtest := name[2]; {
	case !ok:
		return fmt.Errorf("there is no test %s", name[1])
	case subtest != "" && !(strings.Contains(body, "t.Run(") && strings.Contains(body, strconv.Quote(subtest))):
		return fmt.Errorf("the test %s has no subtest %s", name[1], subtest)
	}
	return nil
}

// readTests returns the source of every test, fuzz target, and example with an output, by package and name.
func readTests(t *testing.T) map[string]string {
	t.Helper()
	tests := make(map[string]string)
	err := eachGoFile(func(file string) error {
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(filepath.Join("..", file))
		if err != nil {
			return err
		}
		places := token.NewFileSet()
		parsed, err := parser.ParseFile(places, file, source, 0)
		if err != nil {
			return err
		}
		for _, declared := range parsed.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Recv != nil || f.Name.Name == "TestMain" {
				continue
			}
			body := string(source[places.Position(f.Pos()).Offset:places.Position(f.End()).Offset])
			if !strings.HasPrefix(f.Name.Name, "Example") || strings.Contains(body, "// Output:") {
				tests[path.Dir(file)+"."+f.Name.Name] = body
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
