package sockets_test

import (
	"context"
	"fmt"
	"os"
	"strings"

	"example.com/tlslab/kvs/stage/sockets"
)

func Example() {
	ctx := context.Background()
	server := (&sockets.Server{Version: sockets.V4, Lang: "pt-BR"}).Kernel()
	server.Addr = "127.0.0.1:0"
	if err := server.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	conn, err := sockets.Dial(ctx, server.ListenAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := sockets.NewClient(sockets.V4, conn)
	defer client.Close()
	for _, command := range []string{`adicionar 7 "lápis preto" 2,50`, "listar", "terminar"} {
		answer, err := client.Do(ctx, command)
		fmt.Println(answer, err)
	}
	client.Close()
	fmt.Println(server.Wait())
	// Output:
	// produto recebido [OK] <nil>
	// [{"code":"7","name":"lápis preto","price":2.50}] <nil>
	// até logo <nil>
	// <nil>
}

func ExampleClient_Run() {
	ctx := context.Background()
	server := (&sockets.Server{Version: sockets.V3, Lang: "en"}).Kernel()
	server.Addr = "127.0.0.1:0"
	if err := server.Start(ctx); err != nil {
		fmt.Println(err)
		return
	}
	conn, err := sockets.Dial(ctx, server.ListenAddr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	client := sockets.NewClient(sockets.V3, conn)
	client.Lang = "en"
	var said strings.Builder
	client.Run(ctx, strings.NewReader("chamar os.system \"echo intruder\"\n"), &said)
	server.Wait()
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	fmt.Fprintln(os.Stdout, strings.Join(lines[1:2], "\n"))
	fmt.Println(strings.ReplaceAll(lines[3], "; ", ";\n"))
	// Output:
	// waiting for products...
	// Error: object refused: Product{Code string, Name string, Price float} is expected and Call{Function string, Argument string} came;
	// a decoder that evaluates, as Python's pickle does, would have called os.system with echo intruder by reading it alone, and here nothing was called
}
