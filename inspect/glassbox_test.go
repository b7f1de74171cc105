package inspect_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha3"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
	"example.com/tlslab/testdata/needs"
)

// random has crypto/tls draw its keys from Config.Rand.
func random(t *testing.T) { t.Setenv("GODEBUG", "cryptocustomrand=1") }

// inGlassBox converses in a glass box and returns the session.
func inGlassBox(t *testing.T, tap *inspect.Tap, client, server *tls.Config) *inspect.Session {
	t.Helper()
	tap.GlassBox = true
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	session := inspect.NewSession(tap.Recording())
	allDecrypted(t, session)
	return session
}

func TestInAGlassBoxTheKeyScheduleIsKnownFromTheTopAndEqualsWhatIsLogged(t *testing.T) {
	random(t)
	for _, c := range []struct {
		name           string
		client, server []tls.CurveID
		retry          bool
	}{
		{name: "X25519", client: []tls.CurveID{tls.X25519}},
		{name: "P-256", client: []tls.CurveID{tls.CurveP256}},
		{name: "P-384", client: []tls.CurveID{tls.CurveP384}},
		{name: "P-521", client: []tls.CurveID{tls.CurveP521}},
		{name: "X25519MLKEM768", client: []tls.CurveID{tls.X25519MLKEM768}},
		{name: "SecP256r1MLKEM768", client: []tls.CurveID{tls.SecP256r1MLKEM768}},
		{name: "SecP384r1MLKEM1024", client: []tls.CurveID{tls.SecP384r1MLKEM1024}},
		{name: "the second of two shares", client: []tls.CurveID{tls.X25519MLKEM768, tls.X25519}, server: []tls.CurveID{tls.X25519}},
		{name: "HelloRetryRequest", client: []tls.CurveID{tls.X25519, tls.CurveP384}, server: []tls.CurveID{tls.CurveP384}, retry: true},
		{name: "HelloRetryRequest for a hybrid", client: []tls.CurveID{tls.X25519MLKEM768, tls.SecP256r1MLKEM768}, server: []tls.CurveID{tls.SecP256r1MLKEM768}, retry: true},
	} {
		for _, gate := range []inspect.Gate{nil, forwarding{}} {
			name := c.name
			if gate != nil {
				name += " through a gate"
			}
			t.Run(name, func(t *testing.T) {
				client, server := configs(t)
				client.CurvePreferences, server.CurvePreferences = c.client, c.server
				session := inGlassBox(t, &inspect.Tap{Gate: gate}, client, server)
				connection := session.Connections()[0]
				for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
					view := connection.View(side)
					if got := view.State(session.Recording().Len()).HelloRetry; got != c.retry {
						t.Errorf("HelloRetryRequest: %v", got)
					}
					knownFromTheTop(t, view)
				}
				if connection.Dark(session.Recording().Len()) {
					t.Error("it is dark")
				}
			})
		}
	}
}

type forwarding struct{}

func (forwarding) Captured(w inspect.Wire, u inspect.Unit) { w.Forward(u.ID) }
func (forwarding) Ended(inspect.Wire, inspect.Side)        {}

// knownFromTheTop wants every value of a TLS 1.3 key schedule to be there, and to be what crypto/tls logged, if it did.
func knownFromTheTop(t *testing.T, view *inspect.View) {
	t.Helper()
	logged := make(map[string][]byte)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, secret := range view.Secrets(side, 1<<30) {
			if secret.Origin == inspect.ClientLog || secret.Origin == inspect.ServerLog {
				logged[secret.Label] = secret.Bytes
			}
		}
	}
	labels := map[string]string{
		"client_handshake_traffic_secret": "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "server_handshake_traffic_secret": "SERVER_HANDSHAKE_TRAFFIC_SECRET",
		"client_application_traffic_secret_0": "CLIENT_TRAFFIC_SECRET_0", "server_application_traffic_secret_0": "SERVER_TRAFFIC_SECRET_0",
	}
	found, compared := make(map[string]bool), 0
	for _, value := range view.Schedule() {
		found[value.Name] = true
		if value.Bytes == nil {
			t.Errorf("%s is not known: %s", value.Name, value.Missing)
		}
		if value.Event < 0 {
			t.Errorf("%s is known from no event on", value.Name)
		}
		if label := labels[value.Name]; label != "" {
			compared++
			if !value.Logged || value.Command == "" || !bytes.Equal(value.Bytes, logged[label]) {
				t.Errorf("%s: computed %x, logged %x", value.Name, value.Bytes, logged[label])
			}
		}
	}
	for _, name := range []string{"early_secret", "(EC)DHE shared secret", "handshake_secret", "master_secret", "resumption_master_secret", "exporter_master_secret"} {
		if !found[name] {
			t.Errorf("there is no %s", name)
		}
	}
	if compared != len(labels) {
		t.Errorf("%d secrets were compared with the log, want %d", compared, len(labels))
	}
}

