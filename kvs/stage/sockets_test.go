package stage_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/kvs/stage/sockets"
)

func TestEachVersionOfSocketsPlaysItsOwnConversation(t *testing.T) {
	for version, want := range map[sockets.Version]struct {
		answers []string
		units   string
	}{
		sockets.V1: {[]string{"o servidor aceitou a conexão e a fechou"}, ""},
		sockets.V2: {[]string{"olá, cliente: o que você diz?"}, `
			server greeting "olá, cliente: o que você diz?\n"
			client reply "olá, servidor!\n"`},
		sockets.V3: {[]string{"produto recebido [OK]", "Erro: objeto recusado: espera-se Product{Code string, Name string, Price float} e veio " +
			"Call{Function string, Argument string}; um decodificador que avalia, como o pickle do Python, teria chamado os.system com echo intruso só por lê-lo, e aqui nada foi chamado"}, `
			server answer "esperando produtos...\n"
			client definition
			client value
			server answer "produto recebido [OK]\n"
			server answer "esperando produtos...\n"
			client definition
			client value
			server refusal`},
		sockets.V4: {[]string{
			"produto recebido [OK]", "o cliente 2 espera até o cliente 1 sair ou dizer terminar", "o cliente 2 espera até o cliente 1 sair ou dizer terminar",
			"agora quem fala é client", `[{"code":"7","name":"caneta","price":2.50}]`, "até logo",
		}, `
			client verb "adicionar\n"
			server answer "esperando produtos...\n"
			client product "{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}\n"
			server answer "produto recebido [OK]\n"
			client 2 verb "listar\n"
			client verb "listar\n"
			server list "[{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}]\n"
			client verb "terminar\n"
			server answer "até logo\n"`},
		sockets.V5: {[]string{
			"produto recebido [OK]", "agora quem fala é client 2", "produto recebido [OK]", `[{"code":"8","name":"lápis","price":1.25}]`,
			"agora quem fala é client", `[{"code":"7","name":"caneta","price":2.50}]`, `{"code":"7","name":"caneta","price":2.50}`,
			"Erro: não existe produto com o código 8", "até logo",
		}, `
			client verb "adicionar\n"
			server answer "esperando produtos...\n"
			client product "{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}\n"
			server answer "produto recebido [OK]\n"
			client 2 verb "adicionar\n"
			server answer "esperando produtos...\n"
			client 2 product "{\"code\":\"8\",\"name\":\"lápis\",\"price\":1.25}\n"
			server answer "produto recebido [OK]\n"
			client 2 verb "listar\n"
			server list "[{\"code\":\"8\",\"name\":\"lápis\",\"price\":1.25}]\n"
			client verb "listar\n"
			server list "[{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}]\n"
			client verb "consultar\n"
			server answer "esperando código...\n"
			client code "\"7\"\n"
			server product "{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}\n"
			client verb "consultar\n"
			server answer "esperando código...\n"
			client code "\"8\"\n"
			server refusal "Erro: não existe produto com o código 8\n"
			client verb "terminar\n"
			server answer "até logo\n"`},
	} {
		t.Run(version.String(), func(t *testing.T) {
			tap := inspect.NewTap()
			play, err := (&stage.Sockets{Version: version, Lang: "pt-BR"}).Open(t.Context(), tap)
			if err != nil {
				t.Fatal(err)
			}
			var answers []string
			for _, command := range stage.SocketsHints(version) {
				answers = append(answers, do(t, play, command))
			}
			play.Close()
			if !slices.Equal(answers, want.answers) {
				t.Errorf("answered %q", answers)
			}
			session := inspect.NewSession(tap.Recording())
			var units []string
			for r := range session.Records() {
				units = append(units, unit(session, r))
			}
			var wanted []string
			for line := range strings.Lines(want.units) {
				if line = strings.TrimSpace(line); line != "" {
					wanted = append(wanted, line)
				}
			}
			if !slices.EqualFunc(units, wanted, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(units, "\n"), strings.Join(wanted, "\n"))
			}
			everyByteIsExplained(t, session)
			for _, item := range session.Items() {
				if item.Kind == inspect.ErrorItem || item.Kind == inspect.BytesItem {
					t.Errorf("%s: %s", item.Side, item.Text)
				}
			}
		})
	}
}

