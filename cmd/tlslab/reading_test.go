package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// A pipe may have said something and say nothing more for hours: whoever leaves the screen does not wait for it.
func TestReadingAPipeThatSaysNothingMoreEndsWithItsContext(t *testing.T) {
	file, err := os.ReadFile("../../testdata/openssl/tls13-aes128-gcm.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer out.Close()
	if _, err := out.Write(file[:3000]); err != nil {
		t.Fatal(err)
	}
	p := newProgram([]string{"tlslab"})
	p.in = in
	c := &captures{program: p, protocol: newChoice(protocolNames()...)}
	c.ctx, c.stop = context.WithCancel(t.Context())
	if err := c.open([]string{"-"}); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for c.Read(ctx) {
		}
	}()
	if _, err := c.reader.Recording().Wait(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	leave()
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for more")
	}
	if err := c.failure(); err != nil {
		t.Errorf("%v", err)
	}
	if read, total := c.Progress(); read == 0 || total != 0 {
		t.Errorf("%d bytes of %d", read, total)
	}
}

func TestWhatIsWrongWithFilesIsSaidInTheLanguageOfTheScreen(t *testing.T) {
	p := newProgram([]string{"tlslab", "--lang", "en"})
	c := &captures{program: p, protocol: newChoice(protocolNames()...)}
	name := t.TempDir() + "/cut.pcapng"
	file, err := os.ReadFile("../../testdata/openssl/tls13-aes128-gcm.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, file[:3000], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.open([]string{name}); err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for c.Read(t.Context()) {
	}
	for lang, want := range map[string]string{
		"en": "(at byte 2880: the file ends within a block).", "pt-BR": "(no byte 2880: o arquivo termina dentro de um bloco).",
	} {
		if got := c.Problem(lang); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q", lang, got)
		}
	}
	if read, total := c.Progress(); read != 3000 || total != 3000 {
		t.Errorf("%d bytes of %d", read, total)
	}
}
