package capture_test

import (
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
	"example.com/tlslab/testdata/needs"
)

// tshark reads the file and returns what it prints.
func tshark(t *testing.T, file []byte, args ...string) string {
	t.Helper()
	program := needs.Program(t, "tshark")
	name := filepath.Join(t.TempDir(), "session.pcapng")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append([]string{"-r", name}, args...)...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var errors strings.Builder
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tshark %v: %v\n%s", args, err, errors.String())
	}
	for _, line := range strings.Split(errors.String(), "\n") {
		if line != "" && !strings.Contains(line, "Running as user") {
			t.Errorf("tshark complains: %s", line)
		}
	}
	return string(out)
}

func TestTsharkFindsNothingWrongWithTheSegments(t *testing.T) {
	for name, rec := range recordings(t) {
		if name == "made by hand" {
			continue // something is wrong with it
		}
		t.Run(name, func(t *testing.T) {
			out := tshark(t, written(t, rec),
				"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-Y", "_ws.malformed || tcp.analysis.flags && !tcp.analysis.window_update || "+
					`ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || _ws.expert.severity == "Error"`)
			if out != "" {
				t.Errorf("tshark remarks on:\n%s", out)
			}
		})
	}
}

func TestTsharkReadsTheSameRecordsAndTheSameClearText(t *testing.T) {
	for name, version := range map[string]uint16{"TLS 1.3": tls.VersionTLS13, "TLS 1.2": tls.VersionTLS12} {
		t.Run(name, func(t *testing.T) {
			said := []string{"create nome ana\n", strings.Repeat("abcdefgh", 6000) + "\n"}
			rec := inMemory(t, version, said)
			file := written(t, rec)
			out := tshark(t, file, "-q", "-z", "follow,tls,raw,0")
			var got strings.Builder // the client's lines; the server's are indented
			for _, line := range strings.Split(out, "\n") {
				if line != "" && strings.Trim(line, "0123456789abcdef") == "" {
					got.WriteString(line)
				}
			}
			if want := hexOf(strings.Join(said, "")); got.String() != want {
				t.Errorf("tshark decrypts %d digits, want %d:\n%.400s", got.Len(), len(want), out)
			}

			records := 0
			for range inspect.NewSession(rec).Records() {
				records++
			}
			lengths := strings.FieldsFunc(tshark(t, file, "-2", "-Y", "tls", "-T", "fields", "-e", "tls.record.length"),
				func(r rune) bool { return r == ',' || r == '\n' })
			if len(lengths) != records {
				t.Errorf("tshark finds %d records, want %d", len(lengths), records)
			}
		})
	}
}

// tshark 4.0 looks for the secrets of a connection whose ECH was accepted under the
// random of the ClientHelloOuter, where RFC 9850 section 2.1 does not put them.
func TestTsharkDecryptsAcceptedECHWithTheSecretsUnderTheRandomThatItSees(t *testing.T) {
	const said = "create nome ana\n"
	clientConfig, serverConfig := configs(t)
	setup := echkey.Common(t)
	clientConfig.EncryptedClientHelloConfigList = setup.List
	serverConfig.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{setup.Key}
	tap := inspect.NewTap()
	client, server := tap.Pipe(clientConfig, serverConfig)
	echo(t, client, server, said)
	tap.Close()
	rec := tap.Recording()
	state := inspect.NewSession(rec).Connections()[0].View(inspect.Client).State(rec.Len() - 1)
	if state.ECH != inspect.ECHAccepted {
		t.Fatalf("ECH is %s", state.ECH)
	}
	outer := new(inspect.Recording)
	for e := range rec.Events(0) {
		if e.Kind == inspect.Secret {
			moved := *e.Logged
			if string(moved.ClientRandom) == string(state.ClientRandom) {
				moved.ClientRandom = state.OuterRandom
			}
			e.Logged = &moved
		}
		outer.Append(e)
	}
	if out := tshark(t, written(t, outer), "-q", "-z", "follow,tls,raw,0"); !strings.Contains(out, hexOf(said)) {
		t.Errorf("tshark does not find what was said:\n%s", out)
	}
}

