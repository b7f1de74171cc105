package kvs

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
)

// A Role is what a client may do, or has to be allowed to do for a command. The zero value allows no command, and is allowed
// none.
type Role int

const (
	Anyone Role = iota + 1 // who has said nothing, or has no role: may say who they are, and leave
	Reader                 // may read
	Writer                 // may read and write
)

// String returns the role as people write it, "reader" or "writer"; "" for the others.
func (r Role) String() string {
	switch r {
	case Reader:
		return "reader"
	case Writer:
		return "writer"
	}
	return ""
}

// ParseRole reads "reader" or "writer". Anything else is [Anyone].
func ParseRole(text string) Role {
	for _, role := range []Role{Reader, Writer} {
		if text == role.String() {
			return role
		}
	}
	return Anyone
}

// RoleOf returns the role that a certificate says: the organizational unit of its subject that is "reader" or "writer"
// (OU, RFC 5280 appendix A.1), the greater if there are both, [Anyone] if there is none.
func RoleOf(certificate *x509.Certificate) Role {
	role := Anyone
	for _, unit := range certificate.Subject.OrganizationalUnit {
		role = max(role, ParseRole(unit))
	}
	return role
}

// Access says who may do what on a [Server]. A client is the subject of the certificate that it has shown, with the role that
// stands in it ([RoleOf]), or, from the moment when it gives a token, who that token stands for.
//
// Who a client is and what it may do is looked up when it connects, when it gives a token, and then with its next request
// once a second has passed. So a token or a certificate that is revoked ends what its client may do within a second,
// also on a connection that is open.
type Access struct {
	// Certificates says that clients are asked for a certificate. What they have shown must have been verified by crypto/tls.
	Certificates bool
	// Revoked returns a *pki.RevokedError for a certificate that was revoked, or another error if that cannot be told, which
	// counts as much; nil is never.
	Revoked func(*x509.Certificate) error
	// Tokens are those that are taken. Without Certificates, everybody may do everything until their file is there.
	Tokens *Tokens
	// Told, if not nil, is called when a client has given a token: with who it is, or with an error if that was none.
	Told func(client *kernel.Conn, who Who, err error)

	everSeen atomic.Bool // the file of tokens: its removal does not open the server
}

// Who is who a client is.
type Who struct {
	Name string // the certificate's subject, or a token's name. "" is nobody known. A subject may have anything in it
	Role Role
}

// SubjectOf returns the subject of the certificate that a client has shown and crypto/tls has verified, as RFC 2253 writes it;
// "" if there is none. It may have anything in it: make it safe before it is shown.
func SubjectOf(conn *kernel.Conn) string {
	if certificate := certificateOf(conn); certificate != nil {
		return certificate.Subject.String()
	}
	return ""
}

func certificateOf(conn *kernel.Conn) *x509.Certificate {
	secure, ok := conn.Conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil
	}
	state := secure.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return nil
	}
	return state.PeerCertificates[0]
}

// lookAgain is for how long what is known of a client is taken to be true.
const lookAgain = time.Second

// on reports whether clients need a role at all.
func (a *Access) on() bool {
	if a.Certificates || a.everSeen.Load() {
		return true
	}
	if a.Tokens != nil && a.Tokens.Exists() {
		a.everSeen.Store(true)
	}
	return a.everSeen.Load()
}

// guest is what a connection knows of its client.
type guest struct {
	access      *Access // nil: everybody may do everything
	conn        *kernel.Conn
	certificate *x509.Certificate // verified; nil if none was shown

	token     string // the name of the token that was given last, "" if none was good
	tokenHash [sha256.Size]byte

	who    Who
	free   bool // no role is needed
	why    lack // that the role is no greater
	looked time.Time
}

// receive begins what is known of a client.
func (a *Access) receive(conn *kernel.Conn) *guest {
	g := &guest{access: a, conn: conn}
	if a == nil {
		return g
	}
	if a.Certificates {
		g.certificate = certificateOf(conn)
	}
	g.look()
	return g
}

