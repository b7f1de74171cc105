package capture_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
)

// The README beside the recordings is made from the list of sessions and from
// the recordings themselves, so that it says what is there.

const readmeHead = `# Sessions between OpenSSL's s_client and s_server

What OpenSSL %s said to itself, through a tap of ours, as pcapng with the secrets inside. Made by

    go test ./inspect/capture -run TestRecordOpenSSL -record
    go test ./inspect/capture -update

which run the commands below, on other ports, in a folder with certificates made for the occasion: an authority's (ca.pem,
which is kept here), three that it certified (ecdsa.pem, rsa.pem, ed25519.pem, all for lab.example), and one that it did not
(stranger.pem). The addresses are written over, and the times begin at 2026-11-21 12:00 UTC. To the secrets of -keylogfile
are added the pre-shared keys of -psk and, where a session of TLS 1.3 is resumed, of the file that -sess_out wrote. To look
at one: tlslab dump FILE.

What was typed is told so: > to the client, < to the server. K, k, R, r, c and Q by themselves are commands of the two
programs: update the keys and ask for the peer's, update the keys, renegotiate (client), renegotiate (server), ask for a
certificate (server), end.

This file is made, too: the tests in inspect/capture hold it against the recordings.

| | |
|---|---|
`

// recordedWith is the version of OpenSSL that made the recordings.
const recordedWith = "3.0.19"

func TestTheListOfRecordingsSaysWhatTheyHold(t *testing.T) {
	var readme strings.Builder
	fmt.Fprintf(&readme, readmeHead, recordedWith)
	for _, s := range sessions {
		fmt.Fprintf(&readme, "| [%s](#%s) | %s |\n", s.name, s.name, s.shows)
	}
	for _, s := range sessions {
		s.describe(t, &readme)
	}
	name := filepath.Join(recorded, "README.md")
	if *update {
		if err := os.WriteFile(name, []byte(readme.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), readme.String()); diff != "" {
		t.Errorf("%s (-is +should be; go test -update writes it anew):\n%s", name, diff)
	}
}

// describe tells how a session was made, and each record of it.
func (s session) describe(t *testing.T, to *strings.Builder) {
	t.Helper()
	rec := kept(t, s.name)
	conns := inspect.NewSession(rec).Connections()
	fmt.Fprintf(to, "\n## %s\n\n%s.\n\n    %s\n", s.name, strings.ToUpper(s.shows[:1])+s.shows[1:], shellLine(s.serverCommand()))
	for i, c := range conns {
		fmt.Fprintf(to, "    %s\n", shellLine(s.clientCommand(i)))
		if len(s.runs[i].early) > 0 {
			fmt.Fprintf(to, "    early.txt: %s\n", strings.TrimSpace(s.runs[i].early))
		}
		if len(s.runs[i].typed) > 0 {
			fmt.Fprintf(to, "    typed: %s\n", strings.Join(s.runs[i].typed, "   "))
		}
		state := c.View(inspect.Client).State(rec.Len())
		fmt.Fprintf(to, "\n%s.\n\n", agreement(state))
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, r := range c.View(inspect.Client).Records(side) {
				fmt.Fprintf(to, "    %-6s %-13s %s\n", side, r.Epoch, holds(r))
			}
		}
		if i+1 < len(conns) {
			to.WriteString("\n")
		}
	}
}

// shellLine writes a command as a shell takes it.
func shellLine(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		if quoted[i] = word; strings.ContainsAny(word, " @") {
			quoted[i] = "'" + word + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// agreement tells what a connection's two sides agreed on.
func agreement(s inspect.State) string {
	if s.Version == 0 {
		return "Nothing was agreed on"
	}
	said := []string{inspect.VersionName(s.Version), inspect.SuiteName(s.Suite)}
	if s.Group != 0 {
		said = append(said, inspect.GroupName(s.Group))
	}
	if s.HelloRetry {
		said = append(said, "after a HelloRetryRequest")
	}
	if s.Resumed {
		said = append(said, "resumed or with a pre-shared key")
	}
	if s.Protocol != "" {
		said = append(said, "ALPN "+s.Protocol)
	}
	return strings.Join(said, ", ")
}

// holds tells what is in a record.
func holds(r *inspect.Record) string {
	if r.Content < 0 {
		return fmt.Sprintf("%d bytes of %s: %s", r.Length, r.Type, r.Why)
	}
	var all []string
	for _, part := range r.Parts {
		what := fmt.Sprintf("%s (%d)", part.Type, part.Length)
		if content := r.Plaintext(); part.Type == "alert" && len(content) == 2 {
			what = "alert " + inspect.AlertName(content[1])
		}
		all = append(all, what)
	}
	if r.Padding > 0 {
		all = append(all, fmt.Sprintf("padding (%d)", r.Padding))
	}
	return strings.Join(all, ", ")
}
