package inspect_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// The benchmarks below run the tap and crypto/tls alone in turn, within one
// run, and report the ratio: 1.00 means that the tap costs nothing.

// A setting opens a client and a server that are joined in one way.
type setting func(t testing.TB, client, server *tls.Config) (c, s net.Conn)

func plainTCP(t testing.TB, client, server *tls.Config) (net.Conn, net.Conn) {
	near, far := tcpPair(t)
	return tls.Client(near, client), tls.Server(far, server)
}

func plainPipe(_ testing.TB, client, server *tls.Config) (net.Conn, net.Conn) {
	near, far := net.Pipe()
	return tls.Client(near, client), tls.Server(far, server)
}

// onTap is a setting with a tap, which is new for each connection so that all
// runs begin with an empty recording; the bound is that of a long run.
func onTap(join func(t testing.TB, tap *inspect.Tap, client, server *tls.Config) (net.Conn, net.Conn)) setting {
	return func(t testing.TB, client, server *tls.Config) (net.Conn, net.Conn) {
		return join(t, &inspect.Tap{Limit: 16 << 20}, client, server)
	}
}

var (
	inlineTCP = onTap(func(t testing.TB, tap *inspect.Tap, client, server *tls.Config) (net.Conn, net.Conn) {
		ln := listen(t)
		near, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := tap.Listener(ln, server).Accept()
		if err != nil {
			t.Fatal(err)
		}
		return tls.Client(near, client), s
	})
	pumpedPipe = onTap(func(_ testing.TB, tap *inspect.Tap, client, server *tls.Config) (net.Conn, net.Conn) {
		c, s := tap.Pipe(client, server)
		return c.Conn, s.Conn
	})
)

func BenchmarkThroughputOverTCPInline(b *testing.B) { compare(b, plainTCP, inlineTCP, transfer) }
func BenchmarkLatencyOverTCPInline(b *testing.B)    { compare(b, plainTCP, inlineTCP, pingPong) }
func BenchmarkThroughputInMemoryPumped(b *testing.B) {
	compare(b, plainPipe, pumpedPipe, transfer)
}
func BenchmarkLatencyInMemoryPumped(b *testing.B) { compare(b, plainPipe, pumpedPipe, pingPong) }

// benchConfigs are those of a session without tickets, over a group whose hellos
// are short: over a bare net.Pipe larger ones may wait for ever.
func benchConfigs(b *testing.B) (client, server *tls.Config) {
	client, server = configs(b)
	client.CurvePreferences = []tls.CurveID{tls.X25519}
	server.SessionTicketsDisabled = true
	return client, server
}

// timed opens a session, does the work on it, and says how long the work took.
func timed(b *testing.B, join setting, client, server *tls.Config, work func(testing.TB, net.Conn, net.Conn) time.Duration) time.Duration {
	c, s := join(b, client, server)
	defer c.Close()
	defer s.Close()
	shaken := make(chan error, 1)
	go func() { shaken <- s.(interface{ Handshake() error }).Handshake() }()
	if err := c.(interface{ Handshake() error }).Handshake(); err != nil {
		b.Fatal(err)
	}
	if err := <-shaken; err != nil {
		b.Fatal(err)
	}
	took := work(b, c, s)
	go io.Copy(io.Discard, c) // so that closing over a bare pipe does not wait
	go io.Copy(io.Discard, s)
	return took
}

func compare(b *testing.B, alone, tapped setting, work func(testing.TB, net.Conn, net.Conn) time.Duration) {
	client, server := benchConfigs(b)
	run := func(join setting) time.Duration { return timed(b, join, client, server, work) }
	run(alone)
	run(tapped)
	var without, with time.Duration
	for first := true; b.Loop(); first = !first { // neither always comes first
		if first {
			without += run(alone)
		}
		with += run(tapped)
		if !first {
			without += run(alone)
		}
	}
	b.ReportMetric(float64(without)/float64(with), "ratio")
	b.ReportMetric(with.Seconds()/float64(b.N)*1000, "ms-tapped")
	b.ReportMetric(without.Seconds()/float64(b.N)*1000, "ms-alone")
	b.ReportMetric(0, "ns/op")
}

// transfer sends 128 MiB one way, 16 KiB a record.
func transfer(t testing.TB, c, s net.Conn) time.Duration {
	const size = 128 << 20
	began := time.Now()
	go func() {
		buffer := make([]byte, 16<<10)
		for range size / len(buffer) {
			if _, err := c.Write(buffer); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 64<<10)
	for n := 0; n < size; {
		m, err := s.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	return time.Since(began)
}

// pingPong sends 40 bytes there and back 2,000 times.
func pingPong(t testing.TB, c, s net.Conn) time.Duration {
	began := time.Now()
	go func() {
		buffer := make([]byte, 40)
		for {
			if _, err := io.ReadFull(s, buffer); err != nil {
				return
			}
			if _, err := s.Write(buffer); err != nil {
				return
			}
		}
	}()
	buffer := make([]byte, 40)
	for range 2000 {
		if _, err := c.Write(buffer); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, buffer); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}

// What a gate costs, and what none does: the ratios of taps with different
// gates to crypto/tls alone, side by side from one run.
func BenchmarkThroughputByGate(b *testing.B) { compareGates(b, transfer) }
func BenchmarkLatencyByGate(b *testing.B)    { compareGates(b, pingPong) }

var gates = []struct {
	name string
	make func() inspect.Gate
}{
	{"no-gate", func() inspect.Gate { return nil }},
	{"rules-without-match", func() inspect.Gate {
		return &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{Record: inspect.Alert, Nth: 1 << 30}, Do: inspect.Drop}}}
	}},
	{"running-stepper", func() inspect.Gate {
		stepper := new(inspect.Stepper)
		stepper.Run()
		return stepper
	}},
}

func compareGates(b *testing.B, work func(testing.TB, net.Conn, net.Conn) time.Duration) {
	client, server := benchConfigs(b)
	joins := []setting{plainPipe}
	for _, gate := range gates {
		joins = append(joins, func(_ testing.TB, client, server *tls.Config) (net.Conn, net.Conn) {
			tap := &inspect.Tap{Limit: 16 << 20, Gate: gate.make()}
			c, s := tap.Pipe(client, server)
			return c.Conn, s.Conn
		})
	}
	took := make([]time.Duration, len(joins))
	for _, join := range joins {
		timed(b, join, client, server, work)
	}
	for first := 0; b.Loop(); first++ { // none always comes first
		for i := range joins {
			i = (first + i) % len(joins)
			took[i] += timed(b, joins[i], client, server, work)
		}
	}
	for i, gate := range gates {
		b.ReportMetric(float64(took[0])/float64(took[i+1]), "ratio-"+gate.name)
	}
	b.ReportMetric(0, "ns/op")
}
