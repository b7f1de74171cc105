package stage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

// openRouter opens the stage with a folder for temporary files of its own, which must be empty when the play is closed.
func openRouter(t *testing.T, router *stage.Router, tap *inspect.Tap) inspect.Play {
	t.Helper()
	temporary := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP"} {
		t.Setenv(name, temporary)
	}
	play, err := router.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := play.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(temporary, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return play
}

func TestTheRoutersOwnConversationShowsWhatAListenerReads(t *testing.T) {
	for _, flawed := range []bool{false, true} {
		tap := inspect.NewTap()
		play := openRouter(t, &stage.Router{Flawed: flawed}, tap)
		want := []string{
			`^{"code":400,.*"reason":"wrong_token"[,}]`, `^{"code":200,"token":"[0-9a-f]{64}"[,}]`, `^{"code":200,"hashes":{"notes.txt":"[0-9a-f]{64}","products.json":"[0-9a-f]{64}"}[,}]`,
			`^{"code":200,"data":"VGhl[^,]*","name":"notes.txt"[,}]`, `^{"code":400,.*"reason":"no_file"[,}]`, `^{"code":400,.*"reason":"wrong_token"[,}]`, `^$`,
			`^{"code":200,"data":"VGhl[^,]*","name":"notes.txt"[,}]`, `^$`,
		}
		for i, command := range stage.RouterHints {
			answer := do(t, play, command)
			if !regexp.MustCompile(want[i]).MatchString(answer) {
				t.Errorf("%s: %s", command, answer)
			}
			if given := strings.Contains(answer, `"code":400`) && strings.Contains(answer, `"code":200`); given != (flawed && strings.Contains(want[i], "wrong_token")) {
				t.Errorf("%s: after the refusal data is given is %v: %s", command, given, answer)
			}
			if answer != "" && strings.Contains(answer, `"flawed":"FLAWED`) != flawed {
				t.Errorf("%s: the label is wrong: %s", command, answer)
			}
		}
		if _, err := play.Do(t.Context(), "hashes"); !errors.Is(err, stage.ErrEnded) {
			t.Errorf("after exit: %v", err)
		}
		play.Close()
		session := inspect.NewSession(tap.Recording())
		session.End()
		tokens := make(map[string]int)
		for r := range session.Records() {
			if tree := r.Fields(); r.Side == inspect.Client {
				if token, ok := tree.Find("router.token"); ok {
					tokens[token.Value]++
				}
			}
		}
		if len(tokens) != 2 || tokens[`"a guess"`] != 1 {
			t.Errorf("a listener reads the tokens %v", tokens)
		}
		for _, item := range session.Items() {
			if item.Kind == inspect.ErrorItem {
				t.Errorf("%s: %s", item.Side, item.Text)
			}
		}
		if n := len(session.Connections()); n != 2 {
			t.Errorf("%d connections", n)
		}
	}
}

func TestARouterThatIsFlawedSaysSo(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		if (&stage.Router{Lang: lang}).Notice() != "" {
			t.Error("one that is not is called flawed")
		}
		if notice := (&stage.Router{Lang: lang, Flawed: true}).Notice(); notice == "" {
			t.Error("it does not say so in " + lang)
		}
	}
}

func TestWhatIsNoCommandOfTheRouterIsSaidAndTheConversationGoesOn(t *testing.T) {
	play := openRouter(t, &stage.Router{Lang: "pt-BR"}, inspect.NewTap())
	for _, command := range []string{"", "show", "login", "file", `{"url"`} {
		if reply := refused(t, play, command); reply == "" {
			t.Errorf("nothing is said of %q", command)
		}
	}
	if answer := do(t, play, "login ana-pc"); !strings.HasPrefix(answer, `{"code":200,`) {
		t.Error(answer)
	}
}

func TestARequestThatIsSpoiledOnTheWireEndsTheConversationAndAnotherCanBegin(t *testing.T) {
	spoiled := false
	spoil := inspect.Alter(func(b []byte) []byte {
		if !spoiled {
			spoiled, b = true, []byte("GET / ")
		}
		return b
	})
	tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromClient}, Do: spoil}}}}
	play := openRouter(t, new(stage.Router), tap)
	if answer := do(t, play, "login ana-pc"); !strings.Contains(answer, `"reason":"bad_package"`) {
		t.Error(answer)
	}
	if err := play.(interface{ Reconnect(context.Context) error }).Reconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if answer := do(t, play, "login ana-pc"); !strings.Contains(answer, `"token"`) {
		t.Error(answer)
	}
}

func TestAHeldRouterWaitsAsLongAsItIsHeld(t *testing.T) {
	router := new(stage.Router)
	synctest.Test(t, func(t *testing.T) {
		stepper := new(inspect.Stepper)
		play, err := router.Open(t.Context(), &inspect.Tap{Gate: stepper})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Hour)
		for _, command := range []string{"login ana-pc", "hashes"} {
			answered := make(chan string)
			go func() { answered <- do(t, play, command) }()
			for range 2 { // the request, and the answer
				time.Sleep(30 * time.Hour)
				if held := stepper.Pending(); len(held) != 1 {
					t.Fatalf("%s: held are %v", command, held)
				}
				stepper.Release()
			}
			if answer := <-answered; !strings.HasPrefix(answer, `{"code":200`) {
				t.Errorf("%s: %s", command, answer)
			}
		}
		go play.Do(t.Context(), "hashes")
		synctest.Wait()
		if err := play.Close(); err != nil { // while it is held
			t.Error(err)
		}
	})
}