// unit tells who sent a unit, what it is called, and its bytes.
func unit(session *inspect.Session, r *inspect.Record) string {
	sender := r.Side.String()
	if r.Side == inspect.Client {
		for _, c := range session.Connections() {
			if c.Conn == r.Conn {
				sender = c.Opening.Addr[inspect.Client]
			}
		}
	}
	return fmt.Sprintf("%s %s %q", sender, r.Name(), r.Raw())
}

// everyByteIsExplained wants all bytes understood, and a word on each kind of field in both languages.
func everyByteIsExplained(t *testing.T, session *inspect.Session) {
	t.Helper()
	var explained func(f inspect.Field)
	explained = func(f inspect.Field) {
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if f.Kind == inspect.NotUnderstood || docs.For(lang).Explain(f.Kind) == "" {
				t.Errorf("%s: %s in %s", f.Kind, f.Value, lang)
			}
		}
		for _, child := range f.Children {
			explained(child)
		}
	}
	for r := range session.Records() {
		explained(r.Fields())
	}
}

func TestAServerOfSocketsThatHasEndedIsStartedByTheNextCommand(t *testing.T) {
	for version, commands := range map[sockets.Version][]string{
		sockets.V1: {"conectar", "conectar"},
		sockets.V2: {"a", "b"},
		sockets.V3: {"adicionar 7 a 1", "adicionar 7 a 1"},
		sockets.V4: {"adicionar 7 a 1", "listar", "terminar", "listar", "terminar"},
	} {
		play, err := (&stage.Sockets{Version: version}).Open(t.Context(), inspect.NewTap())
		if err != nil {
			t.Fatal(err)
		}
		var answers []string
		for _, command := range commands {
			answers = append(answers, do(t, play, command))
		}
		if version == sockets.V4 && answers[3] != "[]" {
			t.Errorf("the list outlives its server: %q", answers)
		}
		do(t, play, "cliente 1")
		if _, err := play.Do(t.Context(), "exit"); err != stage.ErrEnded {
			t.Errorf("%s: %v", version, err)
		}
		play.Close()
		if _, err := play.Do(t.Context(), commands[0]); err != stage.ErrEnded {
			t.Errorf("%s, closed: %v", version, err)
		}
	}
}

func TestASecondClientOfOneThatServesOneIsRefused(t *testing.T) {
	for range 20 { // however soon it comes
		play, err := (&stage.Sockets{Version: sockets.V2}).Open(t.Context(), inspect.NewTap())
		if err != nil {
			t.Fatal(err)
		}
		defer play.Close()
		var misuse *inspect.CommandError
		if answer, err := play.Do(t.Context(), "cliente 2"); !errors.As(err, &misuse) || !strings.HasPrefix(misuse.Reply, "connection refused by 127.0.0.1:12000") {
			t.Fatalf("got %q, %v", answer, err)
		}
		do(t, play, "cliente 1")
		if got := do(t, play, "hello"); got != "hello, client: what do you say?" {
			t.Fatalf("got %q", got)
		}
	}
}

func TestTheClientsOfV5ShareAListOnTheStageIfTheyAreTo(t *testing.T) {
	for shared, want := range map[bool]string{true: `[{"code":"7","name":"a","price":1.00}]`, false: "[]"} {
		play, err := (&stage.Sockets{Version: sockets.V5, Shared: shared}).Open(t.Context(), inspect.NewTap())
		if err != nil {
			t.Fatal(err)
		}
		do(t, play, "adicionar 7 a 1")
		do(t, play, "cliente 2")
		if got := do(t, play, "listar"); got != want {
			t.Errorf("shared %v: %s", shared, got)
		}
		do(t, play, "terminar")
		if got := do(t, play, "listar"); got != want { // over a new connection
			t.Errorf("shared %v, again: %s", shared, got)
		}
		play.Close()
	}
}

func TestWhatIsNoCommandOfSocketsIsSaidToBeNone(t *testing.T) {
	play, err := (&stage.Sockets{Version: sockets.V5, Lang: "pt-BR"}).Open(t.Context(), inspect.NewTap())
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	for command, want := range map[string]string{
		"adicionar 7": "escreva adicionar CÓDIGO NOME PREÇO, por exemplo: adicionar 7 caneta 2,50",
		`"`:           "as aspas abertas no byte 1 não foram fechadas",
		"":            "o comando está vazio",
		"cliente 99":  "cliente fica sozinho na linha",
	} {
		if got := refused(t, play, command); got != want {
			t.Errorf("%s: %q", command, got)
		}
	}
	if got := do(t, play, "somar"); got != "Erro: 'somar' não é um pedido; este servidor conhece adicionar, listar, terminar, consultar" {
		t.Errorf("got %q", got)
	}
}

