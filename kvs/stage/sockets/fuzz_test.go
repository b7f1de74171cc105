package sockets

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
)

// Whatever is taken for a product is one to another reader too, and leads back to itself.
func FuzzProduct(f *testing.F) {
	for _, seed := range []string{
		`{"code":"7","name":"lápis","price":2.5}`, `{"code":"7","name":"x","price":1e999}`, `{"CODE":"7","name":"x","price":1}`, `{"code":"\ud800","name":"x","price":0}`, `[]`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		product, err := ParseProduct(text)
		if err != nil {
			if !errors.As(err, new(*RequestError)) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Errorf("%q is no JSON", text)
		}
		if again, err := ParseProduct(product.json()); err != nil || again != product || bytes.ContainsRune(product.json(), '\n') {
			t.Errorf("%q: %v, %v", text, again, err)
		}
	})
}

// gobs returns what package gob makes of values of many types.
func gobs(f *testing.F) (streams [][]byte) {
	type inner struct{ A, B int }
	type everything struct {
		Bool    bool
		Int     int
		Uint    uint
		Float   float64
		Complex complex128
		Text    string
		Data    []byte
		List    []inner
		Array   [3]string
		Map     map[string]*inner
		Any     any
		Inner   inner
		Time    timeLike
	}
	gob.Register(inner{})
	for _, value := range []any{
		Product{"7", "lápis", 2.5},
		Call{"os.system", "ls"},
		"text", 7, -7, 2.5, true, []byte("data"),
		[]string{"a", ""},
		map[string]int{"a": 1},
		everything{true, -3, 3, 0.1, 1 + 2i, "x", []byte{1}, []inner{{1, 2}, {}}, [3]string{"a"}, map[string]*inner{"k": {3, 4}}, inner{5, 6}, inner{7, 8}, timeLike{9}},
		struct{ Any any }{},
		struct{ Any any }{"text"},
	} {
		stream, err := encodeGob(value)
		if err != nil {
			f.Fatal(err)
		}
		streams = append(streams, stream)
	}
	return streams
}

func encodeGob(value any) ([]byte, error) {
	var stream bytes.Buffer
	err := gob.NewEncoder(&stream).Encode(value)
	return stream.Bytes(), err
}

// timeLike is encoded by a method of its own.
type timeLike struct{ n byte }

func (t timeLike) GobEncode() ([]byte, error) { return []byte{t.n}, nil }
func (t *timeLike) GobDecode(b []byte) error  { t.n = b[0]; return nil }

// The trees of a stream are whole whatever the bytes; and what package gob makes is understood to the last of them.
func FuzzGob(f *testing.F) {
	for _, stream := range gobs(f) {
		understood(f, stream)
		f.Add(stream)
	}
	f.Add([]byte("\a0\xff\x000000")) // an end that is written as two bytes
	f.Fuzz(func(t *testing.T, stream []byte) {
		types := make(gobTypes)
		in := bufio.NewReader(bytes.NewReader(stream))
		for range 100 {
			message, err := readGob(in, 1<<16)
			if err != nil {
				return
			}
			root, _ := dissectGob(message, types)
			covers(t, root, len(message))
			examineGob(message, types)
		}
	})
}

func understood(f *testing.F, stream []byte) {
	types := make(gobTypes)
	in := bufio.NewReader(bytes.NewReader(stream))
	for {
		message, err := readGob(in, 1<<16)
		if err == io.EOF {
			return
		}
		if err != nil {
			f.Fatal(err)
		}
		root, _ := dissectGob(message, types)
		if strange, found := root.Find(inspect.NotUnderstood); found {
			f.Errorf("%x: not understood from %d on: %s", message, strange.Offset, strange.Value)
		}
		if seen := examineGob(message, types); seen.broken {
			f.Errorf("%x is said to be broken", message)
		}
	}
}

// Whatever a server is sent, the conversation ends, and what V3 takes is what package gob decodes.
func FuzzServer(f *testing.F) {
	for _, stream := range gobs(f) {
		f.Add(byte(V3), stream)
	}
	for version := V1; version <= V5; version++ {
		f.Add(byte(version), []byte("adicionar\n{\"code\":\"7\",\"name\":\"x\",\"price\":1}\nlistar\nconsultar\n\"7\"\nterminar\n"))
		f.Add(byte(version), []byte("listar\r\n\r\n\x00\xff"))
	}
	f.Fuzz(func(t *testing.T, version byte, sent []byte) {
		server := &Server{Version: Version(version%5) + 1}
		host := &kernel.Server{Handler: server, MaxRequest: 4096}
		wire := &tape{in: bytes.NewReader(sent)}
		host.ServeConn(t.Context(), wire)
		if server.Version == V3 && strings.Contains(wire.out.String(), "product received [OK]") {
			var product Product
			if err := gob.NewDecoder(bytes.NewReader(sent)).Decode(&product); err != nil || product.check() != nil {
				t.Errorf("%x was taken as a product: %v, %v", sent, product, err)
			}
		}
	})
}

// A tape is a connection whose client has said all that it says.
type tape struct {
	net.Conn
	in  *bytes.Reader
	out bytes.Buffer
}

func (t *tape) Read(p []byte) (int, error)       { return t.in.Read(p) }
func (t *tape) Write(p []byte) (int, error)      { return t.out.Write(p) }
func (t *tape) Close() error                     { return nil }
func (t *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (t *tape) SetDeadline(time.Time) error      { return nil }
func (t *tape) SetReadDeadline(time.Time) error  { return nil }
func (t *tape) SetWriteDeadline(time.Time) error { return nil }

func TestPackageGobAloneWouldTakeAnotherType(t *testing.T) {
	type other struct {
		Code   string
		Target string
	}
	stream, err := encodeGob(other{"7", "x"})
	if err != nil {
		t.Fatal(err)
	}
	var product Product
	if err := gob.NewDecoder(bytes.NewReader(stream)).Decode(&product); err != nil || product.Code != "7" {
		t.Errorf("package gob has become strict: %v, %v", product, err)
	}
	wire := &tape{in: bytes.NewReader(stream)}
	(&kernel.Server{Handler: &Server{Version: V3}}).ServeConn(t.Context(), wire)
	if got := wire.out.String(); !strings.Contains(got, "other{Code string, Target string} came") {
		t.Errorf("V3 says %s", got)
	}
}
