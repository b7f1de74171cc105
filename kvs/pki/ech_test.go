package pki

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// crypto/tls takes the configuration: a client that encrypts its hello to it is
// accepted, and asks for a name that is not the public one.
func TestAnECHKeyOpensWhatItsConfigurationSealed(t *testing.T) {
	authority, err := NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hidden, err := authority.IssueServer("hidden.lab.test")
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewECHKey(7, "public.lab.test", nil)
	if err != nil {
		t.Fatal(err)
	}
	serverConfig := ServerConfig(hidden, tls.NoClientCert, nil)
	serverConfig.MinVersion = tls.VersionTLS13
	serverConfig.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{key}
	clientConfig := ClientConfig(authority.Roots(), "hidden.lab.test")
	clientConfig.MinVersion = tls.VersionTLS13
	clientConfig.EncryptedClientHelloConfigList = ECHConfigList(key)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan tls.ConnectionState, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			close(accepted)
			return
		}
		server := tls.Server(conn, serverConfig)
		server.Handshake()
		accepted <- server.ConnectionState()
		io.Copy(io.Discard, server)
		server.Close()
	}()
	client, err := tls.Dial("tcp", listener.Addr().String(), clientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if state := <-accepted; !state.ECHAccepted || !client.ConnectionState().ECHAccepted || state.ServerName != "hidden.lab.test" {
		t.Errorf("accepted %t, name %q", state.ECHAccepted, state.ServerName)
	}
}

func TestASeedMakesTheSameECHKeyAndNothingElseDoes(t *testing.T) {
	make := func(random io.Reader) tls.EncryptedClientHelloKey {
		key, err := NewECHKey(1, "public.lab.test", random)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	seed := strings.Repeat("seed", 8)
	one, two := make(strings.NewReader(seed)), make(strings.NewReader(seed))
	if !bytes.Equal(one.Config, two.Config) || !bytes.Equal(one.PrivateKey, two.PrivateKey) {
		t.Error("two keys from one seed")
	}
	if one, two := make(nil), make(nil); bytes.Equal(one.PrivateKey, two.PrivateKey) {
		t.Error("the same key twice")
	}
}

func TestAPublicNameIsADNSNameOfTwoLabelsAtLeast(t *testing.T) {
	for _, name := range []string{"", "localhost", "127.0.0.1..", "*.lab.test", "a b.test", strings.Repeat("a", 64) + ".test"} {
		if _, err := NewECHKey(1, name, nil); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
