package capture_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
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

// fragmentOf returns the fragment of an IPv4 packet that has its payload from one
// offset to another.
func fragmentOf(packet []byte, from, to int, more bool) []byte {
	to = min(to, len(packet)-20)
	f := append(bytes.Clone(packet[:20]), packet[20+from:20+to]...)
	place := uint16(from / 8)
	if more {
		place |= 0x2000
	}
	binary.BigEndian.PutUint16(f[2:], uint16(len(f)))
	binary.BigEndian.PutUint16(f[6:], place)
	return f
}

// fragmented returns the packets, whose identifications are 1, 2, 3, in fragments
// of a size, which a multiple of 8 is.
func fragmented(size int, packets ...[]byte) (fragments [][]byte) {
	for i, packet := range packets {
		packet = bytes.Clone(packet)
		binary.BigEndian.PutUint16(packet[4:], uint16(i+1))
		for from := 0; from < len(packet)-20; from += size {
			fragments = append(fragments, fragmentOf(packet, from, from+size, from+size < len(packet)-20))
		}
	}
	return fragments
}

// inIPv6 returns fragments of IPv4 as those of IPv6, behind so many bytes of options.
func inIPv6(fragments [][]byte, options int) (all [][]byte) {
	for _, f := range fragments {
		place := binary.BigEndian.Uint16(f[6:])
		body := append(make([]byte, 0, options+8+len(f)-20), make([]byte, options)...)
		next := byte(44)
		if options > 0 {
			body[0], body[1], next = 44, byte(options/8-1), 60
		}
		body = append(body, 6, 0)
		body = binary.BigEndian.AppendUint16(body, place<<3|place>>13&1)
		body = append(binary.BigEndian.AppendUint32(body, uint32(binary.BigEndian.Uint16(f[4:]))), f[20:]...)
		header := []byte{0x60, 0, 0, 0, byte(len(body) >> 8), byte(len(body)), next, 64}
		for _, address := range [][]byte{f[12:16], f[16:20]} {
			header = append(append(header, "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00"...), address...)
		}
		all = append(all, append(header, body...))
	}
	return all
}

// conversationPackets are a connection with some bytes each way.
func conversationPackets() (packets [][]byte) {
	request, answer := strings.Repeat("request ", 300), strings.Repeat("answer! ", 500)
	for _, s := range append(slices.Clone(shake), tcp{seq: 1, ack: 1, payload: request},
		tcp{server: true, seq: 1, ack: 1 + uint32(len(request)), payload: answer}, tcp{seq: 1 + uint32(len(request)), ack: 1 + uint32(len(answer)), flags: "F"}) {
		packets = append(packets, s.packet())
	}
	return packets
}

func TestPacketsThatCameInFragmentsArePutTogether(t *testing.T) {
	whole := story(read(t, pcapOf(layers.LinkTypeRaw, conversationPackets()...)))
	in6 := func(story []string) (all []string) {
		for _, line := range story {
			line = strings.ReplaceAll(line, "192.0.2.1:", "[2001:db8::c000:201]:")
			all = append(all, strings.ReplaceAll(line, "192.0.2.2:", "[2001:db8::c000:202]:"))
		}
		return all
	}
	random := rand.New(rand.NewPCG(1, 2))
	for name, order := range map[string]func([][]byte) [][]byte{
		"in order":       func(f [][]byte) [][]byte { return f },
		"each twice":     func(f [][]byte) [][]byte { return slices.Concat(each(f, 2)...) },
		"all twice":      func(f [][]byte) [][]byte { return append(slices.Clone(f), f...) },
		"the last first": func(f [][]byte) [][]byte { return reversedWithin(f, func([]byte) bool { return true }) },
		"shuffled": func(f [][]byte) [][]byte {
			return reversedWithin(f, func([]byte) bool { return random.IntN(2) == 0 })
		},
	} {
		for _, size := range []int{8, 24, 496, 1480} {
			t.Run(fmt.Sprint(name, ", ", size), func(t *testing.T) {
				fragments := fragmented(size, conversationPackets()...)
				if diff := cmp.Diff(whole, story(read(t, atOnce(order(fragments)...)))); diff != "" {
					t.Errorf("IPv4 (-whole +in fragments):\n%s", diff)
				}
				for _, options := range []int{0, 16} {
					if diff := cmp.Diff(in6(whole), story(read(t, atOnce(order(inIPv6(fragments, options))...)))); diff != "" {
						t.Errorf("IPv6 (-whole +in fragments):\n%s", diff)
					}
				}
			})
		}
	}
}

