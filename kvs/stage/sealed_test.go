package stage_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sealed"
)

// sealedKeys are those of the tests of package sealed: to generate some takes seconds.
func sealedKeys(t *testing.T) *stage.SealedKeys {
	t.Helper()
	keys := new(stage.SealedKeys)
	for name, into := range map[string]func(*rsa.PrivateKey){
		"client":   func(k *rsa.PrivateKey) { keys.Client = k },
		"server":   func(k *rsa.PrivateKey) { keys.Server = k },
		"stranger": func(k *rsa.PrivateKey) { keys.Attacker = k },
	} {
		text, err := os.ReadFile("sealed/testdata/" + name + ".pem")
		if err != nil {
			t.Fatal(err)
		}
		key, err := sealed.ParsePrivateKey(text)
		if err != nil {
			t.Fatal(err)
		}
		into(key)
	}
	return keys
}

// bothSealed runs a test on the home-made channel and on its mended variant.
func bothSealed(t *testing.T, test func(t *testing.T, authenticated bool)) {
	t.Run("plain", func(t *testing.T) { test(t, false) })
	t.Run("authenticated", func(t *testing.T) { test(t, true) })
}

func openSealed(t *testing.T, s *stage.Sealed, tap *inspect.Tap) inspect.Play {
	t.Helper()
	s.Keys = sealedKeys(t)
	play, err := s.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { play.Close() })
	return play
}

func TestTheManagedServiceHoldsItsOwnConversation(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		tap := inspect.NewTap()
		play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
		var answers []string
		for _, command := range stage.SealedHints {
			answers = append(answers, do(t, play, command))
		}
		for i, want := range []string{
			`"available":8`, `"container_listen_port":40000`, `Ok`, `{"nome": "ana"}`, `{"success":true,"message":"OK","data":{}}`, `"available":8`,
		} {
			if !strings.Contains(answers[i], want) {
				t.Errorf("%s: got %s", stage.SealedHints[i], answers[i])
			}
		}
		play.Close()
		session := inspect.NewSession(tap.Recording())
		if n := len(session.Connections()); n != len(answers) {
			t.Errorf("%d connections for %d commands", n, len(answers))
		}
		var names [2][]string
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, r := range session.Connections()[0].View(side).Records(side) {
				names[side] = append(names[side], r.Name())
			}
		}
		if got := strings.Join(names[inspect.Client], " "); got != "length public_key ack ack secret ack length message ack" {
			t.Errorf("the client sends %q", got)
		}
		if got := strings.Join(names[inspect.Server], " "); got != "ack ack length public_key ack secret ack length message" {
			t.Errorf("the server sends %q", got)
		}
		for r := range session.Records() {
			if r.Encrypted && !r.Decrypted {
				t.Errorf("%s %d, a %s: %s", r.Side, r.Seq, r.Name(), r.Reason())
			}
		}
		for _, item := range session.Items() {
			if item.Kind == inspect.ErrorItem || item.Kind == inspect.BytesItem {
				t.Errorf("%s: %v %s", item.Side, item.Kind, item.Text)
			}
		}
	})
}

func TestOtherCommandsAreAnsweredToo(t *testing.T) {
	play := openSealed(t, &stage.Sealed{Lang: "pt-BR"}, inspect.NewTap())
	for _, step := range [][2]string{
		{"DESTROY", "Bad authentication"},
		{`DANCE {"with": "ana"}`, "Bad request (verbo desconhecido)"},
		{"DANCE", "verbo desconhecido"},
		{"show", "Bad request (verb: "},
		{"DESTROY a b", "Bad request (client_token: "},
	} {
		if got := do(t, play, step[0]); !strings.Contains(got, step[1]) {
			t.Errorf("%s: got %s", step[0], got)
		}
	}
	for command, want := range map[string]string{
		"SHELL show": "não há contêiner", `DANCE {"with"`: "escreva STAT", "DESTROY a": "escreva STAT", "  ": "escreva STAT",
	} {
		if got := refused(t, play, command); !strings.Contains(got, want) {
			t.Errorf("%s: got %s", command, got)
		}
	}
	do(t, play, "exit")
	if _, err := play.Do(t.Context(), "STAT"); err != stage.ErrEnded {
		t.Errorf("after exit: %v", err)
	}
}

func TestARequestFollowsAfterFiveRoundTrips(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		tap := inspect.NewTap()
		play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
		do(t, play, "STAT")
		play.Close()
		trips, last := 0, inspect.Client
		for r := range inspect.NewSession(tap.Recording()).Records() {
			if r.Side == inspect.Server && last == inspect.Client {
				trips++
			}
			if r.Name() == "message" {
				break
			}
			last = r.Side
		}
		if trips != 5 {
			t.Errorf("%d", trips)
		}
	})
}

