package kvs_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/pki"
	"example.com/tlslab/kvs/store"
)

// The one place where it is fixed who may do what.
var wantRoles = map[kvs.Role][]string{
	kvs.Anyone: {"auth", "lang", "exit", "AUTH", "HELLO", "QUIT"},
	kvs.Reader: {
		"read", "show", "keys", "values",
		"GET", "MGET", "EXISTS", "TTL", "KEYS", "SCAN", "DBSIZE", "PING", "ECHO", "INFO", "COMMAND", "CLIENT", "SELECT",
	},
	kvs.Writer: {"create", "update", "delete", "SET", "MSET", "DEL", "INCR", "EXPIRE"},
}

func roleWanted(t *testing.T, command string) kvs.Role {
	for role, commands := range wantRoles {
		if slices.Contains(commands, command) {
			return role
		}
	}
	t.Fatalf("nobody has said who may do %s", command)
	return 0
}

// arguments are enough words for each command.
func arguments(command string) []string {
	n := map[string]int{
		"create": 2, "update": 2, "delete": 1, "read": 1,
		"GET": 1, "MGET": 1, "EXISTS": 1, "TTL": 1, "KEYS": 1, "SCAN": 1, "ECHO": 1, "SELECT": 1, "SET": 2, "MSET": 2, "DEL": 1, "INCR": 1, "EXPIRE": 2,
	}[command]
	words := []string{command, "0", "0", "0"}[:1+n]
	if command == "CLIENT" {
		words = append(words, "ID")
	}
	return words
}

func TestEveryCommandIsRefusedToThoseWhoseRoleIsTooSmall(t *testing.T) {
	tokens := newTokens(t)
	secrets := map[kvs.Role]string{}
	for role, name := range map[kvs.Role]string{kvs.Reader: "eva", kvs.Writer: "ana"} {
		secret, err := tokens.Add(name, role)
		check(t, err)
		secrets[role] = secret
	}
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	for _, role := range []kvs.Role{kvs.Anyone, kvs.Reader, kvs.Writer} {
		for _, command := range kvs.Commands() {
			if command.Needs == kvs.Anyone {
				continue
			}
			c := dialPipe(t, server)
			if role != kvs.Anyone && c.ask("auth "+secrets[role]) != "Ok" {
				t.Fatal("the token was not taken")
			}
			answer := c.ask(strings.Join(arguments(command.Name), " "))
			refused := strings.Contains(answer, command.Name+" needs the role ")
			if may := role >= roleWanted(t, command.Name); refused == may {
				t.Errorf("%v, %s: %s", role, command.Name, answer)
			}
			if command.Needs != roleWanted(t, command.Name) {
				t.Errorf("%s tells of %v", command.Name, command.Needs)
			}
		}
		all := dialRESP(t, &kvs.Server{Store: new(store.Memory)})
		for _, name := range bulks(all.ask("COMMAND", "LIST")) {
			name = strings.ToUpper(name)
			if name == "AUTH" || name == "HELLO" || name == "QUIT" {
				continue
			}
			c := dialRESP(t, server)
			if role != kvs.Anyone && c.ask("AUTH", secrets[role]) != "+OK" {
				t.Fatal("the token was not taken")
			}
			answer := c.ask(arguments(name)...)
			want := map[kvs.Role]string{kvs.Anyone: "-NOAUTH ", kvs.Reader: "-NOPERM "}[role]
			if role >= roleWanted(t, name) {
				want = ""
			}
			if refused := strings.HasPrefix(answer, "-NO"); refused != (want != "") || !strings.HasPrefix(answer, want) {
				t.Errorf("%v, %s: %s", role, name, answer)
			}
		}
	}
}

func TestTheManualSaysWhoMayDoWhat(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		page, err := os.ReadFile(filepath.Join("..", "docs", "manual", lang, "roles.md"))
		check(t, err)
		var rows []string
		for line := range strings.Lines(string(page)) {
			if strings.HasPrefix(line, "| ") {
				rows = append(rows, line)
			}
		}
		for role, commands := range wantRoles {
			for _, command := range commands {
				if row := rows[role]; !strings.Contains(row, "`"+command+"`") { // behind the table's head
					t.Errorf("%s: the row of role %d does not name %s: %s", lang, role, command, row)
				}
			}
		}
	}
}

// bulks returns the strings in an answer that is a list of them.
func bulks(answer string) (texts []string) {
	for i, part := range strings.Split(answer, "|") {
		if i > 0 && !strings.HasPrefix(part, "$") {
			texts = append(texts, part)
		}
	}
	return texts
}