func TestAPriceThatIsChangedOnTheWireIsTakenAsItArrives(t *testing.T) {
	rules := &inspect.Rules{List: []inspect.Rule{{
		Match: inspect.Match{From: inspect.FromClient, Message: "product"},
		Do:    inspect.Alter(func(unit []byte) []byte { return []byte(strings.Replace(string(unit), "2.50", "0.50", 1)) }),
	}}}
	play, err := (&stage.Sockets{Version: sockets.V4}).Open(t.Context(), &inspect.Tap{Gate: rules})
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	if got := do(t, play, "adicionar 7 caneta 2.5"); got != "product received [OK]" { // nobody notices
		t.Errorf("got %q", got)
	}
	if got := do(t, play, "listar"); got != `[{"code":"7","name":"caneta","price":0.50}]` {
		t.Errorf("got %q", got)
	}
}

func TestAHeldSessionOfSocketsGoesOnHoweverLongItWasHeld(t *testing.T) {
	for version := sockets.V1; version <= sockets.V5; version++ {
		t.Run(version.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
				stepper := new(inspect.Stepper)
				play, err := (&stage.Sockets{Version: version}).Open(t.Context(), &inspect.Tap{Gate: stepper})
				if err != nil {
					t.Fatal(err)
				}
				for _, command := range stage.SocketsHints(version) {
					answered := make(chan string)
					go func() { answered <- do(t, play, command) }()
					for done := false; !done; {
						time.Sleep(30 * time.Hour)
						select {
						case answer := <-answered:
							if answer == "" || strings.Contains(answer, "refused by") {
								t.Errorf("%s: %q", command, answer)
							}
							done = true
						default:
							stepper.Release()
						}
					}
				}
				play.Close()
			})
		})
	}
}

func TestAHeldSessionOfSocketsEndsWhenItIsClosed(t *testing.T) {
	for version := sockets.V1; version <= sockets.V5; version++ {
		stepper := new(inspect.Stepper)
		play, err := (&stage.Sockets{Version: version}).Open(t.Context(), &inspect.Tap{Gate: stepper})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			play.Do(context.Background(), stage.SocketsHints(version)[0])
		}()
		if version > sockets.V1 {
			if err := stepper.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		play.Close()
		<-ended
	}
}

func TestNoGateHoweverWildKeepsASessionOfSocketsFromItsEnd(t *testing.T) {
	for version := sockets.V1; version <= sockets.V5; version++ {
		t.Run(version.String(), func(t *testing.T) {
			for seed := range uint64(40) {
				random := rand.New(rand.NewPCG(seed, uint64(version)))
				synctest.Test(t, func(t *testing.T) {
					play, err := (&stage.Sockets{Version: version}).Open(t.Context(), &inspect.Tap{Gate: wild(random)})
					if err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					for _, command := range stage.SocketsHints(version) {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
						play.Do(ctx, command)
						cancel()
					}
					play.Close()
					if took := time.Since(began); took > time.Minute {
						t.Errorf("seed %d: the session took %v", seed, took)
					}
				})
			}
		})
	}
}

// printed returns what each connection's server says on its own screen.
func printed(recording *inspect.Recording) (lines []string) {
	for e := range recording.Events(0) {
		if e.Kind == inspect.Printed {
			lines = append(lines, fmt.Sprintf("%d %s: %s", e.Conn, e.Side, e.Text))
		}
	}
	return lines
}

