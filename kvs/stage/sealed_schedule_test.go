package stage_test

import (
	"encoding/hex"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/testdata/needs"
)

// asked plays one request over the channel.
func asked(t *testing.T, authenticated bool) *inspect.Recording {
	t.Helper()
	tap := inspect.NewTap()
	play := openSealed(t, &stage.Sealed{Authenticated: authenticated}, tap)
	do(t, play, "STAT")
	play.Close()
	return tap.Recording()
}

func TestEachCommandOfTheKeyExchangePrintsItsValueToWhoHasThePrivateKeys(t *testing.T) {
	needs.Program(t, "openssl")
	bothSealed(t, func(t *testing.T, authenticated bool) {
		values := inspect.NewSession(asked(t, authenticated)).Connections()[0].View(inspect.Client).Schedule()
		var names []string
		for _, value := range values {
			names = append(names, value.Name)
			if value.Bytes == nil || value.Formula == "" || value.RFC == "" || value.Event < 0 {
				t.Errorf("%+v", value)
			}
			command := exec.Command("sh", "-c", value.Command)
			command.Dir = "sealed/testdata" // where client.pem and server.pem are
			output, err := command.CombinedOutput()
			if got := strings.TrimSpace(string(output)); err != nil || got != hex.EncodeToString(value.Bytes) {
				t.Errorf("%s\nprints %s, %v, not %x", value.Command, got, err, value.Bytes)
			}
			for _, lang := range []string{docs.English, docs.Portuguese} {
				if docs.For(lang).Explain(value.Kind) == "" {
					t.Errorf("%s is not explained in %s", value.Kind, lang)
				}
			}
		}
		want := []string{"secret (client)", "aes_key", "iv", "secret (server)"}
		if authenticated {
			want = []string{
				"secret (client)", "secret (server)", "transcript_hash", "session_secret",
				"encryption_key (client)", "authentication_key (client)", "encryption_key (server)", "authentication_key (server)",
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("got %q, want %q", names, want)
		}
	})
}

func TestTheCommandOfAMessagePrintsWhatItSays(t *testing.T) {
	needs.Program(t, "openssl")
	bothSealed(t, func(t *testing.T, authenticated bool) {
		said := 0
		for r := range inspect.NewSession(asked(t, authenticated)).Records() {
			values := r.UnitProtection()
			if r.Name() != "message" {
				if values != nil {
					t.Errorf("a %s has %+v", r.Name(), values)
				}
				continue
			}
			plain := values[len(values)-1]
			output, err := exec.Command("sh", "-c", plain.Command).CombinedOutput()
			if want := hex.EncodeToString(r.Plaintext()); err != nil || strings.TrimSpace(string(output)) != want || hex.EncodeToString(plain.Bytes) != want {
				t.Errorf("%s\nprints %s, %v, not %s", plain.Command, output, err, want)
			}
			said++
		}
		if said != 2 {
			t.Errorf("%d messages", said)
		}
	})
}

func TestWithoutAKeyLogTheKeyExchangeSaysWhatIsMissing(t *testing.T) {
	bothSealed(t, func(t *testing.T, authenticated bool) {
		silent := new(inspect.Recording)
		for event := range asked(t, authenticated).Events(0) {
			if event.Kind != inspect.Secret {
				silent.Append(event)
			}
		}
		computed := 0
		for _, value := range inspect.NewSession(silent).Connections()[0].View(inspect.Client).Schedule() {
			switch {
			case value.Name == "transcript_hash" && value.Bytes != nil: // anyone on the wire can compute it
				computed++
			case value.Bytes != nil || value.Missing == "" || value.Command != "" || value.Event != -1:
				t.Errorf("%+v", value)
			}
		}
		if computed == 1 != authenticated {
			t.Errorf("%d values were computed of what crossed alone", computed)
		}
	})
}
