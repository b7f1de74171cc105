package inspect_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
)

// told are the events of a kind, as "client 5": side and bytes.
func told(r *inspect.Recording, kind inspect.EventKind) (all []string) {
	for e := range r.Events(0) {
		if e.Kind == kind {
			all = append(all, fmt.Sprintf("%s %d", e.Side, e.N))
		}
	}
	return all
}

// keepWires is a gate that forwards everything and keeps the wire and its units.
type keepWires struct {
	mu    sync.Mutex
	wire  inspect.Wire
	units []inspect.Unit
}

func (k *keepWires) Captured(w inspect.Wire, u inspect.Unit) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wire, k.units = w, append(k.units, u)
	w.Forward(u.ID)
}

func (k *keepWires) Ended(inspect.Wire, inspect.Side) {}

func TestWhatAProgramHasWrittenIsRecordedWhenWriteReturns(t *testing.T) {
	for name, gate := range map[string]inspect.Gate{"no gate": nil, "a gate": new(inspect.Rules)} {
		t.Run(name, func(t *testing.T) {
			tap := &inspect.Tap{Gate: gate, Now: func() time.Time { // so that the wire is slow to take down what it has read
				time.Sleep(5 * time.Millisecond)
				return time.Now()
			}}
			client, server := tap.PipeOf(inspect.Lines)
			for _, line := range []string{"one\n", strings.Repeat("x", 2000) + "\n"} {
				io.WriteString(client, line)
				if got := sent(tap.Recording()); !bytes.HasSuffix(got, []byte(line)) {
					t.Errorf("%.3q is not there yet, but %.3q", line, got)
				}
			}
			client.Close()
			server.Close()
			tap.Close()
		})
	}
}

func TestWhatIsSentBehindTheEndOfADirectionIsUndeliverableAndAForwardThereDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := new(keepWires)
		tap := &inspect.Tap{Gate: gate}
		client, server := tap.PipeOf(inspect.Lines)
		go func() {
			io.WriteString(client, "hello\n")
			client.CloseWrite()
		}()
		if text, err := io.ReadAll(server); string(text) != "hello\n" || err != nil {
			t.Errorf("the server read %q, %v", text, err)
		}
		synctest.Wait()
		gate.wire.Send(inspect.Client, []byte("more\n"), -1)
		gate.wire.Forward(gate.units[0].ID)
		gate.wire.Finish(inspect.Client)
		gate.wire.Cut(inspect.Client)
		synctest.Wait()
		if got := told(tap.Recording(), inspect.Undeliverable); !slices.Equal(got, []string{"client 5"}) {
			t.Errorf("undeliverable: %v", got)
		}
		client.Close()
		server.Close()
		tap.Close()
		gate.wire.Send(inspect.Server, []byte("late\n"), -1)
		gate.wire.After(time.Hour, func() { t.Error("an alarm rang behind the end of its connection") })
		if got := told(tap.Recording(), inspect.Undeliverable); len(got) != 2 {
			t.Errorf("undeliverable: %v", got)
		}
		time.Sleep(2 * time.Hour)
	})
}

func TestAUnitThatBecomesNothingStopsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nothing := inspect.Alter(func([]byte) []byte { return nil })
		gate := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Nth: 1}, Do: nothing}, {Do: inspect.Inject(nil)}}}
		tap := &inspect.Tap{Gate: gate}
		client, server := tap.PipeOf(inspect.Lines)
		go func() {
			io.WriteString(client, "one\ntwo\n")
			client.CloseWrite()
		}()
		if text, err := io.ReadAll(server); string(text) != "two\n" || err != nil {
			t.Errorf("the server read %q, %v", text, err)
		}
		client.Close()
		server.Close()
		tap.Close()
		if got := verdicts(inspect.NewSession(tap.Recording())); got != nil {
			t.Errorf("verdicts: %v", got)
		}
	})
}

func TestHeldUnitsBlockNeitherTheOtherDirectionNorItsEnd(t *testing.T) {
	for name, version := range map[string]uint16{"plain": 0, "tls12": tls.VersionTLS12, "tls13": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stepper := new(inspect.Stepper)
				stepper.Run(inspect.Match{From: inspect.FromClient, Content: []byte("held")})
				tap := &inspect.Tap{Gate: inspectOnly{stepper, inspect.Client}}
				c, s := joined(t, tap, version)
				go func() {
					io.WriteString(c, "held\n")
					c.CloseWrite()
				}()
				synctest.Wait()
				if n := len(stepper.Pending()); n == 0 {
					t.Fatal("nothing is held")
				}
				go func() {
					io.WriteString(s, strings.Repeat("answer\n", 10_000))
					s.CloseWrite()
				}()
				text, err := io.ReadAll(c)
				if len(text) != 70_000 || err != nil {
					t.Errorf("the client read %d bytes, %v", len(text), err)
				}
				stepper.Run()
				if text, err := io.ReadAll(s); string(text) != "held\n" || err != nil {
					t.Errorf("once released, the server read %q, %v", text, err)
				}
				c.Close()
				s.Close()
				tap.Close()
			})
		})
	}
}

