package capture_test

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"

	"example.com/tlslab/inspect"
)

// tshark is asked for what it is right about: where records, messages and
// extensions begin and end, of which types they are, and the bytes in clear. It
// does not know the names of newer groups and extensions.

// An anatomy is what one side of a connection sent, as numbers.
type anatomy struct {
	Records    []int // lengths
	Types      []int // content types, the inner ones in TLS 1.3
	Messages   []int // handshake types
	Lengths    []int // of the messages
	Extensions []int // types
	Sizes      []int // of the extensions
	Clear      string
}

// A half is one direction of a connection.
type half struct {
	conn int
	side inspect.Side
}

func TestTsharkAgreesOnTheStructureAndTheClearTextOfEverySession(t *testing.T) {
	byName := make(map[string]*inspect.Recording)
	for _, s := range sessions {
		byName["openssl "+s.name] = kept(t, s.name)
	}
	for _, name := range []string{"1-rtt", "hello-retry-request", "client-authentication", "middlebox"} {
		byName["rfc8448 "+name] = rfc8448(t, name)
	}
	byName["rfc8448 0-rtt"] = rfc8448(t, "1-rtt", "0-rtt")
	for name, rec := range recordings(t) {
		if name != "made by hand" { // which is not TLS
			byName["lab "+name] = computed(rec)
		}
	}
	for name, change := range changes {
		byName["lab "+name] = changed(t, change)
	}
	all, names := together(byName)
	want := asTsharkSees(t, all)
	for at, got := range anatomies(inspect.NewSession(all)) {
		want := want[at]
		switch name := names[at.conn]; {
		case recordsOnly(name):
			got, want = anatomy{Records: got.Records}, anatomy{Records: want.Records}
		case strings.HasPrefix(name, "openssl tls13-post-handshake-authentication "):
			// tshark 4.0 takes the Finished for the end of a handshake, and reads nothing that follows from that side.
			got.Types, want.Types, got.Clear, want.Clear = nil, nil, "", ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s, the %s (-tshark +session):\n%s", names[at.conn], at.side, diff)
		}
	}
}

// recordsOnly reports whether one of the two reads what the other cannot: tshark
// CCM and CBC, the session what is logged under an inner ClientHello's random.
func recordsOnly(name string) bool {
	return strings.HasPrefix(name, "lab ECH ") ||
		slices.ContainsFunc(sessions, func(s session) bool { return s.sealed && strings.HasPrefix(name, "openssl "+s.name+" ") })
}

// together makes one recording of many, so that tshark is started once. Each
// connection keeps its name.
func together(byName map[string]*inspect.Recording) (all *inspect.Recording, names []string) {
	all = new(inspect.Recording)
	for name, rec := range byName {
		first := len(names)
		for e := range rec.Events(0) {
			switch e.Kind {
			case inspect.Secret: // tshark wants them first
				all.Append(e)
			case inspect.Opened:
				names = append(names, fmt.Sprintf("%s connection %d", name, e.Conn))
				e.Opening = &inspect.Opening{Protocol: "tls", Addr: [2]string{fmt.Sprintf("192.0.2.1:%d", 10000+len(names)), "192.0.2.2:443"}}
				fallthrough
			case inspect.Captured, inspect.Ended:
				e.Conn += first
				all.Append(e)
			}
		}
	}
	return secretsFirst(all), names
}

func secretsFirst(rec *inspect.Recording) *inspect.Recording {
	ordered := new(inspect.Recording)
	for _, secrets := range []bool{true, false} {
		for e := range rec.Events(0) {
			if (e.Kind == inspect.Secret) == secrets {
				ordered.Append(e)
			}
		}
	}
	return ordered
}

// anatomies tells of each half what the session says.
func anatomies(session *inspect.Session) map[half]anatomy {
	all := make(map[half]anatomy)
	for i, c := range session.Connections() {
		view := c.View(inspect.Client)
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			var a anatomy
			for _, r := range view.Records(side) {
				a.Records = append(a.Records, r.Length)
				a.Types = append(a.Types, int(r.InnerType))
				if r.InnerType == inspect.ApplicationData {
					a.Clear += hex.EncodeToString(r.Plaintext())
				}
			}
			for _, m := range view.Messages() {
				if m.Side == side {
					a.Messages, a.Lengths = append(a.Messages, int(m.Type)), append(a.Lengths, len(m.Bytes)-4)
					a.extensions(m.Bytes, m.Fields())
				}
			}
			all[half{i, side}] = a
		}
	}
	return all
}