func TestARefusalSaysWhatIsMissingInTheServersLanguage(t *testing.T) {
	tokens := newTokens(t)
	eva, err := tokens.Add("eva", kvs.Reader)
	check(t, err)
	c := dialPipe(t, &kvs.Server{Store: new(store.Memory), Lang: "pt-BR", Access: &kvs.Access{Tokens: tokens}})
	for _, line := range []struct{ request, answer string }{
		{"create a 1", "Erro: create exige o papel writer, e você não disse quem é; envie antes auth TOKEN"},
		{"auth nothing", "Erro: o token não é deste servidor ou foi revogado"},
		{"auth", "Erro: número errado de argumentos (0); escreva auth TOKEN, com aspas em torno de um argumento que tenha espaços"},
		{"auth " + eva, "Ok"},
		{"create a 1", "Erro: create exige o papel writer, e eva tem o papel reader"},
		{"keys", "[]"},
		{"auth nothing", "Erro: o token não é deste servidor ou foi revogado"},
		{"keys", "[]"},
		{"exit", "Ok"},
	} {
		if got := c.ask(line.request); got != line.answer {
			t.Errorf("%s: %s", line.request, got)
		}
	}
}

func TestRedisClientsSayWhoTheyAreAsTheyDoToRedis(t *testing.T) {
	tokens := newTokens(t)
	ana, err := tokens.Add("ana", kvs.Writer)
	check(t, err)
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	const wrong = "-WRONGPASS invalid username-password pair or user is disabled."
	c := dialRESP(t, server)
	for _, step := range []struct {
		request []string
		answer  string
	}{
		{[]string{"PING"}, "-NOAUTH Authentication required"},
		{[]string{"HELLO", "3"}, "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option"},
		{[]string{"AUTH", "nothing"}, wrong},
		{[]string{"AUTH", "eva", ana}, wrong},
		{[]string{"HELLO", "3", "AUTH", "eva", ana}, wrong},
		{[]string{"HELLO", "4", "AUTH", "ana", ana}, "-NOPROTO"},
		{[]string{"PING"}, "-NOAUTH"},
		{[]string{"HELLO", "3", "AUTH", "ana", ana}, "%7|"},
		{[]string{"SET", "a", "1"}, "+OK"},
		{[]string{"AUTH", "nothing"}, wrong},
		{[]string{"SET", "a", "1"}, "+OK"},
		{[]string{"AUTH", "default", ana}, "+OK"},
		{[]string{"AUTH", ana}, "+OK"},
		{[]string{"HELLO"}, "%7|"},
	} {
		if got := c.ask(step.request...); !strings.HasPrefix(got, step.answer) {
			t.Errorf("%s: %s", step.request, got)
		}
	}
	if got := c.ask("CLIENT", "INFO"); !strings.Contains(got, " user=ana ") {
		t.Error(got)
	}
}

func TestARevokedTokenEndsWhatItsClientMayDoOnAConnectionThatIsOpen(t *testing.T) {
	tokens := newTokens(t)
	ana, err := tokens.Add("ana", kvs.Writer)
	check(t, err)
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	c, r := dialPipe(t, server), dialRESP(t, server)
	if got := c.ask("auth "+ana) + r.ask("AUTH", ana); got != "Ok+OK" {
		t.Fatal(got)
	}
	check(t, kvs.OpenTokens(tokens.Path()).Revoke("ana")) // in another process
	until(t, "the token of ana was revoked", func() string { return c.ask("create a 1") })
	until(t, "-NOAUTH ", func() string { return r.ask("PING") })
	if got := c.ask("auth " + ana); got != "Error: the token is not one of this server, or was revoked" {
		t.Error(got)
	}
	if got := dialPipe(t, server).ask("keys"); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("with the last token gone, anyone may do everything: %s", got)
	}
	check(t, os.Remove(tokens.Path()))
	if got := dialPipe(t, server).ask("keys"); !strings.HasPrefix(got, "Error: ") {
		t.Errorf("with the file gone, anyone may do everything: %s", got)
	}
	again, err := tokens.Add("ana", kvs.Reader)
	check(t, err)
	if got := c.ask("auth "+again) + c.ask("keys"); !strings.HasPrefix(got, "Ok[") {
		t.Error(got)
	}
}

// until asks again and again, since what is known of a client is taken to be true for a second.
func until(t *testing.T, want string, ask func() string) {
	t.Helper()
	var got string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = ask(); strings.Contains(got, want) {
			return
		}
	}
	t.Errorf("%s, want %s", got, want)
}

