package sockets_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sockets"
	"example.com/tlslab/kvs/store"
)

func TestTheServerOfV1SaysThatAClientHasComeAndEnds(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V1, Lang: "pt-BR"})
	client := connect(t, server.addr)
	client.wantEnd()
	client.Close()
	server.awaitEnd(t)
	want := "esperando conexões em " + server.addr + " (bind, listen, accept)...\nconexão estabelecida com " +
		client.LocalAddr().String() + "\no servidor terminou\n"
	if got := server.screen.String(); got != want {
		t.Errorf("the screen has\n%swant\n%s", got, want)
	}
}

func TestAClientWithoutAServerIsRefusedAndToldWhatThatMeans(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V1})
	connect(t, server.addr).Close()
	server.awaitEnd(t)
	_, err := sockets.Dial(t.Context(), server.addr)
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v", err)
	}
	for lang, want := range map[string]string{
		"en": "connection refused by " + server.addr + ": the machine is there, but no program listens on that port; start the server first, and check the port",
		"pt-BR": "conexão recusada por " + server.addr +
			": a máquina existe, mas nenhum programa escuta nessa porta; inicie antes o servidor e confira a porta",
	} {
		if got := sockets.Explain(docs.For(lang), err); got != want {
			t.Errorf("%s: %q", lang, got)
		}
	}
}

func TestTwoServersCannotHaveOnePort(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5})
	other := (&sockets.Server{Version: sockets.V5}).Kernel()
	other.Addr = server.addr
	err := other.Start(t.Context())
	if err == nil {
		other.Stop()
		other.Wait()
	}
	if got := sockets.Explain(docs.For("pt-BR"), err); !strings.HasPrefix(got, "a porta está ocupada: dois serviços não podem") ||
		!strings.HasSuffix(got, "escolha outra, entre 1024 e 65535") {
		t.Errorf("%v: %q", err, got)
	}
}

// TCP brings what was written in the order in which it was written, and forgets where one write ended and the next began.
func TestTCPIsAStreamInOrderThatKnowsOfNoMessages(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5})
	var conversation, answers strings.Builder
	for i := range 50 {
		fmt.Fprintf(&conversation, "adicionar\n{\"code\":\"%02d\",\"name\":\"lápis\",\"price\":1}\n consultar \n\"%02d\"\n", i, i)
		fmt.Fprintf(&answers, "waiting for products...\nproduct received [OK]\nwaiting for the code...\n{\"code\":\"%02d\",\"name\":\"lápis\",\"price\":1.00}\n", i)
	}
	for _, size := range []int{1, 7, 1 << 20} { // bytes a write: pieces of a line, and all lines at once
		client := connect(t, server.addr)
		text := conversation.String() + "terminar\n"
		for len(text) > 0 {
			n := min(size, len(text))
			client.send(text[:n])
			text = text[n:]
		}
		for line := range strings.Lines(answers.String()) {
			client.want(strings.TrimSuffix(line, "\n"))
		}
		client.want("goodbye")
		client.wantEnd()
	}
}

func TestTheServerOfV2SpeaksFirstAndTheClientAnswers(t *testing.T) {
	for lang, greeting := range map[string]string{"en": "hello, client: what do you say?", "pt-BR": "olá, cliente: o que você diz?"} {
		server := start(t, &sockets.Server{Version: sockets.V2, Lang: lang})
		client := connect(t, server.addr)
		client.want(greeting)
		client.send("bom dia\x1b[2J\u202e\n")
		client.wantEnd()
		client.Close()
		server.awaitEnd(t)
		if got := server.screen.String(); !strings.Contains(got, `: bom dia\x1b[2J\u202e`+"\n") {
			t.Errorf("the screen has\n%s", got)
		}
	}
}

func TestTheServersOfV1ToV3ServeOneClientAlone(t *testing.T) {
	for version := sockets.V2; version <= sockets.V3; version++ {
		server := start(t, &sockets.Server{Version: version})
		first := connect(t, server.addr)
		first.line()
		second, err := net.Dial("tcp", server.addr) // the system may take it, but nobody serves it
		if err == nil {
			second.SetDeadline(time.Now().Add(soon))
			if got, err := io.ReadAll(second); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%s: a second client heard %q, %v", version, got, err)
			}
			second.Close()
		}
		first.Close()
		server.awaitEnd(t)
	}
}

