package capture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/testdata/needs"
)

// captures are those under testdata, by name.
func captures(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(recorded, "*.pcapng"))
	if err != nil || len(names) == 0 {
		t.Fatal("no captures", err)
	}
	all := make(map[string][]byte)
	for _, name := range names {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".pcapng")] = file
	}
	return all
}

func TestOfAFileThatIsCutEverythingBeforeTheCutIsRead(t *testing.T) {
	for name, file := range captures(t) {
		random := rand.New(rand.NewPCG(1, 2))
		whole := story(read(t, file))
		ends := blockEnds(t, file)
		const pieces = 50
		for n := range 2 * pieces {
			size := random.IntN(len(file))
			if n < pieces {
				size = len(file) * n / pieces
			}
			rec, err := capture.Read(bytes.NewReader(file[:size]))
			var problem *capture.Problem
			if !slices.Contains(ends, size) && (!errors.As(err, &problem) || problem.Offset > int64(size)) {
				t.Errorf("%s, cut at %d: %v", name, size, err)
			}
			got := story(rec)
			for i, event := range got {
				if i < len(whole) && event != whole[i] && !strings.Contains(event, " gap of ") { // what waited for a segment that is cut off
					t.Errorf("%s, cut at %d: event %d is %q, not %q", name, size, i, event, whole[i])
					break
				}
			}
			last := 0 // as many events as the whole blocks before the cut bring
			for _, end := range ends {
				if end <= size {
					last = end
				}
			}
			if last > 0 {
				if before, _ := capture.Read(bytes.NewReader(file[:last])); before.Len() != rec.Len() {
					t.Errorf("%s, cut at %d: %d events, %d at the end of the block before", name, size, rec.Len(), before.Len())
				}
			}
		}
	}
}

// blockEnds are the offsets behind each block of a little-endian pcapng file.
func blockEnds(t *testing.T, file []byte) (ends []int) {
	t.Helper()
	for at := 0; at < len(file); {
		at += int(binary.LittleEndian.Uint32(file[at+4:]))
		ends = append(ends, at)
	}
	return ends
}

func TestAFileWithFlippedBitsIsReadWithoutHarm(t *testing.T) {
	for name, file := range captures(t) {
		random := rand.New(rand.NewPCG(3, 4))
		for i := range 8 {
			damaged := slices.Clone(file)
			for range 1 << i {
				damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
			}
			rec, _ := capture.Read(bytes.NewReader(damaged))
			look(inspect.NewSession(rec))
			if t.Failed() {
				t.Fatalf("%s, round %d", name, i)
			}
		}
	}
}

// look does what a reader of a session does to all of it.
func look(session *inspect.Session) {
	session.End()
	for r := range session.Records() {
		r.Fields()
		r.Plaintext()
	}
	for _, c := range session.Connections() {
		for _, m := range c.View(inspect.Client).Messages() {
			m.Fields()
		}
		c.View(inspect.Client).Schedule()
		c.View(inspect.Client).Verifications()
	}
}

func TestAFileThatEditcapHasDamagedIsReadWithoutHarm(t *testing.T) {
	editcap := needs.Program(t, "editcap")
	seed := 0
	for _, name := range slices.Sorted(maps.Keys(captures(t))) {
		for _, probability := range []string{"0.001", "0.02", "0.2"} {
			seed++
			out := filepath.Join(t.TempDir(), "damaged.pcapng")
			command := exec.Command(editcap, "-E", probability, "--seed", strconv.Itoa(seed), filepath.Join(recorded, name+".pcapng"), out)
			if said, err := command.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, said)
			}
			file, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			rec, _ := capture.Read(bytes.NewReader(file))
			look(inspect.NewSession(rec))
		}
	}
}

// A stream makes a file as it is read.
func stream(write func(w io.Writer) error) io.Reader {
	in, out := io.Pipe()
	go func() { out.CloseWithError(write(out)) }()
	return in
}

