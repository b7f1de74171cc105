package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// The block types of pcapng (draft-ietf-opsawg-pcapng section 10.1).
const (
	sectionHeader   = 0x0a0d0d0a
	interfaceBlock  = 0x00000001
	obsoletePacket  = 0x00000002
	simplePacket    = 0x00000003
	enhancedPacket  = 0x00000006
	secretsBlock    = 0x0000000a
	tlsKeyLog       = 0x544c534b // the type of secrets that a key log is
	byteOrderMagic  = 0x1a2b3c4d
	optionComment   = 1  // opt_comment
	optionResolves  = 9  // if_tsresol
	optionTimeShift = 14 // if_tsoffset
)

// maxInterfaces is how many interfaces a section may have.
const maxInterfaces = 1 << 16

// A pcapng reads blocks; those that hold neither packets nor TLS secrets are
// passed over, as the format wants it.
type pcapng struct {
	in         *input
	order      binary.ByteOrder
	interfaces []ngInterface // of the section
	comments   []string      // of the blocks since the last one that was handed on, and of that
}

type ngInterface struct {
	link       uint32
	snap       uint32 // how many bytes of a packet are kept; 0 means all
	resolution byte   // if_tsresol
	shift      int64  // seconds
}

func (p *pcapng) next() (block, error) {
	for {
		offset := p.in.offset
		kind, body, err := p.read()
		if err != nil {
			return block{}, err
		}
		b := block{offset: offset}
		switch kind {
		case sectionHeader:
			err = p.comment(body[min(12, len(body)):]) // behind the version and the section's length
		case interfaceBlock:
			err = p.describe(body)
		case enhancedPacket, obsoletePacket:
			err = p.packet(&b, kind, body)
		case simplePacket:
			err = p.simple(&b, body)
		case secretsBlock:
			err = p.secrets(&b, body)
		}
		if err != nil {
			return block{}, &Problem{Offset: offset, Key: "nonsense", Err: err}
		}
		if b.packet != nil || b.secrets != nil {
			b.comments, p.comments = p.comments, nil
			return b, nil
		}
	}
}

// read returns the type and the body of the next block.
func (p *pcapng) read() (kind uint32, body []byte, err error) {
	offset := p.in.offset
	b, err := p.in.read(8)
	if err == io.EOF {
		return 0, nil, io.EOF
	}
	if err != nil {
		return 0, nil, cut(offset, "blockhead", err)
	}
	head := [8]byte(b)
	if binary.LittleEndian.Uint32(head[:]) == sectionHeader { // the same in both orders
		if err := p.section(offset); err != nil {
			return 0, nil, err
		}
	} else if p.order == nil {
		return 0, nil, &Problem{Offset: offset, Key: "before_section"}
	}
	kind, length := p.order.Uint32(head[:]), p.order.Uint32(head[4:])
	taken := uint32(p.in.offset - offset)
	if length < taken+4 || length%4 != 0 || length > maxBlock {
		return 0, nil, &Problem{Offset: offset, Key: "block_length", Data: []any{"length", length}}
	}
	body, err = p.in.read(int(length - taken))
	if err != nil {
		return 0, nil, cut(offset, "block", err)
	}
	body, tail := body[:len(body)-4], body[len(body)-4:]
	if again := p.order.Uint32(tail); again != length {
		return 0, nil, &Problem{Offset: offset, Key: "block_lengths", Data: []any{"length", length, "again", again}}
	}
	return kind, body, nil
}

// section reads the byte order of a new section, whose interfaces are its own.
func (p *pcapng) section(offset int64) error {
	magic, err := p.in.read(4)
	if err != nil {
		return cut(offset, "section", err)
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == byteOrderMagic:
		p.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == byteOrderMagic:
		p.order = binary.BigEndian
	default:
		return &Problem{Offset: offset, Key: "byte_order", Data: []any{"bytes", fmt.Sprintf("% x", magic)}}
	}
	p.interfaces = p.interfaces[:0]
	return nil
}