func TestTheFirstTokenClosesAServerThatRuns(t *testing.T) {
	tokens := newTokens(t)
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	c, r := dialPipe(t, server), dialRESP(t, server)
	if got := c.ask("create a 1") + r.ask("AUTH", "default", "x") + r.ask("AUTH", "x"); !strings.HasPrefix(got, "Ok+OK-ERR AUTH <password> called without any password") {
		t.Error(got)
	}
	if got := c.ask("auth x"); got != "Error: nobody needs a token here; go on without one" {
		t.Error(got)
	}
	_, err := tokens.Add("ana", kvs.Writer)
	check(t, err)
	until(t, "read needs the role reader, and you have not said who you are; send auth TOKEN first", func() string { return c.ask("read a") })
}

func TestAFileOfTokensThatCannotBeReadLetsNobodyInAndIsToldToTheOperator(t *testing.T) {
	tokens := newTokens(t)
	ana, err := tokens.Add("ana", kvs.Writer)
	check(t, err)
	var mu sync.Mutex
	var told []error
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	c := dialPipe(t, server, func(k *kernel.Server) {
		k.OnRuntimeError(func(e kernel.RuntimeError) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, e.Err)
		})
	})
	c.ask("auth " + ana)
	check(t, os.WriteFile(tokens.Path(), []byte("{}\n"), 0o600))
	const answer = "Error: who may do what cannot be found out at the moment, so nobody may do anything; the server's operator was told why"
	until(t, answer, func() string { return c.ask("keys") })
	if got := c.ask("auth " + ana); got != answer {
		t.Error(got)
	}
	mu.Lock()
	defer mu.Unlock()
	var damaged *kvs.TokensError
	if len(told) == 0 || !errors.As(told[0], &damaged) {
		t.Errorf("told %v", told)
	}
}

func TestACommandOfOnesOwnNeedsAWriter(t *testing.T) {
	tokens := newTokens(t)
	eva, err := tokens.Add("eva", kvs.Reader)
	check(t, err)
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Tokens: tokens}}
	own := func(context.Context, *kernel.Conn, [][]byte) ([]byte, error) { return []byte("done"), nil }
	server.Handle("own", own)
	server.Handle("read", own)
	c := dialPipe(t, server)
	c.ask("auth " + eva)
	if got := c.ask("own"); got != "Error: own needs the role writer, and eva has the role reader" {
		t.Error(got)
	}
	if got := c.ask("read"); got != "done" {
		t.Error(got)
	}
}

// guarded is a server that asks for certificates, and its authority.
func guarded(t *testing.T, auth tls.ClientAuthType) (*lab, *pki.Dir) {
	t.Helper()
	dir, err := pki.Open(filepath.Join(t.TempDir(), "pki"), time.Now())
	check(t, err)
	certificate, err := dir.Server()
	check(t, err)
	config := pki.ServerConfig(certificate, auth, dir.Authority().Roots())
	revocations := dir.Revocations()
	config.VerifyConnection = revocations.VerifyConnection
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	check(t, err)
	server := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Certificates: true, Revoked: revocations.Check, Tokens: newTokens(t)}}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- (&kernel.Server{Handler: server}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &lab{t, listener.Addr().String(), dir.CertFile("ca"), pki.ClientConfig(dir.Authority().Roots(), "localhost")}, dir
}

func (l *lab) as(t *testing.T, dir *pki.Dir, name string, units ...string) *kvs.Client {
	t.Helper()
	certificate, err := dir.Client(name, units...)
	check(t, err)
	l.client = l.client.Clone()
	l.client.Certificates = []tls.Certificate{certificate}
	return kvs.NewClient(l.dial())
}

func TestTheRoleOfAClientStandsInItsCertificate(t *testing.T) {
	l, dir := guarded(t, tls.VerifyClientCertIfGiven)
	for _, c := range []struct {
		client               *kvs.Client
		create, keys, answer string
	}{
		{l.as(t, dir, "ana", "writer"), "Ok", "[", ""},
		{l.as(t, dir, "eva", "reader"), "Error: create needs the role writer, and CN=eva,OU=reader,O=tlslab has the role reader", "[", ""},
		{
			l.as(t, dir, "leo", "king"), "Error: create needs the role writer, and the certificate of CN=leo,OU=king,O=tlslab says no role; ask for one that does",
			"Error: keys needs the role reader, and the certificate of CN=leo,", "",
		},
	} {
		for request, want := range map[string]string{"create a 1": c.create, "keys": c.keys} {
			answer, err := c.client.Do(t.Context(), request)
			if err != nil {
				answer = err.Error()
			}
			if !strings.HasPrefix(answer, want) {
				t.Errorf("%s: %s", request, answer)
			}
		}
		c.client.Do(t.Context(), "delete a")
	}
	l.client.Certificates = nil
	if _, err := kvs.NewClient(l.dial()).Do(t.Context(), "keys"); err == nil || !strings.Contains(err.Error(), "or connect with a client certificate") {
		t.Errorf("without a certificate: %v", err)
	}
}

