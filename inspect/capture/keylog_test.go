package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

func TestAKeyLogIsReadWithLabelsThatNobodyKnows(t *testing.T) {
	secrets, err := capture.ParseKeyLog(strings.NewReader("# a comment\r\n\n" +
		"CLIENT_RANDOM 0102 0304\r\n" +
		"X-NOBODY-KNOWS aa BB\n" +
		"  EXPORTER_SECRET 05 06"))
	if err != nil {
		t.Fatal(err)
	}
	want := []inspect.LoggedSecret{
		{Origin: inspect.FromFile, Label: "CLIENT_RANDOM", ClientRandom: []byte{1, 2}, Bytes: []byte{3, 4}, Line: 3},
		{Origin: inspect.FromFile, Label: "X-NOBODY-KNOWS", ClientRandom: []byte{0xaa}, Bytes: []byte{0xbb}, Line: 4},
		{Origin: inspect.FromFile, Label: "EXPORTER_SECRET", ClientRandom: []byte{5}, Bytes: []byte{6}, Line: 5},
	}
	if diff := cmp.Diff(want, secrets); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestABadLineOfAKeyLogIsNamedAndLosesNoOther(t *testing.T) {
	secrets, err := capture.ParseKeyLog(strings.NewReader("A 01 02\nB 01\nC 0x 02\nD 01 0203f\nE\x1b 01 02\nF 01 02\n"))
	if len(secrets) != 2 || secrets[0].Label != "A" || secrets[1].Label != "F" {
		t.Errorf("got %v", secrets)
	}
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line 2: a label, an identifier and a secret are wanted, and the number of words is 2", "line 3: the identifier", "line 4: the secret", "line 5: the label"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "0203f") {
		t.Error("the error quotes a secret")
	}
}

func TestTheProblemsOfAKeyLogAreCountedNotListedForEver(t *testing.T) {
	_, err := capture.ParseKeyLog(strings.NewReader("A 01 02\n" + strings.Repeat("bad\nA 0 01\n", 5000)))
	const want = "5000 lines of the key log were left out, the first of them line 2: a label, an identifier and a secret are wanted, and the number of words is 1; " +
		"5000 lines of the key log were left out, the first of them line 3: the identifier is not an even number of hex digits"
	if got := capture.Explain(err, docs.For("en").Say); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if leftOut, ended := capture.Divide(err); leftOut == nil || ended != nil {
		t.Errorf("left out: %v; ended: %v", leftOut, ended)
	}
}

func TestAKeyLogOfWindowsIsReadWhole(t *testing.T) {
	const text = "A 01 02\r\n# \u00e9\r\nB 03 04\r\n"
	wide := func(order binary.ByteOrder) (b []byte) {
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			b = append(b, 0, 0)
			order.PutUint16(b[len(b)-2:], unit)
		}
		return b
	}
	for name, log := range map[string][]byte{
		"a byte order mark": []byte("\ufeff" + text), "UTF-16, little-endian": wide(binary.LittleEndian), "UTF-16, big-endian": wide(binary.BigEndian),
	} {
		for _, in := range []io.Reader{bytes.NewReader(log), iotest.OneByteReader(bytes.NewReader(log))} {
			secrets, err := capture.ParseKeyLog(in)
			if err != nil || len(secrets) != 2 || secrets[0].Label != "A" || secrets[1].Label != "B" {
				t.Errorf("%s: %v, %v", name, secrets, err)
			}
		}
	}
}

