package lesson

import (
	"strings"
	"testing"

	"example.com/tlslab/docs"
)

func TestAStepIsToldInWordsForPeople(t *testing.T) {
	for line, want := range map[string][2]string{
		"open kv plain":                      {"a new session, without TLS", "uma sessão nova, sem TLS"},
		"open kv tls13 with expired":         {"a new session, over TLS 1.3", "uma sessão nova, sobre TLS 1.3"},
		"open sockets-v3":                    {"a new session, with a server of the sockets", "uma sessão nova, com um servidor dos sockets"},
		"open teapot":                        {"a new session", "uma sessão nova"},
		`do "create note \"a b\""`:           {`the client does: create note "a b"`, `o cliente faz: create note "a b"`},
		"begin read nome":                    {"the client begins: read nome", "o cliente começa: read nome"},
		`send "read a" "read b"`:             {"the client sends, without waiting: read a, read b", "o cliente envia, sem esperar: read a, read b"},
		"hold client text":                   {"what the client says next will wait", "o que o cliente disser vai esperar"},
		"hold server text 2":                 {"what the server says next will wait", "o que o servidor disser vai esperar"},
		"hold client client_hello":           {"the message ClientHello will wait on the wire", "a mensagem ClientHello vai esperar no caminho"},
		"tamper client text: drop":           {"someone will tamper with what the client says", "alguém vai adulterar o que o cliente disser"},
		"tamper server finished: drop":       {"someone will tamper with the message Finished", "alguém vai adulterar a mensagem Finished"},
		"release":                            {"what waits goes on", "o que espera segue"},
		`release: inject text "0\n"`:         {"someone sends bytes of their own ahead of what waits", "alguém envia bytes próprios antes do que espera"},
		"release: flip byte -4 bit 3":        {"what waits is changed, and goes on", "o que espera é alterado e segue"},
		"release: cut 20":                    {"the connection is cut at what waits", "a conexão é cortada no que espera"},
		"look client client_hello":           {"", ""},
		`expect answer "create balance 100"`: {"", ""},
	} {
		step, what := parseStep(1, line, lessonVerbs)
		if what != nil {
			t.Fatalf("%s: %s", line, what)
		}
		for i, lang := range []string{docs.English, docs.Portuguese} {
			if got := step.Told(docs.For(lang).Say); got != want[i] {
				t.Errorf("%s: %q, want %q", line, got, want[i])
			}
		}
	}
}

// No verb that does something goes untold, in any lesson.
func TestEveryStepOfTheCourseIsTold(t *testing.T) {
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for _, name := range docs.Lessons() {
			text, _ := docs.Lesson(lang, name)
			l, err := ParseLesson(name, text)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range l.parts {
				for _, step := range p.steps {
					if told := step.Told(docs.For(lang).Say); (told != "") != step.acts() || strings.Contains(told, "{{") {
						t.Errorf("%s/%s, line %d: %s is told as %q", lang, name, step.Line, step.Text, told)
					}
				}
			}
		}
	}
}

func TestWhatAScriptSaysIsToldSafely(t *testing.T) {
	step := Step{Verb: "do", About: "\"a\x1b[2J\u202e\""}
	if told := step.Told(docs.For("en").Say); strings.ContainsAny(told, "\x1b\u202e") {
		t.Errorf("%q", told)
	}
}
