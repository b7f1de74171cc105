package capture

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"time"

	"example.com/tlslab/inspect"
)

// maxBlock is how long a packet, or a block of secrets, may be.
const maxBlock = 16 << 20

// Read reads a capture, pcapng or classic pcap, as a recording: the TCP
// connections in it, with the secrets of its Decryption Secrets Blocks. It reads
// what someone has pasted, too, see below, and a key log.
//
// Link types are Ethernet (with VLAN tags), Linux cooked v1 and v2, raw IP and
// loopback; packets that are not TCP over IPv4 or IPv6 are passed over. TCP is
// put in order; what was sent twice counts once, and where it differs, the bytes
// that were captured first count, which an [inspect.Noted] event says; what the
// capture has lost becomes a [inspect.Captured] event without bytes. Comments
// are Noted where their packets are. A connection that began
// before the capture has the side as its client that sends a ClientHello, or
// has the greater port.
//
// The recording is never nil: it holds everything before the damage, where
// there is any, and the error says what could not be read, and where, as one
// or several wrapped [*Problem]. Blocks of more than 16 MiB are damage.
func Read(r io.Reader) (*inspect.Recording, error) { return ReadAs(r, nil) }

// ReadAs is Read for connections that all speak the protocol; nil is TLS. A
// capture does not say what they speak.
func ReadAs(r io.Reader, protocol inspect.Protocol) (*inspect.Recording, error) {
	reader := NewReader(protocol)
	reader.Open(r)
	for reader.Next() {
	}
	err := reader.Err()
	reader.Close()
	return reader.Recording(), err
}

// A Reader reads captures into one recording, a piece at a time, so that what
// has been read can be looked at while the rest is not. Several files are read
// one after another, as one: a connection that is not over when a file ends
// goes on in the next, as those of a capture that was split do.
//
// What it keeps besides the recording is bounded: 64 MiB that wait for lost
// segments, and some 1 kB for each connection that goes on, 100,000 at once. A
// recording is given 250,000 connections and 250,000 secrets at most; what a
// session keeps of a connection is some 4 kB, and of a record some 600 bytes.
//
// A Reader is not safe for concurrent use; its recording is.
type Reader struct {
	streams  *streams
	in       *input
	source   source // nil if no file is open, or nothing more can be read of it
	packets  int    // of the file
	segments int    // of connections, and
	secrets  int    // secrets, before the file
	problems Problems
}

// NewReader returns a Reader for connections that all speak the protocol; nil
// is TLS.
func NewReader(protocol inspect.Protocol) *Reader {
	r := &Reader{streams: newStreams(new(inspect.Recording))}
	r.streams.protocol = protocol
	return r
}

// Recording returns what has been read. It is the same one all the time.
func (r *Reader) Recording() *inspect.Recording { return r.streams.rec }

// Open begins a file. What is wrong with the one before is forgotten.
func (r *Reader) Open(in io.Reader) {
	r.in = &input{r: bufio.NewReaderSize(in, 64<<10)}
	r.packets, r.segments, r.secrets = 0, r.streams.segments, r.streams.secrets
	r.problems = Problems{}
	var err error
	if r.source, err = open(r.in); err == errNoCapture {
		r.source = nil // unless what was pasted is one
		err = r.pasted()
	} else {
		err = ends(err)
	}
	if err != nil {
		r.source = nil
		r.problems.Add(err)
	}
}

// Next reads a packet, or a block of secrets, and reports whether there was
// one. Otherwise the file has ended, or nothing more can be read of it: see
// Err.
func (r *Reader) Next() bool {
	if r.source == nil {
		return false
	}
	b, err := r.source.next()
	if err == nil {
		r.block(b)
		return true
	}
	r.source = nil
	if err != io.EOF {
		r.problems.Add(ends(err))
	} else if !r.Read() && len(r.problems.told) == 0 {
		r.problems.Add(&Problem{Offset: r.in.offset, Key: "no_connection", Data: []any{"packets", r.packets}})
	}
	return false
}

// ends says of a problem that nothing of the file was read behind it.
func ends(err error) error {
	var problem *Problem
	if errors.As(err, &problem) {
		problem.Ends = true
	}
	return err
}

