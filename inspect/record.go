package inspect

import (
	"fmt"
	"time"
)

// A ContentType says what a record carries (RFC 8446 section 5.1).
type ContentType uint8

// The content types that TLS 1.2 and 1.3 use.
const (
	ChangeCipherSpec ContentType = 0x14
	Alert            ContentType = 0x15
	Handshake        ContentType = 0x16
	ApplicationData  ContentType = 0x17
)

// A Lane says at which end of the wire bytes are looked at: what was captured
// from the sender, or what was forwarded to the receiver. They differ only
// where a gate changed something.
type Lane uint8

// The lanes.
const (
	Sent Lane = iota
	Received
)

// String returns "sent" or "received".
func (l Lane) String() string {
	if l == Sent {
		return "sent"
	}
	return "received"
}

// An EpochKind names the stage of a connection whose keys protect a record.
type EpochKind uint8

// The epochs. TLS 1.2 knows only clear and application; there the generation
// counts renegotiations, in TLS 1.3 it counts KeyUpdates.
const (
	EpochUnknown EpochKind = iota
	EpochClear
	EpochEarly
	EpochHandshake
	EpochApplication
)

// An Epoch is the span of one direction's records that one key protects.
type Epoch struct {
	Kind       EpochKind
	Generation int
}

// String returns "clear", "early", "handshake", "application",
// "application+1" and so on, or "unknown".
func (e Epoch) String() string {
	name := [...]string{"unknown", "clear", "early", "handshake", "application"}[e.Kind]
	if e.Generation > 0 {
		return fmt.Sprintf("%s+%d", name, e.Generation)
	}
	return name
}

// Why says why a record that is encrypted has not been decrypted.
type Why uint8

// The reasons.
const (
	WhyNone           Why = iota
	WhyUndecided          // the records before it do not yet say which key it is under
	WhyNoSecret           // no secret for this client random is in the recording
	WhyTag                // there is a key, but the tag does not verify
	WhySuite              // the cipher suite is not supported
	WhyRecordsMissing     // records before it are missing, so its sequence number is not known
	WhyBytesLetGo         // its bytes were let go to stay within the bound
	WhyTooShort           // shorter than its nonce and tag
	WhyCutOff             // its tail, with the tag, never came
	WhyNoInnerSecret      // as WhyNoSecret; the secrets may stand under a ClientHelloInner's random, which is not known
	WhyProtocol           // not TLS: its protocol says why, see [Record.Reason]
	WhyNoClientHello      // the ClientHello is missing, and with its random what the secrets are found by
	WhyNoServerHello      // (undecided) the ServerHello, which chooses version and cipher suite, is missing so far, or a part of it
	WhyNoHello            // it is protected, and its sender has said no hello before it
	WhyDoubtful           // (a handshake record) bytes before it are missing: it is protected, or a piece of a message in clear
)

// lacks reports whether it is for something that the recording lacks, so that what
// follows under the same keys cannot be read either.
func (w Why) lacks() bool {
	return w == WhyNoSecret || w == WhyNoInnerSecret || w == WhyNoClientHello || w == WhyNoServerHello
}

// String returns the reason in English; "" for WhyNone.
func (w Why) String() string { return w.Reason().String() }

// Reason returns the sentence that says it.
func (w Why) Reason() Reason {
	return Reason{Key: [...]string{
		"", "undecided", "no_secret", "tag", "suite", "records_missing", "bytes_let_go", "too_short", "cut_off", "no_inner_secret", "protocol", "random_missing", "choice_missing",
		"hello_unsaid", "doubtful",
	}[w]}
}

// A Record is one TLS record on one lane of one connection: five bytes of
// header and a fragment (RFC 8446 section 5.1, RFC 5246 section 6.2).
//
// What stands in its header is known from Event on, the rest from DecidedAt
// on: an encrypted record cannot be read before its secret is known.
//
// On a connection that speaks another [Protocol] it is one unit of that, and
// [Record.TLS] is false. Of the fields that are TLS's own, from Type to
// Version and from Epoch to Padding, it has zero values, but for Encrypted,
// Decrypted, Why and Content; its Length is that of all of it. [Record.Name] says what it is.
type Record struct {
	Conn   int
	Side   Side // who sent it, or in whose name it was sent
	Lane   Lane
	Seq    int       // index within connection, side and lane, from 0
	Event  int       // the event that brought its last byte
	Time   time.Time // of that event
	Offset int64     // of its first byte within its lane

	Type      ContentType
	Version   uint16 // legacy_record_version, as it stands
	Length    int    // of the fragment, as the header says
	Truncated bool   // the lane ended before the fragment did
	row       int    // of the streams; 0 before it has one

	DecidedAt int    // the event from which the following is known; -1 while it is not
	Epoch     Epoch  // EpochUnknown while undecided
	TLSSeq    uint64 // the protocol's own sequence number under its key; 0 in clear
	Encrypted bool   // protected by a key
	Decrypted bool   // and opened: Plaintext is what it holds
	Why       Why    // if Encrypted (or undecided) and not Decrypted
	InnerType ContentType
	Content   int    // length of the content in clear; -1 if it is not known
	Padding   int    // zero bytes after the inner type (TLS 1.3)
	Parts     []Part // what the content is made of; covers it exactly once

	// Of a received record: what the gate did, "" if nothing.
	Verdict Verdict

	size int  // of what was captured, header included
	lost lost // before it
	torn bool // handshake bytes before its own are missing
	view *View
	key  *trafficKey
	unit *unit // nil for TLS
}

