package inspect_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/testdata/echkey"
)

// echConfigs returns a client's and a server's configuration for secret.example
// behind public.example.
func echConfigs(t testing.TB, ech echkey.Setup) (client, server *tls.Config) {
	inner, outer := certificate(t, "secret.example"), certificate(t, "public.example")
	roots := x509.NewCertPool()
	roots.AddCert(inner.Leaf)
	roots.AddCert(outer.Leaf)
	client = &tls.Config{RootCAs: roots, ServerName: "secret.example", NextProtos: []string{"kvs"}, EncryptedClientHelloConfigList: ech.List}
	server = &tls.Config{
		Certificates: []tls.Certificate{inner, outer}, NextProtos: []string{"kvs"},
		EncryptedClientHelloKeys: []tls.EncryptedClientHelloKey{ech.Key},
	}
	return client, server
}

// echTalk has a client and a server talk through a tap.
func echTalk(t testing.TB, client, server *tls.Config) *inspect.Recording {
	t.Helper()
	tap := inspect.NewTap()
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "create nome ana\n")
	tap.Close()
	return tap.Recording()
}

// refusedTalk has a client and a server shake hands through a tap, which fails.
func refusedTalk(t testing.TB, tap *inspect.Tap, client, server *tls.Config) (*inspect.Recording, error) {
	t.Helper()
	c, s := tap.Pipe(client, server)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.Handshake() == nil {
			io.Copy(io.Discard, s)
		}
		s.Close()
	}()
	err := c.Handshake()
	if err == nil {
		t.Fatal("the handshake went through")
	}
	c.Close()
	<-done
	tap.Close()
	return tap.Recording(), err
}

// lastView returns the client's view of the recording's last connection, and its state.
func lastView(t testing.TB, recording *inspect.Recording) (*inspect.View, inspect.State) {
	t.Helper()
	conns := inspect.NewSession(recording).Connections()
	v := conns[len(conns)-1].View(inspect.Client)
	return v, v.State(recording.Len() - 1)
}

// hellos returns what the ClientHellos of the view offer.
func hellos(v *inspect.View) (offered []*inspect.OfferedECH) {
	for _, m := range v.Messages() {
		if o := m.ECH(); o != nil {
			offered = append(offered, o)
		}
	}
	return offered
}

// outcomes lists the proofs of a kind by how they came out.
func outcomes(v *inspect.View, kind string) string {
	var all []string
	for _, c := range v.Verifications() {
		if c.Kind == kind {
			all = append(all, c.Message.Name()+" "+c.Outcome.String())
		}
	}
	return strings.Join(all, ", ")
}

// Whoever could not open what was sealed, but has the private keys, would
// compute secrets that nobody ever had.
func TestNothingIsDerivedFromATranscriptWhoseFirstHelloIsNotDecided(t *testing.T) {
	random(t)
	client, server := echConfigs(t, echkey.Common(t))
	tap := &inspect.Tap{GlassBox: true}
	c, s := tap.Pipe(client, server)
	converse(t, c, s, "create nome ana\n")
	tap.Close()
	undecided := new(inspect.Recording)
	for e := range tap.Recording().Events(0) {
		if e.Kind != inspect.Secret || e.Logged.Label == inspect.LabelClientEphemeral || e.Logged.Label == inspect.LabelServerEphemeral {
			undecided.Append(e)
		}
	}
	v, state := lastView(t, undecided)
	if state.ECH != inspect.ECHOffered {
		t.Fatalf("ECH is %s", state.ECH)
	}
	told := make(map[string]string)
	for _, value := range v.Schedule() {
		told[value.Name] = fmt.Sprint(value.Bytes != nil, value.Because.Key)
	}
	for name, want := range map[string]string{
		"handshake_secret":                    "true",
		"client_handshake_traffic_secret":     "falseech_undecided",
		"server_handshake_traffic_secret":     "falseech_undecided",
		"client_application_traffic_secret_0": "falseech_undecided",
		"exporter_master_secret":              "falseech_undecided",
	} {
		if told[name] != want {
			t.Errorf("%s: %s", name, told[name])
		}
	}
}