// What anyone on the wire sees of the original: two messages that begin alike.
func TestEqualBeginningsShowOnTheWireOfTheOriginalAlone(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		tap := inspect.NewTap()
		setting := &stage.Setting{Channel: map[bool]string{false: stage.ChannelSealed, true: stage.ChannelSealedAuthenticated}[authenticated], Keys: sealedKeys(t)}
		play, err := setting.Open(t.Context(), tap)
		if err != nil {
			t.Fatal(err)
		}
		do(t, play, "create a-key-that-is-long ana")
		do(t, play, "create a-key-that-is-longer eva")
		play.Close()
		var first []string
		var messages []*inspect.Record
		session := inspect.NewSession(tap.Recording())
		for _, r := range session.Connections()[0].View(inspect.Client).Records(inspect.Client) {
			if r.Name() == "message" {
				first = append(first, string(r.Raw()[:16]))
				messages = append(messages, r)
			}
		}
		if earlier, length, blocks := messages[1].SameBeginning(); authenticated && earlier != nil || !authenticated && (earlier != messages[0] || length != 16 || blocks != 1) {
			t.Errorf("%d bytes, %d blocks are said to be those of %v", length, blocks, earlier)
		}
		if len(first) != 2 || (first[0] == first[1]) == authenticated {
			t.Errorf("the first blocks are %x", first)
		}
	})
}

func TestTheKeyValueServiceIsPlayedOnBothVariantsOfTheChannel(t *testing.T) {
	for _, channel := range []string{stage.ChannelSealed, stage.ChannelSealedAuthenticated} {
		for _, with := range [][]string{nil, {stage.SomeoneInBetween}} {
			t.Run(fmt.Sprint(channel, with), func(t *testing.T) {
				tap := inspect.NewTap()
				setting := &stage.Setting{Channel: channel, With: with, Keys: sealedKeys(t)}
				play, err := setting.Open(t.Context(), tap)
				if err != nil {
					t.Fatal(err)
				}
				defer play.Close()
				answer, err := play.Do(t.Context(), "create nome ana")
				if with != nil && channel == stage.ChannelSealedAuthenticated {
					if err == nil || !strings.Contains(err.Error(), "pinned") {
						t.Errorf("somebody in between: %q, %v", answer, err)
					}
					return
				}
				if err != nil || answer != "Ok" {
					t.Fatalf("got %q, %v", answer, err)
				}
				sequence := play.(interface {
					Send(ctx context.Context, commands []string) ([]string, error)
					Reconnect(ctx context.Context) error
				})
				if answers, err := sequence.Send(t.Context(), []string{"read nome", "keys"}); !slices.Equal(answers, []string{"ana", `["nome"]`}) {
					t.Errorf("got %q, %v", answers, err)
				}
				if err := sequence.Reconnect(t.Context()); err != nil {
					t.Fatal(err)
				}
				if answer := do(t, play, "read nome"); answer != "ana" {
					t.Errorf("got %q", answer)
				}
				do(t, play, "exit")
				play.Close()
				session := inspect.NewSession(tap.Recording())
				for _, item := range session.Items() {
					if item.Kind == inspect.ErrorItem {
						t.Errorf("%s: %s", item.Side, item.Text)
					}
				}
				for _, c := range session.Connections() {
					if fidelity := c.Account(inspect.Server, tap.Recording().Len()).Fidelity; fidelity != inspect.TextWhole {
						t.Errorf("of what the client wrote, the server's program has read %v", fidelity)
					}
				}
			})
		}
	}
}

func TestFaultsOfCertificatesAreNoneOfTheHomeMadeChannel(t *testing.T) {
	setting := &stage.Setting{Channel: stage.ChannelSealed, With: []string{stage.Expired}}
	if _, err := setting.Open(t.Context(), inspect.NewTap()); err == nil {
		t.Error("it was opened")
	}
}

// kindsOf lists the kinds of all fields of a tree, and holds it to cover its bytes.
func kindsOf(t *testing.T, tree inspect.Field, size int, into map[string]bool) {
	t.Helper()
	at := 0
	for _, leaf := range tree.Leaves() {
		if leaf.Offset != at {
			t.Errorf("%s begins at %d, not at %d", leaf.Kind, leaf.Offset, at)
		}
		at = leaf.End()
	}
	if at != size {
		t.Errorf("%s: the leaves cover %d bytes of %d", tree.Kind, at, size)
	}
	var walk func(inspect.Field)
	walk = func(f inspect.Field) {
		into[f.Kind] = true
		for _, child := range f.Children {
			walk(child)
		}
	}
	walk(tree)
}

