package capture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// A classic reads pcap files, as tcpdump has always written them
// (draft-ietf-opsawg-pcap).
type classic struct {
	in    *input
	order binary.ByteOrder
	unit  int64 // of the fraction of a second, in nanoseconds
	link  uint32
}

// classicMagic tells the byte order and the unit of time by the first bytes.
func classicMagic(magic []byte) (order binary.ByteOrder, unit int64, ok bool) {
	switch {
	case bytes.Equal(magic, []byte{0xd4, 0xc3, 0xb2, 0xa1}):
		return binary.LittleEndian, 1000, true
	case bytes.Equal(magic, []byte{0xa1, 0xb2, 0xc3, 0xd4}):
		return binary.BigEndian, 1000, true
	case bytes.Equal(magic, []byte{0x4d, 0x3c, 0xb2, 0xa1}):
		return binary.LittleEndian, 1, true
	case bytes.Equal(magic, []byte{0xa1, 0xb2, 0x3c, 0x4d}):
		return binary.BigEndian, 1, true
	}
	return nil, 0, false
}

func openClassic(in *input, order binary.ByteOrder, unit int64) (source, error) {
	head, err := in.read(24)
	if err != nil {
		return nil, cut(0, "its header", err)
	}
	return &classic{in: in, order: order, unit: unit, link: order.Uint32(head[20:]) & 0xffff}, nil
}

func (c *classic) next() (block, error) {
	offset := c.in.offset
	head, err := c.in.read(16)
	if err == io.EOF {
		return block{}, io.EOF
	}
	if err != nil {
		return block{}, cut(offset, "the head of a packet", err)
	}
	seconds, fraction, length := c.order.Uint32(head), c.order.Uint32(head[4:]), c.order.Uint32(head[8:])
	if length > maxBlock {
		return block{}, &Problem{Offset: offset, Text: fmt.Sprintf("a packet says that it is %d bytes long; nothing after it was read", length)}
	}
	packet, err := c.in.read(int(length))
	if err != nil {
		return block{}, cut(offset, "a packet", err)
	}
	return block{offset: offset, time: time.Unix(int64(seconds), int64(fraction)*c.unit).UTC(), link: c.link, packet: packet}, nil
}
