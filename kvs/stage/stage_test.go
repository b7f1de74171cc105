package stage_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	tap := inspect.NewTap()
	play, err := new(stage.KV).Open(context.Background(), tap)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, command := range []string{"create nome ana", "read nome", "exit"} {
		answer, _ := play.Do(context.Background(), command)
		fmt.Println(answer)
	}
	play.Close()
	state := inspect.NewSession(tap.Recording()).Connections()[0].View(inspect.Client).State(tap.Recording().Len())
	fmt.Println(inspect.VersionName(state.Version), state.ServerSubject)
	// Output:
	// Ok
	// ana
	// Ok
	// TLS 1.3 CN=localhost,O=tlslab
}

func do(t *testing.T, play inspect.Play, command string) string {
	t.Helper()
	answer, err := play.Do(t.Context(), command)
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return answer
}

func TestEveryVariantOfTheSessionWorksAndDecrypts(t *testing.T) {
	for name, kv := range map[string]*stage.KV{
		"default": {},
		"TLS 1.2": {MaxVersion: tls.VersionTLS12},
		"x25519":  {Groups: []tls.CurveID{tls.X25519}},
		"mutual":  {ClientAuth: tls.RequireAndVerifyClientCert},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // a stage can be opened again
				tap := inspect.NewTap()
				play, err := kv.Open(t.Context(), tap)
				if err != nil {
					t.Fatal(err)
				}
				do(t, play, "create nome ana")
				if got := do(t, play, "read nome"); got != "ana" {
					t.Errorf("read nome: %q", got)
				}
				if got := do(t, play, "read outro"); !strings.HasPrefix(got, "Error: ") {
					t.Errorf("read outro: %q", got)
				}
				do(t, play, "exit")
				if _, err := play.Do(t.Context(), "keys"); err != stage.ErrEnded {
					t.Errorf("after exit: %v", err)
				}
				play.Close()
				session := inspect.NewSession(tap.Recording())
				for r := range session.Records() {
					if r.Encrypted && !r.Decrypted {
						t.Errorf("%s record %d: %s", r.Side, r.Seq, r.Why)
					}
				}
				closed := 0
				for _, item := range session.Items() {
					if item.Kind == inspect.ErrorItem {
						t.Errorf("%s: %s", item.Side, item.Text)
					}
					if item.Kind == inspect.ClosedItem && item.How == inspect.ClosedNotify {
						closed++
					}
				}
				if closed != 2 {
					t.Errorf("%d sides closed with close_notify, want 2", closed)
				}
			}
		})
	}
}

func TestAHeldSessionWaitsAsLongAsItIsHeldAndEndsWhenItIsClosed(t *testing.T) {
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	play, err := new(stage.KV).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	if err := stepper.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := play.Do(ctx, "keys"); err != context.DeadlineExceeded {
		t.Errorf("a command during a held handshake: %v", err)
	}
	done := make(chan struct{})
	go func() { play.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("a held session did not end within 5 s of being closed")
	}
}

func TestAHeldSessionGoesOnStepByStep(t *testing.T) {
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	play, err := new(stage.KV).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	answered := make(chan string, 1)
	go func() {
		answer, _ := play.Do(t.Context(), "create nome ana")
		answered <- answer
	}()
	for {
		select {
		case answer := <-answered:
			if answer != "Ok" {
				t.Errorf("got %q", answer)
			}
			return
		default:
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if stepper.Wait(ctx) == nil {
				stepper.Release()
			}
			cancel()
		}
	}
}

func TestAFailedHandshakeIsTheOnlyErrorThatIsRecorded(t *testing.T) {
	tap := inspect.NewTap()
	kv := &stage.KV{MaxVersion: tls.VersionTLS12, Groups: []tls.CurveID{tls.X25519MLKEM768}} // no group in common
	play, err := kv.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := play.Do(t.Context(), "keys"); err == nil {
		t.Error("a command went through without a handshake")
	}
	play.Close()
	for _, item := range inspect.NewSession(tap.Recording()).Items() {
		if item.Kind == inspect.ErrorItem && strings.Contains(item.Text, "CloseWrite") {
			t.Errorf("%s: %s", item.Side, item.Text)
		}
	}
}

func TestASessionHeldAtItsClientHelloBeyondEveryDefaultGoesOnOnceItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stepper := new(inspect.Stepper)
		play, err := new(stage.KV).Open(t.Context(), &inspect.Tap{Gate: stepper})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Hour)
		if held := stepper.Pending(); len(held) != 1 || held[0].From != inspect.Client {
			t.Fatalf("held: %v", held)
		}
		stepper.Run()
		if got := do(t, play, "create nome ana"); got != "Ok" {
			t.Errorf("create: %q", got)
		}
		stepper.Stop()
		answer := make(chan string)
		go func() { answer <- do(t, play, "read nome") }()
		time.Sleep(30 * time.Hour)
		if held := stepper.Pending(); len(held) != 1 {
			t.Errorf("held: %v", held)
		}
		stepper.Run()
		if got := <-answer; got != "ana" {
			t.Errorf("read: %q", got)
		}
		play.Close()
	})
}