func TestAProductCrossesTheWireAsAGobInV3(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V3, Lang: "pt-BR"})
	client := connect(t, server.addr)
	client.want("esperando produtos...")
	for _, b := range gobProduct("7", "lápis", 2.5) { // in as many pieces as there can be
		client.send(string([]byte{b}))
	}
	client.want("produto recebido [OK]")
	client.wantEnd()
	client.Close()
	server.awaitEnd(t)
	server.screen.await(t, "produto: 7, lápis, 2,50\n")
}

func TestAnObjectThatV3DidNotExpectIsRefusedAndNothingOfItIsDone(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	for name, test := range map[string]struct {
		object []byte
		want   string
	}{
		"a call": {gobCall("os.system", "touch "+mark), "Erro: objeto recusado: espera-se Product{Code string, Name string, Price float} e veio " +
			"Call{Function string, Argument string}; um decodificador que avalia, como o pickle do Python, teria chamado os.system com touch " + cut(mark, 80-len("touch ")) +
			" só por lê-lo, e aqui nada foi chamado"},
		"one more field": {
			append(gobStructType("Product", "Code", aText, "Name", aText, "Price", aFloat, "Run", aText), gobMessage(gobInt(65), gobText("x"))...),
			"Erro: o que veio não é um objeto no formato gob",
		},
		"a field less": {
			append(gobStructType("Product", "Code", aText, "Name", aText), gobMessage(gobInt(65), []byte{1}, gobText("7"), []byte{0})...),
			"Erro: objeto recusado: espera-se Product{Code string, Name string, Price float} e veio Product{Code string, Name string}; " +
				"um decodificador que avalia teria construído o que quer que o objeto descreva",
		},
		"another name": {
			append(gobStructType("Other", "Code", aText, "Name", aText, "Price", aFloat), gobMessage(gobInt(65), []byte{1}, gobText("7"), []byte{0})...),
			"Erro: objeto recusado: espera-se Product{Code string, Name string, Price float} e veio Other{Code string, Name string, Price float}; " +
				"um decodificador que avalia teria construído o que quer que o objeto descreva",
		},
		"a text": {
			gobMessage(gobInt(aText), []byte{0}, gobText("oi")),
			"Erro: objeto recusado: espera-se Product{Code string, Name string, Price float} e veio string; " +
				"um decodificador que avalia teria construído o que quer que o objeto descreva",
		},
		"no name":                             {gobProduct("7", "", 2.5), "Erro: o código e o nome de um produto têm de ser texto e não podem ser vazios"},
		"not a number":                        {gobProduct("7", "caneta", nan()), "Erro: o preço de um produto tem de ser um número, 0 ou mais"},
		"less than 0":                         {gobProduct("7", "caneta", -1), "Erro: o preço de um produto tem de ser um número, 0 ou mais"},
		"no text":                             {gobProduct("7", "\xff", 1), "Erro: o código e o nome de um produto têm de ser texto e não podem ser vazios"},
		"TLS":                                 {[]byte("\x16\x03\x01\x00\xee\x01\x00\x00\xea\x03\x03..............."), "Erro: o que veio não é um objeto no formato gob"},
		"a huge length":                       {append(bytesOf(0xf8), 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "Erro: o objeto tem mais de 65536 bytes e não foi decodificado"},
		"no length":                           {bytesOf(0x80), "Erro: o que veio não é um objeto no formato gob"},
		"nothing in it":                       {bytesOf(0), "Erro: o que veio não é um objeto no formato gob"},
		"endless types":                       {repeated(productType, 5000), "Erro: o objeto tem mais de 65536 bytes e não foi decodificado"},
		"an end that is written as two bytes": {append(append([]byte{}, productType...), gobMessage(gobInt(65), []byte{0xff, 0}, []byte{0})...), "Erro: o que veio não é um objeto no formato gob"},
		"an unknown type":                     {gobMessage(gobInt(70), []byte{0}), "Erro: o que veio não é um objeto no formato gob"},
		"too many in text":                    {gobMessage(gobInt(aText), []byte{0}, gobUint(1<<40)), "Erro: o que veio não é um objeto no formato gob"},
	} {
		t.Run(name, func(t *testing.T) {
			server := start(t, &sockets.Server{Version: sockets.V3, Lang: "pt-BR"})
			client := connect(t, server.addr)
			client.want("esperando produtos...")
			client.send(string(test.object))
			client.want(test.want)
			client.wantEnd()
			client.Close()
			server.awaitEnd(t)
			if got := server.Statistics().MalformedRequests; got != 1 {
				t.Errorf("%d malformed requests were counted", got)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("it was done")
			}
		})
	}
}

func nan() float64 { return float64(0) / zero }

var zero float64

func bytesOf(b ...byte) []byte { return b }

func repeated(b []byte, n int) []byte { return []byte(strings.Repeat(string(b), n)) }

func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return text[:n] + "…"
}

