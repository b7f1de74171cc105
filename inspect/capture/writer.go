package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"example.com/tlslab/inspect"
)

// flushAt is how many bytes of whole blocks a Writer gathers before it hands
// them on.
const flushAt = 64 << 10

// rememberedSecrets is how many secrets a Writer looks back over, so that what
// both endpoints logged is written once.
const rememberedSecrets = 256

// A Writer writes a recording as pcapng while it grows. Its memory does not
// depend on how long that goes on: some 200 bytes for each connection that has
// not ended, up to 16 KiB while its server has not answered, and 128 KiB.
//
// Blocks are handed to the underlying writer whole, so that the file can be
// opened at any time, also after the program was killed.
//
// A Writer is not safe for concurrent use.
type Writer struct {
	out     io.Writer
	file    *os.File     // if the Writer opened it
	blocks  bytes.Buffer // whole blocks, not yet handed on
	ng      *pcapgo.NgWriter
	next    int // event
	conns   map[int]*conversation
	packet  gopacket.SerializeBuffer
	written [rememberedSecrets]string // lines of the key log
	secrets int
	echKeys []inspect.LoggedSecret
	err     error
}

// NewWriter returns a Writer on w. It holds secrets: see [Create] for files.
func NewWriter(w io.Writer) *Writer {
	return &Writer{out: w, conns: make(map[int]*conversation), packet: gopacket.NewSerializeBuffer()}
}

// Create makes a file that only its owner can read and returns a Writer on
// it. A file that is there already is not touched: the error wraps
// [fs.ErrExist]. Close closes the file.
func Create(name string) (*Writer, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%s is there already; choose another name or remove it: %w", inspect.Safe(name), fs.ErrExist)
	}
	if err != nil {
		return nil, fmt.Errorf("creating a capture: %w", err)
	}
	w := NewWriter(file)
	w.file = file
	return w, nil
}

// Extend writes what the recording has gained. All calls must be given the
// same recording. An error stays: later calls return it again.
func (w *Writer) Extend(rec *inspect.Recording) error {
	w.begin()
	for event := range rec.Events(w.next) {
		if w.err != nil {
			break
		}
		w.next = event.Index + 1
		w.event(event)
		if w.blocks.Len() >= flushAt {
			w.flush()
		}
	}
	w.flush()
	return w.err
}

// Follow writes what the recording gains until the context ends, and then what
// came before that; it returns nil, or the error that stopped it.
func (w *Writer) Follow(ctx context.Context, rec *inspect.Recording) error {
	for {
		if err := w.Extend(rec); err != nil {
			return err
		}
		if _, err := rec.Wait(ctx, w.next); err != nil {
			return w.Extend(rec)
		}
	}
}

// Close hands on what is left, and closes the file if [Create] opened it.
func (w *Writer) Close() error {
	w.begin()
	w.flush()
	if w.file != nil {
		if err := w.file.Close(); err != nil && w.err == nil {
			w.err = fmt.Errorf("closing a capture: %w", err)
		}
		w.file = nil
	}
	return w.err
}

// begin writes the section header and the description of the one interface.
func (w *Writer) begin() {
	if w.ng != nil || w.err != nil {
		return
	}
	w.ng, w.err = pcapgo.NewNgWriterInterface(&w.blocks,
		pcapgo.NgInterface{Name: "tap", LinkType: layers.LinkTypeEthernet},
		pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "tlslab"}})
}

func (w *Writer) flush() {
	if w.err != nil {
		return
	}
	w.err = w.ng.Flush()
	if w.err == nil && w.blocks.Len() > 0 {
		_, w.err = w.out.Write(w.blocks.Bytes())
		w.blocks.Reset()
	}
	if w.err != nil {
		w.err = fmt.Errorf("writing a capture: %w", w.err)
	}
}

// event writes the packets, or the secret, of one event.
func (w *Writer) event(e inspect.Event) {
	switch e.Kind {
	case inspect.Opened:
		w.conns[e.Conn] = newConversation(e.Conn, e.Opening, w.packet)
		w.packets(e, (*conversation).open)
	case inspect.Captured:
		w.opening(e)
		w.packets(e, func(c *conversation, send sendFunc) { c.data(e.Side, e.Bytes, e.N, send) })
	case inspect.Ended:
		w.opening(e)
		w.packets(e, func(c *conversation, send sendFunc) { c.end(e.Side, e.How, send) })
		if c := w.conns[e.Conn]; c != nil && c.over() {
			delete(w.conns, e.Conn)
		}
	case inspect.Secret:
		w.secret(e.Logged)
	}
}

func (w *Writer) packets(e inspect.Event, what func(*conversation, sendFunc)) {
	c := w.conns[e.Conn]
	if c == nil {
		return // nothing more is expected of it
	}
	what(c, func(packet []byte) { w.write(e.Time, packet) })
}

func (w *Writer) write(at time.Time, packet []byte) {
	if w.err == nil {
		w.err = w.ng.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(packet), Length: len(packet)}, packet)
	}
	if w.err == nil {
		w.err = w.ng.Flush() // into blocks, so that their size is known
	}
}

// secret writes a secret, or keeps it where no file should have it.
func (w *Writer) secret(s *inspect.LoggedSecret) {
	if s.Label == inspect.LabelECHKey {
		w.echKeys = append(w.echKeys, *s)
		return
	}
	w.line(s)
}

// line writes one line of a key log as a Decryption Secrets Block.
func (w *Writer) line(s *inspect.LoggedSecret) {
	line, err := keyLogLine(s)
	if err != nil && (s.Origin == inspect.Derived || s.Origin == inspect.FromCache) {
		return // it follows from the others, or its ticket is too long for a line
	}
	if err != nil {
		w.err = err
		return
	}
	for _, earlier := range w.written {
		if line == earlier {
			return
		}
	}
	w.written[w.secrets%rememberedSecrets] = line
	w.secrets++
	w.err = w.ng.WriteDecryptionSecretsBlock(pcapgo.DSB_SECRETS_TYPE_TLS, []byte(line))
}