// without leaves out the secrets with these labels, and adds others.
func without(recording *inspect.Recording, labels []string, added ...inspect.LoggedSecret) *inspect.Recording {
	changed := new(inspect.Recording)
	for e := range recording.Events(0) {
		if e.Kind == inspect.Secret && slices.Contains(labels, e.Logged.Label) {
			continue
		}
		changed.Append(e)
	}
	for i := range added {
		changed.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Cause: -1, Logged: &added[i]})
	}
	return changed
}

// checkAccepted holds a session whose ECH was accepted against what both ends agreed on.
func checkAccepted(t *testing.T, v *inspect.View, state inspect.State) {
	t.Helper()
	if state.ECH != inspect.ECHAccepted || state.ServerName != "secret.example" || state.PublicName != "public.example" {
		t.Errorf("ECH %s, %q behind %q", state.ECH, state.ServerName, state.PublicName)
	}
	for i, o := range hellos(v) {
		if o.Inner == nil || o.Why != inspect.ECHWhyNone {
			t.Fatalf("hello %d: opened %t: %s", i, o.Inner != nil, o.Why)
		}
		root := o.Inner.Fields()
		if name, ok := root.Find("server_name.host_name"); !ok || name.Value != "secret.example" || root.Name != "client_hello_inner" {
			t.Errorf("hello %d: the inner one asks for %q", i, name.Value)
		}
		if encoded := o.EncodedFields(); encoded.Length != len(o.Encoded) {
			t.Errorf("hello %d: the tree covers %d bytes of %d", i, encoded.Length, len(o.Encoded))
		}
	}
	for _, c := range v.Verifications() {
		if c.Outcome != inspect.Verified && c.Outcome != inspect.NotApplicable && c.Kind != "psk_binder" {
			t.Errorf("%s of %s: %s: %s", c.Kind, c.Message.Name(), c.Outcome, c.Reason)
		}
	}
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		for _, r := range v.Records(side) {
			if r.Why != inspect.WhyNone {
				t.Errorf("record %d of the %s: %s", r.Seq, side, r.Why)
			}
		}
	}
}

func TestAnAcceptedInnerHelloIsOpenedWithEachAlgorithmOfAnECHConfig(t *testing.T) {
	for _, a := range [][3]uint16{
		{0x0020, 0x0001, 0x0001},
		{0x0020, 0x0001, 0x0002},
		{0x0020, 0x0001, 0x0003},
		{0x0010, 0x0001, 0x0001},
		{0x0011, 0x0002, 0x0002},
		{0x0012, 0x0003, 0x0003},
	} {
		t.Run(fmt.Sprintf("%04x %04x %04x", a[0], a[1], a[2]), func(t *testing.T) {
			ech := echkey.New(t, 7, a[0], a[1], a[2])
			client, server := echConfigs(t, ech)
			v, state := lastView(t, echTalk(t, client, server))
			checkAccepted(t, v, state)
			if got := outcomes(v, "ech_confirmation"); got != "server_hello verified" {
				t.Error(got)
			}
			o := hellos(v)[0]
			if o.ConfigID != 7 || o.KDF != a[1] || o.AEAD != a[2] || !bytes.Equal(o.Config, ech.Key.Config) {
				t.Errorf("config 0x%02x, KDF 0x%04x, AEAD 0x%04x", o.ConfigID, o.KDF, o.AEAD)
			}
			if !slices.Contains(o.Copied, 0x0033) { // crypto/tls takes key_share from the outer hello
				t.Errorf("copied: %x", o.Copied)
			}
		})
	}
}