func TestAnObjectThatEndsInTheMiddleIsRefused(t *testing.T) {
	whole := gobProduct("7", "lápis", 2.5)
	for _, n := range []int{1, len(productType) / 2, len(productType) + 1, len(whole) - 1} {
		server := start(t, &sockets.Server{Version: sockets.V3})
		client := connect(t, server.addr)
		client.want("waiting for products...")
		client.send(string(whole[:n]))
		client.CloseWrite()
		client.want("Error: the object ends in the middle and was not decoded")
		client.wantEnd()
		server.awaitEnd(t)
	}
}

func TestTheServerOfV4AddsListsAndEnds(t *testing.T) {
	for lang, conversation := range map[string]string{
		"pt-BR": `
			> adicionar
			esperando produtos...
			> {"code": "7", "name": "lápis", "price": 2.5}
			produto recebido [OK]
			> adicionar
			esperando produtos...
			> {"price": 1e1, "name": "caneta <azul>", "code": "10"}
			produto recebido [OK]
			> listar
			[{"code":"10","name":"caneta <azul>","price":10.00},{"code":"7","name":"lápis","price":2.50}]
			> terminar
			até logo`,
		"en": `
			> listar
			[]
			> adicionar
			waiting for products...
			> {"code": "7", "name": "pen", "price": 0}
			product received [OK]
			> listar
			[{"code":"7","name":"pen","price":0.00}]
			> terminar
			goodbye`,
	} {
		server := start(t, &sockets.Server{Version: sockets.V4, Lang: lang})
		client := connect(t, server.addr)
		client.converse(conversation)
		client.wantEnd()
		client.Close()
		server.awaitEnd(t)
	}
}

func TestWhatV4CannotDoIsAnsweredAndTheConversationGoesOn(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V4, Lang: "pt-BR"})
	client := connect(t, server.addr)
	form := `Erro: um produto é {"code": "7", "name": "caneta", "price": 2.50}, com estes três membros e nenhum outro`
	client.converse(`
		> consultar
		Erro: 'consultar' não é um pedido; este servidor conhece adicionar, listar, terminar
		> ADICIONAR
		Erro: 'ADICIONAR' não é um pedido; este servidor conhece adicionar, listar, terminar
		> __import__('os').getpid()
		Erro: '__import__('os').getpid()' não é um pedido; este servidor conhece adicionar, listar, terminar`)
	for product, want := range map[string]string{
		`{"code": "7", "name": "x", "price": "2"}`:         form,
		`{"code": 7, "name": "x", "price": 2}`:             form,
		`{"code": "7", "name": "x"}`:                       form,
		`{"code": "7", "name": "x", "price": null}`:        form,
		`{"code": "7", "name": "x", "price": 2, "run": 1}`: form,
		`{"code": "7", "name": "x", "price": 2} {}`:        form,
		`[]`:                                    form,
		`null`:                                  form,
		``:                                      "Erro: isto não é JSON: o byte 0 não cabe aí",
		`{"code"`:                               "Erro: isto não é JSON: o byte 7 não cabe aí",
		`os.system("ls")`:                       "Erro: isto não é JSON: o byte 1 não cabe aí",
		`{"code": "7", "name": "", "price": 2}`: "Erro: o código e o nome de um produto têm de ser texto e não podem ser vazios",
		`{"code": "7", "name": "x", "price": -1}`:   "Erro: o preço de um produto tem de ser um número, 0 ou mais",
		`{"code": "7", "name": "x", "price": 1e99}`: "produto recebido [OK]",
		`{"code": "7", "name": "y", "price": 1e99}`: "Erro: já há na lista um produto com o código 7",
	} {
		if strings.Contains(product, `"y"`) {
			defer client.converse("> adicionar\nesperando produtos...\n> " + product + "\n" + want)
			continue
		}
		client.converse("> adicionar\nesperando produtos...")
		client.send(product + "\n")
		client.want(want)
	}
}