// inspectOnly asks its gate about one side alone.
type inspectOnly struct {
	inspect.Gate
	from inspect.Side
}

func (o inspectOnly) Captured(w inspect.Wire, u inspect.Unit) {
	if u.From == o.from {
		o.Gate.Captured(w, u)
		return
	}
	w.Forward(u.ID)
}

// An end is an endpoint of a tap, with TLS or without.
type end interface {
	io.ReadWriteCloser
	CloseWrite() error
	SetDeadline(time.Time) error
}

// joined opens two ends, with TLS of that version, or without any for 0, whose
// handshake is over.
func joined(t *testing.T, tap *inspect.Tap, version uint16) (c, s end) {
	t.Helper()
	if version == 0 {
		client, server := tap.PipeOf(inspect.Lines)
		return client, server
	}
	clientConfig, serverConfig := configs(t)
	clientConfig.MaxVersion = version
	serverConfig.SessionTicketsDisabled = true
	client, server := tap.Pipe(clientConfig, serverConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestAUnitCapturedBehindACutIsNotPendingAndIsUndeliverableOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stepper := new(inspect.Stepper)
		tap := &inspect.Tap{Gate: stepper}
		client, server := tap.PipeOf(inspect.Lines)
		io.WriteString(client, "one\n")
		synctest.Wait()
		if err := stepper.Resolve(stepper.Pending()[0].ID, inspect.CutAfter(0)); err != nil {
			t.Error(err)
		}
		if _, err := server.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the server's error is %v", err)
		}
		io.WriteString(client, "two\n")
		synctest.Wait()
		if held := stepper.Pending(); len(held) != 0 {
			t.Errorf("pending although the direction was cut: %q", held[0].Bytes)
		}
		stepper.Run()
		io.WriteString(client, "three\n")
		synctest.Wait()
		client.Close()
		server.Close()
		tap.Close()
		if got := told(tap.Recording(), inspect.Undeliverable); !slices.Equal(got, []string{"client 4", "client 6"}) {
			t.Errorf("undeliverable: %v", got)
		}
	})
}

func TestAReorderThatTheEndOvertakesEndsAndSaysSo(t *testing.T) {
	for name, finish := range map[string]func(client *inspect.Endpoint, tap *inspect.Tap){
		"the sender ends": func(client *inspect.Endpoint, _ *inspect.Tap) { client.CloseWrite() },
		"the tap closes":  func(_ *inspect.Endpoint, tap *inspect.Tap) { tap.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rules := &inspect.Rules{List: []inspect.Rule{{Do: inspect.Swap(time.Hour)}}}
				tap := &inspect.Tap{Gate: rules}
				client, server := tap.PipeOf(inspect.Lines)
				io.WriteString(client, "one\n")
				synctest.Wait()
				finish(client, tap)
				text, _ := io.ReadAll(server)
				client.Close()
				server.Close()
				tap.Close()
				if report := rules.Report(); len(report) != 2 || report[1].How != inspect.NeverCame {
					t.Errorf("report: %v", report)
				}
				undeliverable := told(tap.Recording(), inspect.Undeliverable)
				if delivered := string(text) == "one\n"; delivered == (len(undeliverable) == 1) || len(undeliverable) > 1 {
					t.Errorf("the server read %q; undeliverable: %v", text, undeliverable)
				}
			})
		})
	}
}

func TestWhatWaitsForTheNextUnitBehindTheEndIsToldAtOnceThatNoneComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := func(h inspect.Held) { h.Wire.After(time.Minute, func() { inspect.Swap(24 * time.Hour)(h) }) }
		tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{{Do: late}}}}
		client, server := tap.PipeOf(inspect.Lines)
		began := time.Now()
		go func() {
			io.WriteString(client, "one\n")
			client.CloseWrite()
		}()
		text, err := io.ReadAll(server)
		if took := time.Since(began); string(text) != "one\n" || err != nil || took != time.Minute {
			t.Errorf("the server read %q, %v, after %v", text, err, took)
		}
		client.Close()
		server.Close()
		tap.Close()
	})
}

func TestAlarmsRingInOrderOfTheirTimeAndThenOfTheirSetting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := new(keepWires)
		tap := &inspect.Tap{Gate: gate}
		client, server := tap.PipeOf(inspect.Lines)
		go io.Copy(io.Discard, server)
		io.WriteString(client, "one\n")
		synctest.Wait()
		var rung []int
		for i, after := range []time.Duration{3, 1, 2, 1, 3, 1, 0} {
			gate.wire.After(after*time.Second, func() { rung = append(rung, i) })
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []int{6, 1, 3, 5, 2, 0, 4}; !slices.Equal(rung, want) {
			t.Errorf("they rang as %v, want %v", rung, want)
		}
		client.Close()
		server.Close()
		tap.Close()
	})
}

func TestOfManyWhoDecideOnAUnitOneSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stepper := new(inspect.Stepper)
		tap := &inspect.Tap{Gate: stepper}
		client, server := tap.PipeOf(inspect.Lines)
		io.WriteString(client, "one\n")
		synctest.Wait()
		id := stepper.Pending()[0].ID
		results := make(chan error, 16)
		for range cap(results) {
			go func() { results <- stepper.Resolve(id, inspect.Forward) }()
		}
		decided := 0
		for range cap(results) {
			switch err := <-results; {
			case err == nil:
				decided++
			case !errors.Is(err, inspect.ErrNotHeld):
				t.Error(err)
			}
		}
		client.CloseWrite()
		if text, _ := io.ReadAll(server); decided != 1 || string(text) != "one\n" {
			t.Errorf("%d decided, and the server read %q", decided, text)
		}
		if err := stepper.Resolve(999, inspect.Drop); !errors.Is(err, inspect.ErrNotHeld) {
			t.Errorf("a unit that never was: %v", err)
		}
		client.Close()
		server.Close()
		tap.Close()
	})
}

// An airlock is a wire whose units are held until it is over, and which counts
// how often it is asked for them.
type airlock struct {
	inspect.Wire
	over  bool
	asked int
}

func (a *airlock) Holds(int) bool {
	a.asked++
	return !a.over
}

func TestAStepperForgetsTheUnitsOfConnectionsThatHaveEnded(t *testing.T) {
	stepper := new(inspect.Stepper)
	first, second := new(airlock), new(airlock)
	for id := range 100 {
		stepper.Captured(first, inspect.Unit{ID: id})
	}
	stepper.Captured(second, inspect.Unit{ID: 100, Conn: 1})
	first.over = true
	stepper.Ended(first, inspect.Client)
	first.asked = 0
	if held := stepper.Pending(); len(held) != 1 || held[0].ID != 100 || first.asked != 0 {
		t.Errorf("%d units are pending, and the wire that is over was asked %d times", len(held), first.asked)
	}
}

func TestAnActionFindsTheFieldsOfAnyUnitWhateverItsRuleAsksFor(t *testing.T) {
	flip := inspect.FlipField("client_hello.random")
	_, session, err := exchange(t, &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromClient, Nth: 1}, Do: flip}}}, "one")
	if got := strings.Join(verdicts(session), "; "); err == nil || !strings.HasPrefix(got, "received altered") {
		t.Errorf("by a rule: %v, %s", err, got)
	}
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t)
		stepper := new(inspect.Stepper)
		tap := &inspect.Tap{Gate: stepper}
		c, s := tap.Pipe(client, server)
		go c.Handshake()
		failed := make(chan error, 1)
		go func() { failed <- s.Handshake() }()
		synctest.Wait()
		stepper.Resolve(stepper.Pending()[0].ID, inspect.SetField([]byte{0x0a, 0x0a}, "extension.supported_versions", "extension.extension_type"))
		synctest.Wait()
		altered := told(tap.Recording(), inspect.Altered)
		tap.Close()
		<-failed
		c.Close()
		s.Close()
		if len(altered) != 1 {
			t.Errorf("by a stepper: altered %v", altered)
		}
	})
}

func TestARuleCountsTheUnitsThatAnEarlierOneTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		upper := inspect.Alter(bytes.ToUpper)
		tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{
			{Match: inspect.Match{Nth: 1}, Do: inspect.Drop}, {Match: inspect.Match{Nth: 2}, Do: upper},
		}}}
		client, server := tap.PipeOf(inspect.Lines)
		go func() {
			io.WriteString(client, "one\ntwo\nthree\n")
			client.CloseWrite()
		}()
		if text, err := io.ReadAll(server); string(text) != "TWO\nthree\n" || err != nil {
			t.Errorf("the server read %q, %v", text, err)
		}
		client.Close()
		server.Close()
		tap.Close()
	})
}

func TestALineWithoutEndIsCutAtItsBoundHoweverItComes(t *testing.T) {
	const bound = 1 << 16
	text := strings.Repeat("x", 3*bound/2) + "\n"
	for _, chunk := range []int{1000, 20_000, len(text)} {
		synctest.Test(t, func(t *testing.T) {
			gate := new(keepWires)
			tap := &inspect.Tap{Gate: gate}
			client, server := tap.PipeOf(inspect.Lines)
			go func() {
				for rest := text; rest != ""; rest = rest[min(chunk, len(rest)):] {
					io.WriteString(client, rest[:min(chunk, len(rest))])
				}
				client.CloseWrite()
			}()
			got, _ := io.ReadAll(server)
			client.Close()
			server.Close()
			tap.Close()
			if len(gate.units) != 2 || len(gate.units[0].Bytes) != bound || string(got) != text {
				t.Errorf("from chunks of %d bytes came %d units and %d bytes", chunk, len(gate.units), len(got))
			}
		})
	}
}
