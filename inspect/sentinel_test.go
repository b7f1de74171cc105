package inspect_test

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"testing"

	"example.com/tlslab/inspect"
)

func sentinelOf(t *testing.T, s *inspect.Session, side inspect.Side) inspect.Verification {
	t.Helper()
	for _, c := range s.Connections()[0].View(side).Verifications() {
		if c.Kind == "downgrade_sentinel" {
			return c
		}
	}
	t.Fatalf("the view of the %s has no ServerHello", side)
	return inspect.Verification{}
}

func TestTheSignOfADowngradeIsLookedForWhereItMeansSomething(t *testing.T) {
	for name, test := range map[string]struct {
		client, server uint16 // the best that they speak
		want           string
		end            string // of the random
	}{
		"both speak 1.3": {tls.VersionTLS13, tls.VersionTLS13, "not applicable; the server chose TLS 1.3, the highest version that the client offered", ""},
		"the server speaks only 1.2": {
			tls.VersionTLS13, tls.VersionTLS12,
			"verified; the client offered TLS 1.3, the server chose TLS 1.2, and its random does not end in the sign of a server that could do better", "",
		},
		"the client speaks only 1.2": {
			tls.VersionTLS12, tls.VersionTLS13,
			"not applicable; the server chose TLS 1.2, the highest version that the client offered, and its random ends in the sign that it could do better, as it must",
			"444f574e47524401",
		},
		"both speak only 1.2": {tls.VersionTLS12, tls.VersionTLS12, "not applicable; the server chose TLS 1.2, the highest version that the client offered", ""},
		"the server speaks only 1.1": {
			tls.VersionTLS12, tls.VersionTLS11,
			"verified; the client offered TLS 1.2, the server chose TLS 1.1, and its random does not end in the sign of a server that could do better", "",
		},
		"neither speaks 1.2": {
			tls.VersionTLS11, tls.VersionTLS10,
			"not applicable; the client offered no more than TLS 1.1, and such clients do not look for the sign", "",
		},
		"the client speaks only 1.1": {
			tls.VersionTLS11, tls.VersionTLS11, "not applicable; the server chose TLS 1.1, the highest version that the client offered", "",
		},
	} {
		client, server := configs(t)
		client.MinVersion, client.MaxVersion = tls.VersionTLS10, test.client
		server.MinVersion, server.MaxVersion = tls.VersionTLS10, test.server
		tap := inspect.NewTap()
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "hello\n")
		tap.Close()
		got := sentinelOf(t, inspect.NewSession(tap.Recording()), inspect.Client)
		if came(got) != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, came(got), test.want)
		}
		if test.end != "" && hex.EncodeToString(got.Got) != test.end {
			t.Errorf("%s: the random ends in %x", name, got.Got)
		}
	}
}

// lowered takes TLS 1.3, and all that is above best, out of the client's offer,
// as someone on the path would: the length of the message stays as it is.
func lowered(best uint16) inspect.Gate {
	return gateFunc(func(w inspect.Wire, u inspect.Unit) {
		if u.From == inspect.Server || u.Bytes[0] != 0x16 || u.Bytes[5] != 0x01 {
			w.Forward(u.ID)
			return
		}
		hello := bytes.Clone(u.Bytes)
		for version := best + 1; version <= tls.VersionTLS13; version++ {
			offered := []byte{byte(version >> 8), byte(version)}
			at := bytes.Index(hello, []byte{0x00, 0x2b}) // supported_versions
			if i := bytes.Index(hello[at:at+12], offered); i >= 0 {
				hello[at+i+1] = 0x7f // a version that nobody speaks
				hello[at+i] = 0x7f
			}
		}
		w.Send(u.From, hello, u.ID)
	})
}