// TLS reports whether it is a record of TLS, and not a unit of another [Protocol].
func (r *Record) TLS() bool { return r.unit == nil }

// Name returns what it is: the content type that the header of a record of TLS
// says, or what its protocol calls a unit. It is safe to draw.
func (r *Record) Name() string {
	switch {
	case r.unit == nil:
		return r.Type.String()
	case r.unit.reading == nil:
		return "unit"
	}
	return Safe(r.unit.reading.Name())
}

// Summary tells in a line what a unit says whose bytes do not tell it by themselves; "" of any
// other unit, and of a record of TLS. It is safe to draw.
func (r *Record) Summary() string {
	raw := r.Raw()
	if r.unit == nil || raw == nil {
		return ""
	}
	if reading, ok := r.unit.reading.(Summarizer); ok {
		return Safe(reading.Summary(raw))
	}
	return ""
}

// UnitProtection returns what a unit that was decrypted is decrypted with, if its protocol tells it; nil of a record of TLS,
// which has [Record.Protection].
func (r *Record) UnitProtection() []Value {
	raw := r.Raw()
	if r.unit == nil || !r.Decrypted || raw == nil {
		return nil
	}
	if reading, ok := r.unit.reading.(ProtectedReading); ok {
		return reading.Protection(raw, r.view.secrets)
	}
	return nil
}

// Text reports whether it is known to carry what a program says to the other:
// application data of TLS, or a unit that its protocol says so of.
func (r *Record) Text() bool {
	if r.unit == nil {
		return r.InnerType == ApplicationData
	}
	return r.unit.reading != nil && r.unit.reading.Text()
}

// Reason returns why it is encrypted (or undecided) and not decrypted; the zero
// Reason, if it is not so.
func (r *Record) Reason() Reason {
	if r.Why == WhyProtocol && r.unit != nil && r.unit.because != nil {
		return *r.unit.because
	}
	if r.Why == WhyNoSecret && r.TLS() {
		return r.view.lacksSecret(r)
	}
	return r.Why.Reason()
}

// A Verdict says what became of a record on a gated wire.
type Verdict uint8

// The verdicts. Unreadable means that the record arrived as it was sent, and
// that the receiver cannot read it as the sender meant it. Resealed means that it
// was altered, and that its receiver can read it all the same: whoever altered it
// has the keys.
const (
	VerdictNone Verdict = iota
	VerdictAltered
	VerdictInjected
	VerdictRepeated
	VerdictReordered
	VerdictDropped
	VerdictUnreadable
	VerdictResealed
)

// String returns the verdict in lower case; "" for VerdictNone.
func (v Verdict) String() string {
	return [...]string{"", "altered", "injected", "repeated", "reordered", "dropped", "unreadable", "resealed"}[v]
}

// A Part is a run of a record's content in clear: a whole message, a piece of
// one that other records complete, or the content of a record that is not a
// handshake record. A unit that was opened has one part, and one in clear has none:
// [Record.Fields] tells it all.
type Part struct {
	Offset, Length int      // within Record.Plaintext
	Type           string   // "client_hello", "alert", "application_data", ...; "fragment" for a piece
	Message        *Message // the handshake message: on a piece, only on the one that completes it
}

// A Message is one handshake message, put together from one or more records
// (RFC 8446 section 4).
type Message struct {
	Conn   int
	Side   Side
	Type   HandshakeType
	Bytes  []byte  // header and body; a view that must not be changed
	Record *Record // the one that completes it
	Event  int     // at which it became known

	tears   int    // how often handshake bytes of its side were missing before it
	version uint16 // negotiated, if known by then: some bodies differ
	suite   uint16
	ech     *OfferedECH // of a ClientHelloOuter
	inner   bool        // a ClientHelloInner
}

