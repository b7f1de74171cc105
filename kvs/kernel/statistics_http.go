package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// ErrNotLoopback says that statistics are only for programs on the same computer.
var ErrNotLoopback = errors.New("statistics are served on a loopback address only, such as 127.0.0.1")

// What a client of [Server.ServeStatistics] can take.
const (
	MaxStatisticsConns   = 16
	MaxStatisticsRequest = 4 << 10         // bytes of its head
	StatisticsTimeout    = 5 * time.Second // for the request, and for the answer
)

// ServeStatistics answers GET / on a listener with the server's [Statistics], as JSON in UTF-8, over HTTP without TLS, until ctx is done.
// The listener, which it closes in the end, must be on a loopback address, otherwise the error is [ErrNotLoopback]. Whoever can
// open a connection there can read them; there is no secret in them. A request whose Host is no loopback address is refused, so
// that no page in a browser reads them by a name of its own that leads here.
func (s *Server) ServeStatistics(ctx context.Context, listener net.Listener) error {
	if addr, ok := listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
		listener.Close()
		return ErrNotLoopback
	}
	server := &http.Server{
		Handler: http.HandlerFunc(s.answerStatistics), MaxHeaderBytes: MaxStatisticsRequest,
		ReadTimeout: StatisticsTimeout, WriteTimeout: StatisticsTimeout, ErrorLog: log.New(io.Discard, "", 0),
	}
	server.SetKeepAlivesEnabled(false)
	served := make(chan error, 1)
	go func() {
		served <- server.Serve(&few{Listener: listener, places: make(chan struct{}, MaxStatisticsConns)})
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if server.Shutdown(ending) != nil {
		server.Close()
	}
	<-served
	return nil
}

func (s *Server) answerStatistics(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	switch {
	case !isLoopback(r.Host):
		http.Error(w, "statistics are for this computer alone", http.StatusMisdirectedRequest)
		return
	case r.URL.Path != "/":
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "statistics can be read only", http.StatusMethodNotAllowed)
		return
	}
	text, err := json.MarshalIndent(s.Statistics(), "", "  ")
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", "application/json")
	w.Write(append(text, '\n'))
}

// isLoopback reports whether a Host names this computer itself.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback()
}

// few gives out only so many connections at once; one more is closed.
type few struct {
	net.Listener
	places chan struct{}
}

func (l *few) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			conn.Close()
		}
	}
}

type placed struct {
	net.Conn
	leave func()
}

// Close gives the place back before the client can see that the connection has ended, since it may come again at once.
func (c *placed) Close() error {
	c.leave()
	return c.Conn.Close()
}
