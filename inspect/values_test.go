package inspect_test

import (
	"crypto/tls"
	"encoding/hex"
	"os/exec"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/needs"
)

func TestEveryCommandOfTheKeyScheduleReproducesItsValue(t *testing.T) {
	needs.Program(t, "openssl")
	for name, change := range map[string]func(client *tls.Config){
		"TLS 1.3": func(*tls.Config) {},
		"TLS 1.2": func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"TLS 1.2 SHA-384": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := configs(t)
			change(client)
			tap := inspect.NewTap()
			c, s := tap.Pipe(client, server)
			converse(t, c, s, "hello\n")
			tap.Close()
			reproduce(t, inspect.NewSession(tap.Recording()).Connections()[0].View(inspect.Client).Schedule(), 3)
		})
	}
}

func TestEveryCommandReproducesWhatRFC8448Prints(t *testing.T) {
	needs.Program(t, "openssl")
	recording := new(inspect.Recording)
	inspect.PlayTrace(t, recording, "1-rtt")
	inspect.PlayTrace(t, recording, "0-rtt")
	for _, c := range inspect.NewSession(recording).Connections() {
		reproduce(t, c.View(inspect.Client).Schedule(), 20)
	}
}

func TestEveryCommandReproducesTheScheduleOfAPreSharedKeyAlone(t *testing.T) {
	needs.Program(t, "openssl")
	recording := inspect.KeptSessions(t)["tls13-psk-only.pcapng"]
	reproduce(t, inspect.NewSession(recording).Connections()[0].View(inspect.Client).Schedule(), 20)
}

// reproduce runs the command of each value, of which there must be at least least.
func reproduce(t *testing.T, values []inspect.Value, least int) {
	t.Helper()
	ran := 0
	for _, value := range values {
		if (value.Bytes == nil) != (value.Missing != "") {
			t.Errorf("%s: %d bytes, missing %q", value.Name, len(value.Bytes), value.Missing)
		}
		if value.Command == "" {
			if value.Bytes != nil && value.Origin == inspect.Derived {
				t.Errorf("%s was computed, but no command does it again", value.Name)
			}
			continue
		}
		printed, err := exec.CommandContext(t.Context(), "sh", "-c", value.Command).Output()
		if err != nil {
			t.Fatalf("%s: %s: %v", value.Name, value.Command, err)
		}
		if strings.TrimSuffix(string(printed), "\n") != hex.EncodeToString(value.Bytes) {
			t.Errorf("%s is %x, but\n%s\nprints %s", value.Name, value.Bytes, value.Command, printed)
		}
		ran++
	}
	if ran < least {
		t.Errorf("only %d commands were run", ran)
	}
}

func TestWithLoggedSecretsTheScheduleIsKnownFromThemDown(t *testing.T) {
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	values := make(map[string]inspect.Value)
	for _, value := range inspect.NewSession(tap.Recording()).Connections()[0].View(inspect.Client).Schedule() {
		values[value.Name] = value
	}
	if v := values["(EC)DHE shared secret"]; v.Bytes != nil || v.Missing == "" {
		t.Errorf("nobody logged the shared secret, but it is %x", v.Bytes)
	}
	if v := values["master_secret"]; v.Bytes != nil {
		t.Errorf("the master secret cannot be known, but it is %x", v.Bytes)
	}
	for _, name := range []string{"early_secret", "client_handshake_traffic_secret", "server_application_traffic_secret_0", "finished_key (from client_handshake_traffic_secret)"} {
		if v := values[name]; v.Bytes == nil {
			t.Errorf("%s is not known: %s", name, v.Missing)
		}
	}
	if v := values["client_handshake_traffic_secret"]; !v.Logged || len(v.Covers) != 2 || v.Command != "" {
		t.Errorf("client_handshake_traffic_secret: logged %v, covers %d messages, command %q", v.Logged, len(v.Covers), v.Command)
	}
}