// An ItemKind says what an Item of a Session is.
type ItemKind uint8

// The kinds of item.
const (
	RecordItem  ItemKind = iota + 1 // Record is set
	BytesItem                       // a run of bytes that is not of the connection's protocol, as far as where the peer speaks: From, Reason
	GapItem                         // bytes that were never captured, or let go before they were looked at, as far as where the peer speaks
	AlertItem                       // an alert in a record that could be read: Record, Level, Description
	ErrorItem                       // an endpoint's error: Text
	ClosedItem                      // Side sends no more: How
	ExpiredItem                     // what Side sent goes on by itself, since nobody decided on it in time: Record, if it is one
	SilenceItem                     // Side waited until its deadline for what did not come: Wait
	PrintedItem                     // the program at Side said something on its own screen: Text
	NoteItem                        // something is said of what Side sends: Because
)

// An Item is one thing that a person is shown, in the order in which the
// recording tells them. What may still change is what is learned later: its
// Record is decided, Arrived says whether an alert was delivered, and How
// stops being ClosedUnread where the secret came after the end.
type Item struct {
	Kind  ItemKind
	Event int // at which it became known
	Conn  int
	Side  Side
	Lane  Lane
	Time  time.Time
	Row   int // the number of its row, from 1; of an item without one, that of its record's, or of the last before it

	Record *Record // RecordItem, AlertItem, ExpiredItem

	From    int64  // BytesItem, GapItem: offset within the lane
	Reason  string // BytesItem: why it is not split into records, in English; GapItem: why it is missing, if that is known
	Because Reason // the same, for any language; NoteItem: what is said

	// BytesItem of a received lane: what the gate did to its first bytes.
	Verdict Verdict

	Level, Description byte // AlertItem (RFC 8446 section 6)
	Arrived            bool // AlertItem: the peer received and could read it
	Elsewhere          bool // AlertItem: what the peer received stands in another connection, see [ClientsPart]

	Text string // ErrorItem: the endpoint's error, word for word; PrintedItem: the line
	How  Closing

	Wait time.Duration // SilenceItem: how long it waited
}

// HasRow reports whether the item is shown by itself, as a row of the streams.
// An alert stands in the row of its record, and so does that time ran out; what
// was received has a row only where it is not what was sent.
func (i Item) HasRow() bool {
	switch i.Kind {
	case AlertItem, ExpiredItem:
		return false
	case RecordItem:
		return i.Lane == Sent || i.Record.Verdict != VerdictNone
	}
	return true
}

// Final reports whether the side can say nothing more after the item: it has
// closed, or sent an alert that ends the connection. In TLS 1.3 every alert
// but user_canceled does, whatever its level (RFC 8446 section 6); before, a
// warning does only if it is close_notify (RFC 5246 section 7.2).
func (i Item) Final() bool {
	const fatal, closeNotify, userCanceled = 0x02, 0x00, 0x5a
	switch {
	case i.Kind == ClosedItem:
		return true
	case i.Kind != AlertItem || i.Lane != Sent:
		return false
	case i.Record.view.state().Version == version13:
		return i.Description != userCanceled
	}
	return i.Level == fatal || i.Description == closeNotify
}

// A Closing is the way in which a side stopped sending.
type Closing uint8

// The closings. A close_notify alert tells the peer that nothing was cut off
// (RFC 8446 section 6.1); an end of file without it tells nothing. Where the
// last record could not be decrypted, it may have been the close_notify.
const (
	ClosedNotify Closing = iota + 1
	ClosedEndOfFile
	ClosedCut
	ClosedUnread
	ClosedBroken  // what it sends reaches nobody any more: see Broken
	ClosedMissing // as ClosedUnread; the last bytes are missing
)

// String returns "close_notify", "end of file", "cut", "end of file, unread", "broken" or
// "end of file, missing".
func (c Closing) String() string {
	return [...]string{"", "close_notify", "end of file", "cut", "end of file, unread", "broken", "end of file, missing"}[c]
}

// A State is what one view of a connection has agreed on, and what protects
// each direction, at one moment. Zero values mean "not known yet".
type State struct {
	Version       uint16 // negotiated
	Suite         uint16
	Group         uint16 // of the key exchange
	ServerName    string // asked for by the client
	Protocol      string // ALPN
	ServerSubject string // of the server's certificate
	ClientSubject string // of the client's certificate
	Resumed       bool   // or begun with a pre-shared key from elsewhere: TLS 1.3 does both in one way
	HelloRetry    bool
	Epoch         [2]Epoch // by Side: what the records that it sends next are under
	HandshakeDone bool     // both Finished have been seen
	CloseNotify   [2]bool  // by Side: it has sent close_notify
	ClientRandom  []byte   // of the ClientHello that the handshake goes on with
	ECH           ECHStatus
	NoHandshake   bool   // protected records came, and the hellos that chose how are missing: they were before the recording
	PublicName    string // where ECH is offered: the server's name in the ClientHelloOuter
	OuterRandom   []byte // and its random
}

