package sealed

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"example.com/tlslab/docs"
)

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `null`, `{"verb": "STAT", "parameters": {}}`, `{"verb": 1, "parameters": []}`, `{"verb": "STAT", "parameters": {}} x`,
		`{"verb": "DESTROY", "parameters": {"container_uuid": "x", "client_token": null}}`, strings.Repeat(`{"a":`, 200),
	} {
		f.Add([]byte(seed))
	}
	say := docs.For("en")
	f.Fuzz(func(t *testing.T, message []byte) {
		request, errs := parseRequest(message, say)
		if errs != nil {
			if line := reasons(errs); line == "" || strings.ContainsFunc(line, unicode.IsControl) {
				t.Errorf("%q: the reasons are %q", message, line)
			}
			return
		}
		if !verbForm.MatchString(request.Verb) || request.Parameters == nil {
			t.Errorf("%q was read as %+v", message, request)
		}
		again, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if _, errs := parseRequest(again, say); errs != nil {
			t.Errorf("%q was read, and %q is not: %v", message, again, errs)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{``, `{"success": true, "message": "OK", "data": {}}`, `{"success": 1, "message": null, "data": []}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		answer, err := parseAnswer(text)
		if err == nil && answer.Data == nil || err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%q: %+v, %v", text, answer, err)
		}
	})
}

func FuzzImage(f *testing.F) {
	for _, seed := range []string{"", "\n", `{"key": "a", "value": "b"}`, "{\"key\": \"a\", \"value\": \"b\"}\r\n{\"key\": \"c\", \"value\": \"\"}\n", "{}", "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		image, err := ReadImage("image", bytes.NewReader(text))
		if err != nil {
			var failed *ImageError
			if !errors.As(err, &failed) || failed.Line > bytes.Count(text, []byte("\n"))+1 {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		containers := Containers{Limit: MaxImage}
		container, password, err := containers.Create(image)
		if err != nil {
			t.Fatal(err)
		}
		if !container.Admits(container.Username, password) || len(container.ImageSHA256) != 64 {
			t.Errorf("got %+v", container)
		}
	})
}

func TestATokenHas255CharactersThatAreSafeInAURL(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		token, password, username, uuid := newToken(), newPassword(), newUsername(), newUUID()
		if !tokenForm.MatchString(token) || !passwordForm.MatchString(password) || !usernameForm.MatchString(username) || !uuidForm.MatchString(uuid) {
			t.Errorf("got %q, %q, %q, %q", token, password, username, uuid)
		}
		if seen[token] || seen[password] || seen[uuid] {
			t.Error("one came twice")
		}
		seen[token], seen[password], seen[uuid] = true, true, true
	}
}

func TestATokenOpensOnlyItsOwnContainer(t *testing.T) {
	var credentials Credentials
	token, err := credentials.Add("a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := credentials.Add("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credentials.Add("a"); !errors.Is(err, ErrContainerExists) {
		t.Errorf("twice the same container: %v", err)
	}
	if !credentials.Check("a", token) || credentials.Check("a", other) || credentials.Check("c", token) || credentials.Check("", "") {
		t.Error("the wrong ones are taken")
	}
	credentials.Remove("a")
	if credentials.Check("a", token) || credentials.Len() != 1 {
		t.Error("it is still known")
	}
}

func TestEveryErrorOfTheChannelIsExplainedInBothLanguages(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		said := map[string]error{}
		for _, cause := range causes {
			text := Explain(docs.For(lang), &Error{ReceiveMessage, cause.err})
			if said[text] != nil || strings.Contains(text, cause.err.Error()) && lang == "pt-BR" {
				t.Errorf("%s: %v and %v are both %q", lang, cause.err, said[text], text)
			}
			said[text] = cause.err
		}
	}
}