func TestTsharkSeesHowAConnectionEnded(t *testing.T) {
	file := written(t, byHand())
	if out := tshark(t, file, "-Y", "tcp.flags.reset == 1", "-T", "fields", "-e", "ip.src"); strings.TrimSpace(out) != "192.0.2.2" {
		t.Errorf("resets come from %q", out)
	}
	if out := tshark(t, file, "-Y", "tcp.flags.fin == 1", "-T", "fields", "-e", "tcp.stream"); strings.TrimSpace(out) != "3" {
		t.Errorf("FINs stand in the streams %q", out)
	}
	if out := tshark(t, file, "-Y", "frame.cap_len < frame.len", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.len"); strings.Join(strings.Fields(out), " ") != "3 5000" {
		t.Errorf("bytes that were let go are missing in the streams and lengths %q, want 3 and 5000", out)
	}
}

func TestTsharkFindsNoFaultWithWhatIsWrittenOfADamagedCapture(t *testing.T) {
	complaints := func(file []byte) []string {
		return strings.Fields(tshark(t, file, "-Y", "_ws.malformed or tcp.analysis.flags and not tcp.analysis.window_update", "-T", "fields", "-e", "frame.number"))
	}
	fragments := func(file []byte) int { return strings.Count(tshark(t, file, "-Y", "tls.handshake.type == 1"), "\n") }
	file := written(t, inMemory(t, tls.VersionTLS13, []string{strings.Repeat("0123456789abcdef", 5000), "end\n"}))
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			damaged := damage(file)
			again := written(t, readDamaged(t, damaged))
			if was, is := complaints(damaged), complaints(again); len(is) > len(was) {
				t.Errorf("packets %v, where of the capture it was %v", is, was)
			}
			if was, is := fragments(damaged), fragments(again); is != was {
				t.Errorf("%d ClientHellos, where in the capture there were %d", is, was)
			}
		})
	}
}

func hexOf(s string) string {
	var out strings.Builder
	for i := range len(s) {
		out.WriteString(inspect.HexCell(s[i]))
	}
	return out.String()
}

func TestTsharkSeesWhoCutAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		ends []inspect.Event
		want string // who sends RST, and what its packet is commented with
	}{
		"the server":                {[]inspect.Event{{Side: inspect.Server, How: inspect.Cut}, {How: inspect.Broken}}, "192.0.2.2"},
		"the client":                {[]inspect.Event{{How: inspect.Cut}, {Side: inspect.Server, How: inspect.Broken}}, "192.0.2.1"},
		"the server that is gone":   {[]inspect.Event{{Side: inspect.Server, How: inspect.EndOfFile}, {How: inspect.Broken}}, "192.0.2.2"},
		"nobody but the tap":        {[]inspect.Event{{How: inspect.Broken}, {Side: inspect.Server, How: inspect.Broken}}, "192.0.2.2 cut by the tap, and not by either side"},
		"nobody":                    {[]inspect.Event{{How: inspect.EndOfFile}, {Side: inspect.Server, How: inspect.EndOfFile}}, ""},
		"the client, after its end": {[]inspect.Event{{How: inspect.EndOfFile}, {Side: inspect.Server, How: inspect.Broken}}, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := new(inspect.Recording)
			rec.Append(inspect.Event{Kind: inspect.Opened, Cause: -1, Opening: &inspect.Opening{Protocol: "tls", Addr: [2]string{"192.0.2.1:5000", "192.0.2.2:443"}}})
			for _, e := range test.ends {
				e.Kind, e.Cause = inspect.Ended, -1
				rec.Append(e)
			}
			file := written(t, rec)
			out := tshark(t, file, "-Y", "tcp.flags.reset == 1", "-T", "fields", "-E", "separator=/s", "-e", "ip.src", "-e", "frame.comment")
			if strings.TrimSpace(out) != test.want {
				t.Errorf("RST of %q, want %q", out, test.want)
			}
			if strings.Contains(test.want, "tap") {
				return // which the comment alone says
			}
			if diff := cmp.Diff(told(rec), told(read(t, file))); diff != "" {
				t.Errorf("(-recorded +read):\n%s", diff)
			}
		})
	}
}