// Raw returns the record as it stands on its lane: header and fragment, or all of a unit, as far
// as they came. It is nil if the bytes were let go. The slice must not be changed.
func (r *Record) Raw() []byte {
	l := r.view.lanes[r.Side]
	return l.bytes(r.Offset, r.size)
}

// Plaintext returns the content alone: without padding, inner type, MAC; in
// the clear epoch the fragment itself. It is nil if there is none, or if it
// could not be decrypted; it is decrypted anew at each call. A unit in clear is
// content from its first byte to its last.
func (r *Record) Plaintext() []byte {
	raw := r.Raw()
	switch {
	case r.Content <= 0 || raw == nil:
		return nil
	case r.unit != nil:
		return r.unitClear()
	case !r.Encrypted:
		return raw[headerLength:]
	}
	plain, err := r.key.open(nil, raw, r.TLSSeq)
	if err != nil {
		return nil
	}
	return plain[:r.Content]
}

// Fields dissects the captured bytes: header, explicit nonce, content, inner
// type, padding, tag. Where the record could be read, the content stands in
// clear in the values, at the offsets of its cipher text.
//
// Of a unit it is the tree that its protocol makes of the bytes as they crossed; for
// what an encrypted one says, see [Record.PartFields].
func (r *Record) Fields() Field {
	if r.unit != nil {
		return r.unitFields()
	}
	raw := r.Raw()
	root := Field{Kind: "record", Name: "TLS record", Length: len(raw), Value: r.Type.String(), RFC: r.headerRFC()}
	root.Children = r.headerFields(raw)
	if len(raw) > headerLength {
		root.Children = append(root.Children, r.fragmentFields(raw[headerLength:])...)
	}
	return root
}

// headerRFC is where the record header of the version negotiated by then is defined.
func (r *Record) headerRFC() string { return recordHeaderRFC(r.version()) }

// version is the one that was agreed on when the record was read; 0 if none was.
func (r *Record) version() uint16 { return r.view.State(r.DecidedAt).Version }

// recordHeaderRFC is where a version's record header is defined; while none is
// agreed on, it may become that of either.
func recordHeaderRFC(version uint16) string {
	switch {
	case version == 0:
		return "RFC 8446 section 5.1, RFC 5246 section 6.2.1"
	case version < version13:
		return "RFC 5246 section 6.2.1"
	}
	return "RFC 8446 section 5.1"
}

// recordVersionName is what a version's standard calls the version in the
// record header, RFC 8446's name where none is agreed on.
func recordVersionName(version uint16) string {
	return since13(version, "legacy_record_version", "version")
}

func (r *Record) headerFields(raw []byte) []Field {
	rfc := r.headerRFC()
	fields := []Field{
		{Kind: "record.type", Name: "type", Length: 1, Value: fmt.Sprintf("%s (0x%02x)", r.Type, uint8(r.Type)), RFC: rfc},
		{Kind: "record.version", Name: recordVersionName(r.version()), Offset: 1, Length: 2, Value: fmt.Sprintf("%s (0x%04x)", VersionName(r.Version), r.Version), RFC: rfc},
		{Kind: "record.length", Name: "length", Offset: 3, Length: 2, Value: fmt.Sprint(r.Length), RFC: rfc},
	}
	for i, f := range fields {
		if f.End() > len(raw) {
			if f.Offset == len(raw) {
				return fields[:i]
			}
			f.Length, f.Value = len(raw)-f.Offset, "cut off"
			f.Kind, f.Name = NotUnderstood, "not understood"
			return append(fields[:i], f)
		}
	}
	return fields
}

