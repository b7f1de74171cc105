package capture

import (
	"bufio"
	"bytes"
	"cmp"
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
// loopback; packets that are not TCP over IPv4 or IPv6 are passed over. Fragments
// of IP packets are put together, unless they overlap; TCP is
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
	file := reader.Open(r)
	for reader.Next() {
	}
	reader.Close()
	return reader.Recording(), file.Err()
}

// A Reader reads captures into one recording, a piece at a time, so that what
// has been read can be looked at while the rest is not. Several files are read
// as one: a connection that is not over when a file ends goes on in the next, as
// those of a capture that was split do. Those that are open at once are read in
// the order of time, as where each has one direction.
//
// What it keeps besides the recording is bounded: 64 MiB that wait for lost
// segments, 16 MiB of fragments of IP packets for each file, and some 1 kB for
// each connection that goes on, 100,000 at once. A recording is given 250,000
// connections and 250,000 secrets at most, of which each counts once. What a
// session keeps of a connection is some 4 kB, and 5 kB while it goes on, and of a
// record some 600 bytes; the collector of Go may take as much again.
//
// A Reader is not safe for concurrent use; its recording is.
type Reader struct {
	streams *streams
	open    []*File   // those that more can be read of, in the order in which they were opened
	file    *File     // the one that is read
	until   time.Time // the time of the earliest head of another file; zero if that is not known
	read    int64     // bytes, of files that are not open any more
}

// A File is a file as far as a [Reader] has read it.
type File struct {
	in        *input
	source    source // nil if nothing more can be read of it
	head      block  // the one whose turn is next, if
	read      bool   // it has been read
	packets   int
	taken     bool // anything of it, into the recording
	fragments fragments
	snapped   snapped
	problems  Problems
}

// A snapped says of how many TCP segments the capture kept the beginning alone,
// and how long that was.
type snapped struct {
	count, least, most int
	told               bool // that it kept too little even for the headers
}

func (s *snapped) add(kept int) {
	if s.count++; s.count == 1 {
		s.least = kept
	}
	s.least, s.most = min(s.least, kept), max(s.most, kept)
}

// problem says so, if there was any.
func (s *snapped) problem() error {
	switch {
	case s.count == 0 || s.told:
		return nil
	case s.least == s.most:
		return trouble("snap", "kept", s.most)
	}
	return trouble("snap_some", "count", s.count)
}

// NewReader returns a Reader for connections that all speak the protocol; nil
// is TLS.
func NewReader(protocol inspect.Protocol) *Reader {
	r := &Reader{streams: newStreams(new(inspect.Recording))}
	r.streams.protocol = protocol
	return r
}

// Speaks gives the protocols that files of ours name: nil for a name that it
// does not know. Without it, or where NewReader was given a protocol, what a
// file says of a connection's protocol is a note.
func (r *Reader) Speaks(protocol func(name string) inspect.Protocol) { r.streams.speaks = protocol }

// Recording returns what has been read. It is the same one all the time.
func (r *Reader) Recording() *inspect.Recording { return r.streams.rec }

// Open begins a file. What is no capture is taken in at once; captures that are
// open are read together. Each takes some 70 kB of memory while it is open.
func (r *Reader) Open(in io.Reader) *File {
	r.until = time.Time{}
	r.file = &File{in: &input{r: bufio.NewReaderSize(in, 64<<10)}}
	begun := r.streams.taken()
	var err error
	if r.file.source, err = open(r.file.in); err == errNoCapture {
		r.file.source = nil // unless what was pasted is one
		err = r.pasted()
	} else {
		err = ends(err)
	}
	r.file.taken = r.streams.taken() > begun
	if err != nil {
		r.file.source = nil
		r.file.problems.Add(err)
	}
	if r.file.source != nil {
		r.open = append(r.open, r.file)
	} else {
		r.read += r.file.in.offset
	}
	return r.file
}

// Next reads a packet, or a block of secrets, of an open file: the earliest, where
// there are several. Where there is none it reports false: the files have ended,
// or nothing more can be read of them, see [File.Err].
func (r *Reader) Next() bool {
	if r.file = r.next(); r.file == nil {
		return false
	}
	begun := r.streams.taken()
	r.block(r.file.head)
	r.file.taken = r.file.taken || r.streams.taken() > begun
	r.file.read = false
	return true
}

// next returns the open file whose turn it is; nil if there is none. Secrets have no
// time, and their turn is at once.
func (r *Reader) next() (earliest *File) {
	if f := r.file; f != nil && f.source != nil && r.fill(f) && r.isFirst(f) {
		return f
	}
	r.until = time.Time{}
	for i := 0; i < len(r.open); {
		f := r.open[i]
		if !r.fill(f) {
			continue // it is not open any more
		}
		i++
		switch {
		case f.head.packet == nil:
			r.until = time.Time{}
			return f
		case earliest == nil:
			earliest = f
		case f.head.time.Before(earliest.head.time):
			r.until, earliest = earliest.head.time, f
		case r.until.IsZero() || f.head.time.Before(r.until):
			r.until = f.head.time
		}
	}
	return earliest
}

