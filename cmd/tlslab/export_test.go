package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/testdata/browser"
)

func TestAnExportWithoutSecretsLeavesOutTheKeyThatTheHomeMadeChannelSends(t *testing.T) {
	for _, authenticated := range []bool{false, true} {
		recording := played(t, &stage.Sealed{Keys: sealedKeys(), Authenticated: authenticated}, "STAT")
		session := inspect.NewSession(recording)
		secrets := make(map[string]string)
		for _, v := range session.Connections()[0].View(inspect.Client).Schedule() {
			if !strings.Contains(v.Kind, "transcript_hash") {
				secrets[v.Name] = fmt.Sprintf("%x", v.Bytes)
			}
		}
		if len(secrets) < 4 {
			t.Fatalf("only %d secrets", len(secrets))
		}
		for name, write := range map[string]func(out *bytes.Buffer, bare bool) error{
			"html": func(out *bytes.Buffer, bare bool) error { return report.HTML{NoSecrets: bare}.Write(out, session) },
			"json": func(out *bytes.Buffer, bare bool) error {
				return report.JSON{NoSecrets: bare}.Writer(out).Close(session)
			},
			"text": func(out *bytes.Buffer, bare bool) error {
				return report.Text{NoSecrets: bare}.Writer(out).Close(session)
			},
			"csv": func(out *bytes.Buffer, _ bool) error { return report.CSV(out, session) },
		} {
			for _, bare := range []bool{false, true} {
				var out bytes.Buffer
				if err := write(&out, bare); err != nil {
					t.Fatal(err)
				}
				digits := regexp.MustCompile(`(?s)<[^>]*>|[ \n]`).ReplaceAllString(out.String(), "")
				shown := 0
				for what, hex := range secrets {
					const enough = 32 // digits: as many as text shows of a record
					if strings.Contains(digits, hex[:min(len(hex), enough)]) {
						shown++
						if bare || name == "csv" {
							t.Errorf("%s, authenticated %v: %s stands in it", name, authenticated, what)
						}
					}
				}
				if !bare && name != "csv" && shown == 0 {
					t.Errorf("%s: with secrets none is shown: the test looks in vain", name)
				}
			}
		}
	}
}

func TestTheManualTellsEveryColumnAndFormat(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/export.md")
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(string(page), -1) {
			told = append(told, row[1])
		}
		if !slices.Equal(told, report.Columns()) {
			t.Errorf("%s: the columns are %q, the page tells %q", lang, report.Columns(), told)
		}
		for _, format := range exportFormats {
			if !regexp.MustCompile("`?"+format.name).Match(page) || !strings.Contains(docs.For(lang).Say("export_long"), "\n  "+format.name+" ") {
				t.Errorf("%s: nothing tells of %s", lang, format.name)
			}
		}
	}
}

// Without it nobody would know whether a page that asks for nothing was looked at.
func TestTheBrowserOfTheExportTestsSeesWhatAPageAsksForAndComplainsOf(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><img src="/picture.png"><script>nobody.knows()</script>`))
	}))
	defer server.Close()
	page := browser.Start(t).Open(server.URL + "/")
	if requests := page.Requests(); !slices.Contains(requests, server.URL+"/picture.png") {
		t.Errorf("the requests are %q", requests)
	}
	if troubles := page.Troubles(); !slices.ContainsFunc(troubles, func(text string) bool { return strings.Contains(text, "nobody is not defined") }) {
		t.Errorf("the troubles are %q", troubles)
	}
}
