//go:build !windows

package docs

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheServerInTheManualServesAndTellsWhatCrossesIt(t *testing.T) {
	program := goProgram(t, "manual/en/embed.md")
	if goProgram(t, "manual/pt-BR/embed.md") != program {
		t.Error("the program is another one in pt-BR")
	}
	folder := t.TempDir()
	put(t, filepath.Join(folder, "main.go"), program)
	roots := putCertificate(t, folder)
	clone, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range readPage(t, "manual/en/embed.md").commands {
		if strings.HasPrefix(line, "go ") {
			run(t, folder, strings.Fields(strings.Replace(line, "../tlslab", clone, 1)))
		}
	}

	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "mine"), "--addr", "127.0.0.1:0", "--record", "web.pcapng")
	cmd.Dir = folder
	var told strings.Builder
	cmd.Stdout = &told
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(log).ReadString('\n')
	addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
	if err != nil || addr == "" {
		t.Fatalf("it said %q (%v)", line, err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, Timeout: 20 * time.Second}
	answer, err := client.Get("https://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	client.CloseIdleConnections()
	if err != nil || string(text) != "hello, over HTTP/2.0\n" {
		t.Errorf("the answer is %q (%v)", text, err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"holds client_hello", "holds certificate", "PRI * HTTP/2.0", "as sent: 17 03 03", "close_notify"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("it does not tell %q:\n%s", want, &told)
		}
	}
	info, err := os.Stat(filepath.Join(folder, "web.pcapng"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 1000 {
		t.Errorf("the recording: %v (%v)", info, err)
	}
}

// goProgram returns the first program in Go of a page.
func goProgram(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```go\n")
	program, _, found := strings.Cut(after, "```\n")
	if !found {
		t.Fatalf("%s holds no Go program", page)
	}
	return program
}

func run(t *testing.T, folder string, words []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// putCertificate makes server.pem and server.key, and returns who trusts them.
func putCertificate(t *testing.T, folder string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(folder, "server.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})))
	put(t, filepath.Join(folder, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
	return roots
}
