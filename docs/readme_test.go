package docs

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// around is what the README's program takes for granted: two configurations that know each other.
const around = `package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"time"

	"example.com/tlslab/inspect"
)

func main() {
	public, key, _ := ed25519.GenerateKey(rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, _ := x509.CreateCertificate(rand.Reader, template, template, public, key)
	certificate, _ := x509.ParseCertificate(raw)
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	serverConfig := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{raw}, PrivateKey: key}}}
	clientConfig := &tls.Config{ServerName: "localhost", RootCAs: roots}

`

func TestTheProgramInTheReadmeRunsAndShowsWhatWasSaid(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(readme), "```go\n")
	program, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("README.md holds no Go program")
	}
	out := runInModule(t, around+program+"}\n")
	for _, want := range []string{
		"client (clear): client_hello", "server (handshake): certificate_verify", `client (application): application_data "hello"`,
		`server (application): application_data "hello"`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the README's program does not print %q:\n%s", want, out)
		}
	}
}

// runInModule runs a program as if it stood in this module, in a folder that exists only for the go command.
func runInModule(t *testing.T, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	place, err := filepath.Abs(filepath.Join("readme", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {place: file}})
	if err != nil {
		t.Fatal(err)
	}
	replace := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(replace, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", "run", "-overlay", replace, "./readme").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
