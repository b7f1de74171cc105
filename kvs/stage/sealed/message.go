package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// lengthSize is how many bytes the field in front of a public key or a message
// has: a decimal number, padded with equals signs to the right, as in "800=====".
const lengthSize = 8

// Each step of a conversation is acknowledged by one byte.
const (
	ackYes = '1'
	ackNo  = '0'
)

// What can be wrong with the frame of a public key or a message.
var (
	ErrLength  = errors.New("the length is not a number that fits, padded with = to 8 characters")
	ErrTooLong = errors.New("it is too long")
	ErrRefused = errors.New("the peer refused it")
	ErrAck     = errors.New("the peer answered with neither 1 nor 0")
)

// lengthField writes a length of at most 99,999,999.
func lengthField(n int) []byte {
	field := strconv.AppendInt(make([]byte, 0, lengthSize), int64(n), 10)
	return append(field, bytes.Repeat([]byte{'='}, lengthSize-len(field))...)
}

// parseLength reads a length. Nothing is taken but what lengthField writes: no
// sign, no space, no leading zero.
func parseLength(field []byte) (int, error) {
	digits := bytes.TrimRight(field, "=")
	if len(field) != lengthSize || len(digits) == 0 || digits[0] == '0' {
		return 0, ErrLength
	}
	n := 0
	for _, digit := range digits {
		if digit < '0' || digit > '9' {
			return 0, ErrLength
		}
		n = 10*n + int(digit-'0')
	}
	return n, nil
}

// sendFramed sends the length of body, and body when the peer has agreed to it.
func sendFramed(wire net.Conn, body []byte) error {
	if _, err := wire.Write(lengthField(len(body))); err != nil {
		return err
	}
	if err := awaitAck(wire); err != nil {
		return err
	}
	_, err := wire.Write(body)
	return err
}

// receiveFramed receives a length, and as many bytes if it is agreeable. The
// error is io.EOF where the stream ends before it; started tells whether any byte came.
func receiveFramed(wire net.Conn, limit int, fits func(int) bool) (body []byte, started bool, err error) {
	var field [lengthSize]byte
	if n, err := io.ReadFull(wire, field[:]); err != nil {
		return nil, n > 0, err
	}
	length, err := parseLength(field[:])
	switch {
	case err != nil:
		err = fmt.Errorf("%w: it is %q", err, field)
	case length > limit:
		err = fmt.Errorf("%w: %d bytes, where %d are the most", ErrTooLong, length, limit)
	case !fits(length):
		err = fmt.Errorf("%w: it is %d", ErrLength, length)
	}
	if err != nil {
		return nil, true, refuse(wire, err)
	}
	if err := acknowledge(wire); err != nil {
		return nil, true, err
	}
	body, err = readExactly(wire, length)
	return body, true, err
}

// readExactly reads n bytes. Memory grows with what comes, not with what was announced.
func readExactly(wire net.Conn, n int) ([]byte, error) {
	var body bytes.Buffer
	if _, err := io.CopyN(&body, wire, int64(n)); err != nil {
		return nil, unexpected(err)
	}
	return body.Bytes(), nil
}

func acknowledge(wire net.Conn) error {
	_, err := wire.Write([]byte{ackYes})
	return err
}

// refuse tells the peer no, and returns why.
func refuse(wire net.Conn, why error) error {
	wire.Write([]byte{ackNo})
	return why
}

func awaitAck(wire net.Conn) error {
	var ack [1]byte
	if _, err := io.ReadFull(wire, ack[:]); err != nil {
		return unexpected(err)
	}
	switch ack[0] {
	case ackYes:
		return nil
	case ackNo:
		return ErrRefused
	}
	return fmt.Errorf("%w: it is %q", ErrAck, ack)
}

// unexpected makes an end of the stream one that came too early.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
