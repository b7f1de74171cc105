package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/tlslab/kvs/store"
)

func ExampleExport() {
	s := new(store.Memory)
	defer s.Close()
	s.Update(func(w store.Writer) error {
		end := time.Date(2126, 12, 31, 23, 59, 59, 0, time.UTC)
		return errors.Join(
			w.Put(store.Pair{Key: []byte("nome"), Value: []byte("João")}),
			w.Put(store.Pair{Key: []byte{0xff, 0}, Value: []byte("x"), Expires: end}),
		)
	})
	var lines bytes.Buffer
	fmt.Println(store.Export(s, &lines))
	fmt.Print(lines.String())
	n, err := store.Import(new(store.Memory), &lines, false)
	fmt.Println(n, err)
	// Output:
	// <nil>
	// {"key":"nome","value":"Jo\u00e3o"}
	// {"key_base64":"/wA=","value":"x","expires":"2126-12-31T23:59:59.000Z"}
	// 2 <nil>
}

func TestImportSaysWhichLineItCannotTakeAndWhy(t *testing.T) {
	good := `{"key":"a","value":"1"}`
	for line, want := range map[string]error{
		`{`:                                   store.ErrLine,
		`[]`:                                  store.ErrLine,
		`nome ana`:                            store.ErrLine,
		`{"key":"a"}`:                         store.ErrLine,
		`{"value":"a"}`:                       store.ErrLine,
		`{"key":"b","value":1}`:               store.ErrLine,
		`{"key":"b","value":null}`:            store.ErrLine,
		`{"key":"b","value":["1"]}`:           store.ErrLine,
		`{"key":"b","VALUE":"1"}`:             store.ErrLine,
		`{"key":"b","value":"1","x":1}`:       store.ErrLine,
		`{"key":"b","value":"1","value":"2"}`: store.ErrLine,
		`{"key":"b","key_base64":"Yg==","value":"1"}`:                       store.ErrLine,
		`{"key_base64":"Yg","value":"1"}`:                                   store.ErrLine,
		`{"key":"b","value":"1"} x`:                                         store.ErrLine,
		`{"key":"b","value":"1"}{}`:                                         store.ErrLine,
		`{"key":"b","value":"\ud800"}`:                                      store.ErrLine,
		`{"key":"b","value":"\ud800\u0041"}`:                                store.ErrLine,
		`{"key":"b","value":"\uDC00"}`:                                      store.ErrLine,
		"{\"key\":\"b\",\"value\":\"\xff\"}":                                store.ErrLine,
		`{"key":"b","value":"1","expires":"tomorrow"}`:                      store.ErrLine,
		`{"key":"b","value":"1","expires":"0001-01-01T00:00:00Z"}`:          store.ErrLine,
		`{"key":"a","value":"2"}`:                                           store.ErrExists,
		`{"key":"a","value":"1","expires":"2126-01-01T00:00:00Z"}`:          store.ErrExists,
		`{"key":"` + strings.Repeat("k", store.MaxKey+1) + `","value":"1"}`: store.ErrTooLarge,
		`{"key":"b","value":"` + strings.Repeat("v", 1000) + `"}`:           store.ErrFull,
	} {
		s := &store.Memory{Limit: 1000}
		n, err := store.Import(s, strings.NewReader(good+"\r\n\n"+line+"\n"+good), false)
		var failed *store.ImportError
		if !errors.As(err, &failed) || failed.Line != 3 || !errors.Is(err, want) {
			t.Errorf("%.80s: %d, %v, want %v", line, n, err, want)
		}
		if n == 1 != (want == store.ErrLine || want == store.ErrTooLarge) {
			t.Errorf("%.80s: %d lines are kept", line, n)
		}
	}
}

func TestLinesCanBeImportedAgainAndReplaceOnlyWhereItIsSaid(t *testing.T) {
	lines := `{"key":"a","value":"\ud83d\ude00\\ud800"}` + "\n" + `{"key_base64":"/w==","value_base64":"","expires":"2126-01-01T00:00:00.5+01:00"}`
	s := new(store.Memory)
	for range 2 {
		if n, err := store.Import(s, strings.NewReader(lines), false); n != 2 || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if got, err := store.Read(s, []byte("a")); err != nil || string(got) != `😀\ud800` {
		t.Errorf("got %q, %v", got, err)
	}
	if n, err := store.Import(s, strings.NewReader(`{"key":"a","value":"2"}`), true); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got, _ := store.Read(s, []byte("a")); string(got) != "2" {
		t.Errorf("got %q", got)
	}
}

func FuzzImport(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"key":"a","value":"1"}`, "{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"\\u00e3\\n\\ud83d\\ude00\"}",
		`{"key_base64":"/wA=","value_base64":"","expires":"2126-12-31T23:59:59.999Z"}`, `{"key":"a","value":"1","expires":"9999-12-31T23:59:59.9999999-23:00"}`,
		`{"key":"\ud800","value":"\\ud800"}`, "{\"key\":\"\xff\"}", `{"key":"a","value":"1","value":"2"}`, `{"key":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := new(store.Memory)
		defer s.Close()
		_, err := store.Import(s, bytes.NewReader(text), true)
		var failed *store.ImportError
		if err != nil && (!errors.As(err, &failed) || failed.Line < 1 || failed.Line > bytes.Count(text, []byte("\n"))+1) {
			t.Fatalf("%q: %v", text, err)
		}
		var first, second bytes.Buffer
		check(t, store.Export(s, &first))
		for _, b := range first.Bytes() {
			if b >= utf8.RuneSelf || b < ' ' && b != '\n' {
				t.Fatalf("%q: the export has byte %#x", text, b)
			}
		}
		again := new(store.Memory)
		defer again.Close()
		if _, err := store.Import(again, bytes.NewReader(first.Bytes()), false); err != nil {
			t.Fatalf("%q: %v", first.Bytes(), err)
		}
		check(t, store.Export(again, &second))
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%q became %q", first.Bytes(), second.Bytes())
		}
	})
}