// isFirst reports whether it is known that no other open file's turn is before f's.
func (r *Reader) isFirst(f *File) bool {
	return len(r.open) == 1 || !r.until.IsZero() && !f.head.time.After(r.until)
}

// fill reads the next block of a file, unless that has been read. The file is
// closed where there is none.
func (r *Reader) fill(f *File) bool {
	if f.read {
		return true
	}
	var err error
	if f.head, err = f.source.next(); err == nil {
		f.read = true
		return true
	}
	f.source = nil
	r.open = slices.DeleteFunc(r.open, func(other *File) bool { return other == f })
	r.read += f.in.offset
	f.neverWhole(f.fragments.rest())
	f.problems.Add(f.snapped.problem())
	if err != io.EOF {
		f.problems.Add(ends(err))
	} else if !f.taken && len(f.problems.told) == 0 {
		f.problems.Add(&Problem{Offset: f.in.offset, Key: "no_connection", Data: []any{"packets", f.packets}})
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

// Offset returns how many bytes of all files have been read.
func (r *Reader) Offset() int64 {
	offset := r.read
	for _, f := range r.open {
		offset += f.in.offset
	}
	return offset
}

// Read reports whether anything of the file was taken into the recording.
func (f *File) Read() bool { return f.taken }

// Err returns what could not be read of the file, and where: one or several
// joined [*Problem], or nil. See [Explain].
func (f *File) Err() error { return f.problems.Err() }

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
	length   int64    // of the packet on the wire; 0 if that is not known
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
	r.streams.hear(b.comments)
	if b.packet == nil {
		r.logged(b)
	} else if err := r.packet(b); err != nil {
		r.file.problems.Add(&Problem{Offset: b.offset, Key: "packet", Err: err})
	}
	for _, comment := range b.comments {
		if err := r.streams.note(comment); err != nil {
			r.file.problems.Add(&Problem{Offset: b.offset, Key: "comments", Err: err})
		}
	}
	if c := r.streams.latest; c != nil {
		r.streams.tellNotes(c, r.streams.side)
	}
}

func (r *Reader) packet(b block) error {
	r.file.packets++
	kept := int64(len(b.packet))
	segment, err := r.file.segment(b, int(max(b.length-kept, 0)))
	switch {
	case err == nil:
		if _, lost := r.streams.saidOf(lostKey, "missing"); len(segment.payload) < segment.length && kept < b.length && !lost {
			r.file.snapped.add(int(kept))
		}
		return r.streams.add(segment, b.time)
	case err == errNotTCP:
		return nil
	case err == errLink:
		return trouble("link", "link", b.link)
	case err == errShort && kept < b.length:
		r.file.snapped.told = true
		return trouble("snapped", "kept", kept)
	case err == errShort:
		return trouble("headers")
	}
	return err
}

// segment returns what a packet carries, of which so many bytes more were on the
// wire; errNotTCP if it is a fragment that makes none whole.
func (f *File) segment(b block, missing int) (segment, error) {
	ip, err := network(b.link, b.packet)
	if err == errShort && missing == 0 { // something small that is not IP
		err = errNotTCP
	}
	if err != nil {
		return segment{}, err
	}
	d, err := internet(ip, missing)
	for err == nil && d.fragment {
		f.neverWhole(f.fragments.late(b.time))
		var whole bool
		if d, whole, err = f.fragments.join(d, b.time, b.offset); !whole {
			return segment{}, cmp.Or(err, errNotTCP)
		}
		err = d.unwrap()
	}
	if err != nil {
		return segment{}, err
	}
	return d.tcp()
}

// neverWhole tells of packets that came in fragments, and not in all.
func (f *File) neverWhole(packets []*fragmented) {
	for _, p := range packets {
		f.problems.Add(&Problem{Offset: p.at, Key: "packet", Err: trouble("fragment_missing")})
	}
}

func (r *Reader) logged(b block) {
	var secrets []inspect.LoggedSecret
	log := keyLog{
		learn: func(secret inspect.LoggedSecret) {
			secret.Line = 0 // of a block, which nobody counts lines of
			secrets = append(secrets, secret)
		},
		told: func(p *Problem) { r.file.problems.Add(&Problem{Offset: b.offset, Key: "secrets", Err: p}) },
	}
	log.Write(b.secrets)
	log.end()
	if err := r.streams.learn(secrets); err != nil {
		r.file.problems.Add(&Problem{Offset: b.offset, Key: "secrets", Err: err})
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
