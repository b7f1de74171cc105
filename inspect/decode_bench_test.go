package inspect_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/tls"
	"io"
	"testing"
	"time"

	"example.com/tlslab/inspect"
)

// The benchmarks below make a Session of a recording, which splits, decrypts
// and indexes its records on one goroutine, and report the ratio to AES-GCM
// alone over as many records of the same size: 1.00 means that only the
// decryption itself takes time.

func BenchmarkDecodingBulk(b *testing.B)         { decode(b, 16<<10, 4096) }
func BenchmarkDecodingSmallRecords(b *testing.B) { decode(b, 40, 200_000) }

func decode(b *testing.B, size, count int) {
	recording := conversation(b, size, count)
	records, bytes := 0, 0
	for r := range inspect.NewSession(recording).Records() {
		if r.Encrypted && !r.Decrypted {
			b.Fatal(r.Why)
		}
		records++
		bytes += len(r.Raw())
	}
	if records < count {
		b.Fatalf("%d records of %d", records, count)
	}
	b.SetBytes(int64(bytes))
	b.ReportAllocs()
	var alone, decoding time.Duration
	for b.Loop() {
		b.StopTimer()
		began := time.Now()
		openAlone(b, size, count)
		alone += time.Since(began)
		b.StartTimer()
		began = time.Now()
		inspect.NewSession(recording)
		decoding += time.Since(began)
	}
	b.ReportMetric(float64(records)*float64(b.N)/decoding.Seconds(), "records/s")
	b.ReportMetric(float64(alone)/float64(decoding), "ratio")
}

// conversation records a client that sends count records of size bytes.
func conversation(b *testing.B, size, count int) *inspect.Recording {
	tap := &inspect.Tap{Limit: 1 << 30}
	client, server := configs(b)
	client.DynamicRecordSizingDisabled = true
	server.SessionTicketsDisabled = true
	server.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	c, s := tap.Pipe(client, server)
	received := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, s.Conn, int64(size)*int64(count))
		received <- err
	}()
	data := make([]byte, size)
	for range count {
		if _, err := c.Conn.Write(data); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-received; err != nil {
		b.Fatal(err)
	}
	tap.Close()
	return tap.Recording()
}

func openAlone(b *testing.B, size, count int) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	nonce, additional := make([]byte, 12), make([]byte, 5)
	sealed := aead.Seal(nil, nonce, make([]byte, size+1), additional)
	var plain []byte
	for range count {
		if plain, err = aead.Open(plain[:0], nonce, sealed, additional); err != nil {
			b.Fatal(err)
		}
	}
}
