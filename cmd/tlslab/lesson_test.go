package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/kvs/stage"
)

// unhurried runs a test among others, on a clock that nobody has to wait for: what takes its time in a session, and what
// is silence there, does not hang on what else the machine has to do.
func unhurried(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, f)
	})
}

// The course as a student meets it, in both languages.
func TestEverythingThatALessonSaysIsTrue(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=1") // for sessions in a glass box
	for _, lang := range []string{docs.English, docs.Portuguese} {
		for _, name := range docs.Lessons() {
			unhurried(t, lang+"/"+name, func(t *testing.T) {
				text, _ := docs.Lesson(lang, name)
				parsed, err := lesson.ParseLesson(name, text)
				if err != nil {
					t.Fatal(err)
				}
				course := &lesson.Course{Lang: lang, Open: func(name, channel string, with []string) (inspect.Stage, error) {
					return stage.Named(name, channel, with, stage.Options{Lang: lang, Keys: sealedKeys()})
				}}
				report, err := course.Check(t.Context(), parsed, true)
				if err != nil {
					t.Fatal(err)
				}
				if err := report.Err(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// lookedAt is where a lesson of one script points in the end, on a session over TLS 1.3.
func lookedAt(t *testing.T, script string) (look *lesson.Look, report *lesson.Report, err error) {
	t.Helper()
	parsed, err := lesson.ParseLesson("try", "# Try\nminutes: 5\n\nWords.\n\n```script\nopen kv tls13\n"+script+"\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	course := &lesson.Course{Lang: docs.English, Patience: 30 * time.Second, Open: func(name, channel string, with []string) (inspect.Stage, error) {
		return stage.Named(name, channel, with, stage.Options{Lang: docs.English, Keys: sealedKeys()})
	}}
	synctest.Test(t, func(t *testing.T) {
		if report, err = course.Check(t.Context(), parsed, false); err != nil {
			return
		}
		s := course.Begin(t.Context(), parsed)
		defer s.Close()
		for stop, problem := s.Next(); problem == nil; stop, problem = s.Next() {
			look = stop.Look
		}
	})
	return look, report, err
}

func TestALessonPointsAtAFieldByTheNamesThatValuesHave(t *testing.T) {
	for where, want := range map[string]string{
		"client client_hello cipher_suites":                   "client_hello.cipher_suites",
		"client client_hello client_hello.cipher_suites":      "client_hello.cipher_suites",
		"client client_hello random":                          "client_hello.random",
		"client client_hello extension.server_name host_name": "server_name.host_name",
		"client client_hello cipher_suite 2":                  "client_hello.cipher_suite",
		"client client_hello record.length":                   "record.length",
		"client text 1 length":                                "record.length",
		"server certificate issuer":                           "x509.issuer",
	} {
		look, report, err := lookedAt(t, "do create nome ana\nlook "+where)
		if err != nil || report.Err() != nil || look.Field.Kind != want {
			t.Errorf("%s: %+v, %v, %v, want %s", where, look, err, report.Err(), want)
		}
	}
	_, _, err := lookedAt(t, "do create nome ana\nlook client client_hello cipher_siutes")
	if err == nil || !strings.Contains(err.Error(), "has no field cipher_siutes") || !strings.Contains(err.Error(), " cipher_suites,") {
		t.Errorf("a name that nothing has: %v", err)
	}
}

// Nothing that a sender puts on the wire behind a record that waits arrives before it.
func TestTheRestOfAFlightWaitsBehindARecordThatIsHeld(t *testing.T) {
	_, report, err := lookedAt(t, `hold server server_hello
begin create nome ana
expect server server_hello verdict is "not received"
expect server change_cipher_spec verdict is "not received"
expect server encrypted_extensions verdict is "not received"
expect server finished verdict is "not received"
release
expect answer Ok
expect server finished verdict is unchanged
expect nobody notices`)
	if err != nil || report.Err() != nil {
		t.Error(err, report.Err())
	}
}

func TestASideThatSaysGoodbyeAlertsNothing(t *testing.T) {
	_, report, err := lookedAt(t, "do create nome ana\nexit\nexpect client alerts nothing\nexpect server alerts nothing\nexpect server ends with close_notify")
	if err != nil || report.Err() != nil {
		t.Error(err, report.Err())
	}
}
