package lesson_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/lesson"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An echo is a stage without TLS whose server says what it hears.
type echo struct{}

func (echo) Open(_ context.Context, tap *inspect.Tap) (inspect.Play, error) {
	client, server := tap.PipeOf(inspect.Lines)
	play := &echoing{client, make(chan struct{})}
	go func() {
		defer close(play.done)
		defer server.Close()
		b := make([]byte, 100)
		for {
			n, err := server.Read(b)
			if err != nil {
				return
			}
			server.Write(b[:n])
		}
	}()
	return play, nil
}

type echoing struct {
	*inspect.Endpoint
	done chan struct{}
}

func (e *echoing) Do(_ context.Context, command string) (string, error) {
	if command == "nonsense" {
		return "", &inspect.CommandError{Reply: "that is no word"}
	}
	if _, err := e.Write([]byte(command + "\n")); err != nil {
		return "", err
	}
	b := make([]byte, 100)
	n, err := e.Read(b)
	return strings.TrimSpace(string(b[:n])), err
}

func (e *echoing) Close() error {
	e.Endpoint.Close()
	<-e.done
	return nil
}

func runner() lesson.Runner {
	return lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return echo{}, nil }}
}

func Example() {
	scene, err := lesson.Parse("shout", `
		# Without TLS anyone on the wire can put words into another's mouth.
		on plain
		tamper client text containing "hello": flip byte 0 bit 5
		do hello
		expect answer Hello
		expect attacker changes the data
		expect nobody notices
	`)
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := runner().Run(context.Background(), scene, lesson.Clear)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, check := range result.Checks {
		fmt.Println(check.OK, check.Got)
	}
	// Output:
	// true the answer "Hello"
	// true the client wrote "hello\n", and the server read "Hello\n"
	// true nobody
}

func TestWhatIsWrongWithAScriptIsSaidWithItsLine(t *testing.T) {
	for script, want := range map[string]string{
		"":                                   "says on which channels",
		"do x":                               "says on which channels",
		"on wire":                            `"wire" is no channel`,
		"on plain\nfly away":                 `line 2: fly away: "fly" is no verb`,
		"on plain\ndo":                       "needs a command",
		"on plain\ntamper client text":       "needs a colon",
		"on plain\ntamper me text: drop":     `"me" is not understood: first comes whose record it is: client, server, either`,
		"on plain\ntamper client ham: drop":  `"ham" is not understood: then which kind: record, text, alert`,
		"on plain\ntamper client text 0: d":  `"0" is not understood: then which of them: 2, every`,
		"on plain\ntamper client text: eat":  "no such action",
		"on plain\ntamper client text: flip": "needs a place",
		"on plain\ntamper client text: flip byte 1 bit 8": "needs a place",
		"on plain\ntamper client text: flip byte 1 hit 3": "needs a place",
		"on plain\ntamper client text: reseal":            "reseal needs",
		"on plain\ntamper client text: reseal byte x":     "reseal needs",
		"on plain\ntamper client text: set field x to y":  "set needs",
		"on plain\ntamper client text: delay 2h":          "needs a time",
		"on plain\ntamper client text: inject zz":         "inject needs",
		"on plain\nexpect":                                "needs an assertion",
		"on plain\nexpect moon: silence":                  "no channel",
		"on plain\nexpect client sleeps":                  "no such assertion",
		"on plain\nexpect client alerts x loudly":         "understood, not understood",
		"on plain\nonly tls12: on tls13":                  "count on every channel",
		"on plain\nonly tls12":                            "only needs channels",
		"on plain\ndo \"x":                                "a quote without its end",
		"on plain\nguess one":                             "two commands or more",
		"on plain\npause 11s":                             "pause needs a time",
		"on plain\nexpect attacker sees a pause of night": "a pause is of a time",
		"on plain\nexpect client learns never":            "no such assertion",
	} {
		_, err := lesson.Parse("test", script)
		var syntax *lesson.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", script, err, want)
		}
	}
}

func TestAnExpectationThatIsNotMetSaysWhatHappened(t *testing.T) {
	scene, err := lesson.Parse("test", "on plain\ndo hello\nexpect answer hullo\nexpect client fails\nexpect attacker reads nothing")
	if err != nil {
		t.Fatal(err)
	}
	result, err := runner().Run(t.Context(), scene, lesson.Clear)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`the answer "hello"`, "the client is content", `"hello"`} {
		if check := result.Checks[i]; check.OK || check.Got != want {
			t.Errorf("%s: %v, %s", check.Text, check.OK, check.Got)
		}
	}
	if err := result.Err(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("the three that are not met: %v", err)
	}
}

