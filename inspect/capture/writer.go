package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
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

// rememberedTracks is how many connections that are over a Writer remembers.
const rememberedTracks = 64

// A Writer writes a recording as pcapng while it grows. Its memory does not
// depend on how long that goes on: some 500 bytes for each connection that has
// not ended, up to 16 KiB while its server has not answered, 16 bytes for each
// unit that is held, up to 16 KiB of comments that wait for a packet of theirs,
// and 128 KiB.
//
// Blocks are handed to the underlying writer whole, so that the file can be
// opened at any time, also after the program was killed.
//
// A Writer is not safe for concurrent use.
type Writer struct {
	// NoSecrets leaves out what opens the connections: the secrets, and comments
	// that quote clear text. Set it before the first event.
	NoSecrets bool
	// Say has the sentences that packets are commented with, by the ids of
	// package docs; nil is English. Set it before the first event.
	Say func(id string, pairs ...any) string
	// Lag is how long after an event Follow writes its packets, so that secrets
	// which come that much later stand before them: Wireshark decrypts a packet
	// by what stands before it in the file. 0 is at once.
	Lag time.Duration
	// Alone says that nobody else reads the recording: Follow has it forget what has been
	// written, so that its memory does not grow with the file either.
	Alone bool

	out     io.Writer
	file    *os.File // if the Writer opened it
	rec     *inspect.Recording
	blocks  bytes.Buffer // whole blocks, not yet handed on
	ng      *pcapgo.NgWriter
	next    int // event
	looked  int // event up to which secrets have been written
	skip    int // the event up to which comments have been written
	last    time.Time
	conns   map[int]*track
	gone    []*track // that are over, the last of them
	packet  gopacket.SerializeBuffer
	written [rememberedSecrets]string // lines of the key log
	secrets int
	echKeys []inspect.LoggedSecret
	err     error

	finished bool
}

