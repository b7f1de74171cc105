package inspect

import (
	"bytes"
	"crypto/ecdh"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// goFlows returns the files in which Go keeps what crypto/tls and OpenSSL said to
// each other. The test is skipped where Go came without them.
func goFlows(t testing.TB) []string {
	t.Helper()
	files, err := findGoFlows()
	if err != nil {
		t.Skip("no go command to ask for GOROOT:", err)
	}
	if len(files) == 0 {
		t.Skip("this Go came without the test data of crypto/tls")
	}
	return files
}

func findGoFlows() ([]string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	return filepath.Glob(filepath.Join(strings.TrimSpace(string(root)), "src/crypto/tls/testdata/*-TLSv*"))
}

// playFlow appends a flow to a recording as a connection of its own, with the
// private keys of Go's side: its tests draw them from a source of zeros.
func playFlow(t testing.TB, r *Recording, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	label := LabelClientEphemeral
	if strings.HasPrefix(filepath.Base(file), "Server") {
		label = LabelServerEphemeral
	}
	conn := r.conns
	r.Append(Event{Kind: Opened, Conn: conn, Cause: -1, Opening: &Opening{Protocol: "tls"}})
	for i, flow := range strings.Split(string(text), ">>> Flow ")[1:] {
		b := unhexdump(t, flow)
		if i == 0 && len(b) > 43 {
			for _, key := range zeroKeys() {
				r.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &LoggedSecret{Origin: FromFile, Label: label, ClientRandom: b[11:43], Bytes: key}})
			}
		}
		if len(b) > 0 {
			r.Append(Event{Kind: Captured, Conn: conn, Side: Side(i % 2), Cause: -1, Bytes: b})
		}
	}
	for _, side := range []Side{Client, Server} {
		r.Append(Event{Kind: Ended, Conn: conn, Side: side, Cause: -1, How: EndOfFile})
	}
}

// unhexdump reads the bytes that a hex dump shows.
func unhexdump(t testing.TB, dump string) (b []byte) {
	t.Helper()
	for line := range strings.Lines(dump) {
		if len(line) < 60 || line[8:10] != "  " {
			continue
		}
		digits, err := hex.DecodeString(strings.ReplaceAll(line[10:58], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, digits...)
	}
	return b
}

// zeroKeys are what X25519 and P-256 make of zeros. crypto/ecdh flips two bits of
// a NIST curve's scalar, so that it is not zero.
func zeroKeys() [][]byte {
	scalar := make([]byte, 32)
	scalar[1] = 0x42
	return [][]byte{make([]byte, 32), scalar}
}

func TestEveryByteOfGosRecordedFlowsIsCoveredAndNamed(t *testing.T) {
	files, messages := goFlows(t), 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			recording := new(Recording)
			playFlow(t, recording, file)
			session := NewSession(recording)
			coveredOnce(t, session)
			for r := range session.Records() {
				if _, known := contentTypes.lookup(uint16(r.Type)); !known {
					t.Errorf("%s record %d is of type %d", r.Side, r.Seq, r.Type)
				}
				if len(r.Parts) == 0 && r.Content != 0 && r.Why == WhyNone {
					t.Errorf("%s record %d holds nothing, and nothing says why", r.Side, r.Seq)
				}
			}
			for _, m := range session.Connections()[0].View(Client).Messages() {
				if _, known := handshakeTypes.lookup(uint16(m.Type)); !known {
					t.Errorf("the %s sent a message of type %d", m.Side, m.Type)
				}
				checkUnderstood(t, m)
				messages++
			}
		})
	}
	if messages < 3*len(files) {
		t.Errorf("only %d messages in %d flows", messages, len(files))
	}
}

// coveredOnce holds the items of a session, the trees of its records and their
// parts to covering every byte that was captured, once.
func coveredOnce(t testing.TB, session *Session) {
	t.Helper()
	type half struct {
		conn int
		side Side
	}
	sent, shown := make(map[half][]byte), make(map[half][]byte)
	for e := range session.Recording().Events(0) {
		if e.Kind == Captured {
			sent[half{e.Conn, e.Side}] = append(sent[half{e.Conn, e.Side}], e.Bytes...)
		}
	}
	for _, item := range session.Items() {
		at := half{item.Conn, item.Side}
		switch item.Kind {
		case RecordItem:
			r := item.Record
			shown[at] = append(shown[at], r.Raw()...)
			if err := checkTree(r.Fields(), len(r.Raw())); err != nil {
				t.Errorf("%s record %d: %v", r.Side, r.Seq, err)
			}
			parts := 0
			for _, part := range r.Parts {
				if part.Offset != parts || part.Length <= 0 || part.Type == "" {
					t.Errorf("%s record %d: a part %+v at %d", r.Side, r.Seq, part, parts)
				}
				parts += part.Length
			}
			if plain := len(r.Plaintext()); parts != plain {
				t.Errorf("%s record %d: its parts cover %d bytes of %d", r.Side, r.Seq, parts, plain)
			}
		case BytesItem:
			shown[at] = append(shown[at], session.Bytes(item, session.Recording().Len())...)
		}
	}
	for at, want := range sent {
		if !bytes.Equal(shown[at], want) {
			t.Errorf("connection %d: the %s sent %d bytes, and %d are shown", at.conn, at.side, len(want), len(shown[at]))
		}
	}
}

