package kernel_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/tlslab/kvs/kernel"
)

func ExampleVerbs() {
	var verbs kernel.Verbs[string, string]
	verbs.Handle("GREET", func(_ context.Context, _ *kernel.Conn, name string) (string, error) {
		return "hello, " + name, nil
	})
	verbs.Handle("FAIL", func(context.Context, *kernel.Conn, string) (string, error) { panic("a fault") })
	server := &kernel.Server{Addr: "127.0.0.1:0", Handler: kernel.HandlerFunc(func(ctx context.Context, client *kernel.Conn) error {
		var verb, name string
		for {
			if _, err := fmt.Fscanln(client, &verb, &name); err != nil {
				return err
			}
			answer, err := verbs.Do(ctx, client, verb, name)
			if err != nil {
				answer = "error"
			}
			fmt.Fprintln(client, answer)
		}
	})}
	server.OnRuntimeError(func(e kernel.RuntimeError) { fmt.Println("told:", e) })
	server.OnUnknownVerb(func(client *kernel.Conn) { client.Close() })
	if err := server.Start(context.Background()); err != nil {
		fmt.Println(err)
	}

	conn, _ := net.Dial("tcp", server.ListenAddr().String())
	fmt.Fprint(conn, "GREET ana\nFAIL ana\nSING ana\n")
	answers, _ := io.ReadAll(conn)
	conn.Close()
	fmt.Print(string(answers))
	server.Stop()
	fmt.Println(server.Wait())
	fmt.Println(server.Statistics().Verbs["FAIL"])
	// Output:
	// told: client 1: panic: a fault
	// hello, ana
	// error
	// <nil>
	// {1 1}
}

func TestAHandlerCanBeSetForAnyVerbAndReplacedWhileTheServerServes(t *testing.T) {
	var verbs kernel.Verbs[string, string]
	reply := func(text string) kernel.VerbHandler[string, string] {
		return func(context.Context, *kernel.Conn, string) (string, error) { return text, nil }
	}
	verbs.Handle("STAT", reply("first"))
	verbs.Handle("a custom one", nil) // which nobody answered before either
	s := &kernel.Server{Handler: service(&verbs)}
	conn := dialMemory(t, s)
	talkTo(t, conn, "STAT", "first")
	talkTo(t, conn, "CUSTOM", "error: unknown verb")
	verbs.Handle("CUSTOM", reply("mine"))
	verbs.Handle("STAT", reply("second"))
	talkTo(t, conn, "CUSTOM", "mine")
	talkTo(t, conn, "STAT", "second")
	if got := verbs.Names(); !slices.Equal(got, []string{"STAT", "CUSTOM"}) {
		t.Errorf("there are %q", got)
	}
	verbs.Handle("STAT", nil)
	talkTo(t, conn, "STAT", "error: unknown verb")
	talkTo(t, conn, "", "error: unknown verb")
	if got := verbs.Names(); !slices.Equal(got, []string{"CUSTOM"}) {
		t.Errorf("there are %q", got)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			verbs.Handle("CUSTOM", reply("mine"))
			verbs.Names()
		}
	})
	for range 100 {
		talkTo(t, conn, "CUSTOM", "mine")
	}
	wg.Wait()
}

func TestAPanicInAHandlerIsAnsweredCountedAndReportedAndHurtsNobodyElse(t *testing.T) {
	s := &kernel.Server{Handler: everyVerb(), Addr: "127.0.0.1:0"}
	told := make(chan kernel.RuntimeError, 10)
	s.OnRuntimeError(func(e kernel.RuntimeError) { told <- e })
	check(t, s.Start(t.Context()))
	other := dialTCP(t, s)
	talkTo(t, other, "ping", "pong") // it has its number
	conn := dialTCP(t, s)
	talkTo(t, conn, "panic", "internal error")
	e := <-told
	var panicked *kernel.PanicError
	if !errors.As(e, &panicked) || panicked.Value != "on demand" || e.Class != "string" || e.Client.ID != 2 ||
		e.Thread != "client 2" || !strings.Contains(e.Traceback, "events_test.go") {
		t.Errorf("told of %+v", e)
	}
	talkTo(t, conn, "ping", "pong") // and it goes on
	talkTo(t, other, "ping", "pong")

	io.WriteString(conn, "die\n") // outside of any verb: it ends its own connection
	wantEnd(t, conn)
	if e := <-told; e.Client.ID != 2 || !strings.Contains(e.Traceback, "events_test.go") {
		t.Errorf("told of %+v", e)
	}
	talkTo(t, other, "ping", "pong")
	got := s.Statistics()
	if got.RuntimeErrors != 2 || got.Verbs["panic"] != (kernel.VerbStatistics{Requests: 1, Errors: 1}) {
		t.Errorf("counted as %+v", got)
	}
	check(t, s.Stop())
	check(t, s.Wait())
}

func TestAPanicWithAnErrorIsThatError(t *testing.T) {
	var verbs kernel.Verbs[string, string]
	verbs.Handle("panic", func(context.Context, *kernel.Conn, string) (string, error) {
		panic(fmt.Errorf("wrapped: %w", io.ErrNoProgress))
	})
	s := &kernel.Server{}
	var told error
	s.OnRuntimeError(func(e kernel.RuntimeError) { told = e })
	s.Handler = kernel.HandlerFunc(func(ctx context.Context, conn *kernel.Conn) error {
		_, err := verbs.Do(ctx, conn, "panic", "")
		return err
	})
	client, server := net.Pipe()
	defer client.Close()
	if err := s.ServeConn(t.Context(), closer{server}); !errors.Is(err, io.ErrNoProgress) || !errors.Is(told, io.ErrNoProgress) {
		t.Errorf("got %v, told of %v", err, told)
	}
}

// closer lets the server end a pipe, which has no half to close.
type closer struct{ net.Conn }

func (c closer) CloseWrite() error { return c.Close() }

// dialMemory returns a client of a server that does not listen.
func dialMemory(t *testing.T, s *kernel.Server) net.Conn {
	client, server := net.Pipe()
	done := make(chan error)
	go func() { done <- s.ServeConn(context.Background(), server) }()
	t.Cleanup(func() {
		client.Close()
		check(t, <-done)
	})
	return client
}