// NewWriter returns a Writer on w. It holds secrets: see [Create] for files.
func NewWriter(w io.Writer) *Writer {
	return &Writer{out: w, conns: make(map[int]*track), packet: gopacket.NewSerializeBuffer()}
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

// Extend writes what the recording has gained, secrets first. All calls must be
// given the same recording. An error stays: later calls return it again.
func (w *Writer) Extend(rec *inspect.Recording) error { return w.extend(rec, 0) }

// extend is Extend, but for packets of the time that lag is long.
func (w *Writer) extend(rec *inspect.Recording, lag time.Duration) error {
	w.begin()
	w.rec = rec
	for event := range rec.Events(w.looked) {
		w.looked = event.Index + 1
		if event.Kind == inspect.Secret && !w.NoSecrets && w.err == nil {
			w.secret(event.Logged)
		}
		if w.blocks.Len() >= flushAt {
			w.flush()
		}
	}
	for event := range rec.Events(w.next) {
		if w.err != nil || event.Index >= w.looked || lag > 0 && time.Since(event.Time) < lag {
			break
		}
		w.next = event.Index + 1
		w.event(rec, event)
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
		if err := w.extend(rec, w.Lag); err != nil {
			return err
		}
		w.forget(rec)
		if err := w.wait(ctx, rec); err != nil {
			return w.Extend(rec)
		}
	}
}

// forget gives up what is not looked back at: a connection with a gate may yet be divided, from its beginning on.
func (w *Writer) forget(rec *inspect.Recording) {
	if !w.Alone {
		return
	}
	n := w.next
	for _, t := range w.conns {
		if t.opening.Gated {
			n = min(n, t.opened)
		}
	}
	rec.Forget(n)
}

// wait waits for more to write, or for a part of the lag.
func (w *Writer) wait(ctx context.Context, rec *inspect.Recording) error {
	if w.next == w.looked {
		_, err := rec.Wait(ctx, w.looked)
		return err
	}
	moment := time.NewTimer(w.Lag / 8)
	defer moment.Stop()
	select {
	case <-moment.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close hands on what is left, and closes the file if [Create] opened it.
func (w *Writer) Close() error {
	w.begin()
	w.finish()
	w.flush()
	if w.file != nil {
		if err := w.file.Close(); err != nil && w.err == nil {
			w.err = fmt.Errorf("closing a capture: %w", err)
		}
		w.file = nil
	}
	return w.err
}

// HoldsSecrets reports whether secrets have been written.
func (w *Writer) HoldsSecrets() bool { return w.secrets > 0 }

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
func (w *Writer) event(rec *inspect.Recording, e inspect.Event) {
	w.last = e.Time
	switch e.Kind {
	case inspect.Opened:
		c := newConversation(e.Conn, addresses(e.Conn, e.Opening.Addr), w.packet)
		w.conns[e.Conn] = &track{conn: e.Conn, opening: e.Opening, opened: e.Index, ends: [2]*conversation{c, c}}
		w.protocol(c, e.Opening)
		w.comments(rec, c, e)
		c.open(w.at(e))
		return
	case inspect.Captured, inspect.Ended:
		w.opening(e)
		if t := w.conns[e.Conn]; t != nil {
			if c := t.ends[e.Side]; e.Kind == inspect.Ended && !t.opening.Gated && !c.ended[e.Side] {
				c.acknowledge(e.Side.Peer(), w.at(e)) // what came before the end, of which the comments may be
			}
			w.comments(rec, t.ends[e.Side], e)
		}
	}
	t := w.conns[e.Conn]
	switch {
	case t == nil:
		w.afterwards(rec, e)
	case e.Kind == inspect.Noted && e.Index < w.skip: // said already
	case isComment(e) || isDivision(e): // on a packet that was nothing but an acknowledgement
		c := t.ends[e.Side]
		w.comments(rec, c, e)
		c.sayNow(e.Side, w.at(e))
	default:
		w.track(rec, t, e)
	}
}

// protocol has a conversation begin with what it speaks, if that is not TLS, and whether it is one.
func (w *Writer) protocol(c *conversation, opening *inspect.Opening) {
	if opening.Bare {
		note, sender := "capture_note_bare", "known"
		if opening.SenderUnknown {
			note, sender = "capture_note_bare_unknown", "unknown"
		}
		c.add(inspect.Client, tagged(w.say(note), bareKey, "sender", sender))
	}
	if opening.Late {
		c.add(inspect.Client, tagged(w.say("capture_note_late"), lateKey, "beginning", "made up"))
	}
	if name := inspect.Safe(opening.Protocol); name != inspect.ProtocolTLS && name != "" {
		c.add(inspect.Client, tagged(w.say("capture_note_protocol", "protocol", name), protocolKey, "protocol", name))
	}
}

// comments has an event's packet say what stood on it in the file that it was read from, and the first of a
// connection what was said of it when it began.
func (w *Writer) comments(rec *inspect.Recording, c *conversation, e inspect.Event) {
	from := e.Index + 1
	if e.Kind == inspect.Noted {
		from = e.Index
	}
	acknowledged := e.Kind == inspect.Ended && e.How == inspect.EndOfFile // by its peer
	for next := range rec.Events(from) {
		if next.Conn == e.Conn && next.Kind == inspect.Ended && next.How == inspect.Broken && e.Kind == inspect.Ended && e.How == inspect.Cut {
			continue // by the same packet
		}
		stoodThere := isComment(next) || next.Kind == inspect.Noted && (e.Kind == inspect.Opened || next.Index == e.Index)
		if !stoodThere || next.Conn != e.Conn || next.Side != e.Side && !acknowledged {
			return
		}
		if text := w.noted(next.Note); text != "" {
			c.add(next.Side, text)
		}
		w.skip = next.Index + 1
	}
}

// at returns what writes the packets of an event.
func (w *Writer) at(e inspect.Event) sendFunc {
	return func(packet []byte, unknown int, comments []string) { w.write(e.Time, packet, unknown, comments) }
}

func (w *Writer) write(at time.Time, packet []byte, unknown int, comments []string) {
	if w.err == nil {
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(packet) - unknown, Length: len(packet)}
		packet = packet[:info.CaptureLength]
		w.err = w.ng.WritePacketWithOptions(info, packet, pcapgo.NgPacketOptions{Comments: comments})
	}
	if w.err == nil {
		w.err = w.ng.Flush() // into blocks, so that their size is known
	}
}

// finish writes what is owed and waits to be said where connections go on. What
// is held is known to one side alone.
func (w *Writer) finish() {
	if w.rec == nil || w.finished {
		return
	}
	w.finished = true
	for _, number := range slices.Sorted(maps.Keys(w.conns)) {
		t := w.conns[number]
		if !t.split() && len(t.sent[inspect.Client])+len(t.sent[inspect.Server]) > 0 {
			w.divide(w.rec, t, w.next)
		}
		for side, c := range t.ends {
			c.finish(w.at(inspect.Event{Time: w.last}))
			if t.cut[side] {
				c.end(inspect.Side(side), inspect.Cut, w.at(inspect.Event{Time: w.last}))
			}
		}
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
