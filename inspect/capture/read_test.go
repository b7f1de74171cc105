package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// A tcp is one segment of a test, from the client (port 5000) or the server (port 443).
type tcp struct {
	server  bool
	seq     uint32
	ack     uint32 // 0: without
	flags   string // of SFR
	payload string
}

const isn = 0xfffffff0 // so that numbers wrap

// packet returns the segment in an IPv4 packet.
func (s tcp) packet() []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}
	segment := &layers.TCP{
		SrcPort: 5000, DstPort: 443, Seq: isn + s.seq, Window: 100,
		SYN: strings.Contains(s.flags, "S"), FIN: strings.Contains(s.flags, "F"), RST: strings.Contains(s.flags, "R"),
	}
	if s.ack != 0 {
		segment.ACK, segment.Ack = true, isn+s.ack
	}
	if s.server {
		ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP
		segment.SrcPort, segment.DstPort = segment.DstPort, segment.SrcPort
	}
	segment.SetNetworkLayerForChecksum(ip)
	buffer := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buffer, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, segment, gopacket.Payload(s.payload))
	if err != nil {
		panic(err)
	}
	return buffer.Bytes()
}

// pcapOf is a classic capture of packets.
func pcapOf(link layers.LinkType, packets ...[]byte) []byte {
	var file bytes.Buffer
	w := pcapgo.NewWriterNanos(&file)
	_ = w.WriteFileHeader(65535, link)
	for i, packet := range packets {
		_ = w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(int64(i), 7), CaptureLength: len(packet), Length: len(packet)}, packet)
	}
	return file.Bytes()
}

func capturedIn(segments ...tcp) []byte {
	var packets [][]byte
	for _, segment := range segments {
		packets = append(packets, segment.packet())
	}
	return pcapOf(layers.LinkTypeRaw, packets...)
}

// story tells the events of a recording in short.
func story(rec *inspect.Recording) []string {
	var told []string
	for e := range rec.Events(0) {
		what := fmt.Sprintf("%d %s %s", e.Conn, e.Side, e.Kind)
		switch {
		case e.Kind == inspect.Secret:
			what = "secret " + e.Logged.Label
		case e.Kind == inspect.Opened:
			what = fmt.Sprintf("%d opened %s %s", e.Conn, e.Opening.Addr[0], e.Opening.Addr[1])
		case e.Kind == inspect.Ended:
			what += " " + e.How.String()
		case e.Kind == inspect.Noted:
			what += " " + e.Note.String()
		case e.Bytes == nil:
			what += fmt.Sprintf(" gap of %d", e.N)
		default:
			what += " " + string(e.Bytes)
		}
		told = append(told, what)
	}
	return told
}

const opened = "0 opened 192.0.2.1:5000 192.0.2.2:443"

// shake is a three-way handshake; both streams begin at 1.
var shake = []tcp{{flags: "S"}, {server: true, flags: "S", ack: 1}, {seq: 1, ack: 1}}