func TestAHelloRetryRequestConfirmsECHAndTheSecondHelloIsOpenedInTheSameContext(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	v, state := lastView(t, echTalk(t, client, server))
	checkAccepted(t, v, state)
	if got := outcomes(v, "ech_confirmation"); got != "hello_retry_request verified, server_hello verified" {
		t.Error(got)
	}
	if offered := hellos(v); len(offered) != 2 || len(offered[0].Enc) != 32 || len(offered[1].Enc) != 0 {
		t.Errorf("%d hellos", len(offered))
	}
	if group := state.Group; group != uint16(tls.CurveP384) || !state.HelloRetry {
		t.Errorf("group 0x%04x", group)
	}
}

func TestAConnectionWithECHIsResumedByATicketOfTheInnerHello(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	tap := inspect.NewTap()
	for range 2 {
		c, s := tap.Pipe(client, server)
		converse(t, c, s, "create nome ana\n")
	}
	tap.Close()
	v, state := lastView(t, tap.Recording())
	checkAccepted(t, v, state)
	if !state.Resumed {
		t.Error("not resumed")
	}
	o := hellos(v)[0]
	if _, offered := o.Inner.Fields().Find("pre_shared_key.identity"); !offered {
		t.Error("the inner hello offers no ticket")
	}
	if got := outcomes(v, "psk_binder"); got != "client_hello_inner not checkable" && got != "client_hello_inner verified" {
		t.Errorf("binders: %q", got)
	}
}

func TestARejectedECHIsRefutedAndTheHandshakeIsThatOfTheOuterHello(t *testing.T) {
	known, stale := echkey.Common(t), echkey.Common(t)
	client, server := echConfigs(t, stale)
	server.EncryptedClientHelloKeys = []tls.EncryptedClientHelloKey{known.Key}
	recording, err := refusedTalk(t, inspect.NewTap(), client, server)
	var rejection *tls.ECHRejectionError
	if !errors.As(err, &rejection) || !bytes.Equal(rejection.RetryConfigList, known.List) {
		t.Fatalf("%v", err)
	}
	v, state := lastView(t, recording)
	if state.ECH != inspect.ECHRejected || state.ServerName != "public.example" {
		t.Errorf("ECH %s, %q", state.ECH, state.ServerName)
	}
	if o := hellos(v)[0]; o.Inner != nil || o.Why != inspect.ECHWhyKey {
		t.Errorf("opened %t: %s", o.Inner != nil, o.Why)
	}
	if got := outcomes(v, "ech_confirmation"); got != "server_hello not checkable" {
		t.Error(got)
	}
	if got := outcomes(v, "finished"); got != "finished verified, finished verified" {
		t.Error(got)
	}
	if got := outcomes(v, "certificate_chain"); got != "certificate verified" {
		t.Errorf("the public name: %s", got)
	}
	for _, m := range v.Messages() {
		if m.Name() == "encrypted_extensions" {
			if f, ok := m.Fields().Find("ech.public_name"); !ok || f.Value != "public.example" {
				t.Errorf("retry_configs: %+v", f)
			}
		}
	}

	// Whoever has the stale key can open it all the same, and sees that the server did not.
	with := without(recording, nil, inspect.LoggedSecret{
		Origin: inspect.FromFile, Label: inspect.LabelECHKey, ClientRandom: stale.Key.Config, Bytes: stale.Key.PrivateKey,
	})
	v, state = lastView(t, with)
	if o := hellos(v)[0]; o.Inner == nil || state.ECH != inspect.ECHRejected {
		t.Errorf("opened %t, ECH %s", o.Inner != nil, state.ECH)
	}
	if got := outcomes(v, "ech_confirmation"); got != "server_hello refuted" {
		t.Error(got)
	}
}

