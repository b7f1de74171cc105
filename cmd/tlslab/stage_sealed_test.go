package main

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/kvs"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/sealed"
)

func TestAServerWithNoPlaceLeftSaysWhomItTurnsAway(t *testing.T) {
	said, out := io.Pipe()
	defer said.Close()
	key, err := sealed.OpenKey("../../kvs/stage/sealed/testdata/server.pem")
	if os.IsPermission(err) || err != nil {
		t.Fatal(err)
	}
	server := sealed.NewServer(&sealed.Config{Key: key})
	server.Addr, server.MaxConnsPerHost = "127.0.0.1:0", 1
	server.Screen = kvs.Screen{Lang: docs.English, Out: out}
	entered := make(chan bool, 2)
	server.OnConnection(func(net.Conn) { entered <- true })
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		conn, err := net.Dial("tcp", server.ListenAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		<-entered
	}
	line := make([]byte, 200)
	n, err := said.Read(line)
	if text := string(line[:n]); err != nil || !strings.HasPrefix(text, "Connection refused (127.0.0.1:") || !strings.Contains(text, "from this address") {
		t.Errorf("it says %q, %v", text, err)
	}
	go io.Copy(io.Discard, said)
	server.Stop()
	if err := server.Wait(); err != nil && err != kernel.ErrNotRunning {
		t.Error(err)
	}
}
