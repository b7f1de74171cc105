package inspect_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"example.com/tlslab/inspect"
)

var clientsText = inspect.Match{From: inspect.FromClient, Type: inspect.ApplicationData}

func TestEachActionHasItsEffectOnTheSecondRecordOfText(t *testing.T) {
	second := clientsText
	second.Nth = 2
	for _, c := range []struct {
		name     string
		act      inspect.Action
		text     string // that the server reads
		err      string // that it fails with
		verdicts string
	}{
		{"forward", inspect.Forward, "onetwothree", "", ""},
		{"drop", inspect.Drop, "one", "bad record MAC", "received dropped; "},
		{"repeat", inspect.Repeat(1), "onetwo", "bad record MAC", "received repeated; "},
		{"flip", inspect.Flip(-1, 0x01), "one", "bad record MAC", "received altered; "},
		{"flip beyond the end", inspect.Flip(1000, 0x01), "onetwothree", "", ""},
		{"alter", inspect.Alter(func(b []byte) []byte { return append(b[:5], make([]byte, len(b)-5)...) }), "one", "bad record MAC", "received altered; "},
		{"swap", inspect.Swap(time.Minute), "one", "bad record MAC", "received reordered; "},
		{"cut at the boundary", inspect.CutAfter(0), "one", "", "received dropped; "}, // Go takes an end at a boundary for an end (RFC 8446 section 6.1 does not)
		{"cut behind it", inspect.CutAfter(1 << 20), "onetwo", "", ""},
		{"cut inside", inspect.CutAfter(9), "one", "unexpected EOF", "received altered; "},
		{"inject", inspect.Inject([]byte("\x17\x03\x03\x00\x13abcdefghijklmnopqrs")), "one", "bad record MAC", "received injected; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules := &inspect.Rules{List: []inspect.Rule{{Match: second, Do: c.act}}}
			text, session, err := exchange(t, rules, "one", "two", "three")
			// A server that refuses the third record can be gone before the second one, which follows it at once, gets there.
			for tries := 0; c.name == "swap" && tries < 20 && !slices.Contains(verdicts(session), "received reordered"); tries++ {
				rules = &inspect.Rules{List: rules.List}
				text, session, err = exchange(t, rules, "one", "two", "three")
			}
			if text != c.text {
				t.Errorf("the server read %q", text)
			}
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("the server's error is %v", err)
			}
			session.End()
			var received strings.Builder
			for _, v := range verdicts(session) {
				if strings.HasPrefix(v, "received") && !strings.HasSuffix(v, "unreadable") {
					received.WriteString(v + "; ")
				}
			}
			if !strings.HasPrefix(received.String(), c.verdicts) || (c.verdicts == "") != (received.Len() == 0) {
				t.Errorf("verdicts: %s", received.String())
			}
			if report := rules.Report(); len(report) == 0 || report[0].How != inspect.Acted {
				t.Errorf("report: %v", report)
			}
		})
	}
}

func TestADelayedRecordArrivesAfterItsTimeAndASwapEndsWhenNoRecordFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		text, _, err := exchange(t, &inspect.Rules{List: []inspect.Rule{{Match: clientsText, Do: inspect.Delay(time.Hour)}}}, "one")
		if took := time.Since(began); text == "one" || took > time.Minute || err == nil {
			// The close_notify overtakes the text, which then cannot be read.
			t.Errorf("the server read %q, %v, after %v", text, err, took)
		}
		everything := inspect.Match{From: inspect.FromClient}
		began = time.Now()
		text, _, err = exchange(t, &inspect.Rules{List: []inspect.Rule{{Match: everything, Do: inspect.Delay(time.Hour)}}}, "one")
		if took := time.Since(began); text != "one" || err != nil || took < 2*time.Hour {
			t.Errorf("with every record delayed by an hour the server read %q, %v, after %v", text, err, took)
		}
		rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Message: "client_hello"}, Do: inspect.Swap(time.Hour)}}}
		began = time.Now()
		text, session, err := exchange(t, rules, "one")
		if took := time.Since(began); text != "one" || err != nil || took < time.Hour || took > 2*time.Hour || verdicts(session) != nil {
			t.Errorf("with a ClientHello that waits for another record the server read %q, %v, after %v", text, err, took)
		}
		if report := rules.Report(); len(report) != 2 || report[1].How != inspect.NeverCame {
			t.Errorf("report: %v", report)
		}
	})
}