func TestInAGlassBoxACommandReproducesTheSharedSecret(t *testing.T) {
	needs.Program(t, "openssl")
	random(t)
	for _, group := range []tls.CurveID{
		tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521,
		tls.X25519MLKEM768, tls.SecP256r1MLKEM768, tls.SecP384r1MLKEM1024,
	} {
		client, server := configs(t)
		client.CurvePreferences = []tls.CurveID{group}
		server.CurvePreferences = []tls.CurveID{group}
		values := inGlassBox(t, new(inspect.Tap), client, server).Connections()[0].View(inspect.Client).Schedule()
		i := slices.IndexFunc(values, func(v inspect.Value) bool { return v.Kind == "schedule.shared_secret" })
		reproduce(t, values[i:i+1], 1)
	}
}

func TestEachSideKnowsItsOwnPrivateKeyBeforeItSendsTheKeyShare(t *testing.T) {
	random(t)
	client, server := configs(t)
	session := inGlassBox(t, new(inspect.Tap), client, server)
	view := session.Connections()[0].View(inspect.Client)
	hybrid, alone := uint16(tls.X25519MLKEM768), uint16(tls.X25519)
	for side, want := range [2]struct {
		label  string
		sizes  []int
		groups []uint16
		sent   inspect.HandshakeType
	}{
		{inspect.LabelClientEphemeral, []int{64 + 32, 32}, []uint16{hybrid, alone}, 1},
		{inspect.LabelServerEphemeral, []int{32}, []uint16{hybrid}, 2},
	} {
		side := inspect.Side(side)
		var sizes []int
		var groups []uint16
		for _, secret := range view.Secrets(side, 1<<30) {
			switch {
			case secret.Label == want.label:
				sizes, groups = append(sizes, len(secret.Bytes)), append(groups, view.GroupOf(secret.LoggedSecret))
				if secret.Origin != inspect.Recorded {
					t.Errorf("%v: the origin of its private key is %v", side, secret.Origin)
				}
				if sent := first(view, side, want.sent); secret.Event > sent {
					t.Errorf("%v: its key came at event %d, its key share at %d", side, secret.Event, sent)
				}
			case secret.Label == inspect.LabelClientEphemeral || secret.Label == inspect.LabelServerEphemeral:
				t.Errorf("%v knows the private key of its peer", side)
			}
		}
		if !slices.Equal(sizes, want.sizes) || !slices.Equal(groups, want.groups) {
			t.Errorf("%v knows private keys of %v bytes for the groups %x, want %v for %x", side, sizes, groups, want.sizes, want.groups)
		}
	}
}

func first(view *inspect.View, side inspect.Side, kind inspect.HandshakeType) (event int) {
	for _, m := range view.Messages() {
		if m.Side == side && m.Type == kind {
			return m.Event
		}
	}
	return -1
}

func TestTheEphemeralKeysOfTLS12AreRecorded(t *testing.T) {
	random(t)
	for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
		client, server := configs(t)
		client.MaxVersion = tls.VersionTLS12
		client.CurvePreferences = []tls.CurveID{group}
		session := inGlassBox(t, new(inspect.Tap), client, server)
		view := session.Connections()[0].View(inspect.Client)
		for side, label := range []string{inspect.LabelClientEphemeral, inspect.LabelServerEphemeral} {
			found := 0
			for _, secret := range view.Secrets(inspect.Side(side), 1<<30) {
				if secret.Label == label {
					found++
					if got := view.GroupOf(secret.LoggedSecret); got != uint16(group) {
						t.Errorf("%v: the private key of the %v is for 0x%04x", group, inspect.Side(side), got)
					}
				}
			}
			if found != 1 {
				t.Errorf("%v: %d private keys of the %v, want 1", group, found, inspect.Side(side))
			}
		}
		if session.Connections()[0].Dark(1 << 30) {
			t.Errorf("%v: it is dark", group)
		}
	}
}

