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
)

// An exchange is the key exchange of TLS 1.3 as one side computes it.
type exchange struct {
	side    Side
	private []byte // as the ephemeral labels have it
	peer    []byte // the other side's key share
	shared  []byte
}

// exchange computes the key exchange from a private key that the recording
// holds. ok is false if it holds none that fits the key shares.
func (v *View) exchange() (e exchange, ok bool) {
	state := v.state()
	for _, secret := range v.session.secrets[string(state.ClientRandom)] {
		var side Side
		switch secret.Label {
		case LabelClientEphemeral:
			side = Client
		case LabelServerEphemeral:
			side = Server
		default:
			continue
		}
		own, peer := v.share(side, state.Group), v.share(side.Peer(), state.Group)
		if shared := agree(state.Group, side, secret.Bytes, own, peer); shared != nil {
			return exchange{side, secret.Bytes, peer, shared}, true
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
	group := v.state().Group
	value := Value{
		Kind: "schedule.shared_secret", Name: "(EC)DHE shared secret", RFC: "RFC 8446 section 7.4",
		Formula: "the key exchange of " + GroupName(group) + ", from one side's private key and the other's key share",
	}
	e, computed := v.exchange()
	switch {
	case v.pskAlone():
		value.Bytes = make([]byte, s.hash().Size())
		value.Formula, value.RFC = "zeros, as long as the hash: a PSK was agreed on, and no key exchange (psk_ke)", "RFC 8446 section 7.1"
	case v.conn.Dark(v.session.next):
		value.Missing = "crypto/tls did not draw its private keys from Config.Rand, so the glass box has none"
	case !computed:
		value.Missing = "no private key of the key shares is in the recording"
	default:
		own, peer := e.side.String()+"'s private key", e.side.Peer().String()+"'s key share"
		value.Bytes = e.shared
		value.Inputs = []Input{{own, e.private}, {peer, e.peer}}
		value.Formula, value.Command = e.formula(group, own, peer), e.command(group)
	}
	if value.Bytes != nil {
		value.Origin = Derived
	}
	return value
}

// formula says how the group computes the shared secret (RFC 8446 section 7.4.2,
// draft-ietf-tls-ecdhe-mlkem).
func (e exchange) formula(group uint16, own, peer string) string {
	h, ok := hybrids[group]
	switch {
	case !ok:
		return fmt.Sprintf("ECDH(%s, %s) on %s", own, peer, GroupName(group))
	case h.mlkemFirst:
		return fmt.Sprintf("ML-KEM.Decaps(seed, ciphertext) + ECDH(scalar, point), where seed + scalar is the %s and ciphertext + point the %s", own, peer)
	}
	return fmt.Sprintf("ECDH(scalar, point) + ML-KEM.Decaps(seed, ciphertext), where scalar + seed is the %s and point + ciphertext the %s", own, peer)
}

// command prints the shared secret. OpenSSL 3.0 knows no ML-KEM.
func (e exchange) command(group uint16) string {
	if _, hybrid := hybrids[group]; hybrid {
		return ""
	}
	private, err := curves[group].NewPrivateKey(e.private)
	if err != nil {
		return ""
	}
	public, err := curves[group].NewPublicKey(e.peer)
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
	if h.ciphertext == mlkem.CiphertextSize1024 {
		return mlkem.NewDecapsulationKey1024(seed)
	}
	return mlkem.NewDecapsulationKey768(seed)
}
