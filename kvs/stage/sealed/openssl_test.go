package sealed_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.com/tlslab/kvs/stage/sealed"
	"example.com/tlslab/testdata/needs"
)

// An opensslPeer speaks the protocol from its description, with sockets from Go and every bit of cryptography by
// the openssl command: it proves that the wire is what the description says.
type opensslPeer struct {
	t       *testing.T
	wire    net.Conn
	program string
	folder  string
	key     string // the file of its private key
	pkcs1   bool   // it sends its public key in PKCS #1

	authenticated    bool
	peerPEM          []byte
	secret           string // hexadecimal: the session's key and IV, or what the authenticated variant derives from
	sent, received   uint64
	mySide, peerSide string
}

func newOpenSSLPeer(t *testing.T, wire net.Conn, side string, authenticated bool) *opensslPeer {
	t.Helper()
	peerSide := map[string]string{"client": "server", "server": "client"}[side]
	return &opensslPeer{
		t: t, wire: wire, program: needs.Program(t, "openssl"), folder: t.TempDir(), key: keyFile(side),
		authenticated: authenticated, mySide: side, peerSide: peerSide,
	}
}

func (p *opensslPeer) openssl(input []byte, arguments ...string) []byte {
	p.t.Helper()
	command := exec.Command(p.program, arguments...)
	command.Stdin = bytes.NewReader(input)
	var complaint bytes.Buffer
	command.Stderr = &complaint
	output, err := command.Output()
	if err != nil {
		p.t.Fatalf("openssl %s: %v\n%s", strings.Join(arguments, " "), err, complaint.Bytes())
	}
	return output
}

