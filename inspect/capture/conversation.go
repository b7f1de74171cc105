package capture

import (
	"net"
	"net/netip"
	"slices"

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
type flags struct{ syn, ack, push, fin, reset, window bool }

// sendFunc takes one packet, which is valid until it returns, how many bytes of its
// end are not known, and what is said of it.
type sendFunc func(packet []byte, unknown int, comments []string)

// A conversation makes the packets of one connection, or of one half of it.
// Every run of bytes is acknowledged once, before more is sent: by what the
// other side sends next, or by a segment of its own.
type conversation struct {
	addr    [2]netip.AddrPort // by Side
	seq     [2]uint32         // by Side: of its next byte
	sent    [2]int            // by Side: bytes
	unknown [2]int            // by Side: bytes that were passed over
	lost    [2]bool           // by Side: of what it sent last, nothing could be delivered, which has been said
	ended   [2]bool
	reset   bool                     // by a side that has ended
	cut     [2]int                   // by Side: bytes at the end of its last packet that are not known, and not yet missed
	owes    [2]bool                  // by Side: an acknowledgement
	said    [2][]string              // by Side: comments that wait for its next packet
	windows [2]uint16                // by Side: how many larger ones it has announced
	length  int                      // of the comments in said
	buffer  gopacket.SerializeBuffer // shared with other conversations
}

func newConversation(conn int, addr [2]netip.AddrPort, buffer gopacket.SerializeBuffer) *conversation {
	initial := uint32(conn) << 16 // differs where addresses are used again
	return &conversation{addr: addr, seq: [2]uint32{initial, initial}, buffer: buffer}
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

// behindTap returns the addresses between the tap and the server, where that
// connection is one of its own. The tap's address is one for documentation (RFC
// 5737 section 3, RFC 3849), so that nobody takes it for another.
func behindTap(conn int, addr [2]netip.AddrPort) [2]netip.AddrPort {
	tap := netip.AddrFrom4([4]byte{192, 0, 2, byte(1 + conn%250)})
	if server := addr[inspect.Server].Addr(); !server.Is4() {
		tap = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(1 + conn%250)})
	}
	return [2]netip.AddrPort{netip.AddrPortFrom(tap, addr[inspect.Client].Port()), addr[inspect.Server]}
}

// plain takes an IPv4 address out of its IPv6 clothing, and the zone off.
func plain(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// open shakes hands (RFC 9293 section 3.5).
func (c *conversation) open(send sendFunc) {
	c.segment(inspect.Client, flags{syn: true}, nil, 0, send)
	c.seq[inspect.Client]++
	c.segment(inspect.Server, flags{syn: true, ack: true}, nil, 0, send)
	c.seq[inspect.Server]++
	c.segment(inspect.Client, flags{ack: true}, nil, 0, send)
}

// data sends n bytes, as many segments as they need; nil are bytes that are not
// known.
func (c *conversation) data(from inspect.Side, b []byte, n int, send sendFunc) {
	if b == nil {
		c.missing(from, n, send)
		return
	}
	c.known(from, b, 0, send)
}

// known sends bytes, and behind them so many that are not known: the last packet
// is one of which the capture kept the beginning alone.
func (c *conversation) known(from inspect.Side, b []byte, unknown int, send sendFunc) {
	if c.ended[from] || len(b) == 0 {
		return
	}
	c.acknowledge(from.Peer(), send)
	c.sent[from] += len(b)
	c.cut[from] = 0
	for len(b) > 0 {
		size := min(len(b), c.maxSegment())
		f := flags{ack: true, push: size == len(b)}
		if size == len(b) && size+unknown <= c.maxPayload() {
			c.cut[from] = unknown
		}
		c.segment(from, f, b[:size], c.cut[from], send)
		c.seq[from] += uint32(size + c.cut[from])
		b = b[size:]
	}
	c.owes[from.Peer()] = !c.ended[from.Peer()]
}

// missing passes over n bytes that are not known, by a packet of which the capture
// kept nothing but the headers. Of more bytes than one can have, it has the last:
// those before are a segment that was lost. It is acknowledged at once, so
// that whoever reads the file learns there what is missing.
func (c *conversation) missing(from inspect.Side, n int, send sendFunc) {
	if c.ended[from] || n == 0 {
		return
	}
	c.unknown[from] += n
	c.sent[from] += n
	if c.cut[from] == n {
		c.cut[from] = 0
		c.owes[from.Peer()] = !c.ended[from.Peer()]
	} else {
		c.acknowledge(from.Peer(), send)
		unknown := min(n, c.maxPayload())
		c.seq[from] += uint32(n - unknown)
		c.segment(from, flags{ack: true}, nil, unknown, send)
		c.seq[from] += uint32(unknown)
		c.owes[from.Peer()] = !c.ended[from.Peer()]
	}
	c.acknowledge(from.Peer(), send)
}

// acknowledge sends the acknowledgement that side owes, if it does.
func (c *conversation) acknowledge(side inspect.Side, send sendFunc) {
	if c.owes[side] {
		c.segment(side, flags{ack: true}, nil, 0, send)
	}
}

// mostWaiting is how many bytes of comments wait for a packet of their side.
const mostWaiting = 16 << 10

// comment says something of what side does: with the acknowledgement that it
// owes, or with its next packet.
func (c *conversation) comment(side inspect.Side, text string, send sendFunc) {
	if c.ended[side] {
		return
	}
	c.add(side, text)
	c.tell(side, send)
}

// add has the next packet of side say something.
func (c *conversation) add(side inspect.Side, text string) {
	c.said[side] = append(c.said[side], text)
	c.length += len(text)
}

// tell sends what waits to be said of side, if it can be now, or is too much to wait.
func (c *conversation) tell(side inspect.Side, send sendFunc) {
	if c.owes[side] || c.length > mostWaiting {
		c.sayNow(side, send)
	}
}

// sayNow sends what waits to be said of side. Where it owes no acknowledgement, it
// announces a larger window.
func (c *conversation) sayNow(side inspect.Side, send sendFunc) {
	if len(c.said[side]) > 0 && !c.ended[side] {
		c.segment(side, flags{ack: true, window: !c.owes[side]}, nil, 0, send)
	}
}

// afterword sends what waits to be said of side though it has ended: it acknowledges once more.
func (c *conversation) afterword(side inspect.Side, send sendFunc) {
	if len(c.said[side]) > 0 {
		c.segment(side, flags{ack: true, window: true}, nil, 0, send)
	}
}

// finish sends all that is owed and waits to be said, since no more comes.
func (c *conversation) finish(send sendFunc) {
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		c.acknowledge(side, send)
		c.sayNow(side, send)
	}
}