// lack is why a client may not do what it asks for.
type lack int

const (
	saidNothing       lack = iota // neither certificate nor token
	smallRole                     // a role, but not this one
	certificateNoRole             // a certificate, but no role in it
	certificateRevoked
	certificateExpired
	tokenRevoked
	cannotTell // the files cannot be read
)

// An accessError refuses a client a command.
type accessError struct {
	lack    lack
	command string
	needs   Role
	who     Who
	access  *Access
}

func (e *accessError) Error() string {
	return fmt.Sprintf("%s needs the role %v", e.command, e.needs)
}

// accessFileError is what the operator learns when the files that say who may do what cannot be read.
type accessFileError struct{ error }

func (e *accessFileError) Unwrap() error { return e.error }

// may returns an *accessError if the client may not do what wants that role.
func (g *guest) may(command string, needs Role) error {
	if g.access == nil {
		return nil
	}
	if time.Since(g.looked) >= lookAgain {
		g.look()
	}
	switch {
	case g.free || needs == Anyone || needs > Anyone && g.who.Role >= needs:
		return nil
	}
	return &accessError{g.why, command, needs, g.who, g.access}
}

// look finds out who the client is, and which role it has.
func (g *guest) look() {
	g.looked = time.Now()
	g.free = !g.access.on()
	switch {
	case g.token != "":
		g.lookAtToken()
	case g.certificate != nil:
		g.lookAtCertificate()
	default:
		g.who, g.why = Who{Role: Anyone}, saidNothing
	}
}

func (g *guest) lookAtToken() {
	g.who = Who{Name: g.token, Role: Anyone}
	token, found, err := g.access.Tokens.find(g.token, g.tokenHash)
	switch {
	case err != nil:
		g.conn.Report(&accessFileError{err})
		g.why = cannotTell
	case !found:
		g.why = tokenRevoked
	default:
		g.who.Role, g.why = token.Role, smallRole
	}
}

func (g *guest) lookAtCertificate() {
	g.who = Who{Name: g.certificate.Subject.String(), Role: Anyone}
	var revoked error
	if g.access.Revoked != nil {
		revoked = g.access.Revoked(g.certificate)
	}
	role := RoleOf(g.certificate)
	switch {
	case errors.As(revoked, new(*pki.RevokedError)):
		g.why = certificateRevoked
	case revoked != nil:
		g.conn.Report(&accessFileError{revoked})
		g.why = cannotTell
	case g.looked.After(g.certificate.NotAfter):
		g.why = certificateExpired
	case role == Anyone:
		g.why = certificateNoRole
	default:
		g.who.Role, g.why = role, smallRole
	}
}

// defaultUser is whom clients of Redis name that have a password and no name.
const defaultUser = "default"

// The ways in which a token is not taken.
var (
	errNoTokens   = errors.New("nobody needs a token here")
	errTokensOff  = errors.New("tokens are not taken here")
	errWrongToken = errors.New("the token is not one of this server, or was revoked")
)

// authenticate has the client be who a token stands for. If that fails, it stays who it was. A name may be
// given too; then the token must be that one's.
func (g *guest) authenticate(name string, secret []byte) error {
	switch {
	case g.access == nil || !g.access.on():
		return errNoTokens
	case g.access.Tokens == nil:
		return errTokensOff
	}
	if name == defaultUser {
		name = ""
	}
	hash := sha256.Sum256(secret)
	token, found, err := g.access.Tokens.find(name, hash)
	switch {
	case err != nil:
		g.conn.Report(&accessFileError{err})
		return &accessError{lack: cannotTell, access: g.access}
	case !found:
		g.tell(Who{Role: Anyone}, errWrongToken)
		return errWrongToken
	}
	g.token, g.tokenHash = token.Name, hash
	g.look()
	g.tell(g.who, nil)
	return nil
}

func (g *guest) tell(who Who, err error) {
	if g.access.Told != nil {
		g.access.Told(g.conn, who, err)
	}
}