func TestASecondClientOfV4WaitsUntilTheServerEnds(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V4, Lang: "pt-BR"})
	first, second := connect(t, server.addr), (*raw)(nil)
	first.converse("> listar\n[]")
	second = connect(t, server.addr)
	second.send("listar\n")
	server.screen.await(t, second.LocalAddr().String()+" se conectou e espera: atende-se um cliente por vez\n")
	first.converse("> listar\n[]") // and not the other
	second.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if b, err := second.in.ReadByte(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the second client was answered %q, %v", b, err)
	}
	second.SetReadDeadline(time.Now().Add(soon))
	first.converse("> terminar\naté logo")
	first.wantEnd()
	second.wantEnd()
	first.Close()
	second.Close()
	server.awaitEnd(t)
}

func TestASecondClientOfV4HasItsTurnWhenTheFirstLeaves(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V4})
	first := connect(t, server.addr)
	first.converse("> adicionar\nwaiting for products...\n> {\"code\":\"1\",\"name\":\"a\",\"price\":1}\nproduct received [OK]")
	second := connect(t, server.addr)
	second.send("listar\n")
	server.screen.await(t, second.LocalAddr().String()+" has connected and waits")
	first.Close()
	second.want(`[{"code":"1","name":"a","price":1.00}]`)
}

func TestTheServerOfV5ServesEachClientAtOnceOnAListOfItsOwn(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5, Lang: "pt-BR"})
	first, second := connect(t, server.addr), connect(t, server.addr)
	add := "> adicionar\nesperando produtos...\n> {\"code\":\"%s\",\"name\":\"%s\",\"price\":1}\nproduto recebido [OK]"
	first.converse(fmt.Sprintf(add, "1", "a"))
	second.converse(fmt.Sprintf(add, "1", "b"))
	first.converse("> listar\n" + `[{"code":"1","name":"a","price":1.00}]`)
	second.converse("> listar\n" + `[{"code":"1","name":"b","price":1.00}]`)
	first.converse("> terminar\naté logo")
	first.wantEnd()
	second.converse("> listar\n" + `[{"code":"1","name":"b","price":1.00}]`)
	third := connect(t, server.addr)
	third.converse("> listar\n[]\n> terminar\naté logo")
}

func TestTheClientsOfV5ShareAListIfTheyAreTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "products.db")
	for run := range 2 {
		products, err := store.Open(path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		server := start(t, &sockets.Server{Version: sockets.V5, Lang: "pt-BR", Shared: true, Store: products})
		first, second := connect(t, server.addr), connect(t, server.addr)
		if run == 0 {
			first.converse("> adicionar\nesperando produtos...\n> {\"code\":\"1\",\"name\":\"a\",\"price\":1}\nproduto recebido [OK]")
		}
		second.converse("> listar\n" + `[{"code":"1","name":"a","price":1.00}]`)
		second.converse("> adicionar\nesperando produtos...\n> {\"code\":\"1\",\"name\":\"b\",\"price\":1}\nErro: já há na lista um produto com o código 1")
		server.Stop()
		server.Wait()
		products.Close()
	}
}

