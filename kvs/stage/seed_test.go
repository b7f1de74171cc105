package stage_test

import (
	"bytes"
	"crypto/sha3"
	"crypto/tls"
	"errors"
	"fmt"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

// played does a few commands on the stage, in a glass box.
func played(t *testing.T, kv *stage.KV) *inspect.Session {
	t.Helper()
	t.Setenv("GODEBUG", "cryptocustomrand=1")
	tap := &inspect.Tap{GlassBox: true, Now: kv.Now}
	play, err := kv.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"create nome ana", "read nome", "exit"} {
		do(t, play, command)
	}
	play.Close()
	return inspect.NewSession(tap.Recording())
}

// wire returns what each side sent.
func wire(session *inspect.Session) (sent [2][]byte) {
	for r := range session.Records() {
		sent[r.Side] = append(sent[r.Side], r.Raw()...)
	}
	return sent
}

func TestASeedMakesTheSameSessionByteForByte(t *testing.T) {
	for name, kv := range map[string]*stage.KV{
		"default":   {},
		"P-256":     {Groups: []tls.CurveID{tls.CurveP256}},
		"P-384":     {Groups: []tls.CurveID{tls.CurveP384}},
		"P-521":     {Groups: []tls.CurveID{tls.CurveP521}},
		"two":       {Groups: []tls.CurveID{tls.X25519, tls.CurveP256}},
		"mutual":    {ClientAuth: tls.RequireAndVerifyClientCert},
		"TLS 1.2":   {MaxVersion: tls.VersionTLS12},
		"mutual 12": {MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert},
	} {
		t.Run(name, func(t *testing.T) {
			on := func(seed uint64) *stage.KV {
				return &stage.KV{MaxVersion: kv.MaxVersion, Groups: kv.Groups, ClientAuth: kv.ClientAuth, Seed: &seed}
			}
			seven := on(7)
			first := wire(played(t, seven))
			for range 4 { // the same stage again, and another one
				if again := wire(played(t, seven)); !bytes.Equal(again[0], first[0]) || !bytes.Equal(again[1], first[1]) {
					t.Fatal("the stage played another session")
				}
				if again := wire(played(t, on(7))); !bytes.Equal(again[0], first[0]) || !bytes.Equal(again[1], first[1]) {
					t.Fatal("another stage with the same seed played another session")
				}
			}
			if other := wire(played(t, on(8))); bytes.Equal(other[0], first[0]) || bytes.Equal(other[1], first[1]) {
				t.Error("another seed gave the same session")
			}
		})
	}
}

func TestWhatAnEndpointDrawsFollowsFromTheSeedAsTheManualSays(t *testing.T) {
	seed := uint64(7)
	session := played(t, &stage.KV{Seed: &seed})
	view := session.Connections()[0].View(inspect.Client)
	stream := sha3.NewSHAKE256()
	fmt.Fprint(stream, "tlslab glass box, seed 7, client")
	draws := make([]byte, 96) // ClientHello.random, legacy_session_id, the private key
	stream.Read(draws)
	if got := view.State(1 << 30).ClientRandom; !bytes.Equal(got, draws[:32]) {
		t.Errorf("ClientHello.random is %x, the stream begins with %x", got, draws[:32])
	}
	for _, secret := range view.Secrets(inspect.Client, 1<<30) {
		if secret.Label == inspect.LabelClientEphemeral && !bytes.Equal(secret.Bytes, draws[64:]) {
			t.Errorf("the private key is %x, the stream has %x", secret.Bytes, draws[64:])
		}
	}
}

func TestWithAHybridGroupOnlyTheServersHalfIsLeftToChance(t *testing.T) {
	seed := uint64(7)
	kv := &stage.KV{Seed: &seed, Groups: []tls.CurveID{tls.X25519MLKEM768}}
	one, two := played(t, kv), played(t, kv)
	for i, same := range []bool{true, false} { // ClientHello, ServerHello
		a, b := one.Connections()[0].View(inspect.Client).Messages()[i], two.Connections()[0].View(inspect.Client).Messages()[i]
		if bytes.Equal(a.Bytes, b.Bytes) != same {
			t.Errorf("%s: the same is %v, want %v", a.Name(), !same, same)
		}
	}
	for _, session := range []*inspect.Session{one, two} {
		for _, value := range session.Connections()[0].View(inspect.Client).Schedule() {
			if value.Bytes == nil {
				t.Errorf("%s is not known: %s", value.Name, value.Missing)
			}
		}
	}
}

func TestASeedOutsideOfAGlassBoxIsRefused(t *testing.T) {
	seed := uint64(7)
	tap := inspect.NewTap()
	if _, err := (&stage.KV{Seed: &seed}).Open(t.Context(), tap); !errors.Is(err, stage.ErrSeed) {
		t.Errorf("got %v", err)
	}
	if tap.Recording().Len() != 0 {
		t.Error("something was recorded")
	}
}
