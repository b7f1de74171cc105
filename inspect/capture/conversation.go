package capture

import (
	"net"
	"net/netip"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"example.com/tlslab/inspect"
)

// The packets of a Writer fit an Ethernet of 1500 bytes.
const mtu = 1500

// Where a recording knows no addresses, the server is 127.0.0.1:8888, and each
// client has a port of its own, or even an address.
const (
	neutralServerPort = 8888
	firstClientPort   = 49152
	clientPorts       = 65536 - firstClientPort
)

// flags are those of a TCP segment that a conversation sets.
type flags struct{ syn, ack, push, fin, reset bool }

// sendFunc takes one packet, which is valid until it returns.
type sendFunc func(packet []byte)

// A conversation makes the packets of one connection. Every run of bytes is
// acknowledged once, at once.
type conversation struct {
	addr   [2]netip.AddrPort // by Side
	seq    [2]uint32         // by Side: of its next byte
	ended  [2]bool
	buffer gopacket.SerializeBuffer // shared with other conversations

	opening []byte // of what the client sent, until it has been looked at
	opened  bool
}

func newConversation(conn int, opening *inspect.Opening, buffer gopacket.SerializeBuffer) *conversation {
	initial := uint32(conn) << 16 // differs where addresses are used again
	return &conversation{addr: addresses(conn, opening.Addr), seq: [2]uint32{initial, initial}, buffer: buffer}
}

// addresses returns the addresses of a connection: its own, if both are known,
// of one family, and different.
func addresses(conn int, known [2]string) [2]netip.AddrPort {
	client, clientErr := netip.ParseAddrPort(known[inspect.Client])
	server, serverErr := netip.ParseAddrPort(known[inspect.Server])
	client, server = plain(client), plain(server)
	if clientErr == nil && serverErr == nil && client.Addr().Is4() == server.Addr().Is4() && client != server {
		return [2]netip.AddrPort{client, server}
	}
	host := 1 + conn/clientPorts%250
	return [2]netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(host)}), uint16(firstClientPort+conn%clientPorts)),
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), neutralServerPort),
	}
}

// plain takes an IPv4 address out of its IPv6 clothing, and the zone off.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// open shakes hands (RFC 9293 section 3.5).
func (c *conversation) open(send sendFunc) {
	c.segment(inspect.Client, flags{syn: true}, nil, send)
	c.seq[inspect.Client]++
	c.segment(inspect.Server, flags{syn: true, ack: true}, nil, send)
	c.seq[inspect.Server]++
	c.segment(inspect.Client, flags{ack: true}, nil, send)
}

// data sends n bytes, as many segments as they need. Where b is nil they are
// not known any more: the sequence numbers pass over them.
func (c *conversation) data(from inspect.Side, b []byte, n int, send sendFunc) {
	if c.ended[from] || n == 0 {
		return
	}
	if b == nil {
		c.seq[from] += uint32(n)
	}
	for len(b) > 0 {
		size := min(len(b), c.maxSegment())
		c.segment(from, flags{ack: true, push: size == len(b)}, b[:size], send)
		c.seq[from] += uint32(size)
		b = b[size:]
	}
	if !c.ended[from.Peer()] {
		c.segment(from.Peer(), flags{ack: true}, nil, send)
	}
}

// end sends a FIN, which is acknowledged, or a RST.
func (c *conversation) end(side inspect.Side, how inspect.Ending, send sendFunc) {
	if c.ended[side] {
		return
	}
	c.ended[side] = true
	if how == inspect.Cut {
		c.segment(side, flags{reset: true, ack: true}, nil, send)
		return
	}
	c.segment(side, flags{fin: true, ack: true}, nil, send)
	c.seq[side]++
	c.segment(side.Peer(), flags{ack: true}, nil, send)
}

// over reports whether both sides have ended.
func (c *conversation) over() bool { return c.ended[inspect.Client] && c.ended[inspect.Server] }

// maxSegment returns how many bytes of a stream fit a packet.
func (c *conversation) maxSegment() int {
	if c.addr[inspect.Client].Addr().Is4() {
		return mtu - 20 - 20
	}
	return mtu - 40 - 20
}

// segment makes one packet and sends it.
func (c *conversation) segment(from inspect.Side, f flags, payload []byte, send sendFunc) {
	src, dst := c.addr[from], c.addr[from.Peer()]
	ethernet := &layers.Ethernet{SrcMAC: mac(from), DstMAC: mac(from.Peer())}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: c.seq[from], SYN: f.syn, ACK: f.ack, PSH: f.push, FIN: f.fin, RST: f.reset,
		Window: 0xffff,
	}
	if f.ack {
		tcp.Ack = c.seq[from.Peer()]
	}
	if f.syn {
		tcp.Options = c.synOptions()
	}
	var ip gopacket.SerializableLayer
	if src.Addr().Is4() {
		ethernet.EthernetType = layers.EthernetTypeIPv4
		v4 := &layers.IPv4{
			Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, Flags: layers.IPv4DontFragment,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
		tcp.SetNetworkLayerForChecksum(v4)
		ip = v4
	} else {
		ethernet.EthernetType = layers.EthernetTypeIPv6
		v6 := &layers.IPv6{
			Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP,
			SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(),
		}
		tcp.SetNetworkLayerForChecksum(v6)
		ip = v6
	}
	err := gopacket.SerializeLayers(c.buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ethernet, ip, tcp, gopacket.Payload(payload))
	if err != nil {
		panic("capture: " + err.Error()) // nothing that was captured decides about it
	}
	send(c.buffer.Bytes())
}

// synOptions announces the segment size, and a window that nothing here fills.
func (c *conversation) synOptions() []layers.TCPOption {
	size := c.maxSegment()
	return []layers.TCPOption{
		{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{byte(size >> 8), byte(size)}},
		{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
		{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{14}},
	}
}

// mac returns a locally administered address.
func mac(side inspect.Side) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0, 0, 0, 0, 0x01 + byte(side)}
}
