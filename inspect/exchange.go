package inspect

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// An exchange is a key exchange as one side computes it.
type exchange struct {
	group   uint16
	side    Side
	private []byte // as the ephemeral labels have it
	peer    []byte // the other side's public key
	shared  []byte
}

// exchange computes the key exchange of TLS 1.3.
func (v *View) exchange() (e exchange, ok bool) {
	group := v.state().Group
	return v.exchangeOf(group, [2][]byte{v.share(Client, group), v.share(Server, group)})
}

// exchange12 computes the key exchange of TLS 1.2 with ECDHE (RFC 8422 section
// 5.10). keyed is the event that brought the later of the two public keys; -1 if
// there is no such key exchange, or not yet.
func (v *View) exchange12() (e exchange, keyed int, ok bool) {
	var keys publicKeys
	var public [2][]byte
	keyed = -1
	for _, m := range v.messages {
		switch shares := keys.in(m.Type, m.body()); {
		case m.Type != typeServerKeyExchange && m.Type != typeClientKeyExchange || !m.isECDHE() || len(shares) == 0:
		default:
			public[m.Side], keyed = shares[0].key, m.Event
		}
	}
	if public[Client] == nil || public[Server] == nil {
		return exchange{}, -1, false
	}
	e, ok = v.exchangeOf(keys.group, public)
	return e, keyed, ok
}

// exchangeOf computes a key exchange from a private key that the recording
// holds, rather the view's own. ok is false if it holds none that fits a public key.
func (v *View) exchangeOf(group uint16, public [2][]byte) (e exchange, ok bool) {
	for _, side := range []Side{v.side, v.side.Peer()} {
		own, peer := public[side], public[side.Peer()]
		for _, secret := range v.secretsOf(v.state()) {
			if secret.Label != ephemeralLabels[side] {
				continue
			}
			if shared := agree(group, side, secret.Bytes, own, peer); shared != nil {
				return exchange{group, side, secret.Bytes, peer, shared}, true
			}
		}
	}
	return exchange{}, false
}

// sharedSecret is what the key exchange comes to; nil if it cannot be computed.
func (v *View) sharedSecret() []byte {
	e, _ := v.exchange()
	return e.shared
}

// sharedValue is the shared secret with what it is computed from.
func (v *View) sharedValue(s suite) Value {
	value := Value{
		Kind: "schedule.shared_secret", Name: "(EC)DHE shared secret", RFC: "RFC 8446 section 7.4",
		Formula: "the key exchange of " + GroupName(v.state().Group) + ", from one side's private key and the other's key share",
	}
	e, computed := v.exchange()
	switch {
	case v.pskAlone():
		value.Bytes, value.Command = make([]byte, s.hash().Size()), zerosCommand(s.hash().Size())
		value.Formula, value.RFC = "zeros, as long as the hash: a PSK was agreed on, and no key exchange (psk_ke)", "RFC 8446 section 7.1"
	case v.conn.Dark(v.session.next):
		value.lacks(because("dark"))
	case !computed:
		value.lacks(because("private_key"))
	default:
		return e.into(value, "key share")
	}
	if value.Bytes != nil {
		value.Origin = Derived
	}
	return value
}

// preMasterValue is the pre-master secret of TLS 1.2 with ECDHE.
func (v *View) preMasterValue() (value Value, ok bool) {
	e, keyed, computed := v.exchange12()
	value = Value{
		Kind: "schedule.pre_master_secret", Name: "pre_master_secret", RFC: "RFC 8422 section 5.10",
		Formula: "ECDH on " + GroupName(v.state().Group) + ", from one side's private key and the other's public key",
	}
	switch {
	case computed:
		return e.into(value, "public key"), true
	case v.conn.Dark(v.session.next):
		value.lacks(because("dark"))
	default:
		value.lacks(because("private_key"))
	}
	return value, keyed >= 0
}

// into completes the value that the key exchange comes to.
func (e exchange) into(value Value, public string) Value {
	own, peer := e.side.String()+"'s private key", e.side.Peer().String()+"'s "+public
	value.Bytes, value.Origin = e.shared, Derived
	value.Inputs = []Input{{own, e.private}, {peer, e.peer}}
	value.Formula, value.Command = e.formula(own, peer), e.command()
	return value
}

// formula says how the group computes the shared secret (RFC 8446 section 7.4.2,
// draft-ietf-tls-ecdhe-mlkem).
func (e exchange) formula(own, peer string) string {
	h, ok := hybrids[e.group]
	switch {
	case !ok:
		return fmt.Sprintf("ECDH(%s, %s) on %s", own, peer, GroupName(e.group))
	case h.mlkemFirst:
		return fmt.Sprintf("ML-KEM.Decaps(seed, ciphertext) + ECDH(scalar, point), where seed + scalar is the %s and ciphertext + point the %s", own, peer)
	}
	return fmt.Sprintf("ECDH(scalar, point) + ML-KEM.Decaps(seed, ciphertext), where scalar + seed is the %s and point + ciphertext the %s", own, peer)
}

// command prints the shared secret.
func (e exchange) command() string {
	if h, ok := hybrids[e.group]; ok {
		return h.command(curves[e.group], e.private, e.peer)
	}
	return ecdhCommand(curves[e.group], e.private, e.peer)
}