func TestRulesTellRecordsApartByWhatTheyCarry(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		handshake13 := version == tls.VersionTLS13
		for _, c := range []struct {
			name  string
			match inspect.Match
			want  int
		}{
			{"any", inspect.Match{}, -1},
			{"ClientHello", inspect.Match{Message: "client_hello"}, 1},
			{"Certificate of the server", inspect.Match{From: inspect.FromServer, Message: "certificate"}, 1},
			{"Certificate of the client", inspect.Match{From: inspect.FromClient, Message: "certificate"}, 0},
			{"Finished", inspect.Match{Message: "finished"}, 2},
			{"text", clientsText, 2},
			{"content", inspect.Match{Content: []byte("two, said so that no random has it")}, 1},
			{"epoch", inspect.Match{Epoch: inspect.EpochHandshake, From: inspect.FromClient}, map[bool]int{true: 1}[handshake13]},
			{"record type", inspect.Match{Record: inspect.ApplicationData, Type: inspect.Handshake, From: inspect.FromClient}, map[bool]int{true: 1}[handshake13]},
			{"alert", inspect.Match{Type: inspect.Alert}, 2},
		} {
			t.Run(fmt.Sprintf("%s/%s", tls.VersionName(version), c.name), func(t *testing.T) {
				rules := &inspect.Rules{List: []inspect.Rule{{Match: c.match, Do: inspect.Forward}}}
				client, server := configs(t)
				client.MaxVersion = version
				server.SessionTicketsDisabled = true
				tap := &inspect.Tap{Gate: rules}
				converseThrough(t, tap, client, server, "one", "two, said so that no random has it")
				acted := 0
				for _, applied := range rules.Report() {
					if applied.How == inspect.Acted {
						acted++
					}
				}
				if c.want >= 0 && acted != c.want || acted == 0 && c.want != 0 {
					t.Errorf("%d units matched, want %d: %v", acted, c.want, rules.Report())
				}
			})
		}
	}
}

// converseThrough has a client send lines and both close in good order.
func converseThrough(t testing.TB, tap *inspect.Tap, client, server *tls.Config, lines ...string) {
	t.Helper()
	c, s := tap.Pipe(client, server)
	done := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, s)
		done <- errors.Join(err, s.CloseWrite())
	}()
	for _, line := range lines {
		if _, err := io.WriteString(c, line); err != nil {
			t.Fatal(err)
		}
	}
	c.CloseWrite()
	io.Copy(io.Discard, c)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.Close()
	tap.Close()
}

func TestARuleThatAsksForContentLetsPassWhatItCannotRead(t *testing.T) {
	near, far := tcpPair(t)
	clientConfig, serverConfig := configs(t)
	rules := &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Content: []byte("one")}, Do: inspect.Drop}}}
	tap := &inspect.Tap{Gate: rules}
	upstreamNear, upstreamFar := tcpPair(t)
	relayed := make(chan error, 1)
	go func() { relayed <- tap.Relay(t.Context(), far, upstreamNear) }()
	served := make(chan string, 1)
	go func() { // no endpoint of the tap: nobody logs a secret
		s := tls.Server(upstreamFar, serverConfig)
		text, _ := io.ReadAll(s)
		s.Close()
		served <- string(text)
	}()
	c := tls.Client(near, clientConfig)
	io.WriteString(c, "one")
	c.Close()
	if text := <-served; text != "one" {
		t.Errorf("the server read %q", text)
	}
	if err := <-relayed; err != nil {
		t.Error(err)
	}
	unread := 0
	for _, applied := range rules.Report() {
		if applied.How == inspect.Unread {
			unread++
		}
	}
	if unread == 0 {
		t.Errorf("nothing says that records could not be read: %v", rules.Report())
	}
}

