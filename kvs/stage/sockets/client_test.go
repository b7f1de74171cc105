package sockets_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs/stage/sockets"
)

// dial connects a client to a server.
func dial(t *testing.T, version sockets.Version, addr string) *sockets.Client {
	t.Helper()
	conn, err := sockets.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return sockets.NewClient(version, conn)
}

func TestEachVersionsClientTalksToItsServerAsAPersonSees(t *testing.T) {
	for version, test := range map[sockets.Version]struct{ in, out string }{
		sockets.V1: {"", "o servidor aceitou a conexão e a fechou\n"},
		sockets.V2: {"\nbom dia\nnunca dito\n", "olá, cliente: o que você diz?\nescreva uma linha: é a sua resposta ao servidor\na conversa terminou\n"},
		sockets.V3: {"adicionar 7 caneta dois\nadicionar 7 caneta 2,50\n", "esperando produtos...\n" +
			"escreva: adicionar CÓDIGO NOME PREÇO (envia um produto) ou chamar FUNÇÃO ARGUMENTO (envia um objeto que ninguém espera); o que tem espaços vai entre aspas\n" +
			"'dois' não é um preço; escreva um número, como 2,50\nproduto recebido [OK]\na conversa terminou\n"},
		sockets.V4: {
			"adicionar 7 \"caneta\n adicionar 7\nadicionar \"\" a 1\nadicionar 7 caneta 2.5\nadicionar 7 outra 2.5\nlistar\nlistar tudo\nconsultar 7\nterminar\nlistar\n",
			"escreva: adicionar CÓDIGO NOME PREÇO, listar ou terminar; o que tem espaços vai entre aspas\n" +
				"as aspas abertas no byte 13 não foram fechadas\n" +
				"escreva adicionar CÓDIGO NOME PREÇO, por exemplo: adicionar 7 caneta 2,50\n" +
				"o código e o nome de um produto têm de ser texto e não podem ser vazios\n" +
				"produto recebido [OK]\nErro: já há na lista um produto com o código 7\n" +
				"[{\"code\":\"7\",\"name\":\"caneta\",\"price\":2.50}]\nlistar fica sozinho na linha\n" +
				"Erro: 'consultar' não é um pedido; este servidor conhece adicionar, listar, terminar\naté logo\na conversa terminou\n",
		},
		sockets.V5: {
			"consultar\nadicionar 7 caneta 0\nconsultar 7\nconsultar 8\n",
			"escreva: adicionar CÓDIGO NOME PREÇO, listar, consultar CÓDIGO ou terminar; o que tem espaços vai entre aspas\n" +
				"escreva consultar CÓDIGO, por exemplo: consultar 7\nproduto recebido [OK]\n" +
				"{\"code\":\"7\",\"name\":\"caneta\",\"price\":0.00}\nErro: não existe produto com o código 8\n",
		},
	} {
		t.Run(version.String(), func(t *testing.T) {
			server := start(t, &sockets.Server{Version: version, Lang: "pt-BR"})
			client := dial(t, version, server.addr)
			client.Lang = "pt-BR"
			var out strings.Builder
			if err := client.Run(t.Context(), strings.NewReader(test.in), &out); err != nil {
				t.Error(err)
			}
			if want := "conectado a " + server.addr + " (connect)\n" + test.out; out.String() != want {
				t.Errorf("got\n%swant\n%s", out.String(), want)
			}
			if version < sockets.V5 {
				server.awaitEnd(t)
			}
		})
	}
}

func TestAProgramAddsListsAndLooksUp(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} { // the client goes by no sentence but the word before a refusal
		server := start(t, &sockets.Server{Version: sockets.V5, Lang: lang})
		client := dial(t, sockets.V5, server.addr)
		var all []sockets.Product
		for i := range 150 { // more than one read
			product := sockets.Product{Code: fmt.Sprintf("%03d", i), Name: "lápis \"azul\"\n<\u2028>", Price: float64(i) / 4}
			if err := client.Add(t.Context(), product); err != nil {
				t.Fatal(err)
			}
			all = append(all, product)
		}
		list, err := client.List(t.Context())
		if err != nil || fmt.Sprint(list) != fmt.Sprint(all) {
			t.Errorf("%v, %v", list, err)
		}
		if found, err := client.Find(t.Context(), "007"); err != nil || found != all[7] {
			t.Errorf("%v, %v", found, err)
		}
		var refused *sockets.AnswerError
		if _, err := client.Find(t.Context(), "nenhum"); !errors.As(err, &refused) {
			t.Errorf("got %v", err)
		}
		if err := client.Add(t.Context(), sockets.Product{Code: "x", Name: "x", Price: math.Inf(1)}); !errors.As(err, new(*sockets.UsageError)) {
			t.Errorf("got %v", err)
		}
		if err := client.End(t.Context()); err != nil {
			t.Error(err)
		}
		if err := client.Add(t.Context(), all[0]); err != sockets.ErrOver {
			t.Errorf("after the end: %v", err)
		}
	}
}