func TestInAGlassBoxTheKeyScheduleOfTLS12BeginsWithThePreMasterSecret(t *testing.T) {
	needs.Program(t, "openssl")
	random(t)
	for name, change := range map[string]func(client *tls.Config){
		"X25519":  func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"P-256":   func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} },
		"P-521":   func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP521} },
		"SHA-384": func(c *tls.Config) { c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384} },
	} {
		client, server := configs(t)
		client.MaxVersion = tls.VersionTLS12
		change(client)
		view := inGlassBox(t, new(inspect.Tap), client, server).Connections()[0].View(inspect.Client)
		values := view.Schedule()
		if values[0].Name != "pre_master_secret" || values[1].Name != "session_hash" || values[2].Name != "master_secret" {
			t.Fatalf("%s: it begins with %s, %s, %s", name, values[0].Name, values[1].Name, values[2].Name)
		}
		master := values[2]
		if master.Origin != inspect.Derived || !master.Logged || !strings.Contains(master.Formula, "extended master secret") {
			t.Errorf("%s: the master secret is from %v, %s", name, master.Origin, master.Formula)
		}
		for _, secret := range view.Secrets(inspect.Client, 1<<30) {
			if secret.Label == "CLIENT_RANDOM" && !bytes.Equal(secret.Bytes, master.Bytes) {
				t.Errorf("%s: the master secret was computed as %x, logged as %x", name, master.Bytes, secret.Bytes)
			}
		}
		for _, value := range values {
			if value.Bytes == nil || value.Event < 0 {
				t.Errorf("%s: %s is %x, known from event %d on", name, value.Name, value.Bytes, value.Event)
			}
		}
		reproduce(t, values, 5)
	}
}

func TestAResumedSessionOfTLS12HasNoKeyExchange(t *testing.T) {
	random(t)
	client, server := configs(t)
	client.MaxVersion, client.ClientSessionCache = tls.VersionTLS12, tls.NewLRUClientSessionCache(1)
	tap := &inspect.Tap{GlassBox: true}
	for range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
	}
	tap.Close()
	second := inspect.NewSession(tap.Recording()).Connections()[1]
	if values := second.View(inspect.Client).Schedule(); values[0].Name != "master_secret" || values[0].Bytes == nil {
		t.Errorf("it begins with %s, %x", values[0].Name, values[0].Bytes)
	}
	if second.Dark(1 << 30) {
		t.Error("without a key exchange it is dark")
	}
}

func TestAResumedSessionInAGlassBoxIsKnownFromTheTopToo(t *testing.T) {
	random(t)
	client, server := configs(t)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := &inspect.Tap{GlassBox: true}
	for range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
	}
	tap.Close()
	second := inspect.NewSession(tap.Recording()).Connections()[1].View(inspect.Client)
	if !second.State(1 << 30).Resumed {
		t.Error("the second connection was not resumed")
	}
	knownFromTheTop(t, second)
}

func TestAGlassBoxWithECHIsKnownFromTheTopToo(t *testing.T) {
	random(t)
	client, server := echConfigs(t, echkey.Common(t))
	session := inGlassBox(t, new(inspect.Tap), client, server)
	view := session.Connections()[0].View(inspect.Client)
	if got := view.State(1 << 30).ECH; got != inspect.ECHAccepted {
		t.Errorf("Encrypted Client Hello: %v", got)
	}
	if session.Connections()[0].Dark(1 << 30) {
		t.Error("it is dark")
	}
	knownFromTheTop(t, view)
}

func TestThroughAGateEachSidesSharedSecretIsComputedWithItsOwnKey(t *testing.T) {
	random(t)
	client, server := configs(t)
	client.CurvePreferences = []tls.CurveID{tls.CurveP256}
	session := inGlassBox(t, &inspect.Tap{Gate: forwarding{}}, client, server)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		values := session.Connections()[0].View(side).Schedule()
		i := slices.IndexFunc(values, func(v inspect.Value) bool { return v.Kind == "schedule.shared_secret" })
		if got := values[i].Inputs[0].Name; got != side.String()+"'s private key" {
			t.Errorf("the view of the %v computes it with the %s", side, got)
		}
	}
}

