package capture_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
)

// What reading a capture and its session may keep of a record, and of it all: the manual says so.
const (
	manyRecords       = 1_000_000
	mostBytesOfRecord = 600
)

// expandLabel is HKDF-Expand-Label without a context (RFC 8446 section 7.1).
func expandLabel(t testing.TB, secret []byte, label string, length int) []byte {
	t.Helper()
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(uint16(length))
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8(0)
	key, err := hkdf.Expand(sha256.New, secret, string(b.BytesOrPanic()), length)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// manyRecordsOf is a capture of a recorded session whose client says n things of 40 bytes, a record each, once it may. It is made
// as it is read.
func manyRecordsOf(t testing.TB, n int) io.Reader {
	t.Helper()
	session := kept(t, "tls13-aes128-gcm")
	begin := new(inspect.Recording)
	var secret []byte
	first := -1
	for r := range inspect.NewSession(session).Records() {
		if first < 0 && r.Side == inspect.Client && r.Epoch.Kind == inspect.EpochApplication {
			first = r.Event
		}
	}
	for e := range session.Events(0) {
		if e.Kind == inspect.Secret && e.Logged.Label == "CLIENT_TRAFFIC_SECRET_0" {
			secret = e.Logged.Bytes
		}
		if e.Index < first || e.Kind == inspect.Secret {
			begin.Append(e)
		}
	}
	block, err := aes.NewCipher(expandLabel(t, secret, "key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := expandLabel(t, secret, "iv", 12)
	in, out := io.Pipe()
	go func() {
		writer := capture.NewWriter(out)
		said := append(bytes.Repeat([]byte("0123456789"), 4), 0x17)
		var records []byte
		err := writer.Extend(begin)
		for seq := 0; seq < n && err == nil; seq++ {
			nonce := bytes.Clone(iv)
			binary.BigEndian.PutUint64(nonce[4:], binary.BigEndian.Uint64(nonce[4:])^uint64(seq))
			header := []byte{0x17, 3, 3, 0, byte(len(said) + aead.Overhead())}
			records = aead.Seal(append(records, header...), nonce, said, header)
			if len(records) > 1200 || seq == n-1 {
				begin.Append(inspect.Event{Kind: inspect.Captured, Cause: -1, Bytes: records})
				records = records[:0]
				err = writer.Extend(begin)
			}
		}
		out.CloseWithError(writer.Close())
	}()
	t.Cleanup(func() { in.Close() })
	return in
}

func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

func TestAMillionRecordsAreReadWithinTheMemoryThatIsStated(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("a million records take long, most of all under the race detector")
	}
	before := heap()
	reader := capture.NewReader(nil)
	file := reader.Open(manyRecordsOf(t, manyRecords))
	session := inspect.NewSession(reader.Recording())
	for reader.Next() {
		if reader.Recording().Len()-session.Taken() > 4096 {
			session.Extend()
		}
	}
	reader.Close()
	session.Extend()
	if err := file.Err(); err != nil {
		t.Fatal(err)
	}
	decrypted := 0
	for r := range session.Records() {
		if r.Epoch.Kind == inspect.EpochApplication && r.Side == inspect.Client && r.Decrypted {
			decrypted++
		}
	}
	if decrypted != manyRecords {
		t.Errorf("%d records are decrypted", decrypted)
	}
	kept := heap() - before
	t.Logf("%d MiB, %d bytes a record", kept>>20, kept/manyRecords)
	if kept > manyRecords*mostBytesOfRecord {
		t.Errorf("%d bytes are kept of each record, more than %d", kept/manyRecords, mostBytesOfRecord)
	}
	runtime.KeepAlive(session)
}