// end sends a FIN, which is acknowledged, or a RST: of the other side, where what
// side sends reaches that no more.
func (c *conversation) end(side inspect.Side, how inspect.Ending, send sendFunc) {
	if c.ended[side] {
		return
	}
	if how == inspect.Broken {
		if c.reset {
			return
		}
		how, side = inspect.Cut, side.Peer()
	}
	c.acknowledge(side.Peer(), send)
	if how == inspect.Cut {
		c.segment(side, flags{reset: true, ack: true}, nil, 0, send)
		c.ended[side], c.reset = true, true
		return
	}
	c.segment(side, flags{fin: true, ack: true}, nil, 0, send)
	c.ended[side] = true
	c.seq[side]++
	c.segment(side.Peer(), flags{ack: true}, nil, 0, send)
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

// maxPayload returns how many bytes of a stream an IP packet can have, in whatever network.
func (c *conversation) maxPayload() int {
	if c.addr[inspect.Client].Addr().Is4() {
		return 0xffff - 20 - 20
	}
	return 0xffff - 20
}

// leastWindow is the window of who has announced no other, as it stands in a packet: half of what can be said.
const leastWindow = 0x8000

// segment makes one packet, the last bytes of whose payload may be unknown, and sends it.
func (c *conversation) segment(from inspect.Side, f flags, payload []byte, unknown int, send sendFunc) {
	src, dst := c.addr[from], c.addr[from.Peer()]
	ethernet := &layers.Ethernet{SrcMAC: mac(from), DstMAC: mac(from.Peer())}
	tcp := &layers.TCP{
		SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()),
		Seq: c.seq[from], SYN: f.syn, ACK: f.ack, PSH: f.push, FIN: f.fin, RST: f.reset,
	}
	if f.ack {
		tcp.Ack = c.seq[from.Peer()] - uint32(c.cut[from.Peer()])
		c.owes[from] = false
	}
	if f.window { // a larger one each time: the same would be a duplicate, and a smaller one is discouraged (RFC 9293 section 3.8.6)
		c.windows[from]++
	}
	tcp.Window = leastWindow | c.windows[from]&^leastWindow
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
	if unknown > 0 {
		payload = append(slices.Clone(payload), make([]byte, unknown)...)
	}
	err := gopacket.SerializeLayers(c.buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		ethernet, ip, tcp, gopacket.Payload(payload))
	if err != nil {
		panic("capture: " + err.Error()) // nothing that was captured decides about it
	}
	comments := c.said[from]
	c.said[from] = nil
	for _, comment := range comments {
		c.length -= len(comment)
	}
	packet := c.buffer.Bytes()
	if unknown > 0 { // which is the end, and not what fills a frame of Ethernet
		packet = packet[:14+mtu-c.maxSegment()+len(payload)]
	}
	send(packet, unknown, comments)
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