func TestAProductIsLookedUpByItsCodeInV5(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5, Lang: "pt-BR", Shared: true})
	connect(t, server.addr).converse("> adicionar\nesperando produtos...\n> {\"code\":\"7\",\"name\":\"lápis\",\"price\":2.5}\nproduto recebido [OK]")
	connect(t, server.addr).converse(`
		> consultar
		esperando código...
		> "7"
		{"code":"7","name":"lápis","price":2.50}
		> consultar
		esperando código...
		> "\u0038\u001b"
		Erro: não existe produto com o código 8\x1b
		> consultar
		esperando código...
		> 7
		Erro: o código de um produto é um texto entre aspas, como "7"
		> terminar
		até logo`)
}

func TestAListMayBeLongerThanOneRead(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5, Shared: true})
	client := connect(t, server.addr)
	for i := range 200 {
		client.converse(fmt.Sprintf("> adicionar\nwaiting for products...\n> {\"code\":\"%03d\",\"name\":\"product\",\"price\":1}\nproduct received [OK]", i))
	}
	client.send("listar\n")
	if list := client.line(); len(list) < 3*2048 || strings.Count(list, "product") != 200 {
		t.Errorf("%d bytes: %.80s", len(list), list)
	}
}

func TestAListInMemoryHasABound(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5})
	client := connect(t, server.addr)
	name := strings.Repeat("x", 60_000)
	for i := range 40 {
		client.converse("> adicionar\nwaiting for products...")
		client.send(fmt.Sprintf(`{"code":"%d","name":"%s","price":1}`+"\n", i, name))
		if answer := client.line(); answer == "Error: the list is full" {
			if i < 10 {
				t.Errorf("full after %d", i)
			}
			client.converse("> consultar\nwaiting for the code...\n> \"99\"\nError: there is no product with the code 99")
			return
		}
	}
	t.Error("the list has no end")
}

// hostile are lines that no server of V4 and V5 accepts, and how it answers; then it closes.
var hostile = map[string]struct{ sent, want string }{
	"half":                  {"list", "Error: the line has no end and was not carried out"},
	"too long":              {strings.Repeat("x", 70_000), "Error: the line has more than 65536 bytes; the conversation ends here"},
	"too long with its end": {strings.Repeat("x", 65_537) + "\n", "Error: the line has more than 65536 bytes; the conversation ends here"},
	"half a product":        {"adicionar\n{\"code\":", "waiting for products...\nError: the line has no end and was not carried out"},
	"garbage":               {"\x16\x03\x01\x00\xee\x01\x00\n\xff\xff", `Error: '\x16\x03\x01\x00\xee\x01\x00' is no request; this server knows adicionar, listar, terminar` + "\nError: the line has no end and was not carried out"},
}

func TestHostileClientsAreAnsweredAndHurtNobodyElse(t *testing.T) {
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			server := start(t, &sockets.Server{Version: sockets.V5, Shared: true})
			other := connect(t, server.addr)
			other.converse("> listar\n[]")
			client := connect(t, server.addr)
			client.send(test.sent)
			client.CloseWrite()
			for line := range strings.Lines(test.want) {
				client.want(strings.Replace(strings.TrimSuffix(line, "\n"), "listar, terminar", "listar, terminar, consultar", 1))
			}
			client.wantEnd()
			other.converse("> listar\n[]")
		})
	}
}

func TestAClientThatSendsAByteNowAndThenIsLeftBehind(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5, RequestTimeout: 50 * time.Millisecond})
	other, slow := connect(t, server.addr), connect(t, server.addr)
	slow.send("l")
	slow.want("Error: the client began a request and did not finish it in time")
	slow.wantEnd()
	other.converse("> listar\n[]") // whose silence is no request
}

func TestAClientThatSaysNothingIsLeftBehind(t *testing.T) {
	for version := sockets.V2; version <= sockets.V5; version++ {
		server := start(t, &sockets.Server{Version: version}, func(k *kernel.Server) { k.IdleTimeout = 50 * time.Millisecond })
		client := connect(t, server.addr)
		if version <= sockets.V3 {
			client.line()
		}
		client.want("Error: the client said nothing for too long")
		client.wantEnd()
	}
}

