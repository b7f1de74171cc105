package tui

import (
	"bufio"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
)

// traces makes a recording of traces of RFC 8448, one connection each: records, and the private keys that the RFC prints.
func traces(t testing.TB, names ...string) *inspect.Recording {
	t.Helper()
	r := new(inspect.Recording)
	for conn, name := range names {
		for _, e := range traceEvents(t, name, conn) {
			r.Append(e)
		}
	}
	return r
}

func traceEvents(t testing.TB, name string, conn int) []inspect.Event {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "inspect", "testdata", "rfc8448", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	events := []inspect.Event{{Kind: inspect.Opened, Conn: conn, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}}}
	labels := map[string]string{"client_private_key": inspect.LabelClientEphemeral, "server_private_key": inspect.LabelServerEphemeral}
	var random []byte
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		what, digits, _ := strings.Cut(lines.Text(), " ")
		if what == "#" || what == "" {
			continue
		}
		value, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		switch what {
		case "client_random":
			random = value
		case "client", "server":
			side := inspect.Side(slices.Index([]string{"client", "server"}, what))
			events = append(events, inspect.Event{Kind: inspect.Captured, Conn: conn, Side: side, Cause: -1, Bytes: value})
		default:
			events = append(events, inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
				Origin: inspect.FromFile, Label: labels[what], ClientRandom: random, Bytes: value,
			}})
		}
	}
	return events
}

// secretsLast puts the secrets behind everything else, as a key log that is read after the capture.
func secretsLast(events []inspect.Event) []inspect.Event {
	isSecret := func(e inspect.Event) bool { return e.Kind == inspect.Secret }
	var secrets []inspect.Event
	for _, e := range events {
		if isSecret(e) {
			secrets = append(secrets, e)
		}
	}
	return append(slices.DeleteFunc(slices.Clone(events), isSecret), secrets...)
}
