package inspect

import (
	"bytes"
	"errors"
	"testing"
)

// next seals what a script's connection accepts next, and has it accepted.
func (s *script) next(t *testing.T, from Side, p Plain) *Record {
	t.Helper()
	record, err := NewSession(s.rec).Connections()[0].View(from.Peer()).Seal(from, p)
	if err != nil {
		t.Fatal(err)
	}
	s.rec.Append(Event{Kind: Captured, Side: from, Cause: -1, Bytes: record})
	records := NewSession(s.rec).Connections()[0].View(from.Peer()).Records(from)
	return records[len(records)-1]
}

func TestWhatIsSealedIsAcceptedNextInEveryEpoch(t *testing.T) {
	s := newScript(0x1301)
	if r := s.next(t, Client, Plain{Type: Handshake, Content: s.hello(Client, extensionSupportedVersions)}); r.Encrypted || len(r.Parts) != 1 {
		t.Errorf("the ClientHello is %+v", r)
	}
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
	s.log("SERVER_TRAFFIC_SECRET_0", Server, true)
	s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, false)
	for _, want := range []struct {
		p     Plain
		epoch string
		seq   uint64
	}{
		{Plain{Type: Handshake, Content: message(typeEncryptedExtensions, 0, 0)}, "handshake", 0},
		{Plain{Type: ChangeCipherSpec, Content: []byte{1}}, "clear", 0},
		{Plain{Type: Handshake, Content: message(typeFinished, 1), Padding: 3}, "handshake", 1},
		{Plain{Type: ApplicationData, Content: []byte("more")}, "application", 0},
		{Plain{Type: ApplicationData}, "application", 1},
		{Plain{Type: Handshake, Content: message(typeKeyUpdate, 0)}, "application", 2},
		{Plain{Type: ApplicationData, Content: []byte("more")}, "application+1", 0},
	} {
		r := s.next(t, Server, want.p)
		if r.Epoch.String() != want.epoch || r.TLSSeq != want.seq || r.InnerType != want.p.Type || r.Padding != want.p.Padding || !bytes.Equal(r.Plaintext(), want.p.Content) {
			t.Errorf("%s in %s is %+v", want.p.Type, want.epoch, r)
		}
	}
}

func TestWithoutKeyOrPlaceNothingIsSealed(t *testing.T) {
	refused := func(s *script, content int) string {
		_, err := NewSession(s.rec).Connections()[0].View(Server).Seal(Client, Plain{Type: Handshake, Content: make([]byte, content)})
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			return "not refused"
		}
		return refusal.Reason.Key
	}
	s := newScript(0x1301)
	expect(t, refused(s, 10), "not refused")
	expect(t, refused(s, maxFragment+1), "record_too_long")
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	expect(t, refused(s, 10), "seal_no_key")
	s.clear(Client, ApplicationData, make([]byte, 40))
	expect(t, refused(s, 10), "seal_undecided")
	s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
	expect(t, refused(s, 10), "not refused")
	expect(t, refused(s, maxFragment-tagLength-1), "not refused")
	expect(t, refused(s, maxFragment-tagLength), "record_too_long")

	s = newScript(0x1304) // AES-128-CCM, which crypto/tls does not speak
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	expect(t, refused(s, 10), "suite")
}
