package inspect_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
)

// channels are those that the lab plays on.
var channels = []string{"plain", "tls12", "tls13", "mtls"}

// openerOf returns what opens a client and a server on such a channel.
func openerOf(t testing.TB, channel string) func(tap *inspect.Tap) (client, server end) {
	if channel == "plain" {
		return func(tap *inspect.Tap) (client, server end) {
			c, s := tap.PipeOf(inspect.Lines)
			return c, s
		}
	}
	clientConfig, serverConfig := configs(t)
	minted := time.Now() // the clock of a bubble stands in the year 2000
	clientConfig.Time = func() time.Time { return minted }
	switch channel {
	case "tls12":
		clientConfig.MaxVersion = tls.VersionTLS12
	case "mtls":
		clientConfig.Certificates, serverConfig.ClientAuth = serverConfig.Certificates, tls.RequireAnyClientCert
	}
	return func(tap *inspect.Tap) (client, server end) {
		c, s := tap.Pipe(clientConfig, serverConfig)
		return c, s
	}
}

// sessions is how many random sessions there are on each channel: the
// environment may ask for more.
func sessions(t *testing.T) uint64 {
	asked := os.Getenv("TLSLAB_SESSIONS")
	if asked == "" {
		return 500
	}
	n, err := strconv.ParseUint(asked, 10, 32)
	if err != nil {
		t.Fatalf("TLSLAB_SESSIONS: %v", err)
	}
	return n
}

// hazard is a gate that decides at random, and in the same way for the same seed.
func hazard(seed uint64) inspect.Gate {
	random := rand.New(rand.NewPCG(seed, 4))
	actions := hazards(random)
	if random.IntN(3) == 0 { // any unit may be met
		odds := 1 + random.IntN(12)
		return gateFunc(func(w inspect.Wire, u inspect.Unit) {
			if random.IntN(odds) > 0 {
				w.Forward(u.ID)
				return
			}
			act := actions[random.IntN(len(actions))]
			(&inspect.Rules{List: []inspect.Rule{{Do: act}}}).Captured(w, u)
		})
	}
	var rules inspect.Rules
	for range 1 + random.IntN(4) {
		m := inspect.Match{From: inspect.Sender(random.IntN(3)), Nth: random.IntN(6)}
		if random.IntN(3) == 0 {
			m.Message = []string{"client_hello", "server_hello", "certificate", "finished", "new_session_ticket"}[random.IntN(5)]
		}
		rules.List = append(rules.List, inspect.Rule{Match: m, Do: actions[random.IntN(len(actions))], Times: random.IntN(3)})
	}
	return &rules
}

// hazards are all the actions there are, and some that decide later.
func hazards(random *rand.Rand) []inspect.Action {
	offset, mask := random.IntN(60), byte(1)<<random.IntN(8)
	delay := time.Duration(1+random.IntN(50)) * time.Millisecond
	later := func(act func(h inspect.Held)) inspect.Action {
		return func(h inspect.Held) { h.Wire.After(delay, func() { act(h) }) }
	}
	cut := func(h inspect.Held) { // when nothing else is due: it does not wait for what is on its way
		h.Wire.After(delay+time.Millisecond/2, func() { h.Wire.Cut(h.From) })
	}
	return []inspect.Action{
		inspect.Forward, inspect.Drop, inspect.Repeat(1 + random.IntN(3)), inspect.Flip(random.IntN(40), 1<<random.IntN(8)),
		inspect.Flip(-1-random.IntN(20), 1<<random.IntN(8)), inspect.Delay(delay), inspect.Swap(20 * time.Millisecond),
		inspect.CutAfter(random.IntN(30)), inspect.Inject([]byte{0x15, 0x03, 0x03, 0x00, 0x02, 0x01, 0x00}),
		inspect.Inject([]byte("no record")), inspect.Hold, inspect.Alter(func([]byte) []byte { return nil }),
		inspect.FlipField("client_hello.random"), inspect.SetField([]byte{0x0a, 0x0a}, "extension.supported_versions", "extension.extension_type"),
		inspect.Reseal(func(content []byte) []byte { return append(content, content...) }),
		inspect.Edit(func(d inspect.Draft) (inspect.Draft, error) { return d.Flip(offset, mask) }),
		later(inspect.Drop), later(inspect.Repeat(2)), later(inspect.Swap(time.Second)), later(inspect.CutAfter(7)),
		cut, func(h inspect.Held) { h.Wire.Cut(h.From.Peer()) },
		later(func(h inspect.Held) { h.Wire.Send(h.From.Peer(), h.Bytes, -1) }),
	}
}

func TestNoGateHoweverWildLeavesAConnectionWithoutAnEnd(t *testing.T) {
	for _, channel := range channels {
		t.Run(channel, func(t *testing.T) {
			open := openerOf(t, channel)
			for seed := range sessions(t) {
				synctest.Test(t, func(t *testing.T) { talkThrough(t, open, seed) }) // which fails if a goroutine is left
			}
		})
	}
}

// talkThrough has two ends talk through the hazard of the seed, until both have
// ended by themselves.
func talkThrough(t *testing.T, open func(*inspect.Tap) (client, server end), seed uint64) *inspect.Recording {
	tap := &inspect.Tap{Gate: hazard(seed)}
	c, s := open(tap)
	var ends sync.WaitGroup
	for i, conn := range []end{c, s} {
		conn.SetDeadline(time.Now().Add(time.Minute))
		ends.Go(func() { // both speak first, so that neither waits for the other
			for n := range 1 + (seed+uint64(i))%3 {
				io.WriteString(conn, fmt.Sprintf("line %d\n", n))
			}
			io.CopyN(io.Discard, conn, 7)
			conn.CloseWrite()
			io.Copy(io.Discard, conn)
			conn.Close()
		})
	}
	began := time.Now()
	ends.Wait()
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("seed %d: the ends took %v", seed, took)
	}
	tap.Close()
	return tap.Recording()
}

