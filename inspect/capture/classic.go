package capture

import (
	"bytes"
	"encoding/binary"
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
	snap  uint32 // how many bytes of a packet are kept, by the header
}

// sanePacket is how long a packet may be whatever the header says that is kept
// of each: libpcap's own bound.
const sanePacket = 256 << 10

// modifiedMagic is that of the format that Red Hat's libpcap once wrote, in
// both byte orders: its packets have another head.
var modifiedMagic = [][]byte{{0x34, 0xcd, 0xb2, 0xa1}, {0xa1, 0xb2, 0xcd, 0x34}}

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
		return nil, cut(0, "header", err)
	}
	return &classic{in: in, order: order, unit: unit, link: order.Uint32(head[20:]) & 0xffff, snap: order.Uint32(head[16:])}, nil
}

func (c *classic) next() (block, error) {
	offset := c.in.offset
	head, err := c.in.read(16)
	if err == io.EOF {
		return block{}, io.EOF
	}
	if err != nil {
		return block{}, cut(offset, "head", err)
	}
	seconds, fraction := c.order.Uint32(head), c.order.Uint32(head[4:])
	length, whole := c.order.Uint32(head[8:]), c.order.Uint32(head[12:])
	if length > maxBlock || length > max(c.snap, sanePacket) {
		return block{}, &Problem{Offset: offset, Key: "packet_length", Data: []any{"length", length}}
	}
	packet, err := c.in.read(int(length))
	if err != nil {
		return block{}, cut(offset, "packet", err)
	}
	return block{offset: offset, time: time.Unix(int64(seconds), int64(fraction)*c.unit).UTC(), link: c.link, packet: packet, length: int64(whole)}, nil
}