func TestSecretsWithoutEndAreBounded(t *testing.T) {
	good := section(binary.LittleEndian, 6, 1, tcp{flags: "S"}.packet())
	in := stream(func(w io.Writer) error {
		w.Write(good)
		for i := range 800 { // each thousand twice
			var log []byte
			for j := range 1000 {
				log = fmt.Appendf(log, "A_LABEL %08x 000102030405060708090a0b0c0d0e0f\n", i/2*1000+j)
			}
			secrets := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 0x544c534b), uint32(len(log)))
			if _, err := w.Write(block(binary.LittleEndian, 10, append(secrets, log...))); err != nil {
				return err
			}
		}
		_, err := w.Write(section(binary.LittleEndian, 6, 1, tcp{seq: 1, payload: "behind"}.packet()))
		return err
	})
	rec, err := capture.Read(in)
	if err == nil || !strings.Contains(err.Error(), "more than 250000 secrets") || !strings.Contains(err.Error(), "in 300 places, the first at byte ") {
		t.Errorf("error %v", err)
	}
	if n := rec.Len(); n != 1+250_000+1 {
		t.Errorf("%d events", n)
	}
	if last := rec.At(rec.Len() - 1); string(last.Bytes) != "behind" {
		t.Errorf("what stands behind them is %q", last.Bytes)
	}
}

func TestAMillionConnectionsAreBounded(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a million connections take long, most of all under the race detector")
	}
	const connections = 1_000_000
	var packets [][]byte
	for _, segment := range []tcp{{flags: "S"}, {server: true, flags: "S", ack: 1}, {seq: 1, ack: 1, payload: "\x15\x03\x03\x00\x02\x01\x00", flags: "F"}, {server: true, seq: 1, ack: 9, flags: "F"}} {
		packets = append(packets, segment.packet())
	}
	in := stream(func(w io.Writer) error {
		file := pcapOf(101, packets...)
		w.Write(file[:24])
		body := file[24:]
		for i := range connections {
			at := 0
			for n, packet := range packets {
				ip := body[at+16:]
				address := ip[12:16] // of the client
				if n%2 == 1 {
					address = ip[16:20]
				}
				binary.BigEndian.PutUint32(address, 0x0a000000+uint32(i))
				at += 16 + len(packet)
			}
			if _, err := w.Write(body); err != nil {
				return err
			}
		}
		return nil
	})
	before := heap()
	reader := capture.NewReader(nil)
	file := reader.Open(in)
	session := inspect.NewSession(reader.Recording())
	for reader.Next() {
		if reader.Recording().Len()-session.Taken() > 4096 {
			session.Extend()
		}
	}
	reader.Close()
	session.Extend()
	if err := file.Err(); err == nil || !strings.Contains(err.Error(), "more than 250000 connections") {
		t.Errorf("error %.300v", fmt.Sprint(err))
	}
	if n := len(session.Connections()); n != 250_000 {
		t.Errorf("%d connections", n)
	}
	kept := heap() - before
	t.Logf("%d MiB, %d bytes a connection", kept>>20, kept/250_000)
	runtime.KeepAlive(session)
	if most := int64(250_000 * 4500); kept > most { // the manual says some 4 kB
		t.Errorf("%d bytes are kept, more than %d", kept, most)
	}
}

func TestConnectionsThatGoOnTakeTheMemoryThatIsStated(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("under the race detector memory says nothing")
	}
	const connections = 20_000
	before := heap()
	reader := capture.NewReader(nil)
	reader.Open(stream(func(w io.Writer) error {
		for i := range connections {
			var packets [][]byte
			for _, segment := range append(slices.Clone(shake), tcp{seq: 1, ack: 1, payload: "\x15\x03\x03\x00\x02\x01\x00"}) {
				packet := segment.packet()
				address := packet[12:16] // of the client
				if segment.server {
					address = packet[16:20]
				}
				binary.BigEndian.PutUint32(address, 0x0a000000+uint32(i))
				packets = append(packets, packet)
			}
			file := pcapOf(101, packets...)
			if i > 0 {
				file = file[24:]
			}
			if _, err := w.Write(file); err != nil {
				return err
			}
		}
		return nil
	}))
	session := inspect.NewSession(reader.Recording())
	for n := 0; reader.Next(); n++ {
		if n%1000 == 0 {
			session.Extend()
		}
	}
	session.Extend()
	kept := (heap() - before) / connections
	t.Logf("%d bytes a connection", kept)
	if kept > 6500 { // the manual says some 6 kB
		t.Errorf("%d bytes are kept of each connection", kept)
	}
	reader.Close()
	runtime.KeepAlive(session)
}