func TestWhatAServerSaysOnItsOwnScreenStandsInTheSession(t *testing.T) {
	for _, test := range []struct {
		stage    inspect.Stage
		commands []string
		want     []string
	}{
		{&stage.Sockets{Version: sockets.V1}, []string{"conectar"}, []string{
			"0 server: waiting for connections in memory (no port)...",
			"0 server: connection established with client", "0 server: the server has ended",
		}},
		{&stage.Sockets{Version: sockets.V2, Lang: "pt-BR"}, []string{"olá"}, []string{
			"0 server: esperando conexões em memória (sem porta)...",
			"0 server: conexão estabelecida com client", `0 server: mensagem recebida: olá`, "0 server: o servidor terminou",
		}},
		{&stage.Sockets{Version: sockets.V3}, []string{"adicionar 7 caneta 2.50", "adicionar 8 lápis 1.25"}, []string{
			"0 server: waiting for connections in memory (no port)...",
			"0 server: connection established with client", "0 server: product: 7, caneta, 2.50", "0 server: the server has ended",
			"1 server: waiting for connections in memory (no port)...",
			"1 server: connection established with client", "1 server: product: 8, lápis, 1.25", "1 server: the server has ended",
		}},
		{&stage.Upper{}, []string{"ola", "a b"}, []string{
			"0 server: Received from client:", `0 server: "ola"`, "1 server: Received from client:", `1 server: "a b"`,
		}},
		{&stage.Router{}, []string{"hashes", "nonsense"}, []string{
			"0 server: client has connected", "0 server: client asked for /get_hashes: 400", "0 server: client has left",
		}},
		{&stage.Sealed{Keys: sealedKeys(t)}, []string{"CREATE", "DESTROY"}, []string{
			"0 server: Connection established with client", "0 server: Container UUID created for client",
			"1 server: Connection established with client", "1 server: Container UUID destroyed",
		}},
		{&stage.Sealed{Keys: sealedKeys(t), Authenticated: true, Lang: "pt-BR"}, []string{"STAT"}, []string{
			"0 server: Conexão estabelecida com client",
		}},
	} {
		tap := inspect.NewTap()
		play, err := test.stage.Open(t.Context(), tap)
		if err != nil {
			t.Fatal(err)
		}
		for _, command := range test.commands {
			play.Do(t.Context(), command)
		}
		play.Close()
		got := printed(tap.Recording())
		for i := range got {
			got[i] = uuid.ReplaceAllString(got[i], "UUID")
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%T:\n%s", test.stage, strings.Join(got, "\n"))
		}
	}
}

var uuid = regexp.MustCompile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

func TestTheServerOfEachChannelSaysWhoComesAndGoesOnItsOwnScreen(t *testing.T) {
	for _, channel := range stage.Channels() {
		entry, err := stage.New(stage.NameKV, stage.Options{Channel: channel, Keys: sealedKeys(t)})
		if err != nil {
			t.Fatal(err)
		}
		tap := inspect.NewTap()
		play, err := entry.Open(t.Context(), tap)
		if err != nil {
			t.Fatal(err)
		}
		do(t, play, "create nome ana")
		do(t, play, "exit")
		play.Close()
		want := []string{"0 server: Connection established with client", "0 server: Connection closed (client)"}
		if channel == stage.ChannelMTLS {
			want[0] += ", who is CN=ana,O=tlslab"
		}
		if got := printed(tap.Recording()); !slices.Equal(got, want) {
			t.Errorf("%s: %q", channel, got)
		}
	}
}

func TestASealedSessionThatIsEndedBeforeAnythingWasSaidTellsOfNoFailure(t *testing.T) {
	tap := inspect.NewTap()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as if the play were closed while the key pairs are generated
	play, err := (&stage.Sealed{Keys: sealedKeys(t)}).Open(ctx, tap)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := play.Do(t.Context(), "SHELL show"); !errors.As(err, new(*inspect.CommandError)) {
		t.Errorf("the command: %v", err)
	}
	play.Close()
	for e := range tap.Recording().Events(0) {
		switch e.Kind {
		case inspect.Captured, inspect.Failed, inspect.Printed:
			t.Errorf("%s %s: %q %v %s", e.Side, e.Kind, e.Bytes, e.Err, e.Text)
		}
	}
}

func TestASecondClientOfV4VisiblyWaits(t *testing.T) {
	tap := inspect.NewTap()
	play, err := (&stage.Sockets{Version: sockets.V4}).Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	defer play.Close()
	stalled := play.(inspect.Staller).Stalled
	do(t, play, "listar")
	if stalled() != "" {
		t.Errorf("while one is there: %s", stalled())
	}
	const waits = "client 2 waits until client 1 leaves or says terminar"
	for _, command := range []string{"cliente 2", "listar", "listar"} {
		if got := do(t, play, command); got != waits || stalled() != waits {
			t.Errorf("%s: %s, and then %s", command, got, stalled())
		}
	}
	if lines := printed(tap.Recording()); !slices.Contains(lines, "1 server: client 2 has connected and waits: one client is served at a time") {
		t.Errorf("the server says %q", lines)
	}
	if do(t, play, "cliente 1"); stalled() != "" {
		t.Errorf("client 1 waits: %s", stalled())
	}
	do(t, play, "terminar")
	if do(t, play, "cliente 2"); stalled() != "" {
		t.Errorf("at a new server, alone: %s", stalled())
	}
}