func TestAStepperStopsAtItsBreakpoints(t *testing.T) {
	client, server := configs(t)
	server.SessionTicketsDisabled = true
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	c, s := tap.Pipe(client, server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(io.Discard, s)
		s.Close()
	}()
	go func() {
		for _, line := range []string{"one", "two", "three", "four"} {
			io.WriteString(c, line)
		}
		c.CloseWrite()
	}()
	third := clientsText
	third.Nth = 3
	session := inspect.NewSession(tap.Recording())
	for _, stop := range []struct {
		match inspect.Match
		want  string
	}{
		{inspect.Match{Message: "server_hello"}, "handshake"},
		{inspect.Match{From: inspect.FromServer, Message: "certificate"}, "handshake"},
		{third, "three"},
		{inspect.Match{Type: inspect.Alert, From: inspect.FromClient}, "alert"},
	} {
		stepper.Run(stop.match)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := stepper.Wait(ctx); err != nil {
			t.Fatalf("never stopped at %+v", stop.match)
		}
		cancel()
		if stepper.Running() {
			t.Error("it runs and holds")
		}
		held := stepper.Pending()[0]
		session.Extend()
		record := session.Unit(held.Conn, held.ID)
		if got := record.InnerType.String(); got != stop.want && string(record.Plaintext()) != stop.want {
			t.Errorf("stopped at %s %q, want %s", got, record.Plaintext(), stop.want)
		}
	}
	stepper.Run()
	<-done
	c.Close()
	tap.Close()
	if held := stepper.Pending(); len(held) != 0 || stepper.Release() {
		t.Errorf("%d units of a connection that has ended are pending", len(held))
	}
}

func TestAHeldUnitIsResolvedByAnyAction(t *testing.T) {
	client, server := configs(t)
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	c, s := tap.Pipe(client, server)
	failed := make(chan error, 1)
	go func() { failed <- s.Handshake() }()
	go c.Handshake()
	if err := stepper.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	hello := stepper.Pending()[0].ID
	if err := stepper.Resolve(hello, inspect.Flip(0, 0xff)); err != nil {
		t.Error(err)
	}
	if err := stepper.Resolve(hello, inspect.Drop); !errors.Is(err, inspect.ErrNotHeld) {
		t.Errorf("a unit was decided on twice: %v", err)
	}
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "first record does not look like a TLS handshake") {
		t.Errorf("the server's error is %v", err)
	}
	c.Close()
	s.Close()
	tap.Close()
}

func TestAUnitHeldForAPeerOutsideGoesOnWhenPatienceEndsUnlessExtended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := configs(t) // minted by the clock of the bubble
		server.SessionTicketsDisabled = true
		stepper := &inspect.Stepper{Patience: 10 * time.Minute}
		tap := &inspect.Tap{Gate: stepper}
		c, s := tap.Pipe(client, server)
		began := time.Now()
		shaken := make(chan error, 2)
		go func() { shaken <- s.Handshake() }()
		go func() { shaken <- c.Handshake() }()
		synctest.Wait()
		hello := stepper.Pending()[0].ID
		time.Sleep(9 * time.Minute)
		if deadline, ok := stepper.Deadline(hello); !ok || deadline.Sub(began) != 10*time.Minute {
			t.Errorf("the deadline is after %v, %v", deadline.Sub(began), ok)
		}
		stepper.Extend()
		time.Sleep(9 * time.Minute)
		if len(stepper.Pending()) == 0 {
			t.Error("the unit went on although its time was extended")
		}
		if err := errors.Join(<-shaken, <-shaken); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 19*time.Minute {
			t.Errorf("the handshake took %v", took)
		}
		var told []string
		for e := range tap.Recording().Events(0) {
			if e.Cause == hello {
				told = append(told, fmt.Sprint(e.Kind, " after ", e.Time.Sub(began)))
			}
		}
		if got := strings.Join(told, ", "); got != "expired after 19m0s, forwarded after 19m0s" {
			t.Errorf("of the ClientHello the recording says: %s", got)
		}
		c.Close()
		s.Close()
		tap.Close()
	})
}

func TestAConnectionThatOurEndClosesIsOverBothWaysThoughItsPeerStays(t *testing.T) {
	_, server := configs(t)
	tap := inspect.NewTap()
	listener := tap.Listener(listen(t), server)
	peer, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	c := inspect.NewSession(tap.Recording()).Connections()[0]
	if c.Closed(inspect.Client) < 0 || c.Closed(inspect.Server) < 0 {
		t.Error("a side of it goes on")
	}
}