func TestAListThatIsLongerThanOneReadIsPutTogetherInV5Alone(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V5, Shared: true})
	older, newer := dial(t, sockets.V4, server.addr), dial(t, sockets.V5, server.addr)
	for i := range 30 {
		if err := newer.Add(t.Context(), sockets.Product{Code: fmt.Sprint(i), Name: strings.Repeat("x", 200), Price: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := newer.List(t.Context()); err != nil || len(list) != 30 {
		t.Errorf("V5 got %d, %v", len(list), err)
	}
	_, err := older.Do(t.Context(), "listar")
	if !errors.Is(err, sockets.ErrOneRead) {
		t.Errorf("V4: %v", err)
	}
	want := "the answer has more than the 2048 bytes of one read, and this version makes no second one; version 5 puts all reads together"
	if got := sockets.Explain(docs.For("en"), err); got != want {
		t.Errorf("explained as %q", got)
	}
	if _, err := older.Do(t.Context(), "listar"); err != sockets.ErrOver {
		t.Errorf("and then %v", err)
	}
}

// scripted plays a server that says what it is told to, whatever it hears.
func scripted(t *testing.T, says ...string) net.Conn {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		in := bufio.NewReader(server)
		for _, text := range says {
			if _, err := in.ReadString('\n'); err != nil {
				return
			}
			for len(text) > 0 { // in pieces
				n := min(len(text), 1500)
				if _, err := io.WriteString(server, text[:n]); err != nil {
					return
				}
				text = text[n:]
			}
		}
	}()
	t.Cleanup(func() {
		client.Close()
		<-done
	})
	return client
}

func TestAClientDoesNotBelieveWhateverAServerSays(t *testing.T) {
	for says, want := range map[string]error{
		strings.Repeat("x", sockets.MaxAnswer+4096): sockets.ErrAnswer,
		"no list\n":                sockets.ErrAnswer,
		"[{\"code\":7}]\n":         sockets.ErrAnswer,
		"":                         sockets.ErrServerClosed,
		"[{\"code\":\"7\"":         sockets.ErrServerClosed,
		"Error: \x1b[2J\u202eno\n": &sockets.AnswerError{Answer: "Error: \x1b[2J\u202eno"},
	} {
		client := sockets.NewClient(sockets.V5, scripted(t, says))
		if _, err := client.List(t.Context()); err == nil || err.Error() != want.Error() {
			t.Errorf("%.40q: %v, want %v", says, err, want)
		}
	}
	var out strings.Builder
	sockets.NewClient(sockets.V5, scripted(t, "Error: \x1b[2J\u202eno\n", "\x1b]0;x\a\n")).Run(t.Context(), strings.NewReader("listar\nlistar\n"), &out)
	if got := out.String(); strings.ContainsAny(got, "\x1b\a\u202e") || !strings.Contains(got, `Error: \x1b[2J\u202eno`) {
		t.Errorf("shown as %q", got)
	}
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	conn, server := net.Pipe()
	defer server.Close()
	defer conn.Close()
	go io.Copy(io.Discard, server)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	client := sockets.NewClient(sockets.V5, conn)
	if _, err := client.Do(ctx, "listar"); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	if _, err := client.Do(t.Context(), "listar"); err != sockets.ErrOver {
		t.Errorf("and then %v", err)
	}
}

func TestAClientThatWaitsForItsTurnSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, server := net.Pipe()
		defer server.Close()
		go func() {
			in := bufio.NewReader(server)
			in.ReadString('\n')
			time.Sleep(time.Hour)
			io.WriteString(server, "[]\n")
			in.ReadString('\n')
			io.WriteString(server, "[]\n") // at once
		}()
		client := sockets.NewClient(sockets.V4, conn)
		client.Lang = "pt-BR"
		var out strings.Builder
		if err := client.Run(t.Context(), strings.NewReader("listar\nlistar\n"), &out); err != nil {
			t.Error(err)
		}
		_, got, _ := strings.Cut(out.String(), "vai entre aspas\n")
		if want := "ainda sem resposta: talvez o servidor esteja atendendo outro cliente...\n[]\n[]\n"; got != want {
			t.Errorf("got %q", got)
		}
	})
}

func TestAClientMaySayAVerbAndLeaveTheAnswer(t *testing.T) {
	server := start(t, &sockets.Server{Version: sockets.V4})
	first := dial(t, sockets.V4, server.addr)
	if _, err := first.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := dial(t, sockets.V4, server.addr)
	if err := second.Send(t.Context(), "listar"); err != nil {
		t.Error(err)
	}
	if _, err := second.Do(t.Context(), "listar"); err != sockets.ErrUnanswered {
		t.Errorf("got %v", err)
	}
	if err := first.End(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEveryErrorIsExplainedInBothLanguages(t *testing.T) {
	_, noHost := sockets.Dial(t.Context(), "localhost:99999")
	for _, err := range []error{
		sockets.ErrOneRead, sockets.ErrAnswer, sockets.ErrServerClosed, sockets.ErrOver, sockets.ErrUnanswered, noHost,
		&sockets.AnswerError{Answer: "Error: no"}, os.ErrDeadlineExceeded,
	} {
		en, pt := sockets.Explain(docs.For("en"), err), sockets.Explain(docs.For("pt-BR"), err)
		if en == "" || pt == "" || strings.Contains(en+pt, "«") || strings.ContainsAny(en+pt, "\n\x1b") {
			t.Errorf("%v: %q, %q", err, en, pt)
		}
	}
}

func TestAPortIsANumberFrom0To65535(t *testing.T) {
	_, noDial := sockets.Dial(t.Context(), "127.0.0.1:99999")
	server := &sockets.Server{Version: sockets.V1, Lang: "en"}
	noListener := server.Kernel()
	noListener.Addr = "127.0.0.1:65536"
	for port, err := range map[string]error{"99999": noDial, "65536": noListener.Start(t.Context())} {
		for lang, want := range map[string]string{
			"en":    "'" + port + "' is not a port: a port is a number from 0 to 65535",
			"pt-BR": "'" + port + "' não é uma porta: uma porta é um número de 0 a 65535",
		} {
			if got := sockets.Explain(docs.For(lang), err); got != want {
				t.Errorf("%v: got %q, want %q", err, got, want)
			}
		}
	}
}
