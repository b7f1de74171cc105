package stage_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
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

// refused returns what a client says that refuses a command by itself.
func refused(t *testing.T, play inspect.Play, command string) string {
	t.Helper()
	answer, err := play.Do(t.Context(), command)
	var misuse *inspect.CommandError
	if !errors.As(err, &misuse) || answer != "" {
		t.Fatalf("%s: answered %q, %v", command, answer, err)
	}
	return misuse.Reply
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
	case <-time.After(time.Minute):
		t.Fatal("a held session did not end when it was closed")
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

// everyChannel are stages on all channels, those of scenes among them.
func everyChannel() map[string]inspect.Stage {
	all := map[string]inspect.Stage{
		"default": new(stage.KV), "TLS 1.2": &stage.KV{MaxVersion: tls.VersionTLS12}, "mutual": &stage.KV{ClientAuth: tls.RequireAndVerifyClientCert},
		"ECH": &stage.KV{ECH: stage.AcceptedECH},
	}
	for _, channel := range []string{stage.ChannelClear, stage.ChannelTLS12, stage.ChannelTLS13, stage.ChannelMTLS} {
		all[channel] = &stage.Setting{Channel: channel}
	}
	return all
}

func TestASessionHeldBeyondEveryDefaultGoesOnOnceItIsReleased(t *testing.T) {
	for name, kv := range everyChannel() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stepper := new(inspect.Stepper)
				play, err := kv.Open(t.Context(), &inspect.Tap{Gate: stepper})
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(30 * time.Hour)
				if held := stepper.Pending(); name != stage.ChannelClear && (len(held) != 1 || held[0].From != inspect.Client) {
					t.Fatalf("instead of the ClientHello are held %v", held)
				}
				stepper.Run()
				if got := do(t, play, "create nome ana"); got != "Ok" {
					t.Errorf("create: %q", got)
				}
				time.Sleep(30 * time.Hour) // nobody holds, and nobody says a word
				if got := do(t, play, "read nome"); got != "ana" {
					t.Errorf("read: %q", got)
				}
				for _, holds := range []inspect.Sender{inspect.FromClient, inspect.FromServer} { // the order, and then the answer
					stepper.Run(inspect.Match{From: holds})
					answer := make(chan string)
					go func() { answer <- do(t, play, "read nome") }()
					time.Sleep(30 * time.Hour)
					if held := stepper.Pending(); len(held) != 1 || inspect.FromClient+inspect.Sender(held[0].From) != holds {
						t.Errorf("held: %v", held)
					}
					stepper.Run()
					if got := <-answer; got != "ana" {
						t.Errorf("read: %q", got)
					}
				}
				if got := do(t, play, "exit"); got != "Ok" {
					t.Errorf("exit: %q", got)
				}
				play.Close()
			})
		})
	}
}

// wild is a list of rules that is drawn at random.
func wild(random *rand.Rand) *inspect.Rules {
	delay := time.Duration(1+random.IntN(3000)) * time.Millisecond
	actions := []inspect.Action{
		inspect.Drop, inspect.Hold, inspect.Repeat(1 + random.IntN(2)), inspect.Flip(-1-random.IntN(8), 1<<random.IntN(8)), inspect.Flip(random.IntN(8), 1),
		inspect.Delay(delay), inspect.Swap(delay), inspect.CutAfter(random.IntN(12)), inspect.Inject([]byte("delete nome\n")),
		inspect.FlipField("client_hello.random"), inspect.Reseal(func(content []byte) []byte { return append(content, '\n') }),
	}
	rules := new(inspect.Rules)
	for range 1 + random.IntN(3) {
		rules.List = append(rules.List, inspect.Rule{
			Match: inspect.Match{From: inspect.Sender(random.IntN(3)), Nth: random.IntN(12)}, Do: actions[random.IntN(len(actions))], Times: random.IntN(3),
		})
	}
	return rules
}

func TestNoGateHoweverWildKeepsASessionOfAnyChannelFromItsEnd(t *testing.T) {
	faults := []string{"", stage.WrongAuthority, stage.NoClientCert, stage.WrongClientCert, stage.SomeoneInBetween, stage.Unchecked}
	for _, channel := range []string{stage.ChannelClear, stage.ChannelTLS12, stage.ChannelTLS13, stage.ChannelMTLS} {
		t.Run(channel, func(t *testing.T) {
			for seed := range uint64(60) {
				random := rand.New(rand.NewPCG(seed, 6))
				setting := &stage.Setting{Channel: channel}
				if fault := faults[random.IntN(len(faults))]; fault != "" && channel != stage.ChannelClear && random.IntN(3) == 0 {
					setting.With = []string{fault}
				}
				synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
					play, err := setting.Open(t.Context(), &inspect.Tap{Gate: wild(random)})
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					within := func(f func(ctx context.Context)) {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						defer cancel()
						f(ctx)
					}
					within(func(ctx context.Context) { play.Do(ctx, "create nome ana") })
					within(func(ctx context.Context) {
						play.(interface {
							Send(context.Context, []string) ([]string, error)
						}).Send(ctx, []string{"read nome", "keys"})
					})
					within(func(ctx context.Context) {
						play.(interface{ Reconnect(context.Context) error }).Reconnect(ctx)
					})
					within(func(ctx context.Context) { play.Do(ctx, "read nome") })
					play.Close()
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("seed %d: the session took %v", seed, took)
					}
				})
			}
		})
	}
}
