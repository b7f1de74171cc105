package capture_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

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
		{Origin: inspect.FromFile, Label: "CLIENT_RANDOM", ClientRandom: []byte{1, 2}, Bytes: []byte{3, 4}},
		{Origin: inspect.FromFile, Label: "X-NOBODY-KNOWS", ClientRandom: []byte{0xaa}, Bytes: []byte{0xbb}},
		{Origin: inspect.FromFile, Label: "EXPORTER_SECRET", ClientRandom: []byte{5}, Bytes: []byte{6}},
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
	for _, want := range []string{"line 2: 2 words", "line 3: the identifier", "line 4: the secret", "line 5: the label"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "0203f") {
		t.Error("the error quotes a secret")
	}
}

func TestTheProblemsOfAKeyLogAreCountedNotListedForEver(t *testing.T) {
	_, err := capture.ParseKeyLog(strings.NewReader(strings.Repeat("bad\n", 5000)))
	if err == nil || !strings.Contains(err.Error(), "and 4990 problems more") || len(err.Error()) > 2000 {
		t.Errorf("got %v", err)
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

func FuzzParseKeyLog(f *testing.F) {
	f.Add([]byte("CLIENT_RANDOM 0102 0304\n# c\n\nbad\n"))
	f.Add([]byte("A \x00 01\r\n\xff\xfe"))
	f.Fuzz(func(t *testing.T, text []byte) {
		secrets, _ := capture.ParseKeyLog(bytes.NewReader(text))
		var out bytes.Buffer
		if err := capture.WriteKeyLog(&out, secrets...); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := capture.ParseKeyLog(&out)
		if err != nil || !cmp.Equal(secrets, again) {
			t.Fatalf("read back as %v, %v; want %v", again, err, secrets)
		}
	})
}
