package report_test

import (
	"crypto/tls"
	"encoding/json"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/testdata/echkey"
)

// withECH records a session whose client encrypts its hello to one key, of a server that has another, or the same.
func withECH(t *testing.T, server bool) *inspect.Recording {
	t.Helper()
	ech, other := echkey.Common(t), echkey.Common(t)
	return converse(t, nil, func(c, s *tls.Config) {
		c.EncryptedClientHelloConfigList = ech.List
		if s.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{other.Key}; server {
			s.EncryptedClientHelloKeys[0] = ech.Key
		}
	}, "one\n")
}

func TestTheTextSaysWhoseNameIsEncryptedAndWhetherTheServerAccepts(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		say := docs.For(lang)
		of := func(accepted bool) string {
			s := inspect.NewSession(withECH(t, accepted))
			text := report.Text{Say: say}
			return text.Sentence(s, 1) + text.Sentence(s, 2) + text.Explain(s, 1)
		}
		got := of(true)
		for _, want := range []string{say.Say("report_ech_inner", "name", "lab.example"), say.Say("report_ech_accepted"), "client_hello_inner"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		got = of(false)
		for _, want := range []string{say.Say("reason_inner_closed"), say.Say("report_ech_rejected")} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		if strings.Contains(got, "client_hello_inner") {
			t.Error("an inner hello is told that nobody could open")
		}
	}
}

func TestTheJSONLinesHaveTheInnerHelloBehindTheOuterOne(t *testing.T) {
	type message struct {
		In, Type string
		ECH      *struct {
			PublicName *string `json:"public_name"`
			InnerName  *string `json:"inner_name"`
			Why        string
			Status     string
		}
	}
	messages := func(accepted bool) (all []message) {
		for line := range strings.Lines(jsonLines(t, inspect.NewSession(withECH(t, accepted)))) {
			var record struct{ Messages []message }
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				t.Fatal(err)
			}
			all = append(all, record.Messages...)
		}
		return all
	}
	all := messages(true)
	outer, inner, answer := all[0], all[1], all[2]
	if outer.ECH == nil || *outer.ECH.PublicName != echkey.PublicName || *outer.ECH.InnerName != "lab.example" || outer.ECH.Why != "" {
		t.Errorf("outer: %+v", outer)
	}
	if inner.In != "inner" || inner.Type != "client_hello_inner" || inner.ECH != nil {
		t.Errorf("inner: %+v", inner)
	}
	if answer.Type != "server_hello" || answer.ECH == nil || answer.ECH.Status != "accepted" {
		t.Errorf("answer: %+v", answer)
	}
	all = messages(false)
	outer, answer = all[0], all[1]
	if outer.ECH == nil || outer.ECH.InnerName != nil || outer.ECH.Why != "inner_closed" {
		t.Errorf("outer, rejected: %+v", outer)
	}
	if answer.Type != "server_hello" || answer.ECH == nil || answer.ECH.Status != "rejected" {
		t.Errorf("answer, rejected: %+v", answer)
	}
}
