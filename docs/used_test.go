package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// builtAtRunTime lists the beginnings of ids that the program puts together as it runs, so that no literal of the whole
// id stands in the code; and where that happens. Every id that begins so counts as used.
var builtAtRunTime = map[string]string{
	"scene_":             "tlslab scenes, from the name of a scene, of a remark, or of what became of an alert",
	"stage_":             "tlslab lab --stage and tlslab stage, from the name of a stage",
	"page_":              "report.HTML, in its template",
	"field_":             "Explain, from the kind of a field",
	"schedule_":          "Explain, from the kind of a value of the key schedule",
	"protection_":        "Explain, from the kind of a value of a record's protection",
	"proof_":             "Explain, from the kind of a proof",
	"unit_edit_blindly_": "model.blindly, from the names of protocols and units",
	"unit_protocol_":     "model.protocolName, from the name of a protocol that has a sentence of its own",
	"unit_name_":         "Unit, from the name that a protocol gives a unit",
	"capture_":           "capture.Explain, from the key of a capture.Problem",
	"reason_":            "whoever shows an inspect.Reason, from its key",
}

func TestEverySentenceTheCodeSaysExists(t *testing.T) {
	for id, where := range readCode(t).said {
		if !For(English).Has(id) {
			t.Errorf("%s says %q: no such sentence", where, id)
		}
	}
}

func TestEverySentenceIsUsed(t *testing.T) {
	used := readCode(t).literals
	for name, byID := range sentences(t, English) {
		for id := range byID {
			if !used[id] && !beginsAsBuilt(id) {
				t.Errorf("sentences/%s.en.toml: nothing says %s; remove it, or name its beginning in builtAtRunTime", name, id)
			}
		}
	}
}

func TestEveryBeginningInTheListIsStillNeeded(t *testing.T) {
	for beginning, where := range builtAtRunTime {
		needed := false
		for _, byID := range sentences(t, English) {
			for id := range byID {
				needed = needed || strings.HasPrefix(id, beginning)
			}
		}
		if !needed {
			t.Errorf("no sentence begins with %q (%s)", beginning, where)
		}
	}
}

func beginsAsBuilt(id string) bool {
	for beginning := range builtAtRunTime {
		if strings.HasPrefix(id, beginning) {
			return true
		}
	}
	return false
}

type code struct {
	said     map[string]string // ids given to a function or method Say or say as a literal, and the place
	literals map[string]bool   // every string literal
}

// readCode reads every Go file of the module, except this package's own unit tests, which name sentences that are
// missing on purpose.
func readCode(t *testing.T) code {
	t.Helper()
	c := code{said: make(map[string]string), literals: make(map[string]bool)}
	places := token.NewFileSet()
	err := eachGoFile(func(file string) error {
		name := path.Base(file)
		if path.Dir(file) == "docs" && strings.HasSuffix(name, "_test.go") && name != "example_test.go" {
			return nil
		}
		parsed, err := parser.ParseFile(places, filepath.Join("..", file), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.BasicLit:
				if text, ok := literal(node); ok {
					c.literals[text] = true
				}
			case *ast.CallExpr:
				if id, ok := saying(node); ok && name != "example_test.go" {
					c.said[id] = places.Position(node.Pos()).String()
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func saying(call *ast.CallExpr) (id string, ok bool) {
	var name string
	switch function := call.Fun.(type) {
	case *ast.SelectorExpr:
		name = function.Sel.Name
	case *ast.Ident:
		name = function.Name
	}
	if name != "Say" && name != "say" || len(call.Args) == 0 {
		return "", false
	}
	return literal(call.Args[0])
}

func literal(node ast.Expr) (string, bool) {
	lit, ok := node.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