func TestAnEndlessLineAndAFailingReaderEndTheReading(t *testing.T) {
	if _, err := capture.ParseKeyLog(strings.NewReader("A 01 02\n" + strings.Repeat("f", 1<<20))); err == nil || !strings.Contains(err.Error(), "line 2: longer than") {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	if _, err := capture.ParseKeyLog(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestASecretThatHasNoPlaceInAKeyLogIsRefused(t *testing.T) {
	for _, secret := range []inspect.LoggedSecret{
		{Label: "TWO WORDS", ClientRandom: []byte{1}, Bytes: []byte{1}},
		{Label: "#COMMENT", ClientRandom: []byte{1}, Bytes: []byte{1}},
		{Label: "NO_RANDOM", Bytes: []byte{1}},
		{ClientRandom: []byte{1}, Bytes: []byte{1}},
	} {
		if err := capture.WriteKeyLog(&bytes.Buffer{}, secret); err == nil {
			t.Errorf("%q was written", secret.Label)
		}
	}
}

// butLines compares secrets wherever they stand.
var butLines = cmpopts.IgnoreFields(inspect.LoggedSecret{}, "Line")

func FuzzParseKeyLog(f *testing.F) {
	const random, secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	var all strings.Builder
	for _, label := range []string{
		"CLIENT_RANDOM", "CLIENT_EARLY_TRAFFIC_SECRET", "EARLY_EXPORTER_SECRET", "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "EXPORTER_SECRET", "ECH_SECRET", "ECH_CONFIG",
	} {
		line := label + " " + random + " " + secret + "\n"
		f.Add([]byte(line))
		all.WriteString(line)
	}
	for _, session := range sessions {
		var log bytes.Buffer
		for e := range kept(f, session.name).Events(0) {
			if e.Kind == inspect.Secret {
				if err := capture.WriteKeyLog(&log, *e.Logged); err != nil {
					f.Fatal(err)
				}
			}
		}
		f.Add(log.Bytes())
	}
	for _, seed := range []string{
		all.String(),
		"# SSL/TLS secrets log file, generated by OpenSSL\n" + all.String(),
		strings.ReplaceAll(all.String(), "\n", "\r\n"),
		strings.ToUpper(all.String()),
		strings.TrimSpace(all.String()),                // no line feed at the end
		all.String()[:all.Len()-7],                     // cut within a secret
		"RSA 0011223344556677 " + secret + secret[:32], // not a random, but the encrypted premaster secret's first bytes
		"CLIENT_RANDOM 0102 0304\n# c\n\nbad\n",
		"CLIENT_RANDOM\t0102\t0304\n \t \n",
		"CLIENT_RANDOM  0102   0304  \n",
		"CLIENT_RANDOM 0102 0304 05\nCLIENT_RANDOM 0102\n",
		"CLIENT_RANDOM 0x02 03\nCLIENT_RANDOM 012 03\n",
		"A \x00 01\r\n\xff\xfe",
		"\ufeffCLIENT_RANDOM 01 02\nE\x1b[31m 01 02\n",
		"\xff\xfeA\x00 \x000\x001\x00 \x000\x002\x00\n\x00\xe9\x00",
		"A " + strings.Repeat("00", 8<<10) + " 01\nB 01 02\n", // longer than a line may be
	} {
		f.Add([]byte(seed))
	}
	for _, name := range []string{"tls13-early-data", "tls13-psk", "tls12-renegotiation"} {
		f.Add(keyLogOf(f, "../../testdata/openssl/"+name+".pcapng"))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		secrets, problem := capture.ParseKeyLog(bytes.NewReader(text))
		if problem != nil {
			for line := range strings.Lines(problem.Error()) {
				if line = strings.TrimSuffix(line, "\n"); inspect.Safe(line) != line {
					t.Errorf("unsafe to show: %q", line)
				}
			}
		}
		var out bytes.Buffer
		if err := capture.WriteKeyLog(&out, secrets...); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := capture.ParseKeyLog(&out)
		if err != nil || !cmp.Equal(secrets, again, butLines) {
			t.Fatalf("read back as %v, %v; want %v", again, err, secrets)
		}
	})
}

// keyLogOf returns the secrets of a capture as a key log.
func keyLogOf(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recording, err := capture.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for event := range recording.Events(0) {
		if event.Kind == inspect.Secret {
			if err := capture.WriteKeyLog(&log, *event.Logged); err != nil {
				t.Fatal(err)
			}
		}
	}
	if log.Len() == 0 {
		t.Fatalf("%s holds no secrets", name)
	}
	return log.Bytes()
}