func TestTCPIsPutInOrder(t *testing.T) {
	for name, test := range map[string]struct {
		segments []tcp
		want     []string
	}{
		"in order, ended by FIN": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {server: true, seq: 1, ack: 4, payload: "ok"}, {seq: 4, ack: 3, flags: "F"}, {server: true, seq: 3, ack: 5, flags: "F"}, {seq: 5, ack: 4}},
			[]string{"0 client captured abc", "0 server captured ok", "0 client ended end of file", "0 server ended end of file"},
		},
		"out of order": {
			[]tcp{{seq: 7, ack: 1, payload: "ghi"}, {seq: 4, ack: 1, payload: "def"}, {seq: 10, ack: 1, flags: "F"}, {seq: 1, ack: 1, payload: "abc"}},
			[]string{"0 client captured abc", "0 client captured def", "0 client captured ghi", "0 client ended end of file"},
		},
		"sent again, and overlapping": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 1, ack: 1, payload: "abc"}, {seq: 2, ack: 1, payload: "bcdef"}, {seq: 0, ack: 1, payload: "?"}},
			[]string{"0 client captured abc", "0 client captured def"},
		},
		"lost, and the peer has it": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 9, ack: 1, payload: "ijk"}, {server: true, seq: 1, ack: 12, payload: "ok"}, {seq: 12, ack: 3, payload: "lmn"}},
			[]string{"0 client captured abc", "0 client captured gap of 5", "0 client captured ijk", "0 server captured ok", "0 client captured lmn"},
		},
		"lost, and the capture ends": {
			[]tcp{{seq: 5, ack: 1, payload: "efg"}},
			[]string{"0 client captured gap of 4", "0 client captured efg"},
		},
		"sent again before its turn, and different": {
			[]tcp{{seq: 4, ack: 1, payload: "def"}, {seq: 3, ack: 1, payload: "cDEf"}, {seq: 6, ack: 1, payload: "Xgh"}, {seq: 1, ack: 1, payload: "abZZ"}},
			[]string{
				"0 client noted bytes were sent a second time and differ (2 of them); those that were captured first count",
				"0 client noted bytes were sent a second time and differ (1 of them); those that were captured first count",
				"0 client captured ab", "0 client captured c", "0 client captured def", "0 client captured gh",
				"0 client noted bytes were sent a second time and differ (2 of them); those that were captured first count",
			},
		},
		"sent again after its turn, and different": {
			[]tcp{{seq: 1, ack: 1, payload: "abcd"}, {seq: 3, ack: 1, payload: "CDef"}},
			[]string{"0 client captured abcd", "0 client captured ef", "0 client noted bytes were sent a second time and differ (2 of them); those that were captured first count"},
		},
		"keep-alives, with and without a byte": {
			[]tcp{{seq: 1, ack: 1, payload: "abcd"}, {seq: 4, ack: 1, payload: "\x00"}, {server: true, seq: 1, ack: 5}, {seq: 4, ack: 1}, {seq: 5, ack: 1, payload: "e"}},
			[]string{"0 client captured abcd", "0 client captured e"},
		},
		"a window of zero is probed with the next byte": {
			[]tcp{{seq: 1, ack: 1, payload: "abcd"}, {seq: 5, ack: 1, payload: "e"}, {server: true, seq: 1, ack: 5}, {seq: 5, ack: 1, payload: "efgh"}},
			[]string{"0 client captured abcd", "0 client captured e", "0 client captured fgh"},
		},
		"addresses used again, and the SYN is not there": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {server: true, seq: 1, flags: "R"}, {seq: 0x10000000, payload: "new"}, {seq: 0x10000003, payload: "er"}},
			[]string{"0 client captured abc", "0 server ended cut", "0 client ended broken", "1 opened 192.0.2.1:5000 192.0.2.2:443", "1 client captured new", "1 client captured er"},
		},
		"reset": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {server: true, seq: 1, ack: 4, flags: "R"}},
			[]string{"0 client captured abc", "0 server ended cut", "0 client ended broken"},
		},
		"addresses used again": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {server: true, seq: 1, flags: "R"}, {seq: 1000, flags: "S"}, {seq: 1001, payload: "new"}},
			[]string{"0 client captured abc", "0 server ended cut", "0 client ended broken", "1 opened 192.0.2.1:5000 192.0.2.2:443", "1 client captured new"},
		},
		"reset, while the other side is speaking": {
			[]tcp{{server: true, seq: 1, flags: "R"}, {seq: 1, ack: 1, payload: "late"}, {seq: 5, ack: 1, flags: "F"}, {server: true, seq: 1, flags: "R"}},
			[]string{"0 server ended cut", "0 client ended broken", "0 client captured late"},
		},
		"reset by who had ended": {
			[]tcp{{server: true, seq: 1, ack: 1, flags: "F"}, {seq: 1, ack: 2, payload: "late"}, {server: true, seq: 2, flags: "R"}},
			[]string{"0 server ended end of file", "0 client captured late", "0 client ended broken"},
		},
		"a RST behind what its receiver has": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {server: true, seq: 1, ack: 4}, {seq: 2, flags: "R"}, {seq: 4, ack: 1, payload: "def"}},
			[]string{"0 client captured abc", "0 client noted a RST of TCP has a sequence number at which its receiver does not take it; it ends nothing", "0 client captured def"},
		},
		"a RST outside the window": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 900_000_000, ack: 900, flags: "R"}, {seq: 4, ack: 1, payload: "def"}},
			[]string{"0 client captured abc", "0 client noted a RST of TCP has a sequence number at which its receiver does not take it; it ends nothing", "0 client captured def"},
		},
		"a RST in the window, and its sender goes on": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 3000, flags: "R"}, {seq: 4, ack: 1, payload: "def"}},
			[]string{"0 client captured abc", "0 client captured def", "0 client noted a RST of TCP has a sequence number at which its receiver does not take it; it ends nothing"},
		},
		"a RST in the window, and both end later": {
			[]tcp{{seq: 3000, flags: "R"}, {seq: 1, ack: 1, flags: "F"}, {server: true, seq: 1, ack: 2, flags: "F"}},
			[]string{
				"0 client ended end of file", "0 server ended end of file",
				"0 client noted a RST of TCP has a sequence number at which its receiver does not take it; it ends nothing",
			},
		},
		"a RST in the window, and its sender is silent": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 9, flags: "R"}, {server: true, seq: 1, ack: 4, payload: "ok"}},
			[]string{"0 client captured abc", "0 server captured ok", "0 client captured gap of 5", "0 client ended cut", "0 server ended broken"},
		},
		"a RST captured before what was sent before it": {
			[]tcp{{seq: 4, flags: "R"}, {seq: 1, ack: 1, payload: "abc"}},
			[]string{"0 client captured abc", "0 client ended cut", "0 server ended broken"},
		},
		"a RST behind what was sent, which its receiver has not said to have": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 2, flags: "R"}},
			[]string{"0 client captured abc", "0 client ended cut", "0 server ended broken"},
		},
		"a FIN outside the window": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 900_000_000, ack: 1, flags: "F"}, {seq: 4, ack: 1, payload: "def"}},
			[]string{"0 client captured abc", "0 client noted a FIN of TCP has a sequence number at which its receiver does not take it; it ends nothing", "0 client captured def"},
		},
		"a FIN behind what was sent": {
			[]tcp{{seq: 1, ack: 1, payload: "abc"}, {seq: 2, ack: 1, flags: "F"}, {seq: 4, ack: 1, payload: "def"}},
			[]string{"0 client captured abc", "0 client noted a FIN of TCP has a sequence number at which its receiver does not take it; it ends nothing", "0 client captured def"},
		},
		"SYN sent again": {
			[]tcp{{flags: "S"}, {seq: 1, ack: 1, payload: "abc"}},
			[]string{"0 client captured abc"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(bytes.NewReader(capturedIn(append(slices.Clone(shake), test.segments...)...)))
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(append([]string{opened}, test.want...), story(rec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAConnectionThatBeganBeforeTheCaptureIsRead(t *testing.T) {
	for name, test := range map[string]struct {
		segments []tcp
		want     []string
	}{
		"by the greater port": {
			[]tcp{{server: true, seq: 70, ack: 50, payload: "answer"}, {seq: 50, ack: 76, payload: "more"}},
			[]string{opened, "0 server captured answer", "0 client captured more"},
		},
		"by its ClientHello": {
			[]tcp{{server: true, seq: 70, ack: 50, payload: "\x16\x03\x01\x00\x04\x01\x00\x00\x00"}},
			[]string{"0 opened 192.0.2.2:443 192.0.2.1:5000", "0 client captured \x16\x03\x01\x00\x04\x01\x00\x00\x00"},
		},
		"missing what its peer says it has sent": {
			[]tcp{{server: true, seq: 70, ack: 50, payload: "answer"}, {seq: 55, ack: 76, payload: "late"}, {server: true, seq: 76, ack: 59}},
			[]string{opened, "0 server captured answer", "0 client captured gap of 5", "0 client captured late"},
		},
		"its SYN behind the answer to it": {
			[]tcp{{server: true, flags: "S", ack: 1}, {flags: "S"}, {seq: 1, ack: 1, payload: "abc"}},
			[]string{opened, "0 client captured abc"},
		},
		"its last acknowledgement alone": {[]tcp{{seq: 50, ack: 76}, {seq: 50, ack: 76, flags: "F"}, {seq: 1, flags: "S"}}, []string{opened}},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(bytes.NewReader(capturedIn(test.segments...)))
			if err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, story(rec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachLinkTypeIsRead(t *testing.T) {
	conversation := append(slices.Clone(shake), tcp{seq: 1, ack: 1, payload: "hello"})
	for name, test := range map[string]struct {
		link   layers.LinkType
		header string
	}{
		"raw IP":          {101, ""},
		"IPv4":            {228, ""},
		"raw IP of BSD":   {12, ""},
		"loopback":        {0, "\x02\x00\x00\x00"},
		"loop":            {108, "\x00\x00\x00\x02"},
		"Ethernet":        {1, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x08\x00"},
		"two VLAN tags":   {1, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x88\xa8\x00\x01\x81\x00\x00\x02\x08\x00"},
		"Linux cooked v1": {113, "\x00\x00\x03\x04\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00"},
		"cooked, a tag":   {113, "\x00\x00\x03\x04\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00\x81\x00\x00\x07\x08\x00"},
		"Linux cooked v2": {276, "\x08\x00\x00\x00\x00\x00\x00\x01\x03\x04\x00\x06\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			var packets [][]byte
			for _, segment := range conversation {
				packets = append(packets, append([]byte(test.header), segment.packet()...))
			}
			file := pcapOf(1, packets...)
			binary.LittleEndian.PutUint32(file[20:], uint32(test.link)) // of more bits than the writer allows
			rec, err := capture.Read(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{opened, "0 client captured hello"}, story(rec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if at := rec.At(1).Time; !at.Equal(time.Unix(3, 7)) {
				t.Errorf("captured at %v", at)
			}
		})
	}
}

func TestPacketsThatWereCutShortLeaveAGap(t *testing.T) {
	whole := tcp{seq: 1, ack: 1, payload: "abcdefgh"}.packet()
	file := pcapOf(layers.LinkTypeRaw, shake[0].packet(), shake[1].packet(), whole[:len(whole)-5], tcp{seq: 9, ack: 1, payload: "ij"}.packet(), tcp{server: true, seq: 1, ack: 11}.packet())
	rec, err := capture.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{opened, "0 client captured abc", "0 client captured gap of 5", "0 client captured ij"}, story(rec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// block is a block of pcapng in either byte order.
func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(len(body)+12))
	b = append(b, body...)
	return order.AppendUint32(b, uint32(len(body)+12))
}

// section is a section of pcapng with one interface of raw IP, whose times
// have the resolution, and one packet, at the time stamp.
func section(order binary.AppendByteOrder, resolution byte, stamp uint64, packet []byte) []byte {
	head := order.AppendUint32(nil, 0x1a2b3c4d)
	head = append(head, order.AppendUint16(nil, 1)...)
	head = append(head, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	described := append(order.AppendUint16(nil, 101), 0, 0, 0, 0, 0, 0)
	described = order.AppendUint16(described, 9)
	described = order.AppendUint16(described, 1)
	described = append(described, resolution, 0, 0, 0)
	body := order.AppendUint32(nil, 0)
	body = order.AppendUint32(body, uint32(stamp>>32))
	body = order.AppendUint32(body, uint32(stamp))
	body = order.AppendUint32(body, uint32(len(packet)))
	body = order.AppendUint32(body, uint32(len(packet)))
	return slices.Concat(block(order, 0x0a0d0d0a, head), block(order, 1, described), block(order, 0xbad, []byte("unknown")), block(order, 6, append(body, packet...)))
}

func TestSectionsOfBothByteOrdersAndAllResolutionsAreRead(t *testing.T) {
	secrets := append(binary.BigEndian.AppendUint32(nil, 0x544c534b), 0, 0, 0, 20)
	file := slices.Concat(
		section(binary.LittleEndian, 6, 1_500_000, shake[0].packet()),
		section(binary.BigEndian, 9, 2_000_000_007, tcp{seq: 1, payload: "a"}.packet()),
		block(binary.BigEndian, 10, append(secrets, "LABEL 0102 0a0b0c0d\n"...)),
		block(binary.BigEndian, 10, []byte("SSHK\x00\x00\x00\x00")),
		section(binary.LittleEndian, 0x80|10, 3<<10|512, tcp{seq: 2, payload: "b"}.packet()),
		section(binary.LittleEndian, 12, 4_000_000_000_999, tcp{seq: 3, payload: "c"}.packet()),
	)
	rec, err := capture.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{opened, "0 client captured a", "secret LABEL", "0 client captured b", "0 client captured c"}, story(rec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, want := range []time.Time{time.Unix(1, 5e8), time.Unix(2, 7), time.Unix(2, 7), time.Unix(3, 5e8), time.Unix(4, 0)} {
		if at := rec.At(i).Time; !at.Equal(want) {
			t.Errorf("event %d at %v, want %v", i, at, want.UTC())
		}
	}
}

// commented is a packet of the interface 0 with a comment.
func commented(order binary.AppendByteOrder, comment string, packet []byte) []byte {
	body := make([]byte, 12)
	body = order.AppendUint32(body, uint32(len(packet)))
	body = order.AppendUint32(body, uint32(len(packet)))
	body = append(body, packet...)
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	return block(order, 6, append(body, option(order, 1, comment)...))
}

func option(order binary.AppendByteOrder, code uint16, value string) []byte {
	b := order.AppendUint16(order.AppendUint16(nil, code), uint16(len(value)))
	for b = append(b, value...); len(b)%4 != 0; {
		b = append(b, 0)
	}
	return b
}

func TestCommentsStandWhereTheirPacketsDo(t *testing.T) {
	for name, order := range map[string]binary.AppendByteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian} {
		t.Run(name, func(t *testing.T) {
			head := order.AppendUint16(order.AppendUint32(nil, 0x1a2b3c4d), 1)
			head = append(head, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
			file := slices.Concat(
				block(order, 0x0a0d0d0a, append(head, option(order, 1, "of the section")...)),
				block(order, 1, append(append(order.AppendUint16(nil, 101), 0, 0, 0, 0, 0, 0), option(order, 1, "of the interface")...)),
				commented(order, "no \x1b[31mTCP", []byte("x")),
				commented(order, "of the SYN", tcp{flags: "S"}.packet()),
				block(order, 0x40000bad, order.AppendUint32(nil, 32473)), // a custom block
				commented(order, "of a", tcp{seq: 1, payload: "a"}.packet()),
				commented(order, "of the answer", tcp{server: true, seq: 1, ack: 2, payload: "b"}.packet()),
				commented(order, "behind all", []byte("y")),
			)
			rec, err := capture.Read(bytes.NewReader(file))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{
				opened, "0 client noted a comment in the file: of the section", "0 client noted a comment in the file: of the interface",
				`0 client noted a comment in the file: no \x1b[31mTCP`, "0 client noted a comment in the file: of the SYN",
				"0 client captured a", "0 client noted a comment in the file: of a",
				"0 server captured b", "0 server noted a comment in the file: of the answer", "0 server noted a comment in the file: behind all",
			}
			if diff := cmp.Diff(want, story(rec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestIPv6ExtensionHeadersArePassedOver(t *testing.T) {
	segment := tcp{flags: "S"}.packet()[20:]
	for name, extensions := range map[string]string{
		"none": "\x06", "hop-by-hop and destination options": "\x00" + "\x3c\x00\x01\x04\x00\x00\x00\x00" + "\x06\x00\x01\x04\x00\x00\x00\x00",
		"authentication": "\x33" + "\x06\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01", "a fragment that is all": "\x2c" + "\x06\x00\x00\x00\x00\x00\x00\x01",
	} {
		t.Run(name, func(t *testing.T) {
			length := len(extensions) - 1 + len(segment)
			packet := []byte{0x60, 0, 0, 0, byte(length >> 8), byte(length), extensions[0], 64}
			packet = append(packet, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"...)
			rec, err := capture.Read(bytes.NewReader(pcapOf(101, slices.Concat(packet, []byte(extensions[1:]), segment))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{"0 opened [2001:db8::1]:5000 [2001:db8::2]:443"}, story(rec)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesAreReadOneAfterAnotherAsOne(t *testing.T) {
	reader := capture.NewReader(nil)
	for _, file := range [][]byte{
		capturedIn(append(slices.Clone(shake), tcp{seq: 4, ack: 1, payload: "def"})...),
		[]byte("hello"),
		capturedIn(tcp{seq: 1, ack: 1, payload: "abc"}),
	} {
		opened := reader.Open(bytes.NewReader(file))
		for reader.Next() {
		}
		if err := opened.Err(); (err != nil) != (string(file) == "hello") {
			t.Errorf("%d bytes: %v", len(file), err)
		}
	}
	reader.Close()
	if diff := cmp.Diff([]string{opened, "0 client captured abc", "0 client captured def"}, story(reader.Recording())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDamageIsNamedWithItsPlaceAndLosesNothingBeforeIt(t *testing.T) {
	good := section(binary.LittleEndian, 6, 1, tcp{flags: "S"}.packet())
	classic := pcapOf(layers.LinkTypeRaw, tcp{flags: "S"}.packet())
	wrongLength := slices.Clone(good)
	wrongLength[len(wrongLength)-4]++
	for name, test := range map[string]struct {
		file   []byte
		events int
		want   string
		at     int64
	}{
		"empty":                       {nil, 0, "the file is empty", 0},
		"neither format":              {[]byte("hello"), 0, "it begins with 68 65 6c 6c: neither pcapng nor pcap", -1},
		"three bytes":                 {[]byte{0x0a, 0x0d, 0x0d}, 0, "neither pcapng nor pcap", -1},
		"modified pcap":               {[]byte{0x34, 0xcd, 0xb2, 0xa1, 2, 0}, 0, "changed libpcap", 0},
		"compressed":                  {[]byte{0x1f, 0x8b, 8, 0}, 0, "gunzip", 0},
		"cut within a block":          {append(slices.Clone(good), good[:50]...), 1, "the file ends within a block", int64(len(good) + 28)},
		"cut within a block's head":   {append(slices.Clone(good), 6, 0, 0), 1, "the file ends within the head of a block", int64(len(good))},
		"a lying length":              {append(slices.Clone(good), 6, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f), 1, "2147483647 bytes long", int64(len(good))},
		"a length of zero":            {append(slices.Clone(good), 6, 0, 0, 0, 0, 0, 0, 0), 1, "0 bytes long", int64(len(good))},
		"two lengths":                 {wrongLength, 0, "gives its length as", 76},
		"a packet of no interface":    {slices.Concat(good, block(binary.LittleEndian, 6, append([]byte{9}, make([]byte, 19)...))), 1, "interface 9, of which there are 1", int64(len(good))},
		"a packet longer than itself": {slices.Concat(good, block(binary.LittleEndian, 6, append(make([]byte, 12), 0xff, 0, 0, 0, 0xff, 0, 0, 0))), 1, "a packet of 255 bytes in 0", int64(len(good))},
		"secrets that make no sense":  {slices.Concat(good, block(binary.LittleEndian, 10, []byte("KSLT\x06\x00\x00\x00A 01 x"))), 1, "key log line 1", int64(len(good))},
		"cut within a packet":         {append(slices.Clone(classic), classic[24:60]...), 1, "the file ends within a packet", int64(len(classic))},
		"cut within the header":       {classic[:10], 0, "the file ends within its header", 0},
		"a long packet":               {append(slices.Clone(classic), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 9), 1, "150994944 bytes long", int64(len(classic))},
		"an unknown link":             {pcapOf(147, []byte("x")), 0, "link type 147 is not supported", 24},
		"no TCP":                      {pcapOf(101, []byte("x")), 0, "none of its 1 packets", 41},
		"a fragment":                  {pcapOf(101, fragmentOf(tcp{payload: "abcd"}.packet(), 0, 24, true)), 0, "it came in fragments, not all of which are there", 24},
		"a TCP header that is cut":    {pcapOf(101, tcp{}.packet()[:30]), 0, "it ends within its headers", 24},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := capture.Read(bytes.NewReader(test.file))
			if rec.Len() != test.events {
				t.Errorf("%d events, want %d", rec.Len(), test.events)
			}
			var problem *capture.Problem
			if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &problem) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			if problem.Offset != test.at {
				t.Errorf("at byte %d, want %d", problem.Offset, test.at)
			}
		})
	}
}

func TestAFileThatCannotBeReadOnSaysWhy(t *testing.T) {
	broken := errors.New("broken")
	good := section(binary.LittleEndian, 6, 1, tcp{flags: "S"}.packet())
	for _, size := range []int{0, 2, 60, len(good)} {
		if _, err := capture.Read(io.MultiReader(bytes.NewReader(good[:size]), failing{broken})); !errors.Is(err, broken) {
			t.Errorf("after %d bytes: %v", size, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestWhatWaitsForALostSegmentIsBounded(t *testing.T) {
	segments := slices.Clone(shake)
	for i := range 3000 {
		segments = append(segments, tcp{seq: 1000 + uint32(i)*1000, ack: 1, payload: strings.Repeat("x", 1000)})
	}
	rec, err := capture.Read(bytes.NewReader(capturedIn(segments...)))
	if err != nil {
		t.Fatal(err)
	}
	gap := 0
	for e := range rec.Events(0) {
		if e.Kind == inspect.Captured && e.Bytes == nil {
			gap = e.Index
		}
	}
	if gap != 1 || rec.Len() != 3002 {
		t.Errorf("gap at event %d of %d", gap, rec.Len())
	}
	if at := rec.At(1).Time; at.After(time.Unix(1100, 0)) {
		t.Errorf("it was waited for until %v", at)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(section(binary.LittleEndian, 6, 1_500_000, shake[0].packet()))
	f.Add(section(binary.BigEndian, 0x8a, 1_500_000, tcp{seq: 7, payload: "\x16\x03\x01\x00\x04\x01\x00\x00\x00"}.packet()))
	f.Add(capturedIn(append(slices.Clone(shake), tcp{seq: 7, ack: 1, payload: "ghi"}, tcp{seq: 4, ack: 1, payload: "def", flags: "F"}, tcp{seq: 1, flags: "R"})...))
	f.Add(pcapOf(1, append([]byte("\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02\x81\x00\x00\x02\x08\x00"), shake[0].packet()...)))
	f.Add(written(f, byHand()))
	for _, s := range sessions {
		f.Add(written(f, kept(f, s.name)))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rec, _ := capture.Read(bytes.NewReader(file))
		ended := make(map[[2]int]bool)
		for e := range rec.Events(0) {
			if e.Conn < 0 {
				continue
			}
			half := [2]int{e.Conn, int(e.Side)}
			if ended[half] {
				t.Fatalf("event %d, %s, comes after the end of its side", e.Index, e.Kind)
			}
			ended[half] = e.Kind == inspect.Ended && e.How != inspect.Broken // on its way when it was broken
			if e.Kind == inspect.Captured && e.N <= 0 {
				t.Fatalf("event %d captured %d bytes", e.Index, e.N)
			}
		}
		if err := capture.NewWriter(io.Discard).Extend(rec); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
	})
}