func TestECHSecretAndECHConfigOfAKeyLogOpenWhatThePrivateKeyOpens(t *testing.T) {
	client, server := echConfigs(t, echkey.New(t, 7, 0x0020, 0x0001, 0x0003))
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	recording := echTalk(t, client, server)
	v, _ := lastView(t, recording)
	secrets := inspect.ECHSecrets(sent(recording), keysOf(recording)...)
	if len(secrets) != 2 || secrets[0].Label != "ECH_SECRET" || secrets[1].Label != "ECH_CONFIG" || len(secrets[0].Bytes) != 32 {
		t.Fatalf("%v", secrets)
	}
	outer := v.Messages()[0].Bytes[6:38]
	for _, secret := range secrets {
		if !bytes.Equal(secret.ClientRandom, outer) {
			t.Error("not under the outer random")
		}
	}
	// Late, in any order, and alone.
	for _, order := range [][]inspect.LoggedSecret{{secrets[0], secrets[1]}, {secrets[1], secrets[0]}} {
		v, state := lastView(t, without(recording, []string{inspect.LabelECHKey}, order...))
		checkAccepted(t, v, state)
	}
	v, _ = lastView(t, without(recording, []string{inspect.LabelECHKey}, secrets[0]))
	if o := hellos(v)[0]; o.Inner != nil || o.Why != inspect.ECHWhyNoKey {
		t.Errorf("opened without the ECHConfig: %s", o.Why)
	}
	wrong := secrets[0]
	wrong.Bytes = bytes.Repeat([]byte{1}, 32)
	v, _ = lastView(t, without(recording, []string{inspect.LabelECHKey}, wrong, secrets[1]))
	if o := hellos(v)[0]; o.Inner != nil || o.Why != inspect.ECHWhyKey {
		t.Errorf("opened with another secret: %s", o.Why)
	}
}

// sent is what the client of the recording's first connection sent.
func sent(recording *inspect.Recording) []byte { return streamOf(recording, inspect.Client) }

// answered is what its server sent.
func answered(recording *inspect.Recording) []byte { return streamOf(recording, inspect.Server) }

func streamOf(recording *inspect.Recording, side inspect.Side) (stream []byte) {
	for e := range recording.Events(0) {
		if e.Kind == inspect.Captured && e.Conn == 0 && e.Side == side {
			stream = append(stream, e.Bytes...)
		}
	}
	return stream
}

func keysOf(recording *inspect.Recording) (keys []inspect.LoggedSecret) {
	for e := range recording.Events(0) {
		if e.Kind == inspect.Secret {
			keys = append(keys, *e.Logged)
		}
	}
	return keys
}

// crypto/tls logs no ECH_SECRET: a client's own key log has the secrets under a
// random that stands nowhere on the wire.
func TestWithoutTheKeyTheTagDecidesWhichSecretsAreThoseOfTheInnerHello(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	recording := echTalk(t, client, server)
	for name, secrets := range map[string][]inspect.LoggedSecret{"as they come": nil, "late": keysOf(recording)} {
		labels := []string{inspect.LabelECHKey}
		if secrets != nil {
			secrets = slices.DeleteFunc(secrets, func(s inspect.LoggedSecret) bool { return s.Label == inspect.LabelECHKey })
			for _, s := range secrets {
				labels = append(labels, s.Label)
			}
		}
		v, state := lastView(t, without(recording, labels, secrets...))
		if state.ECH != inspect.ECHAccepted || state.PublicName != "public.example" || state.ServerName != "" {
			t.Errorf("%s: ECH %s, %q behind %q", name, state.ECH, state.ServerName, state.PublicName)
		}
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, r := range v.Records(side) {
				if r.Why != inspect.WhyNone {
					t.Errorf("%s: record %d of the %s: %s", name, r.Seq, side, r.Why)
				}
			}
		}
		for _, c := range v.Verifications() {
			ofTranscript := c.Kind != "certificate_chain" && c.Kind != "downgrade_sentinel"
			if ofTranscript && (c.Outcome != inspect.NotCheckable || !strings.Contains(c.Reason, "ClientHelloInner")) {
				t.Errorf("%s: %s: %s: %s", name, c.Kind, c.Outcome, c.Reason)
			}
		}
		for _, value := range v.Schedule() {
			if value.Covers != nil {
				t.Errorf("%s: %s is said to cover messages that are not known", name, value.Name)
			}
		}
	}
}