// atOnce is a classic capture of packets that all have one time.
func atOnce(packets ...[]byte) []byte {
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	_ = w.WriteFileHeader(65535, layers.LinkTypeRaw)
	for _, packet := range packets {
		_ = w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(packet), Length: len(packet)}, packet)
	}
	return file.Bytes()
}

// each repeats each packet.
func each(packets [][]byte, times int) (all [][][]byte) {
	for _, p := range packets {
		all = append(all, slices.Repeat([][]byte{p}, times))
	}
	return all
}

// reversedWithin puts some fragments of a packet before those that came before them.
func reversedWithin(fragments [][]byte, some func([]byte) bool) (all [][]byte) {
	same := func(a, b []byte) bool {
		if a[0]>>4 == 6 {
			at := 40
			if a[6] == 60 {
				at += 8 + int(a[41])*8
			}
			return bytes.Equal(a[at+4:at+8], b[at+4:at+8]) && bytes.Equal(a[8:40], b[8:40])
		}
		return bytes.Equal(a[4:6], b[4:6]) && bytes.Equal(a[12:20], b[12:20])
	}
	for len(fragments) > 0 {
		n := 1
		for n < len(fragments) && same(fragments[0], fragments[n]) {
			n++
		}
		var packet [][]byte
		for _, f := range fragments[:n] {
			if some(f) {
				packet = append([][]byte{f}, packet...)
			} else {
				packet = append(packet, f)
			}
		}
		all, fragments = append(all, packet...), fragments[n:]
	}
	return all
}

func TestAPacketWhoseFragmentsDoNotFitIsLeftOut(t *testing.T) {
	packet := tcp{seq: 1, ack: 1, payload: strings.Repeat("x", 100)}.packet() // 120 bytes behind IP's header
	first, second, last := fragmentOf(packet, 0, 48, true), fragmentOf(packet, 48, 96, true), fragmentOf(packet, 96, 120, false)
	altered := bytes.Clone(second)
	altered[30] = 'y'
	for name, test := range map[string]struct {
		fragments [][]byte
		want      string
	}{
		"one is missing":         {[][]byte{first, last}, "not all of which are there"},
		"the last is missing":    {[][]byte{first, second}, "not all of which are there"},
		"the first is missing":   {[][]byte{second, last}, "not all of which are there"},
		"they overlap":           {[][]byte{first, fragmentOf(packet, 40, 96, true), last}, "overlap"},
		"one within another":     {[][]byte{first, fragmentOf(packet, 8, 16, true), second, last}, "overlap"},
		"another in its place":   {[][]byte{first, second, altered, last}, "overlap"},
		"two are the last":       {[][]byte{fragmentOf(packet, 48, 96, false), last, first, second}, "overlap"},
		"one behind the last":    {[][]byte{first, last, fragmentOf(append(packet, packet...), 120, 128, true)}, "overlap"},
		"one of no bytes":        {[][]byte{first, fragmentOf(packet, 48, 48, true), second, last}, "overlap"},
		"not a multiple of 8":    {[][]byte{fragmentOf(packet, 0, 47, true), second, last}, "overlap"},
		"beyond 65,535 bytes":    {[][]byte{first, beyond(last)}, "overlap"},
		"an old one, much later": {[][]byte{first, second, nil, last}, "not all of which are there"},
	} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			w := pcapgo.NewWriter(&file)
			_ = w.WriteFileHeader(65535, layers.LinkTypeRaw)
			at := time.Unix(1000, 0)
			for _, s := range shake {
				_ = w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: 40, Length: 40}, s.packet())
			}
			for _, f := range test.fragments {
				if at = at.Add(time.Second); f == nil {
					at = at.Add(time.Minute)
					continue
				}
				_ = w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(f), Length: len(f)}, f)
			}
			rec, err := capture.Read(&file)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one of %q", err, test.want)
			}
			if got := story(rec); !slices.Equal(got, []string{opened}) {
				t.Errorf("%q", got)
			}
		})
	}
}

