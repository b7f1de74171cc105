package stage

import (
	"crypto/tls"
	"fmt"

	"example.com/tlslab/kvs/pki"
)

// The names of the server with Encrypted Client Hello: the public one stands in
// clear in the outer hello, the hidden one is what the client asks for.
const (
	PublicName = "public.lab.test"
	HiddenName = "hidden.lab.test"
)

// An ECH says what becomes of Encrypted Client Hello (RFC 9849) on a stage.
type ECH uint8

// What can become of it. The client whose hello is rejected has a configuration
// to which the server has no key any more, as after a change of keys.
const (
	NoECH ECH = iota
	AcceptedECH
	RejectedECH
)

// The config_ids of the key that the server has, and of the one that it had.
const (
	presentID = 0x02
	staleID   = 0x01
)

// offerECH makes the client offer Encrypted Client Hello, which wants TLS 1.3,
// and gives the server a key and a certificate for each of its names.
func (k *KV) offerECH(authority *pki.Authority, client, server *tls.Config) error {
	hidden, err := authority.IssueServer(append([]string{HiddenName}, pki.DefaultServerNames()...)...)
	if err != nil {
		return err
	}
	public, err := authority.IssueServer(PublicName)
	if err != nil {
		return err
	}
	present, err := pki.NewECHKey(presentID, PublicName, k.random("ECH key"))
	if err != nil {
		return err
	}
	offered := present
	if k.ECH == RejectedECH {
		if offered, err = pki.NewECHKey(staleID, PublicName, k.random("stale ECH key")); err != nil {
			return err
		}
	}
	server.Certificates = []tls.Certificate{hidden, public}
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{present}
	client.EncryptedClientHelloConfigList = pki.ECHConfigList(offered)
	client.ServerName = HiddenName
	client.MinVersion, server.MinVersion = tls.VersionTLS13, tls.VersionTLS13
	return nil
}

// errVersion says that ECH and TLS 1.2 exclude each other.
func (k *KV) errVersion() error {
	if k.ECH == NoECH || k.MaxVersion == 0 || k.MaxVersion >= tls.VersionTLS13 {
		return nil
	}
	return fmt.Errorf("TLS 1.3 is what Encrypted Client Hello wants, and the stage is to speak no more than %s", tls.VersionName(k.MaxVersion))
}
