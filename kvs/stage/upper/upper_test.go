package upper_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/upper"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	server := upper.NewServer()
	server.Addr = "127.0.0.1:0"
	if err := server.Start(context.Background()); err != nil {
		fmt.Println(err)
	}
	conn, _ := net.Dial("tcp", server.ListenAddr().String())
	answer, err := upper.Ask(context.Background(), conn, "Olá, servidor!")
	fmt.Printf("%s %v\n", answer, err)
	server.Stop()
	server.Wait()
	// Output: OLÁ, SERVIDOR! <nil>
}

func TestATextComesBackOnceInCapitalsWithoutAnEndOfLineAndTheServerCloses(t *testing.T) {
	s, _ := serve(t)
	for text, want := range map[string]string{
		"Olá, servidor!\n":         "OLÁ, SERVIDOR!",
		"Testando 123\n":           "TESTANDO 123",
		"no end of line":           "NO END OF LINE",
		" \t\r\n a  b \v\f\r\n ":   "A  B",
		"one\ntwo\n":               "ONE\nTWO",
		"\n":                       "",
		"\u00a0 x \u2003\u0085\n":  "X", // white space as Unicode has it
		"já ESTÁ\n":                "JÁ ESTÁ",
		"日本 ٣ €\n":                 "日本 ٣ €",
		"nul \x00 and esc \x1b[2J": "NUL \x00 AND ESC \x1b[2J",
	} {
		conn := dial(t, s)
		send(t, conn, text)
		if got, err := io.ReadAll(conn); string(got) != want || err != nil { // it closes by itself
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestCapitalsAreOfLettersAsUnicodeHasThem(t *testing.T) {
	for text, want := range map[string]string{
		"Olá, servidor!":      "OLÁ, SERVIDOR!",
		"straße":              "STRASSE", // one letter becomes two
		"ı i İ":               "I I İ",   // no language says that the dotless one is another
		"ά ς σ":               "Ά Σ Σ",
		"ǆ ǅ":                 "Ǆ Ǆ",
		"ﬁ ŉ":                 "FI ʼN",
		"жёлтый":              "ЖЁЛТЫЙ",
		"a\u0301":             "A\u0301", // a letter and its mark
		"\xc3":                "\xc3",
		"a\xc3b\xffc\xe2\x82": "A\xc3B\xffC\xe2\x82",
		"\xe1":                "\xe1", // á in Latin-1 is no letter here
		"\xed\xa0\x80a":       "\xed\xa0\x80A",
		"":                    "",
	} {
		if got := upper.Capitals([]byte(text)); string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNoCapitalsAreLongerThanTheAnswerMayBe(t *testing.T) {
	most := 0
	for r := rune(0); r <= utf8.MaxRune; r++ {
		letter := utf8.AppendRune(nil, r)
		capitals := upper.Capitals(letter)
		if len(capitals)*upper.MaxRequest > len(letter)*upper.MaxAnswer {
			t.Errorf("%q becomes %q", letter, capitals)
		}
		most = max(most, len(capitals)/len(letter))
	}
	if most*upper.MaxRequest != upper.MaxAnswer {
		t.Errorf("the factor is %d", most)
	}
}

func TestARequestIsItsFirst1024BytesAndTheAnswerArrivesAllTheSame(t *testing.T) {
	const (
		more     = "There was more: a request is its first 1024 bytes, and the rest was not answered.\n"
		oneByte  = "The last byte is the beginning of a letter whose end is missing: it is answered as it came.\n"
		twoBytes = "The last 2 bytes are the beginning of a letter whose end is missing: they are answered as they came.\n"
	)
	s, out := serve(t)
	for name, c := range map[string]struct{ text, want, says string }{
		"just as long":     {strings.Repeat("x", 1024), strings.Repeat("X", 1024), ""},
		"a byte more":      {strings.Repeat("x", 1025), strings.Repeat("X", 1024), more},
		"much more":        {strings.Repeat("x", 100_000), strings.Repeat("X", 1024), more},
		"whole at the cut": {strings.Repeat("á", 600), strings.Repeat("Á", 512), more},
		// 1 + 2*511 bytes are 1,023; 2 + 3*340 are 1,022; 3 + 4*255 are 1,023.
		"a letter of two bytes is cut":   {"x" + strings.Repeat("á", 600), "X" + strings.Repeat("Á", 511) + "\xc3", more + oneByte},
		"a letter of three bytes is cut": {"xx" + strings.Repeat("€", 400), "XX" + strings.Repeat("€", 340) + "\xe2\x82", more + twoBytes},
		"a letter of four bytes is cut":  {"xxx" + strings.Repeat("𐐨", 300), "XXX" + strings.Repeat("𐐀", 255) + "\xf0", more + oneByte},
		"longer in capitals":             {strings.Repeat("ΐ", 600), strings.Repeat("\u0399\u0308\u0301", 512), more},
		"space up to the cut":            {strings.Repeat(" ", 1024) + "x", "", more},
		"half a letter and no more":      {"a\xe2\x82", "A\xe2\x82", twoBytes},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(out.String())
			conn := dial(t, s)
			send(t, conn, c.text)
			got, err := io.ReadAll(conn)
			if string(got) != c.want || err != nil {
				t.Errorf("got %d bytes, ending in %q, %v; want %d, ending in %q", len(got), end(string(got)), err, len(c.want), end(c.want))
			}
			said := strings.SplitAfterN(out.String()[before:], "\n", 3) // who it was, the bytes, and what is odd
			if said[2] != c.says {
				t.Errorf("it says\n%s\nwant\n%s", said[2], c.says)
			}
		})
	}
}

func TestAnEmptyRequestIsOneAndItsAnswerIsEmpty(t *testing.T) {
	s, out := serve(t)
	for _, send := range []func(*net.TCPConn) error{
		func(conn *net.TCPConn) error { _, err := io.WriteString(conn, "\n"); return err },
		(*net.TCPConn).CloseWrite,
	} {
		conn := dial(t, s)
		if err := send(conn); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if n := strings.Count(out.String(), "Received from 127.0.0.1:\n\"\"\n"); n != 2 || s.Statistics().Verbs[upper.Verb].Requests != 2 {
		t.Errorf("it counts %+v and says\n%s", s.Statistics().Verbs, out)
	}
}

func TestTheServerSaysWhereItRunsWhoAskedAndWithWhichBytes(t *testing.T) {
	for lang, want := range map[string]string{
		"en":    "Server running on 127.0.0.1:PORT\nReceived from 127.0.0.1:\n\"Ol\\xc3\\xa1, servidor!\"\nReceived from 127.0.0.1:\n\"a\\x1b]0;x\\x07\\\"\\\\\"\n",
		"pt-BR": "Servidor rodando em 127.0.0.1:PORT\nRecebido de 127.0.0.1:\n\"Ol\\xc3\\xa1, servidor!\"\nRecebido de 127.0.0.1:\n\"a\\x1b]0;x\\x07\\\"\\\\\"\n",
	} {
		s, out := serve(t, func(s *upper.Server) { s.Lang = lang })
		for _, text := range []string{"Olá, servidor!\n", "a\x1b]0;x\a\"\\\n"} {
			conn := dial(t, s)
			send(t, conn, text)
			io.ReadAll(conn)
		}
		_, port, _ := net.SplitHostPort(s.ListenAddr().String())
		if got := strings.ReplaceAll(out.String(), port, "PORT"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	if got := upper.NewServer().Addr; got != "0.0.0.0:8080" {
		t.Errorf("without being told otherwise it listens on %s", got)
	}
}

func TestTheClientSaysWhatWasSentAndReceived(t *testing.T) {
	s, _ := serve(t)
	for _, c := range []struct {
		lang      string
		arguments []string
		want      string
	}{
		{"en", []string{"Olá,", "servidor!"}, "Sent:     Olá, servidor!\nReceived: OLÁ, SERVIDOR!\n"},
		{"pt-BR", []string{"Olá, servidor!"}, "Enviado:  Olá, servidor!\nRecebido: OLÁ, SERVIDOR!\n"},
		{"en", nil, "Sent:     \nReceived: \n"},
		{"en", []string{`a\b`}, "Sent:     a\\b\nReceived: A\\B\n"},
		{"en", []string{"a\x1b[2J\u202e\xff"}, "Sent:     a\\x1b[2J\\u202e\\xff\nReceived: A\\x1b[2J\\u202e\\xff\n"},
	} {
		var out strings.Builder
		client := &upper.Client{Lang: c.lang, Out: &out}
		if err := client.Run(t.Context(), dial(t, s), c.arguments...); err != nil || out.String() != c.want {
			t.Errorf("%q: got %q, %v, want %q", c.arguments, out.String(), err, c.want)
		}
	}
}

func TestTheClientSendsItsTextAndAnEndOfLineAndReadsUntilTheServerCloses(t *testing.T) {
	client, server := net.Pipe()
	heard := make(chan string, 1)
	go func() {
		b := make([]byte, 100)
		n, _ := server.Read(b)
		heard <- string(b[:n])
		for _, piece := range []string{"AN ", "ANSWER IN ", "PIECES"} {
			io.WriteString(server, piece)
		}
		server.Close()
	}()
	answer, err := upper.Ask(t.Context(), client, "a text")
	if string(answer) != "AN ANSWER IN PIECES" || err != nil {
		t.Errorf("got %q, %v", answer, err)
	}
	if got := <-heard; got != "a text\n" {
		t.Errorf("it sent %q", got)
	}
}

func TestAServerThatIsNoneIsNoticedByTheClient(t *testing.T) {
	for name, c := range map[string]struct {
		server func(conn net.Conn, over <-chan bool)
		want   error
	}{
		"closes without an answer": {func(conn net.Conn, _ <-chan bool) { conn.Read(make([]byte, 100)) }, upper.ErrNoAnswer},
		"closes at once":           {func(net.Conn, <-chan bool) {}, upper.ErrNoAnswer},
		"never stops":              {func(conn net.Conn, _ <-chan bool) { io.Copy(conn, endless{}) }, upper.ErrAnswer},
		"says nothing":             {func(conn net.Conn, _ <-chan bool) { io.Copy(io.Discard, conn) }, context.DeadlineExceeded},
		"reads nothing":            {func(_ net.Conn, over <-chan bool) { <-over }, context.DeadlineExceeded},
		"never closes": {func(conn net.Conn, _ <-chan bool) {
			io.WriteString(conn, "A")
			io.Copy(io.Discard, conn)
		}, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := net.Pipe()
			over, done := make(chan bool), make(chan bool)
			go func() {
				defer close(done)
				defer server.Close()
				c.server(server, over)
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			if c.want == context.DeadlineExceeded {
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			}
			defer cancel()
			if _, err := upper.Ask(ctx, client, "a text"); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			close(over)
			<-done
		})
	}
	for _, err := range []error{upper.ErrAnswer, upper.ErrNoAnswer, kernel.ErrIdle} {
		en, pt := upper.Explain(docs.For("en"), err), upper.Explain(docs.For("pt-BR"), err)
		if en == pt || strings.Contains(en+pt, "no value") {
			t.Errorf("%v: %s / %s", err, en, pt)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, "AAAAAAAAAAAAAAAA"), nil }

// One misbehaves in every way, the others are answered all the same.
func TestWhoMisbehavesEndsInGoodOrderAndHurtsNobodyElse(t *testing.T) {
	for name, c := range map[string]struct {
		misbehave func(t *testing.T, s *upper.Server) net.Conn
		ended     error
	}{
		"says nothing": {func(t *testing.T, s *upper.Server) net.Conn { return dial(t, s) }, kernel.ErrIdle},
		"leaves at once": {func(t *testing.T, s *upper.Server) net.Conn {
			conn := dial(t, s)
			conn.Close()
			return nil
		}, nil},
		"half closes without a word": {func(t *testing.T, s *upper.Server) net.Conn {
			conn := dial(t, s)
			conn.CloseWrite()
			return conn
		}, nil},
		"breaks off": {func(t *testing.T, s *upper.Server) net.Conn {
			conn := dial(t, s)
			conn.SetLinger(0) // a reset
			send(t, conn, "half")
			conn.Close()
			return nil
		}, nil},
		"never stops": {func(t *testing.T, s *upper.Server) net.Conn {
			conn := dial(t, s)
			go io.Copy(conn, endless{})
			return conn
		}, nil},
		"says bytes that are no text": {func(t *testing.T, s *upper.Server) net.Conn {
			conn := dial(t, s)
			send(t, conn, "\x16\x03\x01\x02\x00\x01\x00\x00\xfc\x03\x03")
			return conn
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := serve(t, func(s *upper.Server) { s.IdleTimeout, s.Linger = 2*time.Second, 300*time.Millisecond })
			ended := make(chan error, 100)
			s.OnClientClosed(func(client *kernel.Conn) { ended <- client.Err() })
			conn := c.misbehave(t, s)
			for range 5 {
				if got, err := upper.Ask(t.Context(), dial(t, s), "still here"); string(got) != "STILL HERE" || err != nil {
					t.Fatalf("another client got %q, %v", got, err)
				}
			}
			if conn != nil {
				io.Copy(io.Discard, conn) // until it is over
				conn.Close()
			}
			for range 6 {
				if err := <-ended; name != "breaks off" && err != nil && !errors.Is(err, c.ended) {
					t.Errorf("it ended with %v, want %v", err, c.ended)
				}
			}
			if n := s.Statistics().RuntimeErrors; n != 0 {
				t.Errorf("%d runtime errors", n)
			}
		})
	}
}

func TestManyClientsAtOnceAreEachAnsweredWithTheirOwnText(t *testing.T) {
	s, out := serve(t)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			conn, err := net.Dial("tcp", s.ListenAddr().String())
			if err != nil {
				t.Error(err)
				return
			}
			got, err := upper.Ask(t.Context(), conn, fmt.Sprintf("cliente %d", i))
			if want := fmt.Sprintf("CLIENTE %d", i); string(got) != want || err != nil {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
	if got := s.Statistics(); got.Verbs[upper.Verb].Requests != 200 || got.Total != 200 {
		t.Errorf("counted as %+v", got)
	}
	for line := range strings.Lines(out.String()) { // none is torn by another
		if !strings.HasPrefix(line, "Server running") && line != "Received from 127.0.0.1:\n" && !strings.HasPrefix(line, `"cliente `) {
			t.Fatalf("it says %q", line)
		}
	}
}

func TestWhatIsUnderWayIsAnsweredWhenTheServerIsToStop(t *testing.T) {
	s, _ := serve(t)
	running, finish := make(chan bool), make(chan bool)
	s.Handle(func(_ context.Context, _ *kernel.Conn, text []byte) ([]byte, error) {
		running <- true
		<-finish
		return upper.Capitals(text), nil
	})
	silent, busy := dial(t, s), dial(t, s)
	send(t, busy, "busy\n")
	<-running
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(silent); len(got) > 0 || err != nil {
		t.Errorf("the silent one got %q, %v", got, err)
	}
	close(finish)
	if got, err := io.ReadAll(busy); string(got) != "BUSY" || err != nil {
		t.Errorf("the busy one got %q, %v", got, err)
	}
}

func TestAFaultOfTheServerClosesWithoutAnAnswerAndIsCounted(t *testing.T) {
	s, _ := serve(t)
	s.Handle(func(context.Context, *kernel.Conn, []byte) ([]byte, error) { panic("on demand") })
	if _, err := upper.Ask(t.Context(), dial(t, s), "a text"); !errors.Is(err, upper.ErrNoAnswer) {
		t.Errorf("got %v", err)
	}
	got := s.Statistics()
	if got.RuntimeErrors != 1 || got.Verbs[upper.Verb] != (kernel.VerbStatistics{Requests: 1, Errors: 1}) {
		t.Errorf("counted as %+v", got)
	}
}

func FuzzEveryTextIsAnsweredAsItsLettersAreCapitals(f *testing.F) {
	for _, text := range []string{"Olá, servidor!", " straße ", "\xc3", "a\xff\xc3b", "ǆ\u0301\x00", "ΐ", "\xed\xa0\x80", strings.Repeat("á", 600)} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		capitals := upper.Capitals(text)
		if len(capitals) > 3*len(text) {
			t.Errorf("%q becomes %q", text, capitals)
		}
		if utf8.Valid(text) {
			if want := strings.ToUpper(string(text)); !utf8.Valid(capitals) || len([]rune(want)) > len([]rune(string(capitals))) {
				t.Errorf("%q becomes %q", text, capitals)
			}
		}
		if invalid(text) != invalid(capitals) {
			t.Errorf("%q had %d bytes that are no letter, %q has %d", text, invalid(text), capitals, invalid(capitals))
		}
		if again := upper.Capitals(capitals); !bytes.Equal(again, capitals) {
			t.Errorf("%q becomes %q, and that %q", text, capitals, again)
		}
	})
}

// invalid counts the bytes that are no UTF-8.
func invalid(b []byte) (n int) {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			n++
		}
		b = b[size:]
	}
	return n
}

// serve starts a server that is stopped at the end of the test.
func serve(t *testing.T, change ...func(*upper.Server)) (*upper.Server, *output) {
	t.Helper()
	out := new(output)
	s := upper.NewServer()
	s.Addr, s.Out = "127.0.0.1:0", out
	for _, c := range change {
		c(s)
	}
	started := make(chan bool, 1)
	s.OnStarted(func() { started <- true })
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-started
	t.Cleanup(func() {
		s.Stop()
		if err := s.Wait(); err != nil {
			t.Error(err)
		}
	})
	return s, out
}

// dial returns a plain socket.
func dial(t *testing.T, s *upper.Server) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.ListenAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}

func end(text string) string { return text[max(0, len(text)-8):] }

// output is a bytes.Buffer for several goroutines.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
