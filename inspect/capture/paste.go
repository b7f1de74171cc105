package capture

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"example.com/tlslab/inspect"
)

// maxPaste is how much text, or bytes, are looked at that are no capture, and
// maxContent how many bytes of records or messages are taken from that: each of
// them may be as short as its header.
const (
	maxPaste   = 16 << 20
	maxContent = 2 << 20
)

// pasted takes in what is no capture: text or bytes that someone copied.
func (r *Reader) pasted() error {
	b, err := io.ReadAll(io.LimitReader(r.file.in.r, maxPaste+1))
	r.file.in.offset += int64(len(b))
	if err != nil {
		return &Problem{Offset: r.file.in.offset, Key: "unreadable", Err: err}
	}
	text, isText := plainText(b)
	isPEM := isText && strings.Contains(text, "-----BEGIN ")
	switch {
	case len(b) > maxPaste && !isKeyLog(string(b[:64<<10])):
		return trouble("paste_long", "bytes", begins(b), "most", maxPaste)
	case isText && !isPEM && isKeyLog(text), len(b) > maxPaste:
		counted := &countedReader{r.file.in.r, &r.file.in.offset}
		secrets, err := ParseKeyLog(io.MultiReader(bytes.NewReader(b), counted))
		return errors.Join(err, r.streams.learn(secrets))
	case !isText:
		return r.takeFirst(b, paste{form: formBytes, chunks: [][]byte{b}})
	}
	if err := madeHere(text); isText && err != nil {
		return err
	}
	text = unquoted(text)
	if isPEM {
		return r.takePEM(text, readPEM(text))
	}
	var ways []paste
	for _, read := range textForms {
		ways = append(ways, read(text)...)
	}
	return r.takeFirst([]byte(text), ways...)
}

// A countedReader adds what is read to an offset.
type countedReader struct {
	r      io.Reader
	offset *int64
}

func (c *countedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	*c.offset += int64(n)
	return n, err
}

// begins shows how something begins, for whoever has to guess what it is.
func begins(b []byte) string {
	var s strings.Builder
	for i, c := range b[:min(len(b), 4)] {
		s.WriteString(inspect.HexGap(i) + inspect.HexCell(c))
	}
	return s.String()
}

// takePEM takes in the certificates of PEM blocks, or what else is known of the
// first that is. A private key among them is a secret that belongs in no
// recording: nothing of it is shown, but that it is there.
func (r *Reader) takePEM(text string, p paste) error {
	private := strings.Contains(text, "PRIVATE KEY-----")
	kind := asNothing
	for _, chunk := range p.chunks {
		switch is := contentOf(chunk); {
		case is == asPrivate:
			private = true
		case is == asCertificates || kind == asNothing:
			kind = is
		}
	}
	taken := paste{form: p.form}
	var passed []string
	for i, chunk := range p.chunks {
		switch is := contentOf(chunk); {
		case is == asPrivate || strings.Contains(p.types[i], "PRIVATE KEY"):
		case is == kind && kind != asNothing:
			taken.chunks = append(taken.chunks, chunk)
		default:
			passed = append(passed, p.types[i])
		}
	}
	switch {
	case len(taken.chunks) > 0:
		if private {
			taken.notes = append(taken.notes, inspect.Reason{Key: "capture_passed_private"})
		}
		if len(passed) > 0 {
			taken.notes = append(taken.notes, inspect.Reason{Key: "capture_passed", Data: []any{"types", listed(passed)}})
		}
		return r.takeFirst(nil, taken)
	case private:
		return trouble("paste_private")
	case len(passed) == 0:
		return trouble("paste_pem")
	}
	why := cmp.Or(nearly(p.chunks[0]), trouble("paste_pem_shown"))
	return &Problem{Offset: -1, Key: "paste_pem_holds", Data: []any{"types", listed(passed)}, Err: why}
}