func (p *pcapng) describe(body []byte) error {
	if len(body) < 8 {
		return trouble("interface_short", "length", len(body))
	}
	if len(p.interfaces) == maxInterfaces {
		return trouble("interfaces", "most", maxInterfaces)
	}
	described := ngInterface{link: uint32(p.order.Uint16(body)), snap: p.order.Uint32(body[4:]), resolution: 6}
	err := p.options(body[8:], func(code uint16, value []byte) {
		switch {
		case code == optionComment:
			p.comments = append(p.comments, string(value))
		case code == optionResolves && len(value) == 1:
			described.resolution = value[0]
		case code == optionTimeShift && len(value) == 8:
			described.shift = int64(p.order.Uint64(value))
		}
	})
	if err != nil {
		return err
	}
	if described.resolution&0x7f > 63 || described.resolution < 0x80 && described.resolution > 19 {
		return trouble("resolution", "byte", fmt.Sprintf("0x%02x", described.resolution))
	}
	p.interfaces = append(p.interfaces, described)
	return nil
}

// options calls each for every option of a block (draft-ietf-opsawg-pcapng
// section 3.5), up to opt_endofopt or what is no whole option's head.
func (p *pcapng) options(b []byte, each func(code uint16, value []byte)) error {
	for len(b) >= 4 {
		code, length := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
		if code == 0 {
			return nil
		}
		if len(b) < 4+length {
			return trouble("option_length", "length", length, "room", len(b)-4)
		}
		each(code, b[4:4+length])
		b = b[min(4+(length+3)&^3, len(b)):]
	}
	return nil
}

// comment keeps the comments among options that say nothing else of use here.
func (p *pcapng) comment(options []byte) error {
	return p.options(options, func(code uint16, value []byte) {
		if code == optionComment {
			p.comments = append(p.comments, string(value))
		}
	})
}

func (p *pcapng) packet(b *block, kind uint32, body []byte) error {
	if len(body) < 20 {
		return trouble("packet_short", "length", len(body))
	}
	number := p.order.Uint32(body)
	if kind == obsoletePacket {
		number = uint32(p.order.Uint16(body)) // a count of lost packets follows
	}
	if number >= uint32(len(p.interfaces)) {
		return trouble("packet_interface", "number", number, "interfaces", len(p.interfaces))
	}
	length := p.order.Uint32(body[12:])
	if length > uint32(len(body)-20) {
		return trouble("packet_in", "length", length, "room", len(body)-20)
	}
	on := p.interfaces[number]
	b.link, b.packet, b.length = on.link, body[20:20+length], int64(p.order.Uint32(body[16:]))
	b.time = on.time(uint64(p.order.Uint32(body[4:]))<<32 | uint64(p.order.Uint32(body[8:])))
	return p.comment(body[min(20+(int(length)+3)&^3, len(body)):])
}

// simple is a packet of the first interface that has no time.
func (p *pcapng) simple(b *block, body []byte) error {
	if len(body) < 4 || len(p.interfaces) == 0 {
		return trouble("packet_simple", "length", len(body), "interfaces", len(p.interfaces))
	}
	on := p.interfaces[0]
	length := min(p.order.Uint32(body), uint32(len(body)-4))
	if on.snap != 0 {
		length = min(length, on.snap)
	}
	b.link, b.packet, b.length = on.link, body[4:4+length], int64(p.order.Uint32(body))
	return nil
}

func (p *pcapng) secrets(b *block, body []byte) error {
	if len(body) < 8 {
		return trouble("secrets_short", "length", len(body))
	}
	if p.order.Uint32(body) != tlsKeyLog {
		return nil // of another protocol
	}
	length := p.order.Uint32(body[4:])
	if length > uint32(len(body)-8) {
		return trouble("secrets_in", "length", length, "room", len(body)-8)
	}
	b.secrets = body[8 : 8+length]
	return nil
}

// time turns a time stamp, in units of the interface's resolution, into a time.
func (i ngInterface) time(stamp uint64) time.Time {
	var seconds, nanoseconds uint64
	if exponent := i.resolution & 0x7f; i.resolution >= 0x80 { // 2^-exponent seconds
		seconds = stamp >> exponent
		high, low := bits.Mul64(stamp&(1<<exponent-1), 1e9)
		nanoseconds = high<<(64-exponent) | low>>exponent
	} else { // 10^-exponent seconds
		unit := uint64(1)
		for range exponent {
			unit *= 10
		}
		seconds, nanoseconds = stamp/unit, stamp%unit
		for range max(9-int(exponent), 0) {
			nanoseconds *= 10
		}
		for range max(int(exponent)-9, 0) {
			nanoseconds /= 10
		}
	}
	return time.Unix(int64(seconds)+i.shift, int64(nanoseconds)).UTC()
}