func (a *anatomy) extensions(b []byte, f inspect.Field) {
	if len(f.Children) > 1 && f.Children[0].Kind == "extension.extension_type" {
		header := b[f.Offset:]
		a.Extensions = append(a.Extensions, int(header[0])<<8|int(header[1]))
		a.Sizes = append(a.Sizes, int(header[2])<<8|int(header[3]))
		return
	}
	for _, child := range f.Children {
		a.extensions(b, child)
	}
}

// asTsharkSees tells of each half what tshark says.
func asTsharkSees(t *testing.T, rec *inspect.Recording) map[half]anatomy {
	t.Helper()
	fields := []string{
		"tls.record.length", "tls.record.content_type", "tls.handshake.type", "tls.handshake.length",
		"tls.handshake.extension.type", "tls.handshake.extension.len",
	}
	args := []string{"-2", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.srcport"}
	for _, field := range fields {
		args = append(args, "-e", field)
	}
	conns := len(inspect.NewSession(rec).Connections())
	for i := range conns {
		args = append(args, "-z", fmt.Sprintf("follow,tls,raw,%d", i))
	}
	all := make(map[half]anatomy)
	var follow follower
	for line := range strings.Lines(tshark(t, written(t, rec), args...)) {
		line = strings.TrimRight(line, "\r\n")
		columns := strings.Split(line, "\t")
		if len(columns) != 2+len(fields) {
			follow.line(line, all)
			continue
		}
		conn, err := strconv.Atoi(columns[0])
		if err != nil {
			t.Fatalf("tshark says %q", line)
		}
		at := half{conn, inspect.Client}
		if columns[1] == "443" {
			at.side = inspect.Server
		}
		a := all[at]
		for i, list := range []*[]int{&a.Records, &a.Types, &a.Messages, &a.Lengths, &a.Extensions, &a.Sizes} {
			for _, number := range strings.FieldsFunc(columns[2+i], func(r rune) bool { return r == ',' }) {
				n, err := strconv.Atoi(number)
				if err != nil {
					t.Fatalf("tshark says %q", line)
				}
				*list = append(*list, n)
			}
		}
		all[at] = a
	}
	return all
}

// A follower reads what tshark's "follow" prints: of which stream, who spoke
// first, and the bytes, behind a tab where the other side speaks.
type follower struct {
	conn  int
	first inspect.Side
}

func (f *follower) line(line string, all map[half]anatomy) {
	if _, err := fmt.Sscanf(line, "Filter: tcp.stream eq %d", &f.conn); err == nil {
		return
	}
	if strings.HasPrefix(line, "Node 0: ") {
		if f.first = inspect.Client; strings.HasSuffix(line, ":443") {
			f.first = inspect.Server
		}
		return
	}
	digits, second := strings.CutPrefix(line, "\t")
	if digits == "" || strings.Trim(digits, "0123456789abcdef") != "" {
		return
	}
	at := half{f.conn, f.first}
	if second {
		at.side = f.first.Peer()
	}
	a := all[at]
	a.Clear += digits
	all[at] = a
}

// changes are sessions of the lab's endpoints that recordings does not have.
var changes = map[string]func(client, server *tls.Config){
	"HelloRetryRequest":  func(_, server *tls.Config) { server.CurvePreferences = []tls.CurveID{tls.CurveP384} },
	"SecP256r1MLKEM768":  func(client, _ *tls.Config) { client.CurvePreferences = []tls.CurveID{tls.SecP256r1MLKEM768} },
	"client certificate": func(client, server *tls.Config) { withClientCertificate(client, server) },
	"client certificate in TLS 1.2": func(client, server *tls.Config) {
		withClientCertificate(client, server)
		client.MaxVersion = tls.VersionTLS12
	},
	"ALPN": func(client, server *tls.Config) {
		client.NextProtos, server.NextProtos = []string{"h2", "http/1.1"}, []string{"http/1.1"}
	},
	"ChaCha20 in TLS 1.2": func(client, _ *tls.Config) {
		client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}
	},
	"AES-256 in TLS 1.2": func(client, _ *tls.Config) {
		client.MaxVersion, client.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	},
	"ECH": encryptHello,
}