func TestSilenceIsAnOutcome(t *testing.T) {
	scene, err := lesson.Parse("test", "on plain\ntamper client text: drop\ndo hello\ndo more\nexpect silence\nexpect nobody notices")
	if err != nil {
		t.Fatal(err)
	}
	patient := runner()
	patient.Patience = 1 // no time at all
	result, err := patient.Run(t.Context(), scene, lesson.Clear)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil || !result.Silent {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"on plain tls12\nwith expired\ntamper client text 2 containing \"x\": flip byte -1 bit 3\ndo a \"b c\"\nexpect tls12: server alerts bad_record_mac not understood",
		"on mtls\nonly mtls: tamper either certificate every: cut 3\nsend \"a\" b\nconnect\nguess a \"b -> c\"\npause 1ms\nexit\nexpect no answer\nexpect attacker sees a pause of 1ms\nexpect client learns of nothing",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		scene, err := lesson.Parse("fuzz", script)
		if (scene == nil) == (err == nil) {
			t.Errorf("%v and %v", scene, err)
		}
	})
}

func TestAMatchThatIsNotUnderstoodNamesTheWordAndWhatMayStandThere(t *testing.T) {
	for text, want := range map[string]lesson.MatchError{
		"":                             {lesson.MatchSender, ""},
		"certificate":                  {lesson.MatchSender, "certificate"},
		"server":                       {lesson.MatchKind, ""},
		"server certificat":            {lesson.MatchKind, "certificat"},
		"client text third":            {lesson.MatchRest, "third"},
		"client text 0":                {lesson.MatchRest, "0"},
		"client text containing":       {lesson.MatchRest, "containing"},
		`client text containing "half`: {lesson.MatchQuote, ""},
	} {
		_, err := lesson.ParseMatch(text)
		var got *lesson.MatchError
		if !errors.As(err, &got) || *got != want {
			t.Errorf("%q: %v, want %+v", text, err, want)
			continue
		}
		for _, choice := range got.Part.Choices() {
			if !strings.Contains(err.Error(), choice) {
				t.Errorf("%q: %q does not name %s", text, err, choice)
			}
		}
	}
	for _, kind := range lesson.MatchKind.Choices() {
		for _, sender := range lesson.MatchSender.Choices() {
			if _, err := lesson.ParseMatch(sender + " " + kind + " 2"); err != nil {
				t.Errorf("%s %s is offered, but: %v", sender, kind, err)
			}
		}
	}
}

func TestAUnitIsMeantByTheNameThatItsProtocolHasForIt(t *testing.T) {
	scene, err := lesson.Parse("test", `
		on plain
		tamper client unit line 2: flip byte 0 bit 5
		tamper client unit page: drop
		do hello
		expect answer hello
		do hello
		expect answer Hello
	`)
	if err != nil {
		t.Fatal(err)
	}
	result, err := runner().Run(t.Context(), scene, lesson.Clear)
	if err != nil {
		t.Fatal(err)
	}
	if err := result.Err(); err != nil {
		t.Error(err)
	}
	if _, err := lesson.ParseMatch("client unit"); err == nil {
		t.Error("a unit without a name is taken")
	}
}

func TestWhatTheClientRefusesByItselfIsItsAnswer(t *testing.T) {
	scene, err := lesson.Parse("refused", "on plain\ndo nonsense\nexpect answer that is no word\ndo hello\nexpect answer hello")
	if err != nil {
		t.Fatal(err)
	}
	result, err := runner().Run(t.Context(), scene, lesson.Clear)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		t.Error(err)
	}
}

func TestWhatIsDoneInTurnIsSpelledInOneWay(t *testing.T) {
	for line, ok := range map[string]bool{
		"tamper client text: repeat in turn":                                true,
		"tamper client unit length: drop in turn":                           true,
		"tamper client unit length 2: swap in turn":                         true,
		`tamper client text: inject in turn "\na\n" knowing "create a 1\n"`: true,
		`tamper client text: inject in turn "0123456789abcdef" knowing "a"`: false,
		`tamper client text: inject in turn "a" knowing ""`:                 false,
		`tamper client text: inject in turn "a"`:                            false,
		"tamper client text: flip in turn":                                  false,
		"tamper client text: repeat in turn twice":                          false,
	} {
		if _, err := lesson.Parse("test", "on sealed\n"+line); (err == nil) != ok {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestWhereTheEndsDoNotTakeTurnsNothingIsDoneInTurn(t *testing.T) {
	parsed, err := lesson.Parse("test", "on plain\ntamper client text: repeat in turn")
	if err != nil {
		t.Fatal(err)
	}
	_, err = lesson.Runner{Open: func(string, []string) (inspect.Stage, error) { return echo{}, nil }}.Run(t.Context(), parsed, lesson.Clear)
	if err == nil || !strings.Contains(err.Error(), "do not take turns") {
		t.Errorf("%v", err)
	}
}
