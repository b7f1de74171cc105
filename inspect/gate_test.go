package inspect_test

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// forwardAll is a gate that changes nothing.
type forwardAll struct{}

func (forwardAll) Captured(w inspect.Wire, u inspect.Unit) { w.Forward(u.ID) }
func (forwardAll) Ended(inspect.Wire, inspect.Side)        {}

// gateFunc is a gate made of a function.
type gateFunc func(w inspect.Wire, u inspect.Unit)

func (f gateFunc) Captured(w inspect.Wire, u inspect.Unit) { f(w, u) }
func (gateFunc) Ended(inspect.Wire, inspect.Side)          {}

// nthApplication calls act for the client's n-th application_data record,
// the encrypted Finished being number 0, and forwards everything else.
func nthApplication(n int, act func(w inspect.Wire, u inspect.Unit)) inspect.Gate {
	seen := -1
	return gateFunc(func(w inspect.Wire, u inspect.Unit) {
		if u.From == inspect.Client && u.Bytes[0] == 0x17 {
			if seen++; seen == n {
				act(w, u)
				return
			}
		}
		w.Forward(u.ID)
	})
}

// exchange runs a handshake and sends lines to a server that reads until it
// fails or the client has closed; it returns what the server read and its error.
func exchange(t *testing.T, gate inspect.Gate, lines ...string) (read string, session *inspect.Session, serverErr error) {
	t.Helper()
	client, server := configs(t)
	tap := &inspect.Tap{Gate: gate}
	c, s := tap.Pipe(client, server)
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := io.ReadAll(s)
		s.Close()
		done <- result{string(text), err}
	}()
	for _, line := range lines {
		if _, err := io.WriteString(c, line); err != nil {
			break
		}
	}
	c.CloseWrite()
	got := <-done
	c.Close()
	tap.Close()
	return got.text, inspect.NewSession(tap.Recording()), got.err
}

func verdicts(s *inspect.Session) (all []string) {
	for _, item := range s.Items() {
		if item.Kind == inspect.RecordItem && item.Record.Verdict != inspect.VerdictNone {
			all = append(all, item.Lane.String()+" "+item.Record.Verdict.String())
		}
	}
	return all
}

func TestAGateThatForwardsEverythingChangesNothing(t *testing.T) {
	text, session, err := exchange(t, forwardAll{}, "one", "two")
	if text != "onetwo" || err != nil {
		t.Errorf("the server read %q, %v", text, err)
	}
	if v := verdicts(session); v != nil {
		t.Errorf("verdicts on an untouched wire: %v", v)
	}
	allDecrypted(t, session)
	c := session.Connections()[0]
	if got, want := c.View(inspect.Server).State(1<<30), c.View(inspect.Client).State(1<<30); got.HandshakeDone != want.HandshakeDone || got.Suite != want.Suite {
		t.Errorf("the server's view ends as %+v, the client's as %+v", got, want)
	}
}

func TestAFlippedBitIsSeenInTheReceiversViewAlone(t *testing.T) {
	text, session, err := exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) {
		altered := append([]byte(nil), u.Bytes...)
		altered[len(altered)-1] ^= 0x01
		w.Send(u.From, altered, u.ID)
	}), "one")
	if text != "" || err == nil || !strings.Contains(err.Error(), "bad record MAC") {
		t.Errorf("the server read %q, %v", text, err)
	}
	c := session.Connections()[0]
	sent := c.View(inspect.Client).Records(inspect.Client)
	if r := sent[3]; !r.Decrypted || string(r.Plaintext()) != "one" {
		t.Errorf("in the sender's view the record is %+v", r)
	}
	received := c.View(inspect.Server).Records(inspect.Client)
	if r := received[3]; r.Decrypted || r.Why != inspect.WhyTag || r.Verdict != inspect.VerdictAltered {
		t.Errorf("in the receiver's view the record is %+v", r)
	}
}

func TestADroppedRecordLeavesTheReceiverOneBehind(t *testing.T) {
	_, session, err := exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) { w.Drop(u.ID) }), "one", "two")
	if err == nil {
		t.Error("the server did not notice")
	}
	got := strings.Join(verdicts(session), "; ")
	if !strings.Contains(got, "sent dropped; received dropped; received unreadable") {
		t.Errorf("verdicts: %s", got)
	}
	c := session.Connections()[0]
	sent, received := c.View(inspect.Client).Records(inspect.Client)[4], c.View(inspect.Server).Records(inspect.Client)[3]
	if sent.TLSSeq != 1 || received.TLSSeq != 0 {
		t.Errorf("the sender's sequence number is %d, the receiver's %d", sent.TLSSeq, received.TLSSeq)
	}
}

func TestARepeatedAndAnInjectedRecordAreToldApart(t *testing.T) {
	_, session, err := exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) {
		w.Forward(u.ID)
		w.Forward(u.ID)
	}), "one")
	if got := strings.Join(verdicts(session), "; "); err == nil || !strings.HasPrefix(got, "received repeated") {
		t.Errorf("repeated: %v, %s", err, got)
	}
	_, session, err = exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) {
		w.Send(inspect.Client, []byte("\x17\x03\x03\x00\x03abc"), -1)
		w.Forward(u.ID)
	}), "one")
	if got := strings.Join(verdicts(session), "; "); err == nil || !strings.HasPrefix(got, "received injected") {
		t.Errorf("injected: %v, %s", err, got)
	}
}

