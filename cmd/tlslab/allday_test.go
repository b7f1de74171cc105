package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/store"
)

// limits are the constants behind the manual's table of limits, by the field that it names.
var limits = map[string]any{
	"MaxConns": kernel.DefaultMaxConns, "MaxConnsPerHost": kernel.DefaultMaxConnsPerHost,
	"MaxHandshakes": kernel.DefaultMaxHandshakes, "MaxHandshakesPerHost": kernel.DefaultMaxHandshakesPerHost, "HandshakeRate": kernel.DefaultHandshakeRate,
	"MaxRequests": kernel.DefaultMaxRequests, "MaxStretches": kernel.DefaultMaxStretches, "MaxRequest": kernel.DefaultMaxRequest, "MaxAnswers": kernel.DefaultMaxAnswers,
	"HandshakeTimeout": kernel.DefaultHandshakeTimeout, "IdleTimeout": kernel.DefaultIdleTimeout, "RequestTimeout": kernel.DefaultRequestTimeout,
	"RequestWait": kernel.DefaultRequestWait, "WriteTimeout": kernel.DefaultWriteTimeout, "ShutdownTimeout": kernel.DefaultShutdownTimeout, "Linger": kernel.DefaultLinger,
	"AnswerLimit": kvs.DefaultAnswerLimit,
	"MaxKey":      store.MaxKey, "MaxValue": store.MaxValue, "DefaultFileLimit": store.DefaultFileLimit, "DefaultMemoryLimit": store.DefaultMemoryLimit,
}

func TestTheManualStatesEveryLimitOfTheServerAsTheCodeHasIt(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/all-day.md")
		if err != nil {
			t.Fatal(err)
		}
		told := make(map[string]string)
		for _, row := range regexp.MustCompile("(?m)^\\| .* \\| (.*) \\| .* \\| `(.*)` \\|$").FindAllStringSubmatch(string(page), -1) {
			told[row[2]], _, _ = strings.Cut(row[1], ";")
		}
		for field, value := range limits {
			if want := written(value, lang); told[field] != want {
				t.Errorf("%s: %s is %q, want %q", lang, field, told[field], want)
			}
			delete(told, field)
		}
		for field := range told {
			t.Errorf("%s: %s is no limit", lang, field)
		}
		seconds := []int{int(kernel.DefaultRenewEvery.Seconds()), kernel.MaxStatisticsConns, int(kernel.StatisticsTimeout.Seconds()), int(kernel.DigestPeriod.Seconds()), store.PairOverhead}
		for _, number := range seconds {
			if !regexp.MustCompile(`\b` + strconv.Itoa(number) + `\b`).Match(page) {
				t.Errorf("%s: %d is nowhere", lang, number)
			}
		}
	}
}

// Each field of the kernel's server that is a limit, and each default, has its place in the table.
func TestNoLimitOfTheServerIsMissingFromTheManual(t *testing.T) {
	for field := range reflect.TypeFor[kernel.Server]().Fields() {
		if k := field.Type.Kind(); field.IsExported() && (k == reflect.Int || k == reflect.Int64) && limits[field.Name] == nil {
			t.Errorf("kernel.Server.%s", field.Name)
		}
	}
	for _, dir := range []string{"kernel", ""} {
		files, err := filepath.Glob(filepath.Join("../../kvs", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(node ast.Node) bool {
				if value, ok := node.(*ast.ValueSpec); ok {
					for _, id := range value.Names {
						field, isDefault := strings.CutPrefix(id.Name, "Default")
						if isDefault && limits[field] == nil && field != "RenewEvery" {
							t.Errorf("%s in %s", id.Name, name)
						}
					}
				}
				return true
			})
		}
	}
}

// written is a limit as people write it.
func written(value any, lang string) string {
	point, comma := ".", ","
	if lang == docs.Portuguese {
		point, comma = comma, point
	}
	switch v := value.(type) {
	case time.Duration:
		if v >= time.Minute {
			return fmt.Sprintf("%d min", int(v.Minutes()))
		}
		return strings.ReplaceAll(strconv.FormatFloat(v.Seconds(), 'f', -1, 64), ".", point) + " s"
	default:
		digits := fmt.Sprint(v)
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + comma + digits[i:]
		}
		return digits
	}
}

func statisticsPart(lang string) string {
	var page strings.Builder
	fmt.Fprintf(&page, "| %s | %s |\n|---|---|\n", map[string]string{docs.English: "key", docs.Portuguese: "chave"}[lang], columns[lang]["value"])
	for _, key := range statisticsKeys() {
		fmt.Fprintf(&page, "| `%s` | `%s` |\n", key[0], key[1])
	}
	return page.String()
}

// statisticsKeys are the keys of the server's numbers, and what stands behind each.
func statisticsKeys() (keys [][2]string) {
	kinds := map[reflect.Kind]string{reflect.Bool: "boolean", reflect.Int64: "number"}
	for field := range reflect.TypeFor[kernel.Statistics]().Fields() {
		value := kinds[field.Type.Kind()]
		if field.Type.Kind() == reflect.Map {
			if value = "{string: number}"; field.Type.Elem().Kind() == reflect.Struct {
				value = "{string: {"
				for i := range field.Type.Elem().NumField() {
					value += strings.Repeat(", ", min(i, 1)) + field.Type.Elem().Field(i).Tag.Get("json") + ": number"
				}
				value += "}}"
			}
		}
		keys = append(keys, [2]string{field.Tag.Get("json"), value})
	}
	return keys
}

func TestTheManualExplainsEveryNumberOfTheServer(t *testing.T) {
	reasons := []string{
		kernel.ReasonTimeout, kernel.ReasonStopping, kernel.ReasonDismissed, kernel.ReasonLeft, kernel.ReasonNotTLS, kernel.ReasonAlert,
		kernel.ReasonCertificate, kernel.ReasonOther, kernel.RefusedTooMany, kernel.RefusedTooManyOfHost, kernel.RefusedHandshakes,
		kernel.RefusedHandshakeRate, kernel.RefusedOnce, "requests", "errors",
	}
	for _, lang := range []string{docs.English, docs.Portuguese} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/all-day.md")
		if err != nil {
			t.Fatal(err)
		}
		told := part.ReplaceAllString(string(page), "")
		words := slices.Clone(reasons)
		for _, key := range statisticsKeys() {
			words = append(words, key[0])
		}
		for _, word := range words {
			if !strings.Contains(told, "`"+word+"`") {
				t.Errorf("%s: what %s means is told nowhere", lang, word)
			}
		}
	}
}
