package inspect

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A changed citation is to be read against the standard before it is accepted:
// the golden file has each kind of field with every standard that is given for it.
func TestEveryKindOfFieldCitesTheStandardThatItIsKnownToBeFrom(t *testing.T) {
	cited := make(map[string]map[string]bool)
	for _, claimed := range claims(t) {
		walk(claimed.dissect(claimed.bytes), func(f Field) {
			if cited[f.Kind] == nil {
				cited[f.Kind] = make(map[string]bool)
			}
			cited[f.Kind][f.RFC] = true
		})
	}
	var lines strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(cited)) {
		fmt.Fprintf(&lines, "%s: %s\n", kind, strings.Join(slices.Sorted(maps.Keys(cited[kind])), "; "))
	}
	golden := filepath.Join("testdata", "citations.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.Split(string(want), "\n")
	for _, line := range strings.Split(lines.String(), "\n") {
		if !slices.Contains(kept, line) {
			t.Errorf("another citation: %s", line)
		}
	}
}