func TestADowngradeIsSeenByTheClientAndNotByTheServer(t *testing.T) {
	for best, want := range map[uint16][2]string{
		tls.VersionTLS12: {
			"refuted; the client offered TLS 1.3 and the server chose TLS 1.2, yet its random ends in the sign of a server that could do better: someone has lowered the offer, and the client must end the handshake",
			"not applicable; the server chose TLS 1.2, the highest version that the client offered, and its random ends in the sign that it could do better, as it must",
		},
		tls.VersionTLS11: {
			"refuted; the client offered TLS 1.3 and the server chose TLS 1.1, yet its random ends in the sign of a server that could do better: someone has lowered the offer, and the client must end the handshake",
			"not applicable; the server chose TLS 1.1, the highest version that the client offered",
		},
	} {
		client, server := configs(t)
		client.MinVersion, server.MinVersion = tls.VersionTLS10, tls.VersionTLS10
		tap := &inspect.Tap{Gate: lowered(best)}
		c, s := tap.Pipe(client, server)
		done := make(chan struct{})
		go func() {
			s.Handshake()
			s.Close()
			close(done)
		}()
		err := c.Handshake()
		c.Close()
		<-done
		tap.Close()
		if err == nil || err.Error() != "tls: downgrade attempt detected, possibly due to a MitM attack or a broken middlebox" {
			t.Errorf("the client says %v", err)
		}
		session := inspect.NewSession(tap.Recording())
		for side, want := range want {
			if got := came(sentinelOf(t, session, inspect.Side(side))); got != want {
				t.Errorf("in the view of the %s:\ngot  %s\nwant %s", inspect.Side(side), got, want)
			}
		}
	}
}

// marked puts a sign of a downgrade at the end of ServerHello.random.
func marked(sign string) inspect.Gate {
	return gateFunc(func(w inspect.Wire, u inspect.Unit) {
		if u.From == inspect.Client || u.Bytes[0] != 0x16 || u.Bytes[5] != 0x02 {
			w.Forward(u.ID)
			return
		}
		hello := bytes.Clone(u.Bytes)
		copy(hello[5+4+2+32-len(sign):], sign)
		w.Send(u.From, hello, u.ID)
	})
}

func TestASignWhereItMeansNothingIsPassedOver(t *testing.T) {
	for _, test := range []struct {
		client, server uint16 // the best that they speak
		sign, want     string
	}{
		{tls.VersionTLS13, tls.VersionTLS13, "DOWNGRD\x01", "not applicable; the server chose TLS 1.3, the highest version that the client offered"},
		{tls.VersionTLS11, tls.VersionTLS11, "DOWNGRD\x01", "not applicable; the server chose TLS 1.1, the highest version that the client offered"},
		{
			tls.VersionTLS12, tls.VersionTLS11, "DOWNGRD\x01",
			"verified; the client offered TLS 1.2, the server chose TLS 1.1, and its random does not end in the sign of a server that could do better",
		},
	} {
		client, server := configs(t)
		client.MinVersion, client.MaxVersion = tls.VersionTLS10, test.client
		server.MinVersion, server.MaxVersion = tls.VersionTLS10, test.server
		recording, _ := refusedTalk(t, &inspect.Tap{Gate: marked(test.sign)}, client, server)
		if got := came(sentinelOf(t, inspect.NewSession(recording), inspect.Client)); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestAClientOfTLS12LooksForTheOtherSign(t *testing.T) {
	client, server := configs(t)
	client.MinVersion, client.MaxVersion = tls.VersionTLS10, tls.VersionTLS12
	server.MinVersion = tls.VersionTLS10
	tap := &inspect.Tap{Gate: lowered(tls.VersionTLS11)}
	c, s := tap.Pipe(client, server)
	done := make(chan struct{})
	go func() {
		s.Handshake()
		s.Close()
		close(done)
	}()
	c.Handshake()
	c.Close()
	<-done
	tap.Close()
	want := "refuted; the client offered TLS 1.2 and the server chose TLS 1.1, yet its random ends in the sign of a server that could do better: someone has lowered the offer, and the client should end the handshake"
	if got := came(sentinelOf(t, inspect.NewSession(tap.Recording()), inspect.Client)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