func withClientCertificate(client, server *tls.Config) {
	client.Certificates = server.Certificates
	server.ClientAuth = tls.RequireAnyClientCert
}

func encryptHello(client, server *tls.Config) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	config := cryptobyte.NewBuilder(nil)
	config.AddUint16(0xfe0d)
	config.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddBytes([]byte{1, 0x00, 0x20}) // config_id, DHKEM(X25519, HKDF-SHA256)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(key.PublicKey().Bytes()) })
		b.AddBytes([]byte{0, 4, 0, 1, 0, 1, 32}) // HKDF-SHA256 with AES-128-GCM; maximum_name_length
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("public.example")) })
		b.AddUint16(0)
	})
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{{Config: config.BytesOrPanic(), PrivateKey: key.Bytes()}}
	list := cryptobyte.NewBuilder(nil)
	list.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(config.BytesOrPanic()) })
	client.EncryptedClientHelloConfigList = list.BytesOrPanic()
}

func changed(t testing.TB, change func(client, server *tls.Config)) *inspect.Recording {
	t.Helper()
	clientConfig, serverConfig := configs(t)
	change(clientConfig, serverConfig)
	tap := inspect.NewTap()
	client, server := tap.Pipe(clientConfig, serverConfig)
	echo(t, client, server, "create nome ana\n", "read nome\n")
	tap.Close()
	return tap.Recording()
}

// rfc8448 returns traces of the RFC with the secrets that a key log would have.
func rfc8448(t *testing.T, names ...string) *inspect.Recording {
	t.Helper()
	rec := new(inspect.Recording)
	for i, name := range names {
		playTrace(t, rec, i, name)
	}
	return computed(rec)
}

// computed adds to a recording the lines that a key log would have: crypto/tls
// logs nothing for a resumed TLS 1.2 session, and RFC 8448 prints private keys.
func computed(rec *inspect.Recording) *inspect.Recording {
	for _, c := range inspect.NewSession(rec).Connections() {
		view := c.View(inspect.Client)
		for _, v := range view.Schedule() {
			for label, standard := range standardNames {
				if tls12 := v.Kind == "schedule.master_secret_12"; v.Name != standard || v.Bytes == nil || tls12 != (label == "CLIENT_RANDOM") {
					continue
				}
				rec.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{
					Origin: inspect.FromFile, Label: label, ClientRandom: view.State(rec.Len()).ClientRandom, Bytes: v.Bytes,
				}})
			}
		}
	}
	return rec
}

func playTrace(t *testing.T, rec *inspect.Recording, conn int, name string) {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "testdata", "rfc8448", name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	rec.Append(inspect.Event{Kind: inspect.Opened, Conn: conn, Cause: -1, Opening: &inspect.Opening{Protocol: "tls"}})
	var random []byte
	lines := bufio.NewScanner(bytes.NewReader(file))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		what, digits, _ := strings.Cut(lines.Text(), " ")
		value, err := hex.DecodeString(digits)
		switch {
		case err != nil || what == "#":
		case what == "client_random":
			random = value
		case what == "client":
			rec.Append(inspect.Event{Kind: inspect.Captured, Conn: conn, Cause: -1, Bytes: value})
		case what == "server":
			rec.Append(inspect.Event{Kind: inspect.Captured, Conn: conn, Side: inspect.Server, Cause: -1, Bytes: value})
		default:
			label := map[string]string{"client_private_key": inspect.LabelClientEphemeral, "server_private_key": inspect.LabelServerEphemeral}[what]
			rec.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &inspect.LoggedSecret{Origin: inspect.FromFile, Label: label, ClientRandom: random, Bytes: value}})
		}
	}
}
