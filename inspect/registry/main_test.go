package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

func TestTheTablesOfNamesAreWhatTheRegistriesSay(t *testing.T) {
	want, err := generate(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../names_generated.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("inspect/names_generated.go differs from the registries: run go generate ./inspect")
	}
}

func TestARegistryThatCannotBeRightIsRefused(t *testing.T) {
	const start = "# Source: an RFC\nvalue,name,reference\n"
	for want, text := range map[string]string{
		"does not name its source": "value,name,reference\n0x01,one,RFC 1\n",
		"has no rows":              start,
		"there twice":              start + "0x01,one,RFC 1\n0x02,two,RFC 1\n0x01,uno,RFC 1\n",
		"is not complete":          start + "0x01,one,\n",
		"not as wide":              start + "0x01,one,RFC 1\n0x0002,two,RFC 1\n",
		"wrong number of fields":   start + "0x01,one\n",
		"invalid syntax":           start + "0xyz,one,RFC 1\n",
	} {
		_, err := generate(fstest.MapFS{"a.csv": {Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
