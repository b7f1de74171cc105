package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// The link types that are read (https://www.tcpdump.org/linktypes.html).
const (
	linkNull     = 0 // the address family, in the byte order of whoever captured
	linkEthernet = 1
	linkRawBSD   = 12
	linkRawOpen  = 14
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113 // Linux, "any" interface
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

var (
	errLink   = errors.New("link type not supported")
	errNotTCP = errors.New("not TCP")
)

// network returns what stands behind the link's own header, an IP packet or
// not.
func network(link uint32, b []byte) ([]byte, error) {
	header := 0
	switch link {
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
	case linkNull, linkLoop:
		header = 4
	case linkCooked:
		header = 16
	case linkCooked2:
		header = 20
	case linkEthernet:
		header = 14
		for len(b) >= header && isVLAN(binary.BigEndian.Uint16(b[header-2:])) {
			header += 4
		}
	default:
		return nil, errLink
	}
	if len(b) < header {
		return nil, errNotTCP
	}
	return b[header:], nil
}

// isVLAN reports whether a tag of four bytes follows (IEEE 802.1Q, 802.1ad).
func isVLAN(etherType uint16) bool {
	return etherType == 0x8100 || etherType == 0x88a8 || etherType == 0x9100
}

// A segment is one TCP segment. Its payload may be shorter than it was on the
// wire, if the capture kept only the beginnings of packets.
type segment struct {
	from, to               netip.AddrPort
	seq, ack               uint32
	syn, acked, fin, reset bool
	payload                []byte
	length                 int // of the payload on the wire
}

// transport takes a TCP segment out of an IP packet. What stands there instead
// of IP, or of TCP, is errNotTCP.
func transport(b []byte) (segment, error) {
	if len(b) == 0 {
		return segment{}, errNotTCP
	}
	switch b[0] >> 4 {
	case 4:
		return ipv4(b)
	case 6:
		return ipv6(b)
	}
	return segment{}, errNotTCP
}

func ipv4(b []byte) (segment, error) {
	if len(b) < 20 {
		return segment{}, errNotTCP
	}
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < 20 || b[9] != 6 {
		return segment{}, errNotTCP
	}
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return segment{}, errors.New("fragments of IP packets are not put together")
	}
	if total == 0 { // left to the network card
		total = len(b)
	}
	if total < header || len(b) < header {
		return segment{}, fmt.Errorf("an IPv4 packet of %d bytes with a header of %d, of which there are %d", total, header, len(b))
	}
	source, _ := netip.AddrFromSlice(b[12:16])
	target, _ := netip.AddrFromSlice(b[16:20])
	return tcp(source, target, b[header:min(total, len(b))], total-header)
}

func ipv6(b []byte) (segment, error) {
	if len(b) < 40 {
		return segment{}, errNotTCP
	}
	next, length := b[6], int(binary.BigEndian.Uint16(b[4:]))
	source, _ := netip.AddrFromSlice(b[8:24])
	target, _ := netip.AddrFromSlice(b[24:40])
	b = b[40:]
	if length == 0 { // left to the network card
		length = len(b)
	}
	b = b[:min(length, len(b))]
	for next != 6 {
		size := 0
		switch next {
		case 0, 43, 60: // hop-by-hop, routing, destination options (RFC 8200 section 4)
			if len(b) >= 2 {
				size = 8 + int(b[1])*8
			}
		case 51: // authentication (RFC 4302 section 2)
			if len(b) >= 2 {
				size = 8 + int(b[1])*4
			}
		case 44:
			return segment{}, errors.New("fragments of IP packets are not put together")
		default:
			return segment{}, errNotTCP
		}
		if size == 0 || len(b) < size {
			return segment{}, errors.New("an IPv6 packet ends within its headers")
		}
		next, b, length = b[0], b[size:], length-size
	}
	return tcp(source, target, b, length)
}

// tcp reads a segment of length bytes on the wire (RFC 9293 section 3.1).
func tcp(source, target netip.Addr, b []byte, length int) (segment, error) {
	if len(b) < 20 {
		return segment{}, fmt.Errorf("a TCP segment of %d bytes", len(b))
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > length || header > len(b) {
		return segment{}, fmt.Errorf("a TCP segment of %d bytes with a header of %d", length, header)
	}
	flags := b[13]
	return segment{
		from: netip.AddrPortFrom(source, binary.BigEndian.Uint16(b)),
		to:   netip.AddrPortFrom(target, binary.BigEndian.Uint16(b[2:])),
		seq:  binary.BigEndian.Uint32(b[4:]), ack: binary.BigEndian.Uint32(b[8:]),
		fin: flags&0x01 != 0, syn: flags&0x02 != 0, reset: flags&0x04 != 0, acked: flags&0x10 != 0,
		payload: b[header:], length: length - header,
	}, nil
}
