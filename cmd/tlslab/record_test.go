package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sockets"
	"example.com/tlslab/testdata/needs"
)

// tsharkOn has tshark read a file that no key log belongs to.
func tsharkOn(t *testing.T, file []byte, args ...string) string {
	t.Helper()
	program, name := needs.Program(t, "tshark"), filepath.Join(t.TempDir(), "session.pcapng")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append([]string{"-r", name, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"}, args...)...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	return string(out)
}

// saves are the sessions whose files are held to tshark: each is opened on a tap, and asked to create a pair.
func saves() map[string]inspect.Stage {
	return map[string]inspect.Stage{
		"TLS 1.3":              &stage.KV{},
		"TLS 1.2":              &stage.KV{MaxVersion: tls.VersionTLS12},
		"client certificate":   &stage.KV{ClientAuth: tls.RequireAndVerifyClientCert},
		"channel tls12":        &stage.Setting{Channel: stage.ChannelTLS12},
		"channel tls13":        &stage.Setting{Channel: stage.ChannelTLS13},
		"channel mtls":         &stage.Setting{Channel: stage.ChannelMTLS},
		"clear":                &stage.Setting{Channel: stage.ChannelClear},
		"sealed":               &stage.Setting{Channel: stage.ChannelSealed, Keys: sealedKeys()},
		"sealed authenticated": &stage.Setting{Channel: stage.ChannelSealedAuthenticated, Keys: sealedKeys()},
	}
}

// converse has a session, on a clock that nobody has to wait for, and returns what came of the command: the answer may
// never come.
func converse(t *testing.T, tap *inspect.Tap, opens inspect.Stage, command string) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		play, problem := opens.Open(t.Context(), tap)
		if problem != nil {
			t.Fatal(problem)
		}
		ctx, done := context.WithTimeout(t.Context(), time.Minute)
		defer done()
		_, err = play.Do(ctx, command)
		play.Close()
		tap.Close()
	})
	return err
}

func TestTsharkReadsTheFileOfEveryChannelWithoutARemarkAndDecryptsTLS(t *testing.T) {
	const asked = "create nome ana"
	for name := range saves() {
		for what, gate := range map[string]inspect.Gate{
			"": nil, "let through": &inspect.Rules{},
			"dropped": &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromServer, Type: inspect.ApplicationData, Nth: 1}, Do: inspect.Drop}}},
			"twice":   &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromClient, Type: inspect.ApplicationData, Nth: 1}, Do: inspect.Repeat(1)}}},
		} {
			if gate != nil && what != "dropped" && (strings.Contains(name, "channel") || strings.Contains(name, "sealed")) {
				continue // as the others
			}
			t.Run(strings.TrimSpace(name+" "+what), func(t *testing.T) {
				t.Parallel()
				tap := &inspect.Tap{Gate: gate}
				if err := converse(t, tap, saves()[name], asked); err != nil && (gate == nil || what == "let through") {
					t.Fatal(err)
				}
				var file bytes.Buffer
				writer := capture.NewWriter(&file)
				if err := writer.Extend(tap.Recording()); err != nil {
					t.Fatal(err)
				}
				if err := writer.Close(); err != nil {
					t.Fatal(err)
				}
				if out := tsharkOn(t, file.Bytes(), "-Y", `(tcp.analysis.flags && !tcp.analysis.window_update) || _ws.malformed || _ws.short || `+
					`ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || _ws.expert.severity == "Error"`); out != "" {
					t.Errorf("tshark remarks on:\n%s", out)
				}
				said := tsharkOn(t, file.Bytes(), "-T", "fields", "-e", "tcp.flags", "-e", "tls.segment.data", "-e", "data.data", "-e", "tls.app_data_proto")
				conversations := strings.Count("\n"+said, "\n0x0002\t") // SYN without ACK
				connections := len(inspect.NewSession(tap.Recording()).Connections())
				if divided := conversations > connections; divided != (what == "dropped" || what == "twice") {
					t.Errorf("%d connections are %d conversations", connections, conversations)
				}
				if strings.Contains(name, "clear") || strings.Contains(name, "sealed") {
					return
				}
				if clear := "637265617465206e6f6d6520616e610a"; !strings.Contains(said, clear) {
					t.Errorf("tshark does not decrypt %q:\n%s", asked, said)
				}
			})
		}
	}
}

func TestTheFileOfEveryStageReadsBackAsEachSideSawIt(t *testing.T) {
	commands := map[string]string{
		"kv": "create nome ana", "sealed": "STAT", "sealed-authenticated": "STAT", "upper": "abc", "router": "login ana-pc",
		"sockets-v1": "", "sockets-v3": "adicionar 7 caneta 2.5", "sockets-v4": "adicionar 7 caneta 2.5",
	}
	stages := func() map[string]inspect.Stage {
		return map[string]inspect.Stage{
			"kv": &stage.Setting{Channel: stage.ChannelClear}, "sealed": &stage.Sealed{Keys: sealedKeys()}, "upper": &stage.Upper{}, "router": &stage.Router{},
			"sockets-v3": &stage.Sockets{Version: sockets.V3}, "sockets-v4": &stage.Sockets{Version: sockets.V4},
		}
	}
	gates := map[string]func() inspect.Gate{
		"alone":       func() inspect.Gate { return nil },
		"let through": func() inspect.Gate { return new(inspect.Rules) },
		"dropped": func() inspect.Gate {
			return &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromServer, Nth: 1}, Do: inspect.Drop}}}
		},
		"altered": func() inspect.Gate {
			return &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: inspect.FromClient, Nth: 1}, Do: inspect.Flip(0, 0x01)}}}
		},
	}
	for name := range stages() {
		i := slices.IndexFunc(stage.Protocols(), func(p inspect.Protocol) bool { return p.Name() == name })
		for what, gate := range gates {
			t.Run(name+" "+what, func(t *testing.T) {
				tap := &inspect.Tap{Gate: gate()}
				converse(t, tap, stages()[name], commands[name])
				var file bytes.Buffer
				writer := capture.NewWriter(&file)
				if err := errors.Join(writer.Extend(tap.Recording()), writer.Close()); err != nil {
					t.Fatal(err)
				}
				again, err := capture.ReadAs(&file, stage.Protocols()[i])
				if err != nil {
					t.Fatal(err)
				}
				saved := inspect.NewSession(again).Connections()
				for n, c := range inspect.NewSession(tap.Recording()).Connections() {
					views := [2]*inspect.Connection{}
					for _, other := range saved {
						switch addr := other.Opening.Addr[inspect.Client]; {
						case addr == fmt.Sprintf("127.0.0.1:%d", 49152+n):
							views[inspect.Client] = other
							views[inspect.Server] = cmp.Or(views[inspect.Server], other)
						case strings.HasSuffix(addr, fmt.Sprintf(":%d", 49152+n)):
							views[inspect.Server] = other
						}
					}
					for _, whose := range []inspect.Side{inspect.Client, inspect.Server} {
						for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
							want, got := seen(c, whose, from), seen(views[whose], whose, from)
							if !strings.HasPrefix(got, want) || got != want && (whose == from || what == "altered") {
								t.Errorf("connection %d: the %s saw of the %s\n%sand that is saved as\n%s", n, whose, from, want, got)
							}
						}
					}
				}
			})
		}
	}
}

// seen is what one side has of what a side sent: as sent, and in clear.
func seen(c *inspect.Connection, whose, from inspect.Side) string {
	var all strings.Builder
	for _, r := range c.View(whose).Records(from) {
		fmt.Fprintf(&all, "%s %x %q\n", r.Name(), r.Raw(), r.Plaintext())
	}
	return all.String()
}