func TestWhereTheSecretMayStandUnderTheInnerRandomTheReasonSaysSo(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	var labels []string
	recording := echTalk(t, client, server)
	for _, secret := range keysOf(recording) {
		labels = append(labels, secret.Label)
	}
	v, state := lastView(t, without(recording, labels))
	if state.ECH != inspect.ECHOffered {
		t.Errorf("ECH %s", state.ECH)
	}
	for _, r := range v.Records(inspect.Server) {
		if r.Type == inspect.ApplicationData {
			if r.Why != inspect.WhyNoInnerSecret {
				t.Errorf("%s", r.Why)
			}
			break
		}
	}
}

// A greaser is a gate that puts GREASE in the place of a hello's
// encrypted_client_hello, as a client without a configuration sends it; crypto/tls
// has no such client.
func TestGreaseIsToldFromARejectionByWhatTheClientDoesNext(t *testing.T) {
	cert := certificate(t, "lab.example")
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	recording := echTalk(t, &tls.Config{RootCAs: roots, ServerName: "lab.example"}, &tls.Config{Certificates: []tls.Certificate{cert}})
	// The hello that the transcript is over cannot be changed, so the records that
	// follow are those of a handshake without it; what they say is read by their
	// secrets, not by the transcript.
	greased := new(inspect.Recording)
	for e := range recording.Events(0) {
		if e.Kind == inspect.Captured && e.Side == inspect.Client && len(e.Bytes) > 5 && e.Bytes[0] == 0x16 && e.Bytes[5] == 0x01 {
			e.Bytes = withGrease(e.Bytes)
		}
		greased.Append(e)
	}
	v, state := lastView(t, greased)
	o := hellos(v)[0]
	if o.Inner != nil || o.Why != inspect.ECHWhyNoKey {
		t.Errorf("opened %t: %s", o.Inner != nil, o.Why)
	}
	if state.ECH != inspect.ECHGrease || state.ServerName != "lab.example" {
		t.Errorf("ECH %s, %q", state.ECH, state.ServerName)
	}
	if got := outcomes(v, "ech_confirmation"); got != "server_hello not checkable" {
		t.Error(got)
	}
}

// withGrease adds an extension to the ClientHello that a record holds.
func withGrease(record []byte) []byte {
	extension := append([]byte{0xfe, 0x0d, 0x00, 0x4a, 0x00, 0x00, 0x01, 0x00, 0x01, 0x2a, 0x00, 0x20}, bytes.Repeat([]byte{0xe1}, 32)...)
	extension = append(append(extension, 0x00, 0x20), bytes.Repeat([]byte{0x99}, 32)...)
	b := append(slices.Clone(record), extension...)
	grow := func(at, size int) {
		n := len(extension)
		for i := at + size - 1; n > 0; i-- {
			n += int(b[i])
			b[i] = byte(n)
			n >>= 8
		}
	}
	at := 5 + 4 + 2 + 32
	at += 1 + int(b[at])
	at += 2 + int(b[at])<<8 + int(b[at+1])
	at += 1 + int(b[at])
	grow(3, 2)
	grow(6, 3)
	grow(at, 2)
	return b
}