func (p *opensslPeer) file(name string, content []byte) string {
	p.t.Helper()
	path := filepath.Join(p.folder, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func (p *opensslPeer) send(b []byte) {
	p.t.Helper()
	if _, err := p.wire.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *opensslPeer) receive(n int) []byte {
	p.t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(p.wire, b); err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *opensslPeer) wantAck() {
	p.t.Helper()
	if ack := p.receive(1); string(ack) != "1" {
		p.t.Fatalf("got %q in place of an acknowledging 1", ack)
	}
}

// length writes the field as the description has it: ASCII digits, padded with = to 8 characters.
func length(n int) []byte {
	digits := fmt.Sprint(n)
	return []byte(digits + strings.Repeat("=", 8-len(digits)))
}

func (p *opensslPeer) receiveFramed() []byte {
	p.t.Helper()
	field := p.receive(8)
	var n int
	if _, err := fmt.Sscanf(strings.TrimRight(string(field), "="), "%d", &n); err != nil || !bytes.Equal(field, length(n)) {
		p.t.Fatalf("%q is no length", field)
	}
	p.send([]byte("1"))
	return p.receive(n)
}

func (p *opensslPeer) sendFramed(b []byte) {
	p.t.Helper()
	p.send(length(len(b)))
	p.wantAck()
	p.send(b)
}

func (p *opensslPeer) publicKey() []byte {
	if p.pkcs1 {
		return p.openssl(nil, "rsa", "-in", p.key, "-RSAPublicKey_out")
	}
	return p.openssl(nil, "pkey", "-in", p.key, "-pubout")
}

func (p *opensslPeer) sendKey() {
	p.sendFramed(p.publicKey())
	p.wantAck()
}

func (p *opensslPeer) receiveKey() {
	p.peerPEM = p.receiveFramed()
	p.send([]byte("1"))
}

// oaep are the options of RSA-OAEP with SHA-256 for both of its hashes.
func (p *opensslPeer) oaep(sender string) []string {
	options := []string{"-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256"}
	if p.authenticated {
		label := append([]byte("tlslab sealed "+sender), p.fingerprints()...)
		options = append(options, "-pkeyopt", "rsa_oaep_label:"+hex.EncodeToString(label))
	}
	return options
}

// fingerprints are the SHA-256 of the client's public key and of the server's, in DER.
func (p *opensslPeer) fingerprints() []byte {
	der := p.openssl(nil, "pkey", "-in", p.key, "-pubout", "-outform", "DER")
	mine := p.openssl(der, "dgst", "-sha256", "-binary")
	theirs := p.openssl(p.openssl(p.peerPEM, "pkey", "-pubin", "-outform", "DER"), "dgst", "-sha256", "-binary")
	if p.mySide == "client" {
		return append(mine, theirs...)
	}
	return append(theirs, mine...)
}

func (p *opensslPeer) sealSecret(secret []byte) []byte {
	peer := p.file("peer.pem", p.peerPEM)
	return p.openssl(secret, append([]string{"pkeyutl", "-encrypt", "-pubin", "-inkey", peer}, p.oaep(p.mySide)...)...)
}

func (p *opensslPeer) openSecret(box []byte) []byte {
	return p.openssl(box, append([]string{"pkeyutl", "-decrypt", "-inkey", p.key}, p.oaep(p.peerSide)...)...)
}

// exchange does the key exchange in the order that the description gives.
func (p *opensslPeer) exchange() {
	mine := p.openssl(nil, "rand", "48")
	var theirs, myBox, theirBox []byte
	if p.mySide == "client" {
		p.sendKey()
		p.receiveKey()
		myBox = p.sealSecret(mine)
		p.send(myBox)
		p.wantAck()
		theirBox = p.receive(512)
		theirs = p.openSecret(theirBox)
		p.send([]byte("1"))
	} else {
		p.receiveKey()
		p.sendKey()
		theirBox = p.receive(512)
		theirs = p.openSecret(theirBox)
		p.send([]byte("1"))
		if !p.authenticated {
			mine = theirs // the server sends the same key and IV back
		}
		myBox = p.sealSecret(mine)
		p.send(myBox)
		p.wantAck()
	}
	if len(theirs) != 48 {
		p.t.Fatalf("the peer's secret has %d bytes", len(theirs))
	}
	if !p.authenticated {
		if !bytes.Equal(mine, theirs) {
			p.t.Fatal("the server sent another key and IV back")
		}
		p.secret = hex.EncodeToString(mine)
		return
	}
	secrets, boxes := append(bytes.Clone(mine), theirs...), append(bytes.Clone(myBox), theirBox...)
	if p.mySide == "server" {
		secrets, boxes = append(bytes.Clone(theirs), mine...), append(bytes.Clone(theirBox), myBox...)
	}
	salt := p.openssl(append(p.fingerprints(), boxes...), "dgst", "-sha256", "-binary")
	p.secret = hex.EncodeToString(p.openssl(nil, "kdf", "-binary", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", "mode:EXTRACT_ONLY",
		"-kdfopt", "hexkey:"+hex.EncodeToString(secrets), "-kdfopt", "hexsalt:"+hex.EncodeToString(salt), "HKDF"))
}

func (p *opensslPeer) derive(purpose string) string {
	return hex.EncodeToString(p.openssl(nil, "kdf", "-binary", "-keylen", "32", "-kdfopt", "digest:SHA256", "-kdfopt", "mode:EXPAND_ONLY",
		"-kdfopt", "hexkey:"+p.secret, "-kdfopt", "info:tlslab sealed "+purpose, "HKDF"))
}

func (p *opensslPeer) tag(sender string, number uint64, body []byte) []byte {
	covered := binary.BigEndian.AppendUint64(nil, number)
	covered = append(covered, length(len(body)+32)...)
	covered = append(covered, body...)
	return p.openssl(covered, "dgst", "-sha256", "-binary", "-mac", "HMAC", "-macopt", "hexkey:"+p.derive(sender+" authentication"))
}

func (p *opensslPeer) speak(message string) {
	p.t.Helper()
	if !p.authenticated {
		p.sendFramed(p.openssl([]byte(message), "enc", "-aes-256-cbc", "-K", p.secret[:64], "-iv", p.secret[64:]))
		return
	}
	iv := p.openssl(nil, "rand", "16")
	key := p.derive(p.mySide + " encryption")
	body := append(iv, p.openssl([]byte(message), "enc", "-aes-256-cbc", "-K", key, "-iv", hex.EncodeToString(iv))...)
	tag := p.tag(p.mySide, p.sent, body)
	p.sent++
	p.sendFramed(append(body, tag...))
}

func (p *opensslPeer) hear() string {
	p.t.Helper()
	body := p.receiveFramed()
	if !p.authenticated {
		return string(p.openssl(body, "enc", "-d", "-aes-256-cbc", "-K", p.secret[:64], "-iv", p.secret[64:]))
	}
	body, tag := body[:len(body)-32], body[len(body)-32:]
	if !bytes.Equal(p.tag(p.peerSide, p.received, body), tag) {
		p.t.Fatalf("message %d has a wrong tag", p.received)
	}
	p.received++
	iv, key := hex.EncodeToString(body[:16]), p.derive(p.peerSide+" encryption")
	return string(p.openssl(body[16:], "enc", "-d", "-aes-256-cbc", "-K", key, "-iv", iv))
}

func TestAClientMadeOfOpenSSLCommandsTalksToOurServer(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		clientWire, serverWire := wires(t)
		server := sealed.ServerEnd(serverWire, second(configs(t, authenticated)))
		var parts sync.WaitGroup
		defer parts.Wait()
		parts.Go(func() {
			for range 2 {
				message, err := server.ReadMessage()
				if err != nil {
					t.Error("our server:", err)
					return
				}
				server.WriteMessage(append([]byte("you said "), message...))
			}
		})
		peer := newOpenSSLPeer(t, clientWire, "client", authenticated)
		peer.exchange()
		for _, text := range []string{`{"verb": "STAT", "parameters": {}}`, "sixteen bytes ok"} {
			peer.speak(text)
			if answer := peer.hear(); answer != "you said "+text {
				t.Errorf("got %q", answer)
			}
		}
	})
}

