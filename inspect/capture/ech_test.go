package capture_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// withECH records conversations whose ClientHello is encrypted; the second
// hello of each follows a HelloRetryRequest, if so wanted.
func withECH(t testing.TB, retry bool) *inspect.Recording {
	t.Helper()
	client, server := configs(t)
	ech := echkey.Common(t)
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{ech.Key}
	client.EncryptedClientHelloConfigList = ech.List
	if retry {
		client.CurvePreferences, server.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}, []tls.CurveID{tls.CurveP384}
	}
	tap := inspect.NewTap()
	for range 2 {
		c, s := tap.Pipe(client, server)
		echo(t, c, s, "create nome ana\n")
	}
	tap.Close()
	return tap.Recording()
}

func TestACaptureOpensTheInnerHellosOfItsConnectionsAndHasNoPrivateKey(t *testing.T) {
	for name, retry := range map[string]bool{"one hello": false, "two hellos": true} {
		t.Run(name, func(t *testing.T) {
			recorded := withECH(t, retry)
			file := written(t, recorded)
			reread := read(t, file)
			if diff := cmp.Diff(told(recorded), told(reread)); diff != "" {
				t.Errorf("(-recorded +read):\n%s", diff)
			}
			for _, c := range inspect.NewSession(reread).Connections() {
				v := c.View(inspect.Client)
				if state := v.State(reread.Len() - 1); state.ECH != inspect.ECHAccepted || state.ServerName != "lab.example" || state.PublicName != echkey.PublicName {
					t.Errorf("ECH %s, %q behind %q", state.ECH, state.ServerName, state.PublicName)
				}
				for _, m := range v.Messages() {
					if o := m.ECH(); o != nil && o.Inner == nil {
						t.Errorf("not opened: %s", o.Why)
					}
				}
			}
			logged := make(map[string]int)
			for e := range reread.Events(0) {
				if e.Kind == inspect.Secret {
					logged[e.Logged.Label]++
				}
			}
			if logged["ECH_SECRET"] != 2 || logged["ECH_CONFIG"] != 2 || logged[inspect.LabelECHKey] != 0 {
				t.Errorf("secrets: %v", logged)
			}
			for e := range recorded.Events(0) {
				if e.Kind == inspect.Secret && e.Logged.Label == inspect.LabelECHKey && bytes.Contains(file, fmt.Appendf(nil, "%x", e.Logged.Bytes)) {
					t.Error("the private key is in the file")
				}
			}
			if again := written(t, reread); !bytes.Equal(again, written(t, read(t, again))) {
				t.Error("what was read and written twice differs")
			}
		})
	}
}

// A ClientHello that the server never answers is opened at its end; one that is
// cut off, or too long to be one, is not looked for.
func TestACaptureOpensAHelloThatNobodyAnswered(t *testing.T) {
	recorded := withECH(t, false)
	for name, c := range map[string]struct {
		bytes func([]byte) []byte
		want  int
	}{
		"whole":    {func(b []byte) []byte { return b }, 2},
		"cut off":  {func(b []byte) []byte { return b[:len(b)-1] }, 0},
		"too long": {func(b []byte) []byte { return append(bytes.Clone(b), make([]byte, 16<<10)...) }, 0},
	} {
		alone := new(inspect.Recording)
		for e := range recorded.Events(0) {
			if e.Kind == inspect.Opened && e.Conn == 0 || e.Kind == inspect.Secret && e.Logged.Label == inspect.LabelECHKey {
				alone.Append(e)
			}
			if e.Kind == inspect.Captured {
				e.Bytes = c.bytes(e.Bytes)
				e.N = len(e.Bytes)
				alone.Append(e)
				break
			}
		}
		alone.Append(inspect.Event{Kind: inspect.Ended, How: inspect.EndOfFile, Cause: -1})
		found := 0
		for e := range read(t, written(t, alone)).Events(0) {
			if e.Kind == inspect.Secret {
				found++
			}
		}
		if found != c.want {
			t.Errorf("%s: %d secrets", name, found)
		}
	}
}