func TestWhatASubjectHoldsIsMadeSafeWhereItIsShown(t *testing.T) {
	l, dir := guarded(t, tls.RequireAndVerifyClientCert)
	certificate, err := dir.Authority().IssueClient("ana resp=9", "reader")
	check(t, err)
	l.client.Certificates = []tls.Certificate{certificate}
	if got := newTalk(t, l.dial()).ask("CLIENT", "INFO"); !strings.Contains(got, ` user=CN=ana\x20resp=9,OU=reader,O=tlslab resp=2 `) {
		t.Error(got)
	}
	template := *certificate.Leaf
	template.Subject.CommonName, template.Subject.Names = "\x1b[2Jana", nil
	template.RawSubject = nil
	hostile := l.signed(t, dir, &template)
	l.client.Certificates = []tls.Certificate{hostile}
	_, err = kvs.NewClient(l.dial()).Do(t.Context(), "create a 1")
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) || !strings.Contains(err.Error(), `\x1b[2Jana`) {
		t.Errorf("%q", err)
	}
}

// signed has the authority sign what it would never issue.
func (l *lab) signed(t *testing.T, dir *pki.Dir, template *x509.Certificate) tls.Certificate {
	t.Helper()
	authority, err := pki.Load(dir.CertFile("ca"), dir.KeyFile("ca"))
	check(t, err)
	_, key, err := ed25519.GenerateKey(nil)
	check(t, err)
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, key.Public(), authority.PrivateKey)
	check(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestARevokedCertificateIsRefusedOnAnOpenConnectionAndAtEveryHandshake(t *testing.T) {
	l, dir := guarded(t, tls.VerifyClientCertIfGiven)
	l.client.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	open := l.as(t, dir, "ana", "writer")
	if _, err := open.Do(t.Context(), "create a 1"); err != nil { // and so the ticket is read
		t.Fatal(err)
	}
	second := l.dial()
	if answer, err := kvs.NewClient(second).Do(t.Context(), "read a"); answer != "1" || !second.ConnectionState().DidResume {
		t.Fatalf("%q, %v, resumed %t", answer, err, second.ConnectionState().DidResume)
	}
	n, err := dir.Revoke("ana")
	if n != 1 || err != nil {
		t.Fatal(n, err)
	}
	until(t, "Error: the certificate of CN=ana,OU=writer,O=tlslab was revoked; ask for a new one", func() string {
		answer, err := open.Do(t.Context(), "read a")
		if err != nil {
			answer = err.Error()
		}
		return answer
	})
	for _, resumed := range []string{"with a ticket", "without"} {
		conn, err := tls.Dial("tcp", l.address, l.client)
		if err == nil {
			conn.SetDeadline(time.Now().Add(patience))
			_, err = kvs.NewClient(conn).Do(t.Context(), "read a")
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "bad certificate") {
			t.Errorf("%s: %v", resumed, err)
		}
		l.client.ClientSessionCache = nil
	}
	fresh, err := dir.Renew("ana")
	check(t, err)
	l.client.Certificates = []tls.Certificate{fresh}
	if answer, err := kvs.NewClient(l.dial()).Do(t.Context(), "read a"); answer != "1" {
		t.Errorf("renewed: %q, %v", answer, err)
	}
}

func TestWhereOnlyCertificatesCountATokenIsRefusedInBothProtocols(t *testing.T) {
	s := &kvs.Server{Store: new(store.Memory), Access: &kvs.Access{Certificates: true}}
	if got := dialPipe(t, s).ask("auth x"); got != "Error: tokens are not taken here; connect with a certificate" {
		t.Errorf("got %s", got)
	}
	resp := dialRESP(t, s)
	for _, request := range [][]string{{"AUTH", "x"}, {"AUTH", "default", "x"}, {"HELLO", "3", "AUTH", "default", "x"}} {
		if got := resp.ask(request...); !strings.HasPrefix(got, "-WRONGPASS ") {
			t.Errorf("%v is answered %s", request, got)
		}
	}
}
