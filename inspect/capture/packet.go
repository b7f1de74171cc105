package capture

import (
	"encoding/binary"
	"errors"
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
	switch link {
	case linkRaw, linkRawBSD, linkRawOpen, linkIPv4, linkIPv6:
		return b, nil
	case linkNull, linkLoop: // the version of IP tells as much as the address family, which each system numbers its own way
		return b[min(4, len(b)):], nil
	case linkCooked:
		return behindType(b, 14, 16)
	case linkCooked2:
		return behindType(b, 0, 20)
	case linkEthernet:
		return behindType(b, 12, 14)
	}
	return nil, errLink
}

// behindType returns what follows a header that has the type of what follows
// at an offset, and the VLAN tags behind it.
func behindType(b []byte, at, header int) ([]byte, error) {
	for len(b) >= header {
		switch kind := binary.BigEndian.Uint16(b[at:]); {
		case kind == 0x0800 || kind == 0x86dd: // IPv4, IPv6
			return b[header:], nil
		case isVLAN(kind):
			at, header = header+2, header+4
		default:
			return nil, errNotTCP
		}
	}
	return nil, errNotTCP
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
		return segment{}, trouble("fragment")
	}
	if total == 0 { // left to the network card
		total = len(b)
	}
	if total < header || len(b) < header {
		return segment{}, trouble("ipv4_header", "length", total, "header", header, "room", len(b))
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
		case 0, 43, 60, 135, 139, 140: // hop-by-hop, routing, destination options (RFC 8200 section 4); mobility, HIP, Shim6
			if len(b) >= 2 {
				size = 8 + int(b[1])*8
			}
		case 51: // authentication (RFC 4302 section 2)
			if len(b) >= 2 {
				size = 8 + int(b[1])*4
			}
		case 44:
			if len(b) >= 8 && binary.BigEndian.Uint16(b[2:])&^0x6 != 0 {
				return segment{}, trouble("fragment")
			}
			size = 8 // the only fragment of its packet (RFC 6946)
		default:
			return segment{}, errNotTCP
		}
		if size == 0 || len(b) < size {
			return segment{}, trouble("ipv6_header")
		}
		next, b, length = b[0], b[size:], length-size
	}
	return tcp(source, target, b, length)
}

// tcp reads a segment of length bytes on the wire (RFC 9293 section 3.1).
func tcp(source, target netip.Addr, b []byte, length int) (segment, error) {
	if len(b) < 20 {
		return segment{}, trouble("tcp_short", "length", len(b))
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > length || header > len(b) {
		return segment{}, trouble("tcp_header", "length", length, "header", header)
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