func TestEveryKindOfFieldOfTheChannelIsExplainedInBothLanguages(t *testing.T) {
	kinds := make(map[string]bool)
	bothSealed(t, func(t *testing.T, authenticated bool) {
		tap := inspect.NewTap()
		play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
		for _, command := range []string{"STAT", "CREATE", "SHELL show"} {
			do(t, play, command)
		}
		play.Close()
		for r := range inspect.NewSession(tap.Recording()).Records() {
			tree := r.Fields()
			kindsOf(t, tree, r.Length, kinds)
			if _, odd := tree.Find(inspect.NotUnderstood); odd {
				t.Errorf("%s %d, a %s, is not understood: %+v", r.Side, r.Seq, r.Name(), tree)
			}
			if !r.Decrypted {
				continue
			}
			clear := r.Plaintext()
			for _, part := range r.Parts {
				kindsOf(t, r.PartFields(part, clear[part.Offset:][:part.Length]), part.Length, kinds)
			}
		}
	})
	if !kinds["sealed.tag"] || !kinds["sealed.session_iv"] || !kinds["json.member"] {
		t.Errorf("got only %v", kinds)
	}
	for _, lang := range []string{"en", "pt-BR"} {
		for kind := range kinds {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("%s is not explained in %s", kind, lang)
			}
		}
	}
}

func TestTheLinesOfTheKeyValueServiceHaveTheirOwnFieldsWithinMessages(t *testing.T) {
	clearKinds := func(tap *inspect.Tap) (all []string) {
		for r := range inspect.NewSession(tap.Recording()).Records() {
			if r.Name() != "message" {
				continue
			}
			var kinds []string
			content := r.Plaintext()
			for _, leaf := range r.PartFields(r.Parts[0], content).Leaves() {
				if leaf.Kind != "kv.space" && leaf.Kind != "kv.end" {
					kinds = append(kinds, leaf.Kind)
				}
			}
			all = append(all, strings.Join(kinds, " "))
		}
		return all
	}
	setting := &stage.Setting{Channel: stage.ChannelSealed, Keys: sealedKeys(t)}
	tap := inspect.NewTap()
	play, err := setting.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"create nome ana", "read nome", "show", "values", "read cidade"} {
		do(t, play, command)
	}
	play.Close()
	want := []string{
		"kv.command kv.key kv.value", "kv.ok", "kv.command kv.key", "kv.value",
		"kv.command", "kv.bracket kv.key kv.separator kv.value kv.bracket", "kv.command", "kv.bracket kv.value kv.bracket",
		"kv.command kv.key", "kv.error kv.reason",
	}
	if got := clearKinds(tap); !slices.Equal(got, want) {
		t.Errorf("over the channel\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	tap = inspect.NewTap()
	service := openSealed(t, &stage.Sealed{}, tap)
	do(t, service, "CREATE")
	do(t, service, "SHELL read nome")
	service.Close()
	want = []string{"sealed.line", "sealed.line", "sealed.line", "sealed.line", "sealed.line", "kv.command kv.key", "kv.error kv.reason"}
	if got := clearKinds(tap); len(got) != 9 || !slices.Equal(got[2:], want) {
		t.Errorf("in a shell\n%s\nwant\n%s", strings.Join(got[2:], "\n"), strings.Join(want, "\n"))
	}
}

// altered has the client ask for STAT through rules, and returns the request as the server's view has it.
func altered(t *testing.T, authenticated bool, do inspect.Action) (request *inspect.Record, answer string, err error) {
	t.Helper()
	rule := inspect.Rule{Match: inspect.Match{From: inspect.FromClient, Message: "message"}, Do: do, Times: 1}
	tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{rule}}}
	play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
	answer, err = play.Do(t.Context(), "STAT")
	play.Close()
	session := inspect.NewSession(tap.Recording())
	session.End()
	for _, r := range session.Connections()[0].View(inspect.Server).Records(inspect.Client) {
		if r.Name() == "message" {
			request = r
		}
	}
	if request == nil {
		t.Fatal("the request has not reached the server")
	}
	return request, answer, err
}