func TestWhatAProgramSaysOfAConnectionStandsBehindWhatHappenedOnIt(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	listener := tap.Listener(listen(t), server)
	done := make(chan error, 1)
	go func() {
		conn, err := tls.Dial("tcp", listener.Addr().String(), client)
		if err == nil {
			err = conn.Close()
		}
		done <- err
	}()
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if err := accepted.(*tls.Conn).Handshake(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(tap.Screen(accepted.(*tls.Conn)), "somebody is there\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	said := 0
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Printed {
			said++
			if e.Text != "somebody is there" || e.Side != inspect.Server || e.Conn != 0 || e.Index < 4 {
				t.Errorf("%+v", e)
			}
		}
	}
	if said != 1 {
		t.Errorf("it stands there %d times", said)
	}
	if tap.Screen(tls.Client(nil, client)) != nil {
		t.Error("a connection that the tap knows nothing of has a screen")
	}
}

func TestWhatIsHeldForAPeerThatBreaksOffIsUndeliverableAtOnce(t *testing.T) {
	client, server := configs(t)
	stepper := new(inspect.Stepper)
	tap := &inspect.Tap{Gate: stepper}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := tap.Listener(inner, server)
	defer listener.Close()
	peer, err := net.Dial("tcp", inner.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() { failed <- accepted.(*tls.Conn).Handshake() }()
	shaken := make(chan error, 1)
	go func() { shaken <- tls.Client(peer, client).Handshake() }()
	for range 2 { // the ClientHello, and what it is answered with
		if err := stepper.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if u := stepper.Pending()[0]; u.From == inspect.Client {
			stepper.Release()
		}
	}
	held := stepper.Pending()[0].ID
	peer.(*net.TCPConn).SetLinger(0) // so that closing it resets it
	peer.Close()
	<-shaken
	if err := <-failed; err == nil {
		t.Error("the handshake succeeded")
	}
	accepted.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for n, found := 0, false; !found; {
		from := n
		if n, err = tap.Recording().Wait(ctx, from); err != nil {
			t.Fatal("what was held is not undeliverable")
		}
		for i := from; i < n; i++ {
			e := tap.Recording().At(i)
			found = found || e.Kind == inspect.Undeliverable && e.Cause == held
		}
	}
	if n := len(stepper.Pending()); n > 0 {
		t.Errorf("%d units wait for nobody", n)
	}
	tap.Close()
}

func TestOneStepperHoldsManyPeersOutsideAtOnce(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	stepper := &inspect.Stepper{Patience: 10 * time.Minute}
	tap := &inspect.Tap{Gate: stepper}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := tap.Listener(inner, serverConfig)
	defer listener.Close()
	const peers = 8
	var parts, talks sync.WaitGroup
	parts.Go(func() {
		for range peers {
			conn, err := listener.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			parts.Go(func() {
				defer conn.Close()
				io.Copy(conn, conn)
			})
		}
	})
	for i := range peers {
		talks.Go(func() {
			conn, err := tls.Dial("tcp", inner.Addr().String(), clientConfig)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			said, heard := fmt.Sprintf("peer %d", i), make([]byte, 6)
			io.WriteString(conn, said)
			if _, err := io.ReadFull(conn, heard); err != nil || string(heard) != said {
				t.Errorf("said %q, heard %q: %v", said, heard, err)
			}
		})
	}
	over, stop := context.WithCancel(t.Context())
	parts.Go(func() { // somebody at the screen
		for stepper.Wait(over) == nil {
			pending := stepper.Pending()
			for _, u := range pending {
				if _, ok := stepper.Deadline(u.ID); ok {
					stepper.Extend()
				}
				if err := stepper.Resolve(u.ID, inspect.Forward); err != nil && !errors.Is(err, inspect.ErrNotHeld) {
					t.Error(err)
				}
			}
		}
	})
	talks.Wait()
	stepper.Run()
	stop()
	parts.Wait()
	tap.Close()
}

// An action may read all that is known of its record, while what other connections bring is read too.
func TestOneListOfRulesReadsTheRecordsOfManyConnectionsAtOnce(t *testing.T) {
	client, server := configs(t)
	const conns = 12
	var acted, found atomic.Int32
	field := func(kinds ...string) inspect.Action {
		return func(h inspect.Held) {
			acted.Add(1)
			if _, _, ok := h.Find(kinds...); ok {
				found.Add(1)
			}
			h.Wire.Forward(h.ID)
		}
	}
	drop := func(h inspect.Held) {
		h.Wire.Drop(h.ID)
		h.Look(func(r *inspect.Record) {
			for range 200 { // until others have had their turn
				if r.Verdict == inspect.VerdictAltered {
					t.Error("the record was not altered")
				}
				runtime.Gosched()
			}
		})
	}
	tap := &inspect.Tap{Gate: &inspect.Rules{List: []inspect.Rule{
		{Match: inspect.Match{Message: "client_hello"}, Do: field("client_hello.random")},
		{Match: inspect.Match{Message: "server_hello"}, Do: field("server_hello.random")},
		{Match: inspect.Match{Message: "certificate"}, Do: field("certificate.certificate_list")},
		{Match: inspect.Match{From: inspect.FromServer, Message: "finished"}, Do: field("finished.verify_data")},
		{Match: clientsText, Do: drop},
	}}}
	var parts sync.WaitGroup
	for range conns {
		c, s := tap.Pipe(client, server)
		for _, conn := range []*inspect.Conn{c, s} {
			parts.Go(func() {
				defer conn.Close()
				io.WriteString(conn, "hello")
				conn.CloseWrite()
				io.Copy(io.Discard, conn)
			})
		}
	}
	parts.Wait()
	tap.Close()
	if acted.Load() != 4*conns || found.Load() != 4*conns {
		t.Errorf("%d rules acted and %d found their field, want %d", acted.Load(), found.Load(), 4*conns)
	}
}

func TestUnitsAndWhatBecomesOfThemAreTheSameHoweverTheBytesCome(t *testing.T) {
	clientConfig, serverConfig := configs(t)
	original := inspect.NewTap()
	converseThrough(t, original, clientConfig, serverConfig, "one", "two", strings.Repeat("three", 5000))
	var sent []byte
	for e := range original.Recording().Events(0) {
		if e.Kind == inspect.Captured && e.Side == inspect.Client {
			sent = append(sent, e.Bytes...)
		}
	}
	sent = append(sent, 0x17, 0x03, 0x03, 0x01, 0x00, 0x2a) // the beginning of one more
	rapid.Check(t, func(r *rapid.T) {
		var rules inspect.Rules
		for i := range rapid.IntRange(1, 4).Draw(r, "rules") {
			actions := []inspect.Action{
				inspect.Forward, inspect.Drop, inspect.Repeat(2), inspect.Flip(i, 0x10), inspect.Swap(time.Hour), inspect.CutAfter(7), inspect.Inject([]byte("junk")),
			}
			rules.List = append(rules.List, inspect.Rule{
				Match: inspect.Match{Nth: rapid.IntRange(0, 5).Draw(r, "nth")},
				Do:    rapid.SampledFrom(actions).Draw(r, "action"), Times: rapid.IntRange(0, 2).Draw(r, "times"),
			})
		}
		whole := relayed(r, rules.List, [][]byte{sent})
		var chunks [][]byte
		for rest := sent; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(r, "chunk")
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if chunked := relayed(r, rules.List, chunks); chunked != whole {
			r.Fatalf("another session from %d chunks:\n%s\n\n%s", len(chunks), whole, chunked)
		}
	})
}

// relayed sends chunks through a gate of those rules to a receiver that only reads.
func relayed(t *rapid.T, list []inspect.Rule, chunks [][]byte) string {
	near, fromClient := net.Pipe()
	toServer, far := net.Pipe()
	tap := &inspect.Tap{Gate: &inspect.Rules{List: list}}
	done := make(chan error, 1)
	go func() { done <- tap.Relay(context.Background(), fromClient, toServer) }()
	go func() {
		for _, chunk := range chunks {
			if _, err := near.Write(chunk); err != nil {
				break
			}
		}
		near.Close()
	}()
	arrived, _ := io.ReadAll(far)
	far.Close()
	near.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	session := inspect.NewSession(tap.Recording())
	session.End()
	// How much the client sends behind a cut is a matter of time; what arrives is not.
	var told strings.Builder
	fmt.Fprintf(&told, "%x\n", arrived)
	for _, item := range session.Items() {
		switch {
		case item.Lane != inspect.Received || item.Record != nil && item.Record.Verdict == inspect.VerdictDropped:
		case item.Kind == inspect.RecordItem:
			fmt.Fprintf(&told, "%x %s\n", item.Record.Raw(), item.Record.Verdict)
		case item.Kind == inspect.BytesItem:
			fmt.Fprintf(&told, "%x %s\n", session.Bytes(item, tap.Recording().Len()), item.Reason)
		}
	}
	return told.String()
}