func TestASessionThroughAnyGateIsTheSameWhateverTheChunking(t *testing.T) {
	for _, channel := range channels {
		t.Run(channel, func(t *testing.T) {
			open := openerOf(t, channel)
			for seed := range sessions(t) / 5 {
				var original *inspect.Recording
				synctest.Test(t, func(t *testing.T) { original = talkThrough(t, open, seed) })
				random := rand.New(rand.NewPCG(seed, 5))
				whole := again(t, original, seed, func(n int) int { return n })
				for _, longest := range []int{3, 100, 5000} {
					cut := again(t, original, seed, func(n int) int { return 1 + random.IntN(min(n, longest)) })
					if got, want := accountByLane(cut), accountByLane(whole); got != want {
						t.Fatalf("seed %d, in chunks of at most %d bytes: %s", seed, longest, difference(got, want))
					}
				}
			}
		})
	}
}

// settled is longer than any delay of a hazard.
const settled = 10 * time.Second

// again sends what both sides of the recording sent through the same hazard,
// in chunks of as many bytes as next says of those that are left, and returns
// the session. What the programs and the endpoints did comes when it came.
func again(t *testing.T, original *inspect.Recording, seed uint64, next func(left int) int) *inspect.Session {
	var session *inspect.Session
	synctest.Test(t, func(t *testing.T) {
		tap := &inspect.Tap{Gate: hazard(seed)}
		ends := rawEnds(tap, original)
		for _, conn := range ends {
			go io.Copy(io.Discard, conn)
		}
		for run := range runs(original) {
			for rest := run.bytes; len(rest) > 0; {
				n := next(len(rest))
				ends[run.from].Write(rest[:n])
				rest = rest[n:]
			}
			time.Sleep(settled)
			for _, e := range run.then {
				if e.Kind == inspect.Ended && e.How == inspect.EndOfFile {
					ends[e.Side].CloseWrite()
					time.Sleep(settled)
				} else if e.Kind != inspect.Ended {
					tap.Recording().Append(e)
				}
			}
		}
		ends[inspect.Client].Close()
		ends[inspect.Server].Close()
		tap.Close()
		session = inspect.NewSession(tap.Recording())
		session.End()
	})
	return session
}

// rawEnds joins the two ends of the wire itself.
func rawEnds(tap *inspect.Tap, original *inspect.Recording) (ends [2]interface {
	net.Conn
	CloseWrite() error
},
) {
	if original.At(0).Opening.Protocol == inspect.Lines.Name() {
		c, s := tap.PipeOf(inspect.Lines)
		ends[inspect.Client], ends[inspect.Server] = c, s
		return ends
	}
	c, s := tap.Pipe(nil, nil)
	for side, conn := range []*inspect.Conn{c, s} {
		ends[side] = conn.NetConn().(interface {
			net.Conn
			CloseWrite() error
		})
	}
	return ends
}

// A bout is what one side sent before the other did, and what else happened
// until then.
type bout struct {
	from  inspect.Side
	bytes []byte
	then  []inspect.Event
}

// runs yields what a recording captured, in the order in which it did.
func runs(original *inspect.Recording) func(yield func(bout) bool) {
	return func(yield func(bout) bool) {
		var run bout
		for e := range original.Events(0) {
			switch e.Kind {
			case inspect.Captured:
				if e.Side != run.from || len(run.then) > 0 {
					if !yield(run) {
						return
					}
					run = bout{from: e.Side}
				}
				run.bytes = append(run.bytes, e.Bytes...)
			case inspect.Secret, inspect.Failed, inspect.Ended, inspect.Silent:
				e.Cause = -1
				run.then = append(run.then, e)
			}
		}
		yield(run)
	}
}

// accountByLane tells all that a session says, lane by lane: which of two lanes
// was told of first is a matter of time. So is what came before a cut (what was
// captured with its cause did), and with it whether what never arrived was dropped
// or could not be delivered.
func accountByLane(s *inspect.Session) string {
	cut := func(item inspect.Item) bool { return item.Kind == inspect.ClosedItem && item.How == inspect.ClosedCut }
	isCut := slices.ContainsFunc(s.Items(), cut)
	type line struct{ lane, text string }
	var lines []line
	for _, item := range s.Items() {
		lane := fmt.Sprintf("%s %s %d", item.Side, item.Lane, min(item.Kind, inspect.AlertItem))
		if cut(item) {
			lane += " cut"
		}
		text := accountOf(s, item)
		if item.Record != nil && item.Record.Verdict == inspect.VerdictDropped {
			switch {
			case !isCut:
				lane += " dropped"
			case item.Lane == inspect.Received:
				continue
			default:
				text = strings.Replace(text, " dropped\n", " \n", 1)
			}
		}
		lines = append(lines, line{lane, text})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.lane, b.lane) })
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(line.text)
	}
	return b.String() + accountOfViews(s)
}

// difference shows the first line in which two texts differ.
func difference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d of %d and %d is %.400s, and was %.400s", i, len(a), len(b), a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines instead of %d", len(a), len(b))
}