// Whatever is changed of the outer hello, the seal does not open: the payload
// itself, or what its additional data covers.
func TestAHelloThatIsChangedOnTheWayIsNotOpenedAndTheServerGoesOnWithTheOuterOne(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"the payload":     func(record []byte) { record[bytes.Index(record, []byte{0xfe, 0x0d})+60] ^= 1 },
		"the outer hello": func(record []byte) { record[bytes.Index(record, []byte("public.example"))] ^= 0x20 },
	} {
		t.Run(name, func(t *testing.T) {
			client, server := echConfigs(t, echkey.Common(t))
			tap := &inspect.Tap{Gate: &firstHello{change: change}}
			recording, _ := refusedTalk(t, tap, client, server)
			session := inspect.NewSession(recording)
			at := recording.Len() - 1
			mine, theirs := session.Connections()[0].View(inspect.Client), session.Connections()[0].View(inspect.Server)
			if o := hellos(mine)[0]; o.Inner == nil {
				t.Errorf("as it was sent: %s", o.Why)
			}
			if o := hellos(theirs)[0]; o.Inner != nil || o.Why != inspect.ECHWhyKey {
				t.Errorf("as it was received: opened %t, %s", o.Inner != nil, o.Why)
			}
			if status := theirs.State(at).ECH; status == inspect.ECHAccepted {
				t.Error("accepted as it was received")
			}
			if got := outcomes(mine, "ech_confirmation"); got != "server_hello refuted" {
				t.Errorf("as it was sent: %s", got)
			}
			if got := outcomes(theirs, "ech_confirmation"); got != "server_hello not checkable" {
				t.Errorf("as it was received: %s", got)
			}
		})
	}
}

// A firstHello is a gate that changes the client's first unit.
type firstHello struct {
	change func([]byte)
	done   bool
}

func (g *firstHello) Captured(w inspect.Wire, u inspect.Unit) {
	if g.done || u.From != inspect.Client {
		w.Forward(u.ID)
		return
	}
	g.done = true
	changed := slices.Clone(u.Bytes)
	g.change(changed)
	w.Send(u.From, changed, u.ID)
}

func (g *firstHello) Ended(w inspect.Wire, from inspect.Side) {}

// The glass box finds private keys by the key shares on the wire, which both
// hellos have; the key schedule is that of the inner one.
func TestInAGlassBoxTheKeyScheduleOfAnInnerHelloIsKnownFromTheTop(t *testing.T) {
	random(t)
	client, server := echConfigs(t, echkey.Common(t))
	session := inGlassBox(t, &inspect.Tap{GlassBox: true}, client, server)
	v := session.Connections()[0].View(inspect.Client)
	if v.State(session.Recording().Len()-1).ECH != inspect.ECHAccepted || session.Connections()[0].Dark(session.Recording().Len()-1) {
		t.Fatal("not accepted, or dark")
	}
	knownFromTheTop(t, v)
	for _, value := range v.Schedule() {
		if len(value.Covers) > 0 && value.Covers[0].Name() != "client_hello_inner" {
			t.Errorf("%s covers %s", value.Name, value.Covers[0].Name())
		}
	}
}

func TestTheKeysThatACallbackGivesAServerAreRecorded(t *testing.T) {
	ech := echkey.Common(t)
	client, server := echConfigs(t, ech)
	server.EncryptedClientHelloKeys = nil
	server.GetEncryptedClientHelloKeys = func(*tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
		return []tls.EncryptedClientHelloKey{ech.Key}, nil
	}
	recording := echTalk(t, client, server)
	v, state := lastView(t, recording)
	checkAccepted(t, v, state)
	n := 0
	for _, secret := range keysOf(recording) {
		if secret.Label == inspect.LabelECHKey {
			n++
		}
	}
	if n != 1 {
		t.Errorf("recorded %d times", n)
	}
}

// The manual says what crypto/tls does about the padding that RFC 9849 section
// 6.1.3 recommends: it rounds as if the name had been padded, and does not pad
// the name. Once that is no longer so, the manual must say something else.
func TestTheLengthOfWhatCryptoTLSSealsFollowsThatOfTheName(t *testing.T) {
	length := func(name string) int {
		client, server := echConfigs(t, echkey.Common(t))
		client.ServerName, client.InsecureSkipVerify = name, true
		v, _ := lastView(t, echTalk(t, client, server))
		return len(hellos(v)[0].Encoded)
	}
	if short, long := length("a.example"), length("secret.example"); long-short != len("secret.example")-len("a.example") {
		t.Errorf("%d and %d bytes", short, long)
	}
}

