package report_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
)

// What a program reads of the lines.
type (
	octets []byte
	place  struct {
		Type, Dir, Lane string
		Seq, Message    *int
	}
	line struct {
		Kind, View, What, Name, Missing, Origin, Outcome, Why, Reason string
		Conn                                                          int
		Value, Got, Want                                              octets
		Time                                                          *string
		Inputs                                                        []struct {
			Name  string
			Value octets
		}
		Covers  []place
		Message *place

		Dir, Lane, Epoch string
		Seq              *int
		TLSSeq           *uint64 `json:"tls_seq"`
		Decrypted        bool
		Raw, Plaintext   octets
		Sealed           *struct {
			Secret         string
			Nonce          octets
			AdditionalData octets `json:"additional_data"`
		}
		Messages []struct {
			In, Type       string
			Offset, Length int
			Bytes          octets
		}
	}
)

func (o *octets) UnmarshalJSON(b []byte) error {
	var text *string
	if err := json.Unmarshal(b, &text); err != nil || text == nil {
		return err
	}
	raw, err := hex.DecodeString(*text)
	*o = append(octets{}, raw...)
	return err
}

func read(t testing.TB, s *inspect.Session) []line {
	t.Helper()
	var lines []line
	for decoder := json.NewDecoder(strings.NewReader(jsonLines(t, s))); decoder.More(); {
		var l line
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// seenBy returns the name of the view that a record's line belongs to.
func (l line) seenBy(gated bool) string {
	if !gated {
		return "both"
	}
	if l.Lane == "sent" {
		return l.Dir
	}
	return map[string]string{"client": "server", "server": "client"}[l.Dir]
}

// keysOf returns the key and the IV that the manual leads to from a record.
func keysOf(lines []line, record line, view string) (key, iv octets) {
	for _, l := range lines {
		if l.Kind != "key" || l.Conn != record.Conn || l.View != view {
			continue
		}
		from13 := len(l.Inputs) > 0 && l.Inputs[0].Name == record.Sealed.Secret
		switch {
		case l.What == "schedule.key" && from13, l.Name == record.Dir+"_write_key":
			key = l.Value
		case l.What == "schedule.iv" && from13, l.Name == record.Dir+"_write_IV":
			iv = l.Value
		}
	}
	return key, iv
}

// The sessions are of suites with AES-128-GCM.
func TestAProgramCanDecryptEveryRecordWithTheKeyLines(t *testing.T) {
	for _, name := range sessions {
		decrypted := 0
		s := inspect.NewSession(recordingOf(load(t, name)...))
		lines := read(t, s)
		for _, record := range lines {
			if record.Kind != "record" || record.Sealed == nil {
				if record.Decrypted {
					t.Errorf("%s: record %d of the %s was opened, and does not say with what", name, *record.Seq, record.Dir)
				}
				continue
			}
			decrypted++
			key, iv := keysOf(lines, record, record.seenBy(s.Connections()[record.Conn].Opening.Gated))
			block, err := aes.NewCipher(key)
			if err != nil {
				t.Fatalf("%s: record %d of the %s: %v", name, *record.Seq, record.Dir, err)
			}
			aead, _ := cipher.NewGCM(block)
			sealed, nonce := record.Raw[5:], append([]byte{}, iv...)
			if len(iv) == 4 { // TLS 1.2
				nonce, sealed = append(nonce, sealed[:8]...), sealed[8:]
			} else {
				binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^*record.TLSSeq)
			}
			if !bytes.Equal(nonce, record.Sealed.Nonce) {
				t.Errorf("%s: record %d of the %s: nonce %x, the line says %x", name, *record.Seq, record.Dir, nonce, record.Sealed.Nonce)
			}
			plain, err := aead.Open(nil, nonce, sealed, record.Sealed.AdditionalData)
			if err != nil || !bytes.HasPrefix(plain, record.Plaintext) {
				t.Errorf("%s: record %d of the %s holds %x, the line says %x (%v)", name, *record.Seq, record.Dir, plain, record.Plaintext, err)
			}
		}
		if decrypted == 0 && name != "refused" {
			t.Errorf("%s: no record was decrypted", name)
		}
	}
}

func TestTheMessagesThatALineNamesGiveItsTranscriptHash(t *testing.T) {
	for _, name := range sessions {
		hashed := 0
		lines := read(t, inspect.NewSession(recordingOf(load(t, name)...)))
		for _, l := range lines {
			var transcript []byte
			for _, at := range l.Covers {
				transcript = append(transcript, messageAt(t, lines, l.Conn, at)...)
			}
			if l.Message != nil {
				messageAt(t, lines, l.Conn, *l.Message)
			}
			for _, input := range l.Inputs {
				if !strings.HasPrefix(input.Name, "Transcript-Hash(") && input.Name != "Hash(handshake_messages)" {
					continue
				}
				hashed++
				if hash := sha256.Sum256(transcript); !bytes.Equal(hash[:], input.Value) {
					t.Errorf("%s: %s of %s is %x, its messages give %x", name, input.Name, l.Name, input.Value, hash)
				}
			}
		}
		if hashed == 0 {
			t.Errorf("%s: no hash was compared", name)
		}
	}
}

// messageAt returns the bytes of a message, as the manual says to find them.
func messageAt(t testing.TB, lines []line, conn int, at place) []byte {
	t.Helper()
	for _, l := range lines {
		if l.Kind != "record" || l.Conn != conn || l.Dir != at.Dir || l.Lane != at.Lane || l.Seq == nil || at.Seq == nil || *l.Seq != *at.Seq {
			continue
		}
		if at.Message == nil || *at.Message >= len(l.Messages) || l.Messages[*at.Message].Type != at.Type {
			t.Fatalf("no %s at %v of %v", at.Type, at.Message, l.Messages)
		}
		m := l.Messages[*at.Message]
		if m.In != "" {
			return m.Bytes
		}
		return l.Plaintext[m.Offset : m.Offset+m.Length]
	}
	t.Fatalf("no line for %+v", at)
	return nil
}

func TestEachValueAndProofIsToldOnceAndLast(t *testing.T) {
	for _, name := range sessions {
		computed := false
		told := make(map[string]bool)
		lines := read(t, inspect.NewSession(recordingOf(load(t, name)...)))
		for _, l := range lines {
			if l.Kind == "endpoint" {
				continue
			}
			if l.Kind != "key" && l.Kind != "verification" {
				if computed {
					t.Errorf("%s: a line of kind %s stands behind those of what was computed", name, l.Kind)
				}
				continue
			}
			computed = true
			id := strings.Join([]string{l.Kind, l.View, l.What, l.Name, string(l.Got)}, " ")
			if told[id] {
				t.Errorf("%s: told twice: %s", name, id)
			}
			told[id] = true
			if l.Kind == "key" && (l.Value == nil) != (l.Missing != "") {
				t.Errorf("%s: %s: %x, missing %q", name, l.Name, l.Value, l.Missing)
			}
			if (l.Value == nil && l.Kind == "key") != (l.Time == nil) {
				t.Errorf("%s: %s: known from %v", name, l.Name, l.Time)
			}
			if l.Kind == "verification" && (l.Outcome == "verified") != (l.Why == "" && l.Reason == "") {
				t.Errorf("%s: %s is %s, because %q: %q", name, l.What, l.Outcome, l.Why, l.Reason)
			}
		}
		if !computed {
			t.Errorf("%s: nothing was computed", name)
		}
	}
}

func TestWithoutSecretsTheLinesSayWhatIsMissing(t *testing.T) {
	var withheld []inspect.Event
	for _, event := range load(t, "tls13") {
		if event.Kind != inspect.Secret {
			withheld = append(withheld, event)
		}
	}
	missing := 0
	for _, l := range read(t, inspect.NewSession(recordingOf(withheld...))) {
		if l.Kind == "key" && strings.HasSuffix(l.Name, "_handshake_traffic_secret") {
			missing++
			if l.Value != nil || l.Missing == "" || l.Origin != "" {
				t.Errorf("%s is %x, from %q", l.Name, l.Value, l.Origin)
			}
		}
	}
	if missing != 2 {
		t.Errorf("%d handshake traffic secrets, want 2", missing)
	}
}

func TestTheKeysAfterAKeyUpdateAreToldToo(t *testing.T) {
	events := load(t, "tls13")
	lines := read(t, inspect.NewSession(recordingOf(events...)))
	var secret []byte
	seq := uint64(0) // of the server's next record
	for _, l := range lines {
		switch {
		case l.Kind == "key" && l.Name == "server_application_traffic_secret_0":
			secret = l.Value
		case l.Kind == "record" && l.Dir == "server" && l.Epoch == "application":
			seq = *l.TLSSeq + 1
		}
	}
	next := expandLabel(t, secret, "traffic upd", sha256.Size)
	last := events[len(events)-1]
	events = append(events,
		inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Time: last.Time, Cause: -1, Bytes: sealed(t, secret, seq, []byte{24, 0, 0, 1, 0, 0x16})},
		inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Time: last.Time, Cause: -1, Bytes: sealed(t, next, 0, []byte("more\x17"))})
	told := make(map[string]octets)
	for _, l := range read(t, inspect.NewSession(recordingOf(events...))) {
		if l.Kind == "key" {
			told[l.Name] = l.Value
		}
		if l.Kind == "record" && l.Epoch == "application+1" && (string(l.Plaintext) != "more" || l.Sealed.Secret != "server_application_traffic_secret_1") {
			t.Errorf("%q under %+v", l.Plaintext, l.Sealed)
		}
	}
	for name, want := range map[string][]byte{
		"server_application_traffic_secret_1":                           next,
		"[sender]_write_key (from server_application_traffic_secret_1)": expandLabel(t, next, "key", 16),
		"[sender]_write_iv (from server_application_traffic_secret_1)":  expandLabel(t, next, "iv", 12),
	} {
		if !bytes.Equal(told[name], want) {
			t.Errorf("%s is %x, want %x", name, told[name], want)
		}
	}
}

