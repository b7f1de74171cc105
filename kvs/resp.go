package kvs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// The RESP protocol, as Redis has it: https://redis.io/docs/latest/develop/reference/protocol-spec/. A request is an array
// of bulk strings; an answer is any of its types, in version 2 or 3.

const (
	respMark = '*' // the first byte of every request
	bulkMark = '$'

	leastBulk  = len("$0\r\n\r\n")
	leastArray = len("*1\r\n")
	maxNumber  = 32 // bytes of a line with a length in it
)

// A protocolError says that what comes is not RESP: where the next request begins is not known then.
type protocolError string

func (e protocolError) Error() string { return "Protocol error: " + string(e) }

// respReader reads requests of a bounded length, in bytes as they come.
type respReader struct {
	source    *bufio.Reader
	limit     int
	left      int // of the limit, for the request that is being read
	body      []byte
	ends      []int // of the arguments, in body
	arguments [][]byte
}

// next returns the words of a request, at least one, valid until the next call. The error is io.EOF, also within a request, a
// protocolError, or that of the connection.
func (r *respReader) next() ([][]byte, error) {
	for {
		r.body, r.ends, r.left = r.body[:0], r.ends[:0], r.limit
		count, err := r.length(respMark, "invalid multibulk length")
		switch {
		case err != nil:
			return nil, err
		case count > max(r.limit-leastArray, 0)/leastBulk:
			return nil, protocolError("invalid multibulk length")
		case count <= 0: // nothing is asked, and nothing is answered
			continue
		}
		for range count {
			if err := r.bulk(); err != nil {
				return nil, err
			}
		}
		r.arguments = r.arguments[:0]
		start := 0
		for _, end := range r.ends {
			r.arguments = append(r.arguments, r.body[start:end:end])
			start = end
		}
		return r.arguments, nil
	}
}

// length reads a line with a mark and a number.
func (r *respReader) length(mark byte, otherwise protocolError) (int, error) {
	line, err := r.source.ReadSlice('\n')
	r.left -= len(line)
	switch {
	case len(line) > 0 && line[0] != mark:
		return 0, protocolError(fmt.Sprintf("expected '%c', got '%s'", mark, escape(line[:1], true)))
	case len(line) > maxNumber:
		return 0, otherwise
	case err == bufio.ErrBufferFull:
		return 0, otherwise
	case err != nil:
		return 0, err
	case !bytes.HasSuffix(line, []byte("\r\n")):
		return 0, otherwise
	}
	n, ok := parseInteger(line[1 : len(line)-2])
	if !ok || int64(int(n)) != n {
		return 0, otherwise
	}
	return int(n), nil
}

// bulk reads an argument to the end of body.
func (r *respReader) bulk() error {
	size, err := r.length(bulkMark, "invalid bulk length")
	switch {
	case err != nil:
		return err
	case size < 0 || size > r.limit:
		return protocolError("invalid bulk length")
	case size+2 > r.left:
		return protocolError(fmt.Sprintf("the request is longer than %d bytes", r.limit))
	}
	start := len(r.body)
	for rest := size + 2; rest > 0; { // memory is taken as the bytes come, not as they are announced
		part := min(rest, 64<<10)
		at := len(r.body)
		if cap(r.body)-at < part {
			r.body = append(r.body, make([]byte, part)...)
		}
		r.body = r.body[:at+part]
		if _, err := io.ReadFull(r.source, r.body[at:]); err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF
			}
			return err
		}
		rest -= part
	}
	r.left -= size + 2
	if end := r.body[start+size:]; end[0] != '\r' || end[1] != '\n' {
		return protocolError("a bulk string does not end where its length says")
	}
	r.body = r.body[:start+size]
	r.ends = append(r.ends, len(r.body))
	return nil
}

// parseInteger reads a number of 64 bits in the one way in which it is written: no plus, no leading zero, no -0.
func parseInteger(text []byte) (n int64, ok bool) {
	digits, negative := text, false
	if len(digits) > 0 && digits[0] == '-' {
		digits, negative = digits[1:], true
	}
	const most = len("9223372036854775808")
	if len(digits) == 0 || len(digits) > most || digits[0] == '0' && len(text) > 1 {
		return 0, false
	}
	var size uint64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		size = size*10 + uint64(c-'0')
	}
	const minus = 1 << 63
	switch {
	case negative && size <= minus:
		return int64(-size), true
	case !negative && size < minus:
		return int64(size), true
	}
	return 0, false
}

// reply is an answer that is being written.
type reply struct {
	b       []byte
	version int // of RESP: 2 or 3
}

func (r *reply) number(mark byte, n int64) {
	r.b = append(strconv.AppendInt(append(r.b, mark), n, 10), "\r\n"...)
}

// status must have no line end in it.
func (r *reply) status(text string) {
	r.b = append(append(append(r.b, '+'), text...), "\r\n"...)
}

// failure, too; the text begins with a word in capitals that says of which kind it is.
func (r *reply) failure(text string) {
	r.b = append(append(append(r.b, '-'), text...), "\r\n"...)
}

func (r *reply) integer(n int64) { r.number(':', n) }

func (r *reply) bulk(value []byte) {
	r.number('$', int64(len(value)))
	r.b = append(append(r.b, value...), "\r\n"...)
}

func (r *reply) text(value string) {
	r.number('$', int64(len(value)))
	r.b = append(append(r.b, value...), "\r\n"...)
}

// verbatim is text to be shown as it is.
func (r *reply) verbatim(value string) {
	if r.version < 3 {
		r.text(value)
		return
	}
	r.number('=', int64(len("txt:")+len(value)))
	r.b = append(append(append(r.b, "txt:"...), value...), "\r\n"...)
}

func (r *reply) null() {
	if r.version < 3 {
		r.b = append(r.b, "$-1\r\n"...)
	} else {
		r.b = append(r.b, "_\r\n"...)
	}
}

// array announces so many answers.
func (r *reply) array(n int) { r.number('*', int64(n)) }

// mapping announces so many pairs of answers.
func (r *reply) mapping(n int) {
	if r.version < 3 {
		r.array(2 * n)
	} else {
		r.number('%', int64(n))
	}
}

// set announces so many answers whose order says nothing.
func (r *reply) set(n int) {
	if r.version < 3 {
		r.array(n)
	} else {
		r.number('~', int64(n))
	}
}