// Nobody sends one, but a file may hold it: nothing has answered the second one, so nothing can have accepted it.
func TestAClientHelloThatComesAgainAfterTheServersAnswerIsOneOfItsOwn(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	recording := without(echTalk(t, client, server), []string{inspect.LabelECHKey})
	hello := sent(recording)
	record := 5 + int(hello[3])<<8 + int(hello[4])
	repeated := new(inspect.Recording)
	answered := false
	for e := range recording.Events(0) {
		if e.Kind == inspect.Captured && e.Side == inspect.Server && !answered { // the ServerHello, then the ClientHello again
			answered = true
			size := 5 + int(e.Bytes[3])<<8 + int(e.Bytes[4])
			repeated.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Server, Cause: -1, Bytes: e.Bytes[:size]})
			repeated.Append(inspect.Event{Kind: inspect.Captured, Side: inspect.Client, Cause: -1, Bytes: hello[:record]})
			e.Bytes = e.Bytes[size:]
			e.N = len(e.Bytes)
			if e.N == 0 {
				continue
			}
		}
		repeated.Append(e)
	}
	if _, state := lastView(t, repeated); state.ECH == inspect.ECHAccepted {
		t.Error("accepted, though nobody has answered")
	}
}

// What a client-facing server hands on to the one behind it is the inner hello itself (RFC 9849 section 7.2): there is
// nothing to open, and the confirmation can be checked by anyone who sees it.
func TestAnInnerHelloThatCrossesByItselfIsConfirmedToo(t *testing.T) {
	client, server := echConfigs(t, echkey.Common(t))
	recording := echTalk(t, client, server)
	v, _ := lastView(t, recording)
	inner := hellos(v)[0].Inner.Bytes
	behind := new(inspect.Recording)
	for e := range recording.Events(0) {
		switch {
		case e.Kind == inspect.Secret && e.Logged.Label == inspect.LabelECHKey:
			continue
		case e.Kind == inspect.Captured && e.Side == inspect.Client && e.Bytes[0] == 0x16:
			e.Bytes = append([]byte{0x16, 0x03, 0x01, byte(len(inner) >> 8), byte(len(inner))}, inner...)
			e.N = len(e.Bytes)
		}
		behind.Append(e)
	}
	v, state := lastView(t, behind)
	if state.ECH != inspect.ECHAccepted || state.ServerName != "secret.example" || state.PublicName != "" || len(hellos(v)) != 0 {
		t.Errorf("ECH %s, %q behind %q", state.ECH, state.ServerName, state.PublicName)
	}
	if got := outcomes(v, "ech_confirmation"); got != "server_hello verified" {
		t.Error(got)
	}
	if got := outcomes(v, "finished"); got != "finished verified, finished verified" {
		t.Error(got)
	}
}

func TestASecondHelloWithTheSameSealWasNeverMeant(t *testing.T) {
	client, server := configs(t)
	client.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
	server.CurvePreferences = []tls.CurveID{tls.CurveP384}
	greased := new(inspect.Recording)
	for e := range echTalk(t, client, server).Events(0) {
		if e.Kind == inspect.Captured && e.Side == inspect.Client && e.Bytes[0] == 0x16 && e.Bytes[5] == 0x01 {
			e.Bytes = withGrease(e.Bytes)
		}
		greased.Append(e)
	}
	v, _ := lastView(t, greased)
	offered := hellos(v)
	if len(offered) != 2 {
		t.Fatalf("%d hellos", len(offered))
	}
	for _, m := range v.Messages() {
		if m.Name() == "client_hello" && m.ECH() == offered[1] && v.State(m.Event).ECH != inspect.ECHGrease {
			t.Errorf("the second hello leaves ECH %s", v.State(m.Event).ECH)
		}
	}
}