func TestWhereConfigRandIsNotDrawnFromTheBoxIsDarkAndTheRestIsShown(t *testing.T) {
	t.Setenv("GODEBUG", "cryptocustomrand=0")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		client, server := configs(t)
		client.MaxVersion, client.CurvePreferences = version, []tls.CurveID{tls.X25519}
		session := inGlassBox(t, new(inspect.Tap), client, server)
		connection := session.Connections()[0]
		if connection.Dark(0) || !connection.Dark(session.Recording().Len()) {
			t.Errorf("%x: dark at the beginning %v, at the end %v", version, connection.Dark(0), connection.Dark(session.Recording().Len()))
		}
		if version == tls.VersionTLS12 {
			continue
		}
		for _, value := range connection.View(inspect.Client).Schedule() {
			switch {
			case value.Name == "(EC)DHE shared secret":
				if value.Bytes != nil || !bytes.Contains([]byte(value.Missing), []byte("Config.Rand")) {
					t.Errorf("%s: %x, missing %q", value.Name, value.Bytes, value.Missing)
				}
			case value.Logged && value.Bytes == nil:
				t.Errorf("%s was logged, and is not known", value.Name)
			}
		}
	}
}

func TestWithAReaderThatAlwaysGivesTheSameTheClientHelloIsAlwaysTheSame(t *testing.T) {
	random(t)
	hello := func(seed string) []byte {
		client, server := configs(t)
		stream := sha3.NewSHAKE128()
		stream.Write([]byte(seed))
		client.Rand = stream
		session := inGlassBox(t, new(inspect.Tap), client, server)
		return session.Connections()[0].View(inspect.Client).Messages()[0].Bytes
	}
	one := hello("one")
	for range 8 { // by chance, crypto draws a byte more or not
		if !bytes.Equal(hello("one"), one) {
			t.Fatal("the same randomness gave another ClientHello")
		}
	}
	if bytes.Equal(hello("two"), one) {
		t.Error("other randomness gave the same ClientHello")
	}
}

func TestAConfigurationForOneClientIsSeenThroughToo(t *testing.T) {
	random(t)
	client, server := configs(t)
	chosen := server.Clone()
	server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
	client.CurvePreferences = []tls.CurveID{tls.CurveP256}
	session := inGlassBox(t, new(inspect.Tap), client, server)
	if n := len(session.Connections()[0].View(inspect.Server).Secrets(inspect.Server, 1<<30)); n != 5 {
		t.Errorf("the server knows %d secrets, want 4 and its private key", n)
	}
}

func TestAGlassBoxRefusesEveryConnection(t *testing.T) {
	client, server := configs(t)
	tap := &inspect.Tap{GlassBox: true}
	for name, use := range map[string]func(conn net.Conn) error{
		"client": func(conn net.Conn) error { return tap.Client(conn, client).Handshake() },
		"server": func(conn net.Conn) error { return tap.Server(conn, server).Handshake() },
		"relay":  func(conn net.Conn) error { return tap.Relay(t.Context(), conn, conn) },
	} {
		t.Run(name, func(t *testing.T) {
			ours, peer := net.Pipe()
			defer ours.Close()
			came := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(peer)
				came <- all
			}()
			if err := use(ours); !errors.Is(err, inspect.ErrGlassBox) {
				t.Errorf("got %v", err)
			}
			ours.Close()
			if all := <-came; len(all) > 0 {
				t.Errorf("%d bytes left it", len(all))
			}
		})
	}
	ln := tap.Listener(listen(t), server)
	if _, err := ln.Accept(); !errors.Is(err, inspect.ErrGlassBox) {
		t.Errorf("listener: %v", err)
	}
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Captured {
			t.Errorf("the recording holds %d bytes", e.N)
		}
	}
}

func TestWithoutAGlassBoxNothingIsDrawnThroughTheTap(t *testing.T) {
	random(t)
	client, server := configs(t)
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "hello\n")
	tap.Close()
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Secret && e.Logged.Origin == inspect.Recorded || e.Kind == inspect.Opened && e.Opening.GlassBox {
			t.Error("randomness was recorded")
		}
	}
}

func TestManyHandshakesAtOnceAreSeenThrough(t *testing.T) {
	random(t)
	client, server := configs(t)
	client.CurvePreferences = []tls.CurveID{tls.X25519}
	client.Rand = rand.Reader
	tap := &inspect.Tap{GlassBox: true, Now: func() time.Time { return time.Unix(0, 0) }}
	const many = 20
	done := make(chan struct{})
	for range many {
		c, s := tap.Pipe(client, server)
		go func() {
			defer func() { done <- struct{}{} }()
			converse(t, c, s, "hello\n")
		}()
	}
	for range many {
		<-done
	}
	tap.Close()
	for _, c := range inspect.NewSession(tap.Recording()).Connections() {
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			if n := len(c.View(side).Secrets(side, 1<<30)); n != 5 {
				t.Errorf("connection %d: the %v knows %d secrets, want 4 and its private key", c.Conn, side, n)
			}
		}
	}
}
