package inspect

import (
	"bytes"
	"testing"
)

// late is a connection that had begun before the recording did.
func late(suite uint16) *script {
	s := newScript(suite)
	s.rec = new(Recording)
	s.rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls", Late: true}})
	return s
}

// closing is how the side of the script's connection ends.
func (s *script) closing(side Side) Closing {
	s.rec.Append(Event{Kind: Ended, Side: side, How: EndOfFile, Cause: -1})
	session := NewSession(s.rec)
	return session.Items()[session.Connections()[0].Closed(side)].How
}

var cipherText = bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0x93, 0x5e, 0x17, 0xf0, 0x02}, 2)

func TestAnAlertOfWhichNobodyKnowsTheKeyIsNotInClear(t *testing.T) {
	const missing = "unknown0 records before this one are missing"
	for name, test := range map[string]struct {
		alert []byte
		want  string
		ends  Closing
	}{
		"cipher text":         {cipherText, missing, ClosedUnread},
		"an odd length":       {cipherText[:25], missing, ClosedUnread},
		"one in clear":        {[]byte{2, 40}, "clear alert", ClosedEndOfFile},
		"two in clear":        {[]byte{1, 90, 1, 0}, "clear alert", ClosedEndOfFile},
		"close_notify":        {[]byte{1, 0}, "clear alert", ClosedNotify},
		"an impossible level": {[]byte{1, 90, 3, 0}, missing, ClosedUnread},
	} {
		s := late(0xc02f)
		s.clear(Client, Alert, test.alert)
		if got := s.told(Client); got != test.want {
			t.Errorf("%s: %s", name, got)
		}
		if got := s.closing(Client); got != test.ends {
			t.Errorf("%s: the client ends by %s", name, got)
		}
	}
}

func TestTheFinishedOfAConnectionSeenFromTheMiddleIsNotInClear(t *testing.T) {
	s := late(0xc02f)
	s.clear(Client, Handshake, message(typeClientKeyExchange, 1, 2, 3))
	s.clear(Client, ChangeCipherSpec, []byte{1})
	s.clear(Client, Handshake, cipherText)
	s.clear(Client, Alert, cipherText)
	s.clear(Server, Handshake, cipherText)
	s.clear(Server, ChangeCipherSpec, []byte{1})
	const missing = "unknown0 records before this one are missing"
	expect(t, s.told(Client), "clear client_key_exchange; clear change_cipher_spec; "+missing+"; unknown0 records before this one are missing")
	expect(t, s.told(Server), "unknown0 bytes before it are missing, so it may be protected, or a piece of a message in clear; clear change_cipher_spec")
}

func TestBehindAGapWhatMayBeProtectedIsNotInClear(t *testing.T) {
	for _, kind := range []ContentType{Alert, Handshake} {
		s := newScript(0xc02f)
		s.clear(Client, Handshake, s.hello(Client))
		s.clear(Server, Handshake, s.hello(Server))
		s.clear(Client, ChangeCipherSpec, []byte{1})
		s.lose(1, 0)
		s.clear(Client, kind, cipherText)
		s.clear(Client, kind, cipherText)
		want := "unknown0 records before this one are missing; unknown0 records before this one are missing"
		if kind == Handshake {
			const doubt = " bytes before it are missing, so it may be protected, or a piece of a message in clear"
			want = "unknown0" + doubt + "; unknown0" + doubt
		}
		expect(t, s.told(Client), "clear client_hello; "+want)
		if got := s.closing(Client); got != ClosedUnread {
			t.Errorf("%s: the client ends by %s", kind, got)
		}
	}
}

// One direction of a connection alone does not say which version was chosen.
func TestWhatTheClientSendsBehindItsChangeCipherSpecIsNotInClear(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.clear(Client, ChangeCipherSpec, []byte{1})
	s.clear(Client, Handshake, cipherText)
	s.clear(Client, Alert, cipherText)
	choice := because("choice_missing").String()
	expect(t, s.told(Client), "clear client_hello; clear change_cipher_spec; unknown "+choice+"; unknown "+choice)

	s = newScript(0x1301) // a HelloRetryRequest was not captured
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	s.clear(Client, ChangeCipherSpec, []byte{1})
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
	expect(t, s.told(Client), "clear client_hello; clear change_cipher_spec; clear client_hello")
}

func TestAChangeCipherSpecThatStandsBeforeTheServerHelloCounts(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.keys = s.master("the master secret, of 48 bytes as all of them are")
	s.clear(Client, ChangeCipherSpec, []byte{1})
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.clear(Server, Handshake, s.hello(Server))
	expect(t, s.told(Client), "clear client_hello; clear change_cipher_spec; application0 finished")
}

func TestWhatIsProtectedWithoutAHelloIsNotToldToFollowMissingRecords(t *testing.T) {
	s := newScript(0x1301)
	s.clear(Client, ApplicationData, cipherText)
	expect(t, s.told(Client), "unknown0 "+because("hello_unsaid").String())
}

