package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/tlslab/inspect"
)

// maxBlock is how long a packet, or a block of secrets, may be.
const maxBlock = 16 << 20

// A Problem is something in a capture that could not be read: where, and what.
type Problem struct {
	Offset int64 // of the packet or block in the file, in bytes
	Text   string
	Err    error // what caused it, if anything did
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("at byte %d of the capture: %s", p.Offset, p.Text)
	if p.Err != nil {
		text += ": " + p.Err.Error()
	}
	return text
}

// Unwrap returns what caused the problem.
func (p *Problem) Unwrap() error { return p.Err }

// Read reads a capture, pcapng or classic pcap, as a recording: the TCP
// connections in it, with the secrets of its Decryption Secrets Blocks.
//
// Link types are Ethernet (with VLAN tags), Linux cooked v1 and v2, raw IP and
// loopback; packets that are not TCP over IPv4 or IPv6 are passed over. TCP is
// put in order; what was sent twice counts once; what the capture has lost
// becomes a [inspect.Captured] event without bytes. A connection that began
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
	rec := new(inspect.Recording)
	in := &input{r: bufio.NewReaderSize(r, 64<<10)}
	reader := &reader{streams: newStreams(rec), links: make(map[uint32]bool)}
	reader.streams.protocol = protocol
	source, err := open(in)
	for err == nil {
		var b block
		if b, err = source.next(); err == nil {
			reader.block(b)
		}
	}
	reader.streams.finish()
	if err != io.EOF {
		reader.problems.add(err)
	}
	if err == io.EOF && reader.streams.opened == 0 && len(reader.problems.told) == 0 {
		reader.problems.add(&Problem{Offset: in.offset, Text: fmt.Sprintf("the end, and none of its %d packets belongs to a TCP connection", reader.packets)})
	}
	return rec, reader.problems.err()
}

// A source yields what is in a capture file, and io.EOF at its orderly end.
type source interface {
	next() (block, error)
}

// A block is a packet or secrets; both are valid until the next one is read.
type block struct {
	offset  int64 // in the file
	time    time.Time
	link    uint32
	packet  []byte
	secrets []byte // of a Decryption Secrets Block: a key log
}

// open recognises the format by its first bytes.
func open(in *input) (source, error) {
	magic, err := in.r.Peek(4)
	switch {
	case len(magic) == 0 && err == io.EOF:
		return nil, &Problem{Text: "the file is empty"}
	case err != nil && err != io.EOF:
		return nil, &Problem{Text: "cannot be read", Err: err}
	case bytes.Equal(magic, []byte{0x0a, 0x0d, 0x0d, 0x0a}):
		return &pcapng{in: in}, nil
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return nil, &Problem{Text: "the file is compressed; unpack it with gunzip first"}
	}
	if order, unit, ok := classicMagic(magic); ok {
		return openClassic(in, order, unit)
	}
	return nil, &Problem{Text: fmt.Sprintf("the file is neither pcapng nor pcap: it begins with % x", magic)}
}

// A reader turns blocks into events.
type reader struct {
	streams  *streams
	packets  int
	links    map[uint32]bool // link types that were complained about
	problems problems
}

func (r *reader) block(b block) {
	if b.packet == nil {
		r.secrets(b)
		return
	}
	r.packets++
	ip, err := network(b.link, b.packet)
	if errors.Is(err, errLink) && !r.links[b.link] {
		r.links[b.link] = true
		r.problems.add(&Problem{Offset: b.offset, Text: fmt.Sprintf("link type %d is not supported; its packets are left out", b.link)})
	}
	if err != nil {
		return
	}
	segment, err := transport(ip)
	if err == errNotTCP {
		return
	}
	if err == nil {
		err = r.streams.add(segment, b.time)
	}
	if err != nil {
		r.problems.add(&Problem{Offset: b.offset, Text: "a packet was left out", Err: err})
	}
}

func (r *reader) secrets(b block) {
	secrets, err := ParseKeyLog(bytes.NewReader(b.secrets))
	if err != nil {
		r.problems.add(&Problem{Offset: b.offset, Text: "secrets were left out", Err: err})
	}
	for _, secret := range secrets {
		r.streams.rec.Append(inspect.Event{Kind: inspect.Secret, Conn: -1, Time: r.streams.last, Cause: -1, Logged: &secret})
	}
}

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

// cut is the problem of a file that ends within what begins at offset.
func cut(offset int64, what string, err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	text := "the file ends within " + what
	if err != io.ErrUnexpectedEOF {
		text = what + " cannot be read"
	}
	return &Problem{Offset: offset, Text: text, Err: err}
}