// expandLabel is HKDF-Expand-Label without a context (RFC 8446 section 7.1).
func expandLabel(t testing.TB, secret []byte, label string, length int) []byte {
	t.Helper()
	label = "tls13 " + label
	info := append(binary.BigEndian.AppendUint16(nil, uint16(length)), byte(len(label)))
	out, err := hkdf.Expand(sha256.New, secret, string(append(append(info, label...), 0)), length)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sealed is a record of TLS 1.3 with AES-128-GCM.
func sealed(t testing.TB, secret []byte, seq uint64, inner []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(expandLabel(t, secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, _ := cipher.NewGCM(block)
	nonce := expandLabel(t, secret, "iv", 12)
	binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^seq)
	header := []byte{0x17, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	return aead.Seal(header, nonce, inner, header)
}

func TestTheManualsLinesOfWhatWasComputedAreWhatIsPrinted(t *testing.T) {
	aTime := regexp.MustCompile(`"time":"[^"]*"`)
	printed := aTime.ReplaceAllString(jsonLines(t, inspect.NewSession(recordingOf(load(t, "tls13")...))), `"time":""`)
	for _, lang := range []string{"en", "pt-BR"} {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "manual", lang, "json-lines.md"))
		if err != nil {
			t.Fatal(err)
		}
		_, examples, _ := strings.Cut(string(page), "```json\n")
		examples, _, _ = strings.Cut(examples, "```")
		kinds := []string{}
		for _, example := range strings.SplitAfter(examples, "}\n{") {
			example = "{" + strings.TrimSuffix(strings.TrimPrefix(example, "{"), "\n{")
			var unbroken strings.Builder
			for text := range strings.Lines(example) {
				unbroken.WriteString(strings.TrimSpace(text))
			}
			want := aTime.ReplaceAllString(unbroken.String(), `"time":""`)
			if !strings.Contains(printed, want+"\n") {
				t.Errorf("%s: no line\n%s", lang, want)
			}
			kinds = append(kinds, want[:14])
		}
		if diff := cmp.Diff([]string{`{"kind":"key",`, `{"kind":"verif`}, kinds); diff != "" {
			t.Errorf("%s (-want +got):\n%s", lang, diff)
		}
	}
}