func (r *Record) fragmentFields(fragment []byte) []Field {
	at, end := headerLength, headerLength+len(fragment)
	if r.inClear() {
		return r.contentFields(fragment, at)
	}
	var fields []Field
	leaf := func(kind, name, value, rfc string, length int) {
		if length > 0 {
			fields = append(fields, Field{Kind: kind, Name: name, Offset: at, Length: length, Value: value, RFC: rfc})
			at += length
		}
	}
	suite, aead := r.suite()
	tls13, tag := suite.tls13, 0
	if r.Why == WhyDoubtful {
		leaf(NotUnderstood, "not understood", r.Why.String(), r.headerRFC(), len(fragment))
		return fields
	}
	rfc := "RFC 8446 section 5.2"
	switch version := r.view.state().Version; {
	case aead:
		tag = min(tagLength, len(fragment))
		explicit := min(suite.explicitNonce(), len(fragment))
		leaf("record.nonce_explicit", "nonce_explicit", fmt.Sprintf("%x", fragment[:explicit]), "RFC 5288 section 3", explicit)
		if !tls13 {
			rfc = "RFC 5246 section 6.2.3.3"
		}
	case version != 0 && version != version13:
		rfc = "RFC 5246 section 6.2.3"
	}
	switch {
	case r.Decrypted:
		if content := r.contentFields(r.Plaintext(), at); content != nil {
			fields = append(fields, content...)
			at += r.Content
		}
		if tls13 && at < end-tag-r.Padding {
			leaf("record.inner_type", "type", fmt.Sprintf("%s (0x%02x)", r.InnerType, uint8(r.InnerType)), rfc, 1)
		}
		leaf("record.padding", "zeros", fmt.Sprintf("%d bytes of padding", r.Padding), "RFC 8446 section 5.4", r.Padding)
	case r.Truncated:
		leaf("record.encrypted", "encrypted_record", "cut off", rfc, end-at)
	default:
		leaf("record.encrypted", "encrypted_record", r.Why.String(), rfc, end-at-tag)
	}
	leaf("record.tag", "authentication tag", fmt.Sprintf("%x", fragment[at-headerLength:]), rfc, end-at)
	return fields
}

// inClear reports whether the fragment is not protected. Of a record that is
// not decided it says what is certain from its type and those before it.
func (r *Record) inClear() bool {
	if r.Encrypted || r.DecidedAt >= 0 {
		return !r.Encrypted
	}
	protected, known := r.view.protected(r.view.lanes[r.Side], r)
	return known && !protected
}

// suite returns the suite that the record is protected with; false if it is
// none that can be decrypted, or not known.
func (r *Record) suite() (s suite, known bool) {
	if r.key != nil {
		return r.key.suite, true
	}
	s, known = aeadSuites[r.view.state().Suite]
	return s, known
}

// PartFields dissects a part that is no handshake message, with offsets from its
// own first byte; content is the part's bytes of [Record.Plaintext]. For a
// handshake message see [Message.Fields].
func (r *Record) PartFields(part Part, content []byte) Field {
	if r.unit != nil {
		return r.unit.clearFields(content)
	}
	kind := r.InnerType
	if kind == 0 {
		kind = r.Type
	}
	version := r.version()
	children := contentFields(kind, version, content)
	if kind == Handshake {
		children = nil // a piece of a message
	}
	if len(children) == 1 && part.Type != "change_cipher_spec" {
		return children[0]
	}
	root := Field{Kind: partKinds[kind], Name: part.Type, Length: len(content), RFC: recordSection(version), Children: children}
	if root.Kind == "" {
		root.Kind = "record.content"
	}
	if len(children) > 0 {
		root.RFC = children[0].RFC
	}
	return root
}

// partKinds has the kinds of what a record can hold.
var partKinds = map[ContentType]string{
	Alert: "record.alert", ChangeCipherSpec: "record.change_cipher_spec", Handshake: "record.fragment", ApplicationData: "record.application_data",
}

// contentFields returns the fields of the content in clear, which lies at
// offset at of the record.
func (r *Record) contentFields(content []byte, at int) []Field {
	if len(content) == 0 {
		return nil
	}
	if r.InnerType != Handshake || len(r.Parts) == 0 {
		kind := r.InnerType
		if r.DecidedAt < 0 {
			kind = r.Type
		}
		fields := contentFields(kind, r.version(), content)
		for i := range fields {
			fields[i] = fields[i].shifted(at)
		}
		return fields
	}
	version := r.version()
	var fields []Field
	for _, part := range r.Parts {
		f := Field{Kind: "record.handshake", Name: part.Type, Offset: at + part.Offset, Length: part.Length, RFC: handshakeSection(version)}
		switch {
		case r.torn:
			f.Value = "a piece of a message whose beginning is missing"
		case part.Message == nil:
			f.Value = "a piece of a message that a later record completes"
		case part.Type == "fragment":
			f.Value = fmt.Sprintf("the last piece of %s, %d bytes in all", part.Message.Name(), len(part.Message.Bytes))
		default:
			f.Value = fmt.Sprintf("%d bytes", part.Length)
		}
		fields = append(fields, f)
	}
	return fields
}