func TestOneClientTooManyIsClosedAndTheOthersAreServed(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5})
	clients := make([]*raw, sockets.MaxClients)
	for i := range clients {
		clients[i] = connect(t, server.addr)
		clients[i].converse("> listar\n[]")
	}
	tooMany := connect(t, server.addr)
	tooMany.wantEnd()
	server.screen.await(t, tooMany.LocalAddr().String()+" was turned away: too many connections at once; try again later\n")
	for _, client := range clients {
		client.converse("> listar\n[]")
	}
	clients[0].converse("> terminar\ngoodbye")
	clients[0].wantEnd()
	clients[0].Close()
}

func TestAServerThatIsStoppedAnswersTheRequestThatRunsAndLeavesNothing(t *testing.T) {
	for version := sockets.V2; version <= sockets.V5; version++ {
		server := start(t, &sockets.Server{Version: version})
		client := connect(t, server.addr)
		if version <= sockets.V3 {
			client.line()
		} else {
			client.converse("> listar\n[]")
		}
		server.Stop()
		client.wantEnd()
		client.Close()
		server.awaitEnd(t)
		if _, err := net.Dial("tcp", server.addr); err == nil {
			t.Errorf("%s: it still listens", version)
		}
	}
}

func TestRequestsAreCountedByVerb(t *testing.T) {
	server := start(t, &sockets.Server{})
	connect(t, server.addr).converse("> listar\n[]\n> consultar\nwaiting for the code...\n> \"1\"\nError: there is no product with the code 1\n> terminar\ngoodbye")
	verbs := server.Statistics().Verbs
	if verbs["listar"].Requests != 1 || verbs["listar"].Errors != 0 || verbs["consultar"].Errors != 1 || verbs["terminar"].Requests != 1 {
		t.Errorf("%+v", verbs)
	}
}

// failing is a store of which the first View fails, or panics.
type failing struct {
	store.Memory
	panics bool
	views  int
}

func (f *failing) View(do func(store.Reader) error) error {
	if f.views++; f.views > 1 {
		return f.Memory.View(do)
	}
	if f.panics {
		panic("no")
	}
	return errors.New("no disk")
}

func TestAFaultOfTheServersIsAnsweredWithAnInternalErrorAndReported(t *testing.T) {
	for _, panics := range []bool{false, true} {
		server := start(t, &sockets.Server{Shared: true, Store: &failing{panics: panics}})
		connect(t, server.addr).converse(`
			> consultar
			waiting for the code...
			> "1"
			Error: internal error; the request may not have been carried out
			> listar
			[]`)
		if got := server.Statistics().RuntimeErrors; got != 1 {
			t.Errorf("%d runtime errors", got)
		}
	}
}

func TestAStoreThatHoldsSomethingElseIsAFaultOfTheServers(t *testing.T) {
	pairs := new(store.Memory)
	store.Create(pairs, []byte("1"), []byte("ana\n[]"))
	client := connect(t, start(t, &sockets.Server{Shared: true, Store: pairs}).addr)
	client.converse(`
		> listar
		Error: internal error; the request may not have been carried out
		> consultar
		waiting for the code...
		> "1"
		Error: internal error; the request may not have been carried out`)
}

func TestTheServersListenOnThisMachineAloneWhereTheCourseHasThem(t *testing.T) {
	for version := sockets.V1; version <= sockets.V5; version++ {
		if got := (&sockets.Server{Version: version}).Kernel().Addr; got != "127.0.0.1:12000" {
			t.Errorf("%s: %s", version, got)
		}
	}
}

func TestVersionsAreKnownByTheNamesOfTheirStages(t *testing.T) {
	for _, name := range []string{"sockets-v1", "sockets-v2", "sockets-v3", "sockets-v4", "sockets-v5"} {
		if v, ok := sockets.ParseVersion(name); !ok || v.String() != name {
			t.Errorf("%s: %s, %v", name, v, ok)
		}
	}
	if _, ok := sockets.ParseVersion("sockets-v6"); ok {
		t.Error("there is a sixth")
	}
	if sockets.Version(0).String() != "sockets-v5" {
		t.Error("zero is not the last")
	}
}
