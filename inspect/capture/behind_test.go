package capture_test

import (
	"bytes"
	"slices"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// What other protocols say before they go over to TLS, the client first.
var before = map[string][2]string{
	"nothing":               {"", ""},
	"SMTP":                  {"EHLO lab.example\r\nSTARTTLS\r\n", "220 mail ESMTP\r\n250-STARTTLS\r\n250 OK\r\n220 Go ahead\r\n"},
	"IMAP":                  {"a STARTTLS\r\n", "* OK IMAP4rev1\r\na OK begin\r\n"},
	"a proxy's CONNECT":     {"CONNECT lab.example:443 HTTP/1.1\r\nHost: lab.example\r\n\r\n", "HTTP/1.1 200 Connection established\r\n\r\n"},
	"PostgreSQL SSLRequest": {"\x00\x00\x00\x08\x04\xd2\x16\x2f", "S"},
	"MySQL":                 {"\x20\x00\x00\x01\x85\xae\xff\x01\x00\x00\x00\x01\x2d" + string(make([]byte, 23)), "\x4a\x00\x00\x00\x0a8.0.36\x00" + string(make([]byte, 60))},
	"LDAP StartTLS":         {"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"},
	"XMPP":                  {"<stream:stream to='lab'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"},
}

func TestTLSIsFoundBehindOtherWordsOnAnyPort(t *testing.T) {
	session := kept(t, "tls13-aes128-gcm")
	var want [][]byte
	for r := range inspect.NewSession(session).Records() {
		want = append(want, r.Plaintext())
	}
	for name, words := range before {
		t.Run(name, func(t *testing.T) {
			rec := new(inspect.Recording)
			for e := range session.Events(0) {
				if e.Kind == inspect.Opened {
					e.Opening = &inspect.Opening{Protocol: "tls", Addr: [2]string{"192.0.2.1:40000", "192.0.2.2:5432"}}
				}
				rec.Append(e)
				if e.Kind != inspect.Opened {
					continue
				}
				for side, said := range words {
					if said != "" {
						rec.Append(inspect.Event{Kind: inspect.Captured, Conn: e.Conn, Side: inspect.Side(side), Cause: -1, Bytes: []byte(said)})
					}
				}
			}
			again, err := capture.Read(bytes.NewReader(written(t, rec)))
			if err != nil {
				t.Fatal(err)
			}
			read := inspect.NewSession(again)
			var got [][]byte
			for r := range read.Records() {
				got = append(got, r.Plaintext())
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Errorf("%d records, want %d, or others", len(got), len(want))
			}
			var clear [2]string
			for _, item := range read.Items() {
				if item.Kind == inspect.BytesItem {
					clear[item.Side] += string(read.Bytes(item, again.Len()-1))
				}
			}
			if clear != words {
				t.Errorf("in clear %q, want %q", clear, words)
			}
		})
	}
}

func TestAConnectionWithoutTLSIsBytes(t *testing.T) {
	said := [2]string{"GET / HTTP/1.1\r\nHost: lab.example\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nhello"}
	rec, err := capture.Read(bytes.NewReader(capturedIn(append(slices.Clone(shake),
		tcp{seq: 1, ack: 1, payload: said[0]}, tcp{server: true, seq: 1, ack: 1 + uint32(len(said[0])), payload: said[1]})...)))
	if err != nil {
		t.Fatal(err)
	}
	session := inspect.NewSession(rec)
	var got [2]string
	for _, item := range session.Items() {
		if item.Kind != inspect.BytesItem {
			t.Errorf("item of kind %d", item.Kind)
			continue
		}
		got[item.Side] += string(session.Bytes(item, rec.Len()-1))
	}
	if got != said {
		t.Errorf("%q", got)
	}
}
