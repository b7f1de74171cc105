package router_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A raw client is written from the description of the protocol, and has nothing of this package.
type raw struct {
	net.Conn
	t       *testing.T
	answers *json.Decoder
}

func dialRaw(t *testing.T, address string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second)) // a test that hangs is to say where
	return rawOver(t, conn)
}

func rawOver(t *testing.T, conn net.Conn) *raw { return &raw{conn, t, json.NewDecoder(conn)} }

func mustAddrPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

func (r *raw) send(format string, arguments ...any) {
	r.t.Helper()
	if _, err := fmt.Fprintf(r.Conn, format, arguments...); err != nil {
		r.t.Fatal(err)
	}
}

// hear returns the next answer.
func (r *raw) hear() map[string]any {
	r.t.Helper()
	var answer map[string]any
	if err := r.answers.Decode(&answer); err != nil {
		r.t.Fatalf("instead of an answer: %v", err)
	}
	return answer
}

func (r *raw) ask(format string, arguments ...any) map[string]any {
	r.t.Helper()
	r.send(format, arguments...)
	return r.hear()
}

// refused asks and holds that the answer is of that code and reason, and gives nothing.
func (r *raw) refused(code int, reason, format string, arguments ...any) {
	r.t.Helper()
	r.refusal(r.ask(format, arguments...), code, reason)
}

func (r *raw) refusal(answer map[string]any, code int, reason string) {
	r.t.Helper()
	if answer["code"] != float64(code) || answer["reason"] != reason || answer["message"] == "" || len(answer) != 3 {
		r.t.Errorf("answered %v, want %d %s", answer, code, reason)
	}
}

func (r *raw) login(hostname string) (token string) {
	r.t.Helper()
	answer := r.ask(`{"url": "/login", "hostname": %q}`, hostname)
	token, _ = answer["token"].(string)
	if answer["code"] != 200.0 || token == "" {
		r.t.Fatalf("login: %v", answer)
	}
	return token
}

// over holds that nothing follows: the server closes.
func (r *raw) over() {
	r.t.Helper()
	rest, err := io.ReadAll(io.MultiReader(r.answers.Buffered(), r.Conn))
	if len(rest) > 0 || err != nil {
		r.t.Errorf("instead of the end: %q, %v", rest, err)
	}
}

// shared makes a folder of files, and next to it a file that must never be read.
func shared(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	parent := t.TempDir()
	folder = filepath.Join(parent, "shared")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(parent, "secret.txt"), secret)
	for name, content := range files {
		write(t, filepath.Join(folder, name), content)
	}
	return folder
}

const secret = "nobody may read this"

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// newServer returns a server over a folder that does not run yet.
func newServer(t *testing.T, folder string) *router.Server {
	t.Helper()
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	server := router.NewServer(root)
	server.Addr = "127.0.0.1:0"
	return server
}

// serving starts a server, which the end of the test stops, and returns its address.
func serving(t *testing.T, server *router.Server) (address string) {
	t.Helper()
	if err := server.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil && !errors.Is(err, kernel.ErrNotRunning) {
			t.Error(err)
		}
		if err := server.Wait(); err != nil {
			t.Error(err)
		}
	})
	return server.ListenAddr().String()
}

var twoFiles = map[string]string{"notes.txt": "Olá!\n", "empty": ""}

func hexSum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// jsonText writes a string of any bytes, those that are no UTF-8 as they stand.
func jsonText(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c < ' ' || c == '"' || c == '\\':
			fmt.Fprintf(&b, `\u%04x`, c)
		case c == 0xff:
			b.WriteString(`\udfff`)
		default:
			b.WriteByte(c)
		}
	}
	return `"` + b.String() + `"`
}