func TestACutDirectionIsRecordedAsCut(t *testing.T) {
	_, session, _ := exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) { w.Cut(u.From) }), "one")
	for _, item := range session.Items() {
		if item.Kind == inspect.ClosedItem && item.Side == inspect.Client {
			if item.How != inspect.ClosedCut {
				t.Errorf("the client's direction ended with %s", item.How)
			}
			return
		}
	}
	t.Error("the end of the client's direction is not recorded")
}

func TestAStepperHoldsEachRecordUntilItIsReleased(t *testing.T) {
	client, server := configs(t)
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	c, s := tap.Pipe(client, server)
	done := make(chan error, 2)
	go func() { done <- c.Handshake() }()
	go func() { done <- s.Handshake() }()
	released := 0
	for handshakes := 0; handshakes < 2; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			handshakes++
		default:
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			if stepper.Wait(ctx) == nil && stepper.Release() {
				released++
			}
			cancel()
		}
	}
	if released < 7 {
		t.Errorf("%d records were released, want at least 7", released)
	}
	c.Close()
	s.Close()
	tap.Close()
}

func TestClosingWithHeldRecordsSaysWhatWasNeverDelivered(t *testing.T) {
	client, server := configs(t)
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	c, s := tap.Pipe(client, server)
	done := make(chan error, 2)
	go func() { done <- c.Handshake() }()
	go func() { done <- s.Handshake() }()
	if err := stepper.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held := c.Outgoing().Held(); len(held) == 0 || held[0] != 0x16 {
		t.Errorf("held bytes are %x", held)
	}
	tap.Close()
	if err := errors.Join(<-done, <-done); err == nil {
		t.Error("both handshakes went through although nothing was delivered")
	}
	c.Close()
	s.Close()
	undeliverable := 0
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Undeliverable {
			undeliverable += e.N
		}
	}
	if undeliverable == 0 {
		t.Error("nothing is recorded as undeliverable")
	}
}

func TestAGatedListenerHandsOutRealTLSConns(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	tap := &inspect.Tap{Gate: forwardAll{}}
	defer tap.Close()
	inner := listen(t)
	ln := tap.Listener(inner, serverConfig)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		io.Copy(conn, conn)
		conn.Close()
	}()
	raw, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := inspect.NewTap().Client(raw, clientConfig)
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "ola")
	answer := make([]byte, 3)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "ola" {
		t.Errorf("got %q, %v", answer, err)
	}
	c.Close()
}

func TestTimersOfAGateLeaveNothingBehind(t *testing.T) {
	client, server := configs(t)
	fired := make(chan struct{}, 1000)
	tap := &inspect.Tap{Gate: gateFunc(func(w inspect.Wire, u inspect.Unit) {
		for range 50 {
			w.After(time.Nanosecond, func() { fired <- struct{}{} })
		}
		w.After(time.Hour, func() { t.Error("a timer fired after its connection had ended") })
		w.Forward(u.ID)
	})}
	before := runtime.NumGoroutine()
	c, s := tap.Pipe(client, server)
	shaken := make(chan error, 1)
	go func() { shaken <- s.Handshake() }()
	if err := errors.Join(c.Handshake(), <-shaken); err != nil {
		t.Fatal(err)
	}
	for range 50 * 9 { // records of the handshake
		<-fired
	}
	if now := runtime.NumGoroutine(); now > before+20 {
		t.Errorf("%d goroutines, %d before", now, before)
	}
	c.Close()
	s.Close()
	tap.Close()
}

func TestSendingInPlaceOfWhatIsNotHeldDoesNothing(t *testing.T) {
	text, session, err := exchange(t, nthApplication(1, func(w inspect.Wire, u inspect.Unit) {
		w.Forward(u.ID)
		w.Send(u.From, []byte("junk"), u.ID)
		w.Send(u.From, []byte("junk"), 999_999)
		w.Send(u.From.Peer(), []byte("junk"), u.ID)
		w.Drop(u.ID)
	}), "one")
	if text != "one" || err != nil || verdicts(session) != nil {
		t.Errorf("the server read %q, %v; verdicts %v", text, err, verdicts(session))
	}
}

// Else an answer to the beginning of a flight could stand in the recording
// before its end, and a client that is refused would seem to be so in its handshake.
func TestWhatASenderWritesAtOnceIsCapturedBeforeTheGateSeesAnyOfIt(t *testing.T) {
	tap := new(inspect.Tap)
	captured := make(chan int, 3)
	tap.Gate = gateFunc(func(w inspect.Wire, u inspect.Unit) {
		n := 0
		for e := range w.Recording().Events(0) {
			if e.Kind == inspect.Captured {
				n++
			}
		}
		captured <- n
		w.Forward(u.ID)
	})
	client, server := tap.PipeOf(inspect.Lines)
	defer tap.Close()
	go io.Copy(io.Discard, server)
	io.WriteString(client, "one\ntwo\nthree\n")
	for range 3 {
		if n := <-captured; n != 3 {
			t.Errorf("the gate was asked once %d of 3 lines that came at once were captured", n)
		}
	}
}
