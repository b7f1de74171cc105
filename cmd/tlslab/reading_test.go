package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
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

// A tap of the network most often has a file for each direction.
func TestFilesThatHaveADirectionEachAreReadTogetherInAnyOrder(t *testing.T) {
	file, err := os.ReadFile("../../testdata/openssl/tls13-aes128-gcm.pcapng")
	if err != nil {
		t.Fatal(err)
	}
	rec, err := capture.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	w := capture.NewWriter(&whole)
	if err := errors.Join(w.Extend(rec), w.Close()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	names := []string{dir + "/client.pcapng", dir + "/server.pcapng"}
	for side, name := range names {
		if err := os.WriteFile(name, packetsFrom(side, whole.Bytes()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := len(inspect.NewSession(rec).Items())
	for _, names := range [][]string{names, {names[1], names[0]}} {
		c := &captures{program: newProgram([]string{"tlslab"}), protocol: newChoice(protocolNames()...)}
		if err := c.open(names); err != nil {
			t.Fatal(err)
		}
		for c.next() {
		}
		c.close()
		decrypted := 0
		session := inspect.NewSession(c.reader.Recording())
		for r := range session.Records() {
			if r.Decrypted {
				decrypted++
			}
		}
		if got := len(session.Items()); got != want || decrypted == 0 {
			t.Errorf("%d items, want %d; %d decrypted", got, want, decrypted)
		}
		if err := c.failure(); err != nil {
			t.Error(err)
		}
		if read, total := c.Progress(); read != total || total == 0 {
			t.Errorf("%d bytes of %d", read, total)
		}
	}
}

// packetsFrom returns a file of capture.Writer without the packets of the other
// side: the last byte of a packet's source address on the Ethernet is the side, and 1.
func packetsFrom(side int, file []byte) (kept []byte) {
	const enhancedPacket, packet, source = 6, 28, 11
	for len(file) > 0 {
		length := binary.LittleEndian.Uint32(file[4:])
		if binary.LittleEndian.Uint32(file) != enhancedPacket || int(file[packet+source]) == 1+side {
			kept = append(kept, file[:length]...)
		}
		file = file[length:]
	}
	return kept
}
