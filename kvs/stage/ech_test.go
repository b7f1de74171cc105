package stage_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
)

// lastState returns the client's view of what was played last, and its state.
func lastState(recording *inspect.Recording) (*inspect.View, inspect.State) {
	v := inspect.NewSession(recording).Connections()[0].View(inspect.Client)
	return v, v.State(recording.Len() - 1)
}

func TestAStageWithECHHidesTheNameThatTheClientAsksFor(t *testing.T) {
	tap := inspect.NewTap()
	play, err := (&stage.KV{ECH: stage.AcceptedECH}).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	do(t, play, "create nome ana")
	play.Close()
	_, state := lastState(tap.Recording())
	if state.ECH != inspect.ECHAccepted || state.ServerName != stage.HiddenName || state.PublicName != stage.PublicName {
		t.Errorf("ECH %s, %q behind %q", state.ECH, state.ServerName, state.PublicName)
	}
	for e := range tap.Recording().Events(0) {
		if e.Kind == inspect.Captured && bytes.Contains(e.Bytes, []byte(stage.HiddenName)) {
			t.Error("the hidden name crosses in clear")
		}
	}
}

func TestAStageWhoseECHIsRejectedEndsWithConfigurationsToTryAgainWith(t *testing.T) {
	tap := inspect.NewTap()
	play, err := (&stage.KV{ECH: stage.RejectedECH}).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	_, err = play.Do(t.Context(), "create nome ana")
	var rejection *tls.ECHRejectionError
	if !errors.As(err, &rejection) || !bytes.Contains(rejection.RetryConfigList, []byte(stage.PublicName)) {
		t.Fatalf("%v", err)
	}
	if _, state := lastState(tap.Recording()); state.ECH != inspect.ECHRejected {
		t.Errorf("ECH %s", state.ECH)
	}
}

func TestAStageWithECHRefusesTLS12(t *testing.T) {
	if _, err := (&stage.KV{ECH: stage.AcceptedECH, MaxVersion: tls.VersionTLS12}).Open(t.Context(), inspect.NewTap()); err == nil {
		t.Error("opened")
	}
}

// What the notice of --seed says: no seed reaches HPKE.
func TestASeedMakesTheSameSessionWithECHButForWhatIsSealed(t *testing.T) {
	records := func(ech stage.ECH) (raw [][]byte) {
		seed := uint64(7)
		if ech == stage.RejectedECH {
			t.Setenv("GODEBUG", "cryptocustomrand=1")
			kv := &stage.KV{Seed: &seed, ECH: ech}
			tap := &inspect.Tap{GlassBox: true, Now: kv.Now}
			play, err := kv.Open(t.Context(), tap)
			if err != nil {
				t.Fatal(err)
			}
			play.Do(t.Context(), "read nome")
			play.Close()
			for r := range inspect.NewSession(tap.Recording()).Records() {
				if r.Side == inspect.Server {
					raw = append(raw, r.Raw())
				}
			}
			return raw
		}
		sent := wire(played(t, &stage.KV{Seed: &seed, ECH: ech}))
		first := 5 + int(sent[0][3])<<8 + int(sent[0][4])
		return [][]byte{sent[0][:first], sent[0][first:], sent[1]}
	}
	one, two := records(stage.AcceptedECH), records(stage.AcceptedECH)
	if bytes.Equal(one[0], two[0]) || !bytes.Equal(one[1], two[1]) || !bytes.Equal(one[2], two[2]) {
		t.Error("more than the ClientHello differs, or nothing")
	}
	one, two = records(stage.RejectedECH), records(stage.RejectedECH)
	if !bytes.Equal(one[0], two[0]) || bytes.Equal(one[2], two[2]) { // ServerHello, change_cipher_spec, encrypted
		t.Error("the ServerHello differs, or what is encrypted does not")
	}
}
