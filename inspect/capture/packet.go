package capture

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
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
	errShort  = errors.New("ends within its headers") // most often since the capture kept the beginnings of packets alone
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
	return nil, errShort
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

// A datagram is what an IP packet carries: TCP, headers before it, or a fragment
// of these.
type datagram struct {
	source, target netip.Addr
	next           byte   // what it begins with: 6 is TCP
	payload        []byte // as far as the capture has it
	length         int    // of the payload on the wire

	fragment bool
	id       uint32
	offset   int
	more     bool // fragments follow
}

// transport takes a TCP segment out of an IP packet that is no fragment.
func transport(b []byte) (segment, error) {
	d, err := internet(b, 0)
	switch {
	case err != nil:
		return segment{}, err
	case d.fragment:
		return segment{}, errNotTCP
	}
	return d.tcp()
}

// internet reads the headers of an IP packet, of which so many bytes more were on
// the wire. What stands there instead of IP, or of TCP, is errNotTCP.
func internet(b []byte, missing int) (datagram, error) {
	if len(b) == 0 {
		return datagram{}, errShort
	}
	switch b[0] >> 4 {
	case 4:
		return ipv4(b, missing)
	case 6:
		return ipv6(b, missing)
	}
	return datagram{}, errNotTCP
}

// ipv4 reads the header of IPv4 (RFC 791 section 3.1).
func ipv4(b []byte, missing int) (datagram, error) {
	if len(b) < 20 {
		return datagram{}, errShort
	}
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < 20 || b[9] != protocolTCP {
		return datagram{}, errNotTCP
	}
	if total == 0 { // left to the network card
		total = len(b) + missing
	}
	switch {
	case total < header:
		return datagram{}, trouble("ipv4_header", "length", total, "header", header, "room", len(b))
	case len(b) < header:
		return datagram{}, errShort
	}
	source, _ := netip.AddrFromSlice(b[12:16])
	target, _ := netip.AddrFromSlice(b[16:20])
	place := binary.BigEndian.Uint16(b[6:])
	return datagram{
		source: source, target: target, next: protocolTCP, payload: b[header:min(total, len(b))], length: total - header,
		fragment: place&0x3fff != 0, id: uint32(binary.BigEndian.Uint16(b[4:])), offset: int(place&0x1fff) * 8, more: place&0x2000 != 0,
	}, nil
}

// ipv6 reads the header of IPv6 (RFC 8200 section 3) and those behind it.
func ipv6(b []byte, missing int) (datagram, error) {
	if len(b) < 40 {
		return datagram{}, errShort
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length == 0 { // left to the network card
		length = len(b) - 40 + missing
	}
	source, _ := netip.AddrFromSlice(b[8:24])
	target, _ := netip.AddrFromSlice(b[24:40])
	d := datagram{source: source, target: target, next: b[6], payload: b[40:min(40+length, len(b))], length: length}
	err := d.unwrap()
	return d, err
}

// The numbers of what stands behind the header of IPv6, and of TCP.
const (
	hopByHop           = 0
	protocolTCP        = 6
	routing            = 43
	fragmentHeader     = 44
	authentication     = 51
	destinationOptions = 60
	mobility           = 135
	hostIdentity       = 139
	shim6              = 140
)

func isExtension(next byte) bool {
	return slices.Contains([]byte{hopByHop, routing, fragmentHeader, authentication, destinationOptions, mobility, hostIdentity, shim6}, next)
}

// unwrap passes over extension headers (RFC 8200 section 4), up to TCP or to a
// fragment's.
func (d *datagram) unwrap() error {
	for d.next != protocolTCP {
		b, size := d.payload, 0
		switch d.next {
		case hopByHop, routing, destinationOptions, mobility, hostIdentity, shim6:
			if len(b) >= 2 {
				size = 8 + int(b[1])*8
			}
		case authentication: // RFC 4302 section 2
			if len(b) >= 2 {
				size = 8 + int(b[1])*4
			}
		case fragmentHeader:
			size = 8
		default:
			return errNotTCP
		}
		switch {
		case d.length < max(size, 8):
			return trouble("headers")
		case size == 0 || len(b) < size:
			return errShort
		}
		fragments := d.next == fragmentHeader
		d.next, d.payload, d.length = b[0], b[size:], d.length-size
		if !fragments {
			continue
		}
		place := binary.BigEndian.Uint16(b[2:])
		if d.fragment = place&^0x6 != 0; d.fragment { // else it is the only one of its packet (RFC 6946)
			d.id, d.offset, d.more = binary.BigEndian.Uint32(b[4:]), int(place&^0x7), place&1 != 0
			if d.next != protocolTCP && !isExtension(d.next) {
				return errNotTCP
			}
			return nil
		}
	}
	return nil
}

// tcp reads the header of TCP (RFC 9293 section 3.1).
func (d datagram) tcp() (segment, error) {
	b := d.payload
	if d.length < 20 {
		return segment{}, trouble("tcp_short", "length", d.length)
	}
	if len(b) < 20 {
		return segment{}, errShort
	}
	header := int(b[12]>>4) * 4
	if header < 20 || header > d.length {
		return segment{}, trouble("tcp_header", "length", d.length, "header", header)
	}
	flags := b[13]
	return segment{
		from: netip.AddrPortFrom(d.source, binary.BigEndian.Uint16(b)),
		to:   netip.AddrPortFrom(d.target, binary.BigEndian.Uint16(b[2:])),
		seq:  binary.BigEndian.Uint32(b[4:]), ack: binary.BigEndian.Uint32(b[8:]),
		fin: flags&0x01 != 0, syn: flags&0x02 != 0, reset: flags&0x04 != 0, acked: flags&0x10 != 0,
		payload: b[min(header, len(b)):], length: d.length - header,
	}, nil
}