func TestABitThatIsFlippedOnTheWireIsSeenToArriveOrToBeRefused(t *testing.T) {
	const original = `{"verb":"STAT","parameters":{}}`
	request, answer, err := altered(t, false, inspect.Flip(4, 0x01))
	clear := request.Plaintext()
	if request.Verdict != inspect.VerdictAltered || len(clear) != len(original) || clear[20] != original[20]^0x01 {
		t.Errorf("the server reads %q, verdict %s", clear, request.Verdict)
	}
	if err != nil || !strings.Contains(answer, "Bad request") {
		t.Errorf("got %q, %v", answer, err)
	}
	request, _, err = altered(t, true, inspect.Flip(4, 0x01))
	if request.Decrypted || request.Reason().Key != "unit_mac" || err == nil {
		t.Errorf("the server reads %q; %s; %v", request.Plaintext(), request.Reason(), err)
	}
	request, _, err = altered(t, false, inspect.Flip(-17, 0x80)) // a block before its end: in CBC that flips the last byte of the padding, and nothing is left to chance
	if request.Decrypted || request.Reason().Key != "unit_padding" || err == nil {
		t.Errorf("the server reads %q; %s; %v", request.Plaintext(), request.Reason(), err)
	}
}

func TestWhoHasTheKeysMakesAMessageThatIsAccepted(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		change := func(clear []byte) []byte { return bytes.ReplaceAll(clear, []byte("STAT"), []byte("STOP")) }
		request, answer, err := altered(t, authenticated, inspect.Reseal(change))
		if string(request.Plaintext()) != `{"verb":"STOP","parameters":{}}` || err != nil || !strings.Contains(answer, "unknown verb") {
			t.Errorf("the server reads %q; got %q, %v", request.Plaintext(), answer, err)
		}
	})
}

func TestAMessageThatTakesAnotherNumberOfBlocksCannotBeSealed(t *testing.T) {
	longer := func(clear []byte) []byte { return append(clear, strings.Repeat(" ", 16)...) }
	request, answer, err := altered(t, false, inspect.Reseal(longer))
	if string(request.Plaintext()) != `{"verb":"STAT","parameters":{}}` || err != nil || !strings.Contains(answer, "OK") {
		t.Errorf("the server reads %q; got %q, %v", request.Plaintext(), answer, err)
	}
}

// Over TCP each of the three limits is 10 s. Here every unit is held for longer, in the key exchange and behind it.
func TestAHeldServiceWaitsAsLongAsItIsHeld(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		synctest.Test(t, func(t *testing.T) { // whose clock takes no time
			stepper := new(inspect.Stepper)
			play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, &inspect.Tap{Gate: stepper})
			began, held := time.Now(), 0
			answered := make(chan string)
			go func() { answered <- do(t, play, "STAT") }()
			for {
				synctest.Wait()
				select {
				case answer := <-answered:
					if !strings.Contains(answer, `"available":8`) {
						t.Errorf("got %s", answer)
					}
					if held < 12 || time.Since(began) < time.Duration(held)*11*time.Second {
						t.Errorf("%d units were held, for %v in all", held, time.Since(began))
					}
					return
				default:
				}
				time.Sleep(11 * time.Second)
				if !stepper.Release() {
					t.Fatal("nothing is held, and nothing is answered")
				}
				held++
			}
		})
	})
}

func TestAHeldServiceEndsAtOnceWhenItIsClosed(t *testing.T) {
	stepper := new(inspect.Stepper)
	play := openSealed(t, new(stage.Sealed), &inspect.Tap{Gate: stepper})
	if err := stepper.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := play.Do(ctx, "STAT"); err != context.DeadlineExceeded {
		t.Errorf("while the key exchange is held: %v", err)
	}
	done := make(chan struct{})
	go func() { play.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("a held service did not end when it was closed")
	}
}

func TestTheUnitsOfTheChannelAreTheSameWhateverTheChunking(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		tap := inspect.NewTap()
		play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
		do(t, play, "STAT")
		play.Close()
		account := func(recording *inspect.Recording) (all []string) {
			for r := range inspect.NewSession(recording).Records() {
				all = append(all, fmt.Sprintf("%s %s %d %s %q", r.Side, r.Name(), r.Offset, r.Reason(), r.Plaintext()))
			}
			return all
		}
		bytewise := new(inspect.Recording)
		for e := range tap.Recording().Events(0) {
			if e.Kind != inspect.Captured {
				bytewise.Append(e)
				continue
			}
			for i := range e.Bytes {
				piece := e
				piece.Bytes, piece.N = e.Bytes[i:i+1], 1
				bytewise.Append(piece)
			}
		}
		if got, want := account(bytewise), account(tap.Recording()); !slices.Equal(got, want) || len(want) != 18 {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAnAnswerIsWrittenAsTheServerWroteIt(t *testing.T) {
	play := openSealed(t, new(stage.Sealed), inspect.NewTap())
	var answer map[string]any
	if text := do(t, play, "STAT"); json.Unmarshal([]byte(text), &answer) != nil || len(answer) != 3 {
		t.Errorf("got %s", text)
	}
}