func TestOurClientTalksToAServerMadeOfOpenSSLCommands(t *testing.T) {
	bothVariants(t, func(t *testing.T, authenticated bool) {
		clientWire, serverWire := wires(t)
		client := sealed.ClientEnd(clientWire, first(configs(t, authenticated)))
		answers := make(chan string, 2)
		go func() {
			defer close(answers)
			for _, text := range []string{`{"verb": "STAT", "parameters": {}}`, ""} {
				if err := client.WriteMessage([]byte(text)); err != nil {
					t.Error("our client:", err)
					return
				}
				answer, err := client.ReadMessage()
				if err != nil {
					t.Error("our client:", err)
					return
				}
				answers <- string(answer)
			}
		}()
		peer := newOpenSSLPeer(t, serverWire, "server", authenticated)
		peer.exchange()
		for _, want := range []string{`{"verb": "STAT", "parameters": {}}`, ""} {
			if text := peer.hear(); text != want {
				t.Errorf("the server got %q", text)
			}
			peer.speak("you said " + want)
			if answer := <-answers; answer != "you said "+want {
				t.Errorf("the client got %q", answer)
			}
		}
	})
}

func TestAPublicKeyInPKCS1IsReadToo(t *testing.T) {
	clientWire, serverWire := wires(t)
	server := sealed.ServerEnd(serverWire, second(configs(t, false)))
	failed := make(chan error, 1)
	go func() { failed <- server.HandshakeContext(t.Context()) }()
	peer := newOpenSSLPeer(t, clientWire, "client", false)
	peer.pkcs1 = true
	peer.exchange()
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func TestThePublicKeyIsThePEMThatOpenSSLWrites(t *testing.T) {
	peer := newOpenSSLPeer(t, nil, "client", false)
	want := peer.publicKey()
	got, err := sealed.MarshalPublicKey(&key(t, "client").PublicKey)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nopenssl writes\n%s(%v)", got, want, err)
	}
	if len(want) != 800 {
		t.Errorf("it has %d bytes", len(want))
	}
}
