package upper_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage/upper"
)

func TestTheTapShowsARequestItsAnswerAndWhatNobodyReads(t *testing.T) {
	tap := inspect.NewTap()
	client, server := tap.PipeOf(upper.Protocol)
	read := func(end *inspect.Endpoint, n int) {
		if _, err := io.ReadFull(end, make([]byte, n)); err != nil {
			t.Fatal(err)
		}
	}
	send(t, client, "  olá\n") // what came at once is a unit, so each is waited for
	read(server, 7)
	send(t, client, strings.Repeat("x", 1017)+"á\n"+"more\n")
	read(server, 1017+8)
	send(t, server, "OLÁ")
	read(client, 4)
	send(t, client, "too late")
	read(server, 8)
	client.Close()
	server.Close()
	tap.Close()

	session := inspect.NewSession(tap.Recording())
	session.End()
	var got []string
	for r := range session.Records() {
		if r.Side == inspect.Client && r.Lane != inspect.Sent || r.Side == inspect.Server && r.Lane != inspect.Sent {
			continue
		}
		if r.TLS() || r.Encrypted || !r.Text() || string(r.Plaintext()) != string(r.Raw()) {
			t.Errorf("%s is not as it was sent", r.Name())
		}
		var leaves []string
		for _, f := range r.Fields().Children {
			leaves = append(leaves, fmt.Sprintf("%s %d", f.Kind, f.Length))
		}
		got = append(got, fmt.Sprintf("%s %s %d: %s: %s", r.Side, r.Name(), r.Length, r.Fields().Kind, strings.Join(leaves, ", ")))
	}
	want := []string{
		"client request 7: upper.request: upper.space 2, upper.text 4, upper.space 1",
		"client request 1017: upper.request: upper.text 1017",
		"client unread 8: upper.unread: upper.ignored 8",
		"server answer 4: upper.answer: upper.capitals 4",
		"client unread 8: upper.unread: upper.ignored 8",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatTheClientSaysBehindItsAnswerIsReadByNobody(t *testing.T) {
	reader := upper.Protocol.Reader()
	for _, c := range []struct {
		from inspect.Side
		text string
		want string
	}{
		{inspect.Client, "a", "request"}, {inspect.Client, "b", "request"}, {inspect.Server, "A", "answer"}, {inspect.Client, "c", "unread"}, {inspect.Server, "B", "answer"},
	} {
		if n, reading := reader.Next(c.from, []byte(c.text)); n != 1 || reading.Name() != c.want {
			t.Errorf("%s: got %d bytes of %s, want %s", c.text, n, reading.Name(), c.want)
		}
	}
}

func TestEveryFieldIsExplained(t *testing.T) {
	for _, text := range []string{" a\n", "a\xc3", "\n"} {
		for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
			reader := upper.Protocol.Reader()
			for range 3 {
				n, reading := reader.Next(from, []byte(text))
				wantExplained(t, reading.Fields([]byte(text)[:n]))
				reader.Next(inspect.Server, []byte("A")) // behind it, nobody reads the client
			}
		}
	}
}

func wantExplained(t *testing.T, f inspect.Field) {
	t.Helper()
	for _, lang := range []string{"en", "pt-BR"} {
		if !docs.For(lang).Has("field_" + strings.ReplaceAll(f.Kind, ".", "_")) {
			t.Errorf("%s is not explained in %s", f.Kind, lang)
		}
	}
	for _, child := range f.Children {
		wantExplained(t, child)
	}
}

func FuzzEveryByteBelongsToOneField(f *testing.F) {
	f.Add([]byte(" Olá\n"), true)
	f.Add([]byte("a\xc3"), true)
	f.Add([]byte("\u00a0\xc2"), false)
	f.Add([]byte(strings.Repeat("á", 600)), true)
	f.Fuzz(func(t *testing.T, b []byte, client bool) {
		from := inspect.Server
		if client {
			from = inspect.Client
		}
		reader := upper.Protocol.Reader()
		for len(b) > 0 {
			n, reading := reader.Next(from, b)
			if n < 1 || n > len(b) {
				t.Fatalf("%d of %d bytes", n, len(b))
			}
			root, at := reading.Fields(b[:n]), 0
			for _, field := range root.Children {
				if field.Offset != at || field.Length < 1 {
					t.Errorf("%s stands at %d and has %d bytes, want it at %d", field.Kind, field.Offset, field.Length, at)
				}
				at += field.Length
			}
			if at != n || root.Length != n {
				t.Errorf("%d of %d bytes belong to a field", at, n)
			}
			b = b[n:]
		}
	})
}
