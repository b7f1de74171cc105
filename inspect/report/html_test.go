package report_test

import (
	"bytes"
	"os"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
)

func page(t testing.TB, h report.HTML, s *inspect.Session) string {
	t.Helper()
	var out bytes.Buffer
	if err := h.Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestDraft(t *testing.T) {
	for _, name := range sessions {
		for _, lang := range []string{"en", "pt-BR"} {
			s := inspect.NewSession(recordingOf(load(t, name)...))
			os.WriteFile("/tmp/wt/html-out/"+name+"."+lang+".html", []byte(page(t, report.HTML{Say: docs.For(lang)}, s)), 0o644)
		}
	}
}