// listed names types of PEM blocks, each once, some of them.
func listed(types []string) string {
	const most, longest = 5, 40
	var names []string
	for _, name := range types {
		name = inspect.Safe(name[:min(len(name), longest)])
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > most {
		names = append(names[:most], "...")
	}
	return strings.Join(names, ", ")
}

// takeFirst takes in the first of several ways to read a paste that gives
// something known, and says what that was.
func (r *Reader) takeFirst(all []byte, ways ...paste) error {
	best, kind := -1, asNothing
	ambiguous, private := false, false
	for i, p := range ways {
		within := p.form == formHexIn || p.form == formBase64In
		switch each := contentOf(p.chunks[0]); {
		case each == asPrivate:
			private = true
		case each == asNothing || within && kind != asNothing:
		case kind == asNothing:
			best, kind = i, each
		case !slices.EqualFunc(p.chunks, ways[best].chunks, bytes.Equal):
			ambiguous = true
		}
	}
	switch {
	case private:
		return trouble("paste_private")
	case best < 0:
		return unknown(all, ways)
	}
	r.streams.tell(inspect.Reason{Key: "capture_form_" + string(ways[best].form)})
	for _, note := range ways[best].notes {
		r.streams.tell(note)
	}
	if ambiguous {
		r.streams.tell(inspect.Reason{Key: "capture_form_ambiguous"})
	}
	return r.takeAs(kind, ways[best])
}

// unknown says of what is nothing known what it almost is, if it is that.
func unknown(all []byte, ways []paste) error {
	ways = slices.DeleteFunc(ways, func(p paste) bool { return p.form == formHexIn || p.form == formBase64In })
	for _, p := range ways {
		if near := nearly(p.chunks[0]); near != nil {
			return &Problem{Offset: -1, Key: "paste_nearly", Data: []any{"form", trouble("form_" + string(p.form))}, Err: near}
		}
	}
	if digits, odd := isOddHex(string(all)); odd {
		return trouble("paste_odd", "digits", digits)
	}
	if len(ways) == 0 {
		return trouble("paste_text", "bytes", begins(all))
	}
	return trouble("paste_unknown", "form", trouble("form_"+string(ways[0].form)), "bytes", begins(ways[0].chunks[0]))
}

func (r *Reader) takeAs(kind content, p paste) error {
	if kind != asCapture {
		r.streams.tell(inspect.Reason{Key: "capture_as_" + string(kind)})
	}
	switch kind {
	case asCapture:
		r.file.in = &input{r: bufio.NewReader(bytes.NewReader(p.chunks[0]))}
		source, err := open(r.file.in)
		r.file.source = source
		return err
	case asFrames, asPackets:
		link := uint32(linkEthernet)
		if kind == asPackets {
			link = linkRaw
		}
		before := r.streams.taken()
		for _, packet := range p.chunks {
			r.block(block{link: link, packet: packet})
		}
		if r.streams.taken() == before {
			return trouble("no_connection", "packets", len(p.chunks))
		}
	case asRecords:
		return r.takeBare(nil, p.chunks)
	case asMessages:
		return r.takeBare(inspect.Messages, p.chunks)
	case asCertificates:
		return r.takeBare(inspect.Certificates, [][]byte{slices.Concat(p.chunks...)})
	}
	return nil
}

// takeBare takes in what was said without packets, up to a bound, and says how
// it is known who said it.
func (r *Reader) takeBare(protocol inspect.Protocol, chunks [][]byte) error {
	room := maxContent
	var rest error
	for i := range chunks {
		if n := len(chunks[i]); n > room {
			chunks, chunks[i] = chunks[:i+1], chunks[i][:room]
			rest = &Problem{Key: "paste_rest", Data: []any{"most", maxContent}}
			break
		}
		room -= len(chunks[i])
	}
	var all []said
	why := inspect.Reason{Key: senderUnknown}
	if protocol == inspect.Certificates { // either side has some
		all = []said{{inspect.Client, chunks[0]}}
	} else {
		all, why = sides(chunks)
	}
	r.streams.tell(why)
	r.streams.bare(protocol, all, why.Key != senderUnknown)
	return rest
}