// Offset returns how many bytes of the open file have been read.
func (r *Reader) Offset() int64 { return r.in.offset }

// Read reports whether anything of the open file was taken into the recording.
func (r *Reader) Read() bool {
	return r.streams.segments > r.segments || r.streams.secrets > r.secrets
}

// Err returns what could not be read of the open file, and where: one or
// several joined [*Problem], or nil. See [Explain].
func (r *Reader) Err() error { return r.problems.Err() }

// Close says that no more files follow: what waits for lost segments does so in
// vain.
func (r *Reader) Close() { r.streams.finish() }

// A source yields what is in a capture file, and io.EOF at its orderly end.
type source interface {
	next() (block, error)
}

// A block is a packet or secrets; both are valid until the next one is read.
type block struct {
	offset   int64 // in the file
	time     time.Time
	link     uint32
	packet   []byte
	secrets  []byte   // of a Decryption Secrets Block: a key log
	comments []string // on it, and on the section or interface that it is the first of
}

// errNoCapture says that a file is neither pcapng nor pcap.
var errNoCapture = errors.New("no capture")

// open recognises the format by its first bytes.
func open(in *input) (source, error) {
	magic, err := in.r.Peek(4)
	switch {
	case len(magic) == 0 && err == io.EOF:
		return nil, &Problem{Key: "empty"}
	case err != nil && err != io.EOF:
		return nil, &Problem{Key: "unreadable", Err: err}
	case bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}):
		return &pcapng{in: in}, nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return nil, &Problem{Key: "compressed"}
	case slices.ContainsFunc(modifiedMagic, func(m []byte) bool { return bytes.Equal(magic, m) }):
		return nil, &Problem{Key: "modified"}
	}
	if order, unit, ok := classicMagic(magic); ok {
		return openClassic(in, order, unit)
	}
	return nil, errNoCapture
}

// block turns a block into events.
func (r *Reader) block(b block) {
	r.streams.latest = nil
	if b.packet == nil {
		r.logged(b)
	} else if err := r.packet(b); err != nil {
		r.problems.Add(&Problem{Offset: b.offset, Key: "packet", Err: err})
	}
	for _, comment := range b.comments {
		if err := r.streams.note(comment); err != nil {
			r.problems.Add(&Problem{Offset: b.offset, Key: "comments", Err: err})
		}
	}
	if c := r.streams.latest; c != nil {
		r.streams.tellNotes(c, r.streams.side)
	}
}

func (r *Reader) packet(b block) error {
	r.packets++
	ip, err := network(b.link, b.packet)
	if err == errLink {
		return trouble("link", "link", b.link)
	}
	if err != nil {
		return nil
	}
	segment, err := transport(ip)
	if err == errNotTCP {
		return nil
	}
	if err == nil {
		err = r.streams.add(segment, b.time)
	}
	return err
}

func (r *Reader) logged(b block) {
	var secrets []inspect.LoggedSecret
	log := keyLog{
		learn: func(secret inspect.LoggedSecret) { secrets = append(secrets, secret) },
		told:  func(p *Problem) { r.problems.Add(&Problem{Offset: b.offset, Key: "secrets", Err: p}) },
	}
	log.Write(b.secrets)
	log.end()
	if err := r.streams.learn(secrets); err != nil {
		r.problems.Add(&Problem{Offset: b.offset, Key: "secrets", Err: err})
	}
}

// Learn adds secrets from elsewhere, as of a key log, to the recording: 250,000
// at most, with those of the captures.
func (r *Reader) Learn(secrets ...inspect.LoggedSecret) error { return r.streams.learn(secrets) }

// An input counts the bytes that are read.
type input struct {
	r      *bufio.Reader
	offset int64
	buffer []byte
}

// read returns the next n bytes, valid until the next call; fewer than n with
// io.EOF or io.ErrUnexpectedEOF.
func (in *input) read(n int) ([]byte, error) {
	if cap(in.buffer) < n {
		in.buffer = make([]byte, max(n, 4<<10))
	}
	b := in.buffer[:n]
	got, err := io.ReadFull(in.r, b)
	in.offset += int64(got)
	return b[:got], err
}