func TestTheSecretsOfAClientHelloThatIsCutOffAreFound(t *testing.T) {
	for _, kept := range []int{headerLength + handshakeHeaderLength + 2 + 32, 50} {
		s := newScript(0x1301)
		s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions))
		hello := s.rec.At(s.rec.Len() - 1).Bytes
		s.rec = new(Recording)
		s.rec.Append(Event{Kind: Opened, Cause: -1, Opening: &Opening{Protocol: "tls"}})
		s.rec.Append(Event{Kind: Captured, Side: Client, Cause: -1, Bytes: hello[:kept]})
		s.rec.Append(Event{Kind: Captured, Side: Client, Cause: -1, N: len(hello) - kept})
		s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
		s.log("CLIENT_HANDSHAKE_TRAFFIC_SECRET", Client, true)
		s.sealed(Client, Handshake, message(typeFinished, 1))
		s.log("SERVER_HANDSHAKE_TRAFFIC_SECRET", Server, true)
		s.sealed(Server, Handshake, message(typeFinished, 1))
		expect(t, s.told(Client), "clear fragment; handshake0 finished")
		expect(t, s.told(Server), "clear server_hello; handshake0 finished")
	}
}

func TestEarlyDataBehindAClientHelloThatIsCutOffIsRead(t *testing.T) {
	s := newScript(0x1301)
	s.log("CLIENT_EARLY_TRAFFIC_SECRET", Client, true)
	s.clear(Client, Handshake, s.hello(Client, extensionSupportedVersions, extensionEarlyData))
	hello := s.rec.At(s.rec.Len() - 1).Bytes
	s.lose(1, -50)
	cut := new(Recording)
	for e := range s.rec.Events(0) {
		if e.Kind == Captured {
			cut.Append(Event{Kind: Captured, Side: Client, Cause: -1, Bytes: hello[:50]})
		}
		cut.Append(e)
	}
	s.rec = cut
	s.sealed(Client, ApplicationData, []byte("early"))
	s.clear(Server, Handshake, s.hello(Server, extensionSupportedVersions))
	expect(t, s.told(Client), "clear fragment; early0 application_data")
}

func TestOfBytesBehindAGapThatAreNoRecordsNobodyIsToldWhatTheyWere(t *testing.T) {
	s := serving()
	s.sealed(Server, ApplicationData, []byte("lost"))
	s.lose(1, 0)
	s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: cipherText})
	if got := s.closing(Server); got != ClosedUnread {
		t.Errorf("the server ends by %s", got)
	}
}

func TestARecordWhoseTailIsMissingSaysThatFirst(t *testing.T) {
	s := late(0x1301)
	s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, Bytes: []byte{23, 3, 3, 0, 90, 1, 2, 3}})
	s.rec.Append(Event{Kind: Captured, Side: Server, Cause: -1, N: 87})
	expect(t, s.told(Server), "unknown0 its tail, with the tag, is missing")
}

func TestOfAConnectionSeenFromTheMiddleItIsToldThatItsHandshakeIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		script *script
		want   bool
	}{"late": {late(0x1301), true}, "a hello that was never said": {newScript(0x1301), false}} {
		test.script.clear(Client, ApplicationData, cipherText)
		view := NewSession(test.script.rec).Connections()[0].View(Client)
		if before := view.State(0); before.NoHandshake || before.Epoch[Client].Kind != EpochClear {
			t.Errorf("%s: before a record has come, the handshake is missing", name)
		}
		if state := view.State(test.script.rec.Len()); state.NoHandshake != test.want || state.Epoch[Client].Kind != EpochUnknown {
			t.Errorf("%s: handshake missing %v, epoch %s", name, state.NoHandshake, state.Epoch[Client])
		}
	}
}

func TestOfASideWhoseEndAloneIsInTheRecordingNobodyIsToldWhatItSaidLast(t *testing.T) {
	for isLate, want := range map[bool]Closing{true: ClosedMissing, false: ClosedEndOfFile} {
		s := newScript(0xc02f)
		if isLate {
			s = late(0xc02f)
		}
		s.clear(Server, Alert, cipherText)
		if got := s.closing(Client); got != want {
			t.Errorf("late %v: the client ends by %s", isLate, got)
		}
	}
}

// Up to TLS 1.2 all of a renegotiation is protected.
func TestARenegotiationSeenFromTheMiddleIsNotInClear(t *testing.T) {
	s := late(0xc02f)
	s.clear(Server, Handshake, cipherText)
	s.clear(Server, Handshake, cipherText)
	s.clear(Server, ChangeCipherSpec, cipherText[:25])
	s.clear(Server, Handshake, cipherText)
	const doubt = "unknown0 bytes before it are missing, so it may be protected, or a piece of a message in clear; "
	const missing = "unknown0 records before this one are missing"
	expect(t, s.told(Server), doubt+doubt+missing+"; "+missing)
}

func TestWhereAHelloOfARenegotiationIsMissingNoTagIsHeldAgainstTheRecordsBehindIt(t *testing.T) {
	s := newScript(0xc02f)
	s.clear(Client, Handshake, s.hello(Client))
	s.clear(Server, Handshake, s.hello(Server))
	s.keys = s.master("the master secret")
	s.clear(Client, ChangeCipherSpec, []byte{1})
	s.sealed(Client, Handshake, message(typeFinished, 1))
	s.sealed(Client, Handshake, s.hello(Client))
	s.lose(1, 0)
	s.sealed(Client, ChangeCipherSpec, []byte{1})
	s.keys[Client].iv[0] ^= 1 // as those of the other handshake
	s.sealed(Client, Handshake, message(typeFinished, 1))
	expect(t, s.told(Client), "clear client_hello; clear change_cipher_spec; application0 finished; application2 change_cipher_spec; unknown0 records before this one are missing")
}