// beyond returns a fragment whose end lies behind the longest packet's.
func beyond(fragment []byte) []byte {
	f := bytes.Clone(fragment)
	f[6], f[7] = 0x1f, 0xff
	return f
}

func TestFragmentsOfWhichTheCaptureKeptTheBeginningAreAGap(t *testing.T) {
	packet := tcp{seq: 1, ack: 1, payload: strings.Repeat("x", 100)}.packet()
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	_ = w.WriteFileHeader(60, layers.LinkTypeRaw)
	for _, f := range fragmented(64, shake[0].packet(), shake[1].packet(), packet) {
		_ = w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: min(60, len(f)), Length: len(f)}, f[:min(60, len(f))])
	}
	rec, err := capture.Read(&file)
	if err == nil || !strings.HasPrefix(err.Error(), "the capture kept 60 bytes of each packet (snap length)") {
		t.Errorf("the file is told to be so: %v", err)
	}
	want := []string{opened, "0 client captured " + strings.Repeat("x", 60-20-20), "0 client captured gap of 80"}
	if diff := cmp.Diff(want, story(rec)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFragmentsThatAreNeverWholeTakeBoundedMemory(t *testing.T) {
	large := tcp{payload: strings.Repeat("x", 60_000)}.packet()
	const packets = 20_000
	before := heap()
	reader := capture.NewReader(nil)
	most := int64(0)
	file := reader.Open(stream(func(out io.Writer) error {
		w := pcapgo.NewWriter(out)
		_ = w.WriteFileHeader(65535, layers.LinkTypeRaw)
		for i := range packets {
			f := fragmentOf(large, 0, 1480, true)
			if i%2 == 0 {
				f = fragmentOf(large, 32_000, 60_000, true)
			}
			binary.BigEndian.PutUint32(f[12:], uint32(i))
			if err := w.WritePacket(gopacket.CaptureInfo{Timestamp: time.Unix(1, 0), CaptureLength: len(f), Length: len(f)}, f); err != nil {
				return err
			}
		}
		return nil
	}))
	for n := 0; reader.Next(); n++ {
		if n%5000 == 4999 {
			most = max(most, heap()-before)
		}
	}
	reader.Close()
	if err := file.Err(); err == nil || !strings.Contains(err.Error(), "20000 packets were left out") {
		t.Errorf("error %v", err)
	}
	if most > 20<<20 {
		t.Errorf("%d MiB are kept", most>>20)
	}
}

func FuzzPacketsInFragments(f *testing.F) {
	f.Add([]byte{0, 6, 1, 6, 6, 1, 12, 3, 0})
	f.Add([]byte{0, 6, 1, 4, 6, 1, 0, 6, 1})
	packet := tcp{seq: 1, ack: 1, payload: strings.Repeat("0123456789", 10)}.packet()
	f.Fuzz(func(t *testing.T, script []byte) {
		var packets [][]byte
		for _, s := range shake {
			packets = append(packets, s.packet())
		}
		covered := make([]bool, len(packet)-20)
		exact := true // as long as no fragment overlaps, or lies
		for step := range slices.Chunk(script[:min(len(script), 300)/3*3], 3) {
			from := int(step[0]) % 15 * 8
			to := min(from+int(step[1])%16*8, len(covered))
			more := step[2]&1 != 0
			exact = exact && to > from && more == (to < len(covered))
			for i := from; i < to; i++ {
				exact = exact && !covered[i]
				covered[i] = true
			}
			packets = append(packets, fragmentOf(packet, from, max(from, to), more))
		}
		rec, err := capture.Read(bytes.NewReader(pcapOf(layers.LinkTypeRaw, packets...)))
		said := ""
		for e := range rec.Events(0) {
			if e.Kind == inspect.Captured {
				said += string(e.Bytes)
			}
		}
		whole := !slices.Contains(covered, false)
		if exact && whole && (said != strings.Repeat("0123456789", 10) || err != nil) {
			t.Errorf("said %q, error %v", said, err)
		}
		if !strings.HasPrefix(strings.Repeat("0123456789", 10), said) {
			t.Errorf("said %q", said)
		}
	})
}
