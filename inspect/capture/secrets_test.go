package capture_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

func TestSecretsAreReadOfAKeyLogAndOfACapture(t *testing.T) {
	rec := inMemory(t, tls.VersionTLS13, []string{"create nome ana\n"})
	file := written(t, rec)
	var log bytes.Buffer
	var want []inspect.LoggedSecret
	for e := range read(t, file).Events(0) {
		if e.Kind == inspect.Secret {
			want = append(want, *e.Logged)
			if err := capture.WriteKeyLog(&log, *e.Logged); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, from := range map[string][]byte{"a key log": log.Bytes(), "a capture": file} {
		got, err := capture.ReadSecrets(bytes.NewReader(from))
		if diff := cmp.Diff(want, got, butLines); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestOfAFileWithoutSecretsItIsSaidWhatItIs(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	bare := packets(written(t, byHand()), snapped(1<<16))
	for name, test := range map[string]struct{ file, says string }{
		"a private key, PEM":       {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "it is a private key: it decrypts nothing where keys are agreed on by (EC)DHE"},
		"a private key, DER":       {string(der), "it is a private key: it decrypts nothing where keys are agreed on by (EC)DHE"},
		"a certificate":            {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der[:20]})), "it is PEM, which holds no secrets of sessions"},
		"a capture":                {string(bare), "it is a capture without secrets in it (Decryption Secrets Blocks)"},
		"JSON lines":               {madeJSON, "it is a session as JSON lines, which are not read back"},
		"a page":                   {"\n<!DOCTYPE html>\n<html>", "it is a page of HTML, which is not read"},
		"a line that is no secret": {"hello\n", "key log line 1: a label, an identifier and a secret are wanted"},
	} {
		secrets, err := capture.ReadSecrets(strings.NewReader(test.file))
		if got := errorText(err); len(secrets) > 0 || !strings.HasPrefix(got, test.says) {
			t.Errorf("%s: %d secrets, %s", name, len(secrets), got)
		}
	}
}

const madeJSON = `{"kind":"session","schema":1}` + "\n" + `{"kind":"record","raw":"1603010002010016030100020100"}` + "\n"

func TestWhatTheProgramHasWrittenForOthersIsNotReadBack(t *testing.T) {
	for name, test := range map[string]struct{ file, says string }{
		"JSON lines":  {madeJSON, "it is a session as JSON lines"},
		"a table":     {"row,conn,time,protocol,dir\n1,0,2026,tls,client\n", "it is a session as a table (CSV)"},
		"text":        {"#1 client → server: handshake record, 517 bytes, in clear, holds client_hello.\n  as sent: 16 03 01 02 00 01 00 01 fc 03 03\n", "it is a session told as text"},
		"text, ASCII": {"#1 cliente -> servidor: registro handshake\n  como foi enviado: 16 03 01 02 00 01 00 01 fc 03 03\n", "it is a session told as text"},
		"a page":      {"<!doctype html>\n<p>16 03 01 00 02 01 00</p>", "it is a page of HTML"},
	} {
		rec, err := capture.Read(strings.NewReader(test.file))
		if got := errorText(err); rec.Len() > 0 || !strings.HasPrefix(got, test.says) {
			t.Errorf("%s: %d events, %s", name, rec.Len(), got)
		}
	}
}
