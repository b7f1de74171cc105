package kernel_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/kvs/kernel"
)

// serveStatistics returns the address of a server's statistics.
func serveStatistics(t *testing.T, s *kernel.Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.ServeStatistics(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		check(t, <-ended)
	})
	return listener.Addr().String()
}

// ask sends one request as it stands, and returns the answer.
func ask(t *testing.T, address, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	check(t, err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(conn, request)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	check(t, err)
	body, err := io.ReadAll(answer.Body)
	check(t, err)
	return answer, string(body)
}

func TestStatisticsAreServedAsJSON(t *testing.T) {
	s := &kernel.Server{Handler: everyVerb(), Addr: "127.0.0.1:0"}
	address := serveStatistics(t, s)
	check(t, s.Start(t.Context()))
	talkTo(t, dialTCP(t, s), "ping", "pong")
	answer, body := ask(t, address, "GET / HTTP/1.1\r\nHost: "+address+"\r\n\r\n")
	var got kernel.Statistics
	check(t, json.Unmarshal([]byte(body), &got))
	if !got.Running || got.Verbs["ping"].Requests != 1 || got.Open != 1 {
		t.Errorf("got %s", body)
	}
	if got := answer.Header.Get("Content-Type"); answer.StatusCode != http.StatusOK || got != "application/json" {
		t.Errorf("%s, %s", answer.Status, got)
	}
	check(t, s.Stop())
	check(t, s.Wait())
	if _, body := ask(t, address, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"); !strings.Contains(body, `"running": false`) {
		t.Errorf("when it has stopped: %s", body)
	}
}

func TestStatisticsCanBeReadAndNothingElse(t *testing.T) {
	address := serveStatistics(t, &kernel.Server{Handler: echo})
	for request, want := range map[string]int{
		"HEAD / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n":                                           http.StatusOK,
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n":                     http.StatusMethodNotAllowed,
		"GET /other HTTP/1.1\r\nHost: localhost\r\n\r\n":                                      http.StatusNotFound,
		"GET / HTTP/1.1\r\nHost: rebound.example\r\n\r\n":                                     http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n":                                           http.StatusMisdirectedRequest,
		"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n": http.StatusRequestHeaderFieldsTooLarge,
	} {
		conn, err := net.Dial("tcp", address)
		check(t, err)
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		go io.WriteString(conn, request)
		answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: request[:strings.Index(request, " ")]})
		check(t, err)
		answer.Body.Close()
		conn.Close()
		if answer.StatusCode != want {
			t.Errorf("%.40q: %s, want %d", request, answer.Status, want)
		}
	}
}

func TestStatisticsAreForThisComputerAlone(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0"} {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue // there is no IPv6 here
		}
		if err := new(kernel.Server).ServeStatistics(t.Context(), listener); !errors.Is(err, kernel.ErrNotLoopback) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSilentReadersOfStatisticsTakeNoMoreThanTheirPlaces(t *testing.T) {
	t.Parallel()
	address := serveStatistics(t, &kernel.Server{Handler: echo})
	var silent []net.Conn
	for range kernel.MaxStatisticsConns {
		conn, err := net.Dial("tcp", address)
		check(t, err)
		defer conn.Close()
		silent = append(silent, conn)
	}
	extra, err := net.Dial("tcp", address)
	check(t, err)
	defer extra.Close()
	extra.SetDeadline(time.Now().Add(30 * time.Second))
	if n, err := extra.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("one more is served")
	}
	silent[0].SetDeadline(time.Now().Add(30 * time.Second))
	if all, _ := io.ReadAll(silent[0]); len(all) > 0 && !strings.Contains(string(all), "408") {
		t.Errorf("who says nothing is told %q", all)
	}
	if answer, _ := ask(t, address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); answer.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %s", answer.Status)
	}
}