// TestGosRecordedFlowsAreDecryptedAndProvedFromItsZeroKeys leaves out the suites
// that are not supported, and TLS 1.2 with Go as the server: the master secret
// follows from the client's key exchange.
func TestGosRecordedFlowsAreDecryptedAndProvedFromItsZeroKeys(t *testing.T) {
	proved := 0
	for _, file := range goFlows(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			session, view := playWithSecrets(t, file)
			if view == nil {
				return
			}
			for _, side := range []Side{Client, Server} {
				for _, r := range view.Records(side) {
					if r.DecidedAt < 0 || r.Encrypted && !r.Decrypted {
						t.Errorf("%s record %d (%s): %s", side, r.Seq, r.Epoch, r.Why)
					}
				}
			}
			for _, v := range view.Verifications() {
				switch v.Outcome {
				case Refuted:
					t.Errorf("%s by the %s: %s", v.Kind, v.Message.Side, v.Reason)
				case Verified:
					proved++
				}
			}
			coveredOnce(t, session)
		})
	}
	if proved < 200 {
		t.Errorf("only %d proofs were verified", proved)
	}
}

// playWithSecrets returns the flow and a view of it, with the master secrets that
// follow from zeros; nil where none does. A renegotiation is seen only once what
// comes before it can be read.
func playWithSecrets(t *testing.T, file string) (session *Session, view *View) {
	t.Helper()
	masters := make(map[string]LoggedSecret)
	for known := -1; known < len(masters); {
		known = len(masters)
		recording := new(Recording)
		for _, master := range masters {
			recording.Append(Event{Kind: Secret, Conn: -1, Cause: -1, Logged: &master})
		}
		if before, ok := strings.CutSuffix(strings.Replace(file, "-HelloRetryRequest", "", 1), "Resume"); ok {
			playFlow(t, recording, before+"IssueTicket") // which brought the ticket
		}
		playFlow(t, recording, file)
		session = NewSession(recording)
		view = session.conns[len(session.conns)-1].views[Client]
		_, supported := aeadSuites[view.state().Suite]
		if !supported || view.state().Version != version13 && strings.HasPrefix(filepath.Base(file), "Server") {
			return nil, nil
		}
		for _, handshake := range view.handshakes() {
			if master, ok := masterSecret(handshake); ok {
				masters[string(master.Bytes)] = master
			}
		}
	}
	return session, view
}

// masterSecret computes the master secret of TLS 1.2 from the zeros that Go's
// client drew (RFC 5246 section 8.1, RFC 7627 section 4).
func masterSecret(v *View) (master LoggedSecret, ok bool) {
	s, supported := aeadSuites[v.state().Suite]
	covered, complete := upTo(v.transcript(), Client, typeClientKeyExchange)
	if !supported || s.tls13 || !complete {
		return master, false
	}
	premaster := append([]byte{0x03, 0x03}, make([]byte, 46)...) // of the RSA key exchange (RFC 5246 section 7.4.7.1)
	label, seed := "master secret", slices.Concat(v.state().ClientRandom, v.serverRandom)
	for _, m := range covered {
		if _, extended := m.Fields().Find("extension.extended_master_secret"); extended && m.Type == typeServerHello {
			label, seed = "extended master secret", s.transcriptHash(covered)
		}
		if m.Type == typeServerKeyExchange {
			premaster = fromZeros(m)
		}
	}
	return LoggedSecret{Origin: FromFile, Label: "CLIENT_RANDOM", ClientRandom: v.state().ClientRandom, Bytes: s.prf(premaster, label, seed, 48)}, true
}

// fromZeros is the shared secret of a ServerKeyExchange and a client's key of zeros.
func fromZeros(m *Message) []byte {
	body := cryptobyte.String(m.body())
	var point cryptobyte.String
	if !body.Skip(3) || !body.ReadUint8LengthPrefixed(&point) {
		return nil
	}
	for i, curve := range []ecdh.Curve{ecdh.X25519(), ecdh.P256()} {
		key, err := curve.NewPrivateKey(zeroKeys()[i])
		if err != nil {
			continue
		}
		if public, err := curve.NewPublicKey(point); err == nil {
			shared, _ := key.ECDH(public)
			return shared
		}
	}
	return nil
}