// command prints the shared secret from the client's private keys and the
// server's share. OpenSSL has ML-KEM from 3.5 on only; Go brings its own, and
// whoever built this has Go.
func (h hybrid) command(curve ecdh.Curve, private, peer []byte) string {
	scalar, seed := h.split(private, len(private)-mlkem.SeedSize)
	point, ciphertext := h.split(peer, h.ecdh)
	halves := []string{fmt.Sprintf("go run $d/kem.go %x %x", seed, ciphertext), ecdhCommand(curve, scalar, point)}
	if !h.mlkemFirst {
		slices.Reverse(halves)
	}
	program := []string{ // in short lines, which fit on a narrow screen between their quotes
		"package main",
		`import ("crypto/mlkem"; "encoding/hex"; "fmt"; "os")`,
		"func main() {",
		"seed, _ := hex.DecodeString(os.Args[1])",
		"ciphertext, _ := hex.DecodeString(os.Args[2])",
		fmt.Sprintf("key, _ := mlkem.NewDecapsulationKey%d(seed)", h.parameters()),
		"shared, _ := key.Decapsulate(ciphertext)",
		`fmt.Printf("%x", shared) }`,
	}
	return fmt.Sprintf(`d=$(mktemp -d) && printf '%%s\n' '%s' > $d/kem.go && %s; rm -r $d`,
		strings.Join(program, "' '"), strings.Join(halves, " && "))
}

// parameters is the number in the name of the ML-KEM parameter set (FIPS 203 section 8).
func (h hybrid) parameters() int {
	if h.ciphertext == mlkem.CiphertextSize1024 {
		return 1024
	}
	return 768
}

// ecdhCommand prints what a private key and the other side's public key come to.
func ecdhCommand(curve ecdh.Curve, scalar, point []byte) string {
	private, err := curve.NewPrivateKey(scalar)
	if err != nil {
		return ""
	}
	public, err := curve.NewPublicKey(point)
	if err != nil {
		return ""
	}
	own, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return ""
	}
	peer, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("printf %%s %s | openssl base64 -d -A | { printf %%s %s | openssl base64 -d -A | "+
		`openssl pkeyutl -derive -keyform DER -inkey /dev/stdin -peerform DER -peerkey /dev/fd/3 | od -An -v -tx1 | tr -d ' \n'; } 3<&0`,
		base64.StdEncoding.EncodeToString(peer), base64.StdEncoding.EncodeToString(own))
}

// share returns side's key share for a group, or nil.
func (v *View) share(side Side, group uint16) []byte {
	for _, share := range v.shares[side] {
		if share.group == group {
			return share.key
		}
	}
	return nil
}

// A share is one entry of key_share (RFC 8446 section 4.2.8).
type share struct {
	group uint16
	key   []byte
}

// curves are the groups of plain ECDHE, and the curves of the hybrid ones
// (draft-ietf-tls-ecdhe-mlkem).
var curves = map[uint16]ecdh.Curve{
	0x0017: ecdh.P256(), 0x0018: ecdh.P384(), 0x0019: ecdh.P521(), 0x001d: ecdh.X25519(),
	0x11eb: ecdh.P256(), 0x11ec: ecdh.X25519(), 0x11ed: ecdh.P384(),
}

// agree computes the shared secret from side's private key, or returns nil if
// the key is not that of its share.
func agree(group uint16, side Side, private, own, peer []byte) []byte {
	curve, ok := curves[group]
	if !ok {
		return nil
	}
	if h, ok := hybrids[group]; ok {
		return h.agree(curve, side, private, own, peer)
	}
	return diffieHellman(curve, private, own, peer)
}

func diffieHellman(curve ecdh.Curve, private, own, peer []byte) []byte {
	key, err := curve.NewPrivateKey(private)
	if err != nil || !bytes.Equal(key.PublicKey().Bytes(), own) {
		return nil
	}
	public, err := curve.NewPublicKey(peer)
	if err != nil {
		return nil
	}
	shared, err := key.ECDH(public)
	if err != nil {
		return nil
	}
	return shared
}

// agree needs the client's key: the server's share holds a ciphertext, whose
// randomness alone would not tell the shared secret without the client's part.
func (h hybrid) agree(curve ecdh.Curve, side Side, private, own, peer []byte) []byte {
	const seed = mlkem.SeedSize
	if side != Client || len(private) <= seed || len(own) <= h.ecdh || len(peer) <= h.ecdh {
		return nil
	}
	curvePrivate, kemSeed := h.split(private, len(private)-seed)
	curveOwn, kemOwn := h.split(own, h.ecdh)
	curvePeer, ciphertext := h.split(peer, h.ecdh)
	fromCurve := diffieHellman(curve, curvePrivate, curveOwn, curvePeer)
	fromKEM := h.decapsulate(kemSeed, kemOwn, ciphertext)
	if fromCurve == nil || fromKEM == nil {
		return nil
	}
	return h.join(fromCurve, fromKEM)
}

// split takes apart what the group puts together, of which the curve has
// curvePart bytes.
func (h hybrid) split(b []byte, curvePart int) (curve, kem []byte) {
	if h.mlkemFirst {
		return b[len(b)-curvePart:], b[:len(b)-curvePart]
	}
	return b[:curvePart], b[curvePart:]
}

// join puts together what split takes apart.
func (h hybrid) join(curve, kem []byte) []byte {
	if h.mlkemFirst {
		return slices.Concat(kem, curve)
	}
	return slices.Concat(curve, kem)
}

func (h hybrid) decapsulate(seed, own, ciphertext []byte) []byte {
	key, err := h.decapsulationKey(seed)
	if err != nil || !bytes.Equal(key.Encapsulator().Bytes(), own) {
		return nil
	}
	shared, err := key.Decapsulate(ciphertext)
	if err != nil {
		return nil
	}
	return shared
}

// decapsulationKey makes the ML-KEM key of a seed.
func (h hybrid) decapsulationKey(seed []byte) (crypto.Decapsulator, error) {
	if h.parameters() == 1024 {
		return mlkem.NewDecapsulationKey1024(seed)
	}
	return mlkem.NewDecapsulationKey768(seed)
}
