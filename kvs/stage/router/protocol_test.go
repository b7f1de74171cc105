package router_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/kvs/kernel"
	"example.com/tlslab/kvs/stage/router"
)

// units cuts what one side sends, given in pieces of so many bytes.
func units(from inspect.Side, sent []byte, size int) (found []string, readings []inspect.Reading, rest []byte) {
	reader := router.Protocol.Reader()
	var buffer []byte
	for {
		more := min(size, len(sent))
		buffer, sent = append(buffer, sent[:more]...), sent[more:]
		for len(buffer) > 0 {
			n, reading := reader.Next(from, buffer)
			if n <= 0 {
				return found, readings, append(buffer, sent...)
			}
			if n > len(buffer) {
				break
			}
			found, readings = append(found, string(buffer[:n])), append(readings, reading)
			buffer = buffer[n:]
		}
		if len(sent) == 0 {
			return found, readings, buffer
		}
	}
}

func TestEachPackageIsAUnitHoweverItCame(t *testing.T) {
	sent := ` {"url":"/login"}` + "\n" + `{"a":"}{\"\\"}{}` + "\t{]{'a':1} \n"
	want := []string{` {"url":"/login"}`, "\n" + `{"a":"}{\"\\"}`, `{}`, "\t{]", "{'a':1}"}
	for size := range len(sent) {
		got, _, rest := units(inspect.Client, []byte(sent), size+1)
		if !slices.Equal(got, want) || string(rest) != " \n" {
			t.Errorf("in pieces of %d: %q, and %q", size+1, got, rest)
		}
	}
	if reading := router.Protocol.Reader().Rest(inspect.Client, []byte(" \n")); reading.Name() != "space" {
		t.Errorf("space is %s", reading.Name())
	}
	if got, _, rest := units(inspect.Server, []byte(`{}GET {}`), 100); len(got) != 1 || string(rest) != "GET {}" {
		t.Errorf("garbage: %q, and %q", got, rest)
	}
}

// outline tells the kinds of a tree's leaves that are no grammar, and what they show.
func outline(root inspect.Field) string {
	var all []string
	for _, leaf := range root.Leaves() {
		if leaf.Kind != "json.structural" {
			all = append(all, leaf.Kind+" "+leaf.Value)
		}
	}
	return root.Kind + ": " + strings.Join(all, ", ")
}

func TestWhatAPackageSaysIsNamed(t *testing.T) {
	for _, c := range []struct {
		from       inspect.Side
		text, want string
	}{
		{inspect.Client, `{"url":"/login","hostname":"ana-pc"}`, `router.request: json.name "url", router.url "/login", json.name "hostname", router.hostname "ana-pc"`},
		{inspect.Client, `{"url":"/get_file_data","name":"a","t\u006fken":"5f"}`, `router.request: json.name "url", router.url "/get_file_data", json.name "name", router.name "a", json.name "t\u006fken", router.token "5f"`},
		{inspect.Server, `{"code":200,"token":"5f"}`, `router.answer: json.name "code", router.code 200, json.name "token", router.token "5f"`},
		{inspect.Server, `{"code":200,"hashes":{"token":"e3"},"left_out":["b"]}`, `router.answer: json.name "code", router.code 200, json.name "hashes", json.name "token", router.sha256 "e3", json.name "left_out", json.string "b"`},
		{inspect.Server, `{"x":{"token":"no"}}`, `router.answer: json.name "x", json.name "token", json.string "no"`},
		{inspect.Client, `{"token":5f}`, `router.request: json.name "token", router.token 5, not_understood a comma or a '}' should stand here`},
		{inspect.Client, `{"token":f}`, `router.request: json.name "token", not_understood no JSON value begins so`},
		{inspect.Client, ` {}`, `router.request: json.ws 20`},
	} {
		_, readings, _ := units(c.from, []byte(c.text), 1<<10)
		if len(readings) != 1 {
			t.Fatalf("%s: %d units", c.text, len(readings))
		}
		if got := outline(readings[0].Fields([]byte(c.text))); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// covers holds that each byte of a tree belongs to one leaf.
func covers(t *testing.T, root inspect.Field, n int) {
	t.Helper()
	at := 0
	for _, leaf := range root.Leaves() {
		if leaf.Offset != at || leaf.Length < 0 {
			t.Fatalf("%s begins at %d and has %d bytes, at %d", leaf.Kind, leaf.Offset, leaf.Length, at)
		}
		at = leaf.End()
	}
	if at != n || root.Length != n || root.Offset != 0 {
		t.Fatalf("the tree covers %d of %d bytes", at, n)
	}
}

// Through the tap: what the two programs say is what the session shows.
func TestATapShowsAConversationPackageByPackage(t *testing.T) {
	tap := inspect.NewTap()
	client, end := tap.PipeOf(router.Protocol)
	server := newServer(t, shared(t, twoFiles))
	done := make(chan error)
	go func() { done <- server.ServeConn(context.Background(), end) }()
	ana := router.NewClient(client)
	for _, line := range []string{"hashes", "login ana-pc", "hashes", "file notes.txt", "/elsewhere"} {
		if _, err := ana.Command(t.Context(), line); err != nil {
			t.Fatal(err)
		}
	}
	ana.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	tap.Close()
	var names []string
	kinds := make(map[string]bool)
	for r := range inspect.NewSession(tap.Recording()).Records() {
		names = append(names, r.Name())
		covers(t, r.Fields(), r.Length)
		eachField(r.Fields(), func(f inspect.Field) { kinds[f.Kind] = true })
		for _, part := range r.Parts {
			content := r.Plaintext()[part.Offset:][:part.Length]
			covers(t, r.PartFields(part, content), len(content))
			eachField(r.PartFields(part, content), func(f inspect.Field) { kinds[f.Kind] = true })
		}
	}
	if want := strings.Repeat("request answer ", 5); strings.Join(names, " ")+" " != want {
		t.Errorf("units: %v", names)
	}
	if !kinds["router.token"] || !kinds["router.sha256"] || kinds[inspect.NotUnderstood] {
		t.Errorf("kinds: %v", kinds)
	}
}

func eachField(f inspect.Field, do func(inspect.Field)) {
	do(f)
	for _, child := range f.Children {
		eachField(child, do)
	}
}

func TestEveryKindIsExplainedInBothLanguages(t *testing.T) {
	text := `{"url":0,"token":0,"hostname":0,"name":0,"code":0,"reason":0,"message":0,"hashes":{"a":"b"},"left_out":0,"data":0,"flawed":0}`
	reader := router.Protocol.Reader()
	seen := make(map[string]bool)
	for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
		_, reading := reader.Next(side, []byte(text))
		eachField(reading.Fields([]byte(text)), func(f inspect.Field) { seen[f.Kind] = true })
		eachField(reader.Rest(side, []byte(" ")).Fields([]byte(" ")), func(f inspect.Field) { seen[f.Kind] = true })
	}
	ours := 0
	for kind := range seen {
		if strings.HasPrefix(kind, "router.") {
			ours++
		}
		for _, lang := range []string{docs.English, docs.Portuguese} {
			if docs.For(lang).Explain(kind) == "" {
				t.Errorf("nothing is said in %s of %s", lang, kind)
			}
		}
	}
	if ours != 15 {
		t.Errorf("%d kinds of the router's: %v", ours, seen)
	}
}

// Whatever stands on the wire, every byte is shown, and the units are the same however it came. What
// another reader of JSON takes for a stream of objects, is cut where it ends them.
func FuzzProtocol(f *testing.F) {
	for _, seed := range []string{`{"url":"/login","hostname":"ana"}{"a":{}}`, " {} [1]", `{"token":"\"}`, `{"hashes":{"a":`, "\xff{\x00}", `{"a":}}{"code":1}`, strings.Repeat(`{"a":[`, 30)} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, sent []byte, size uint8) {
		sent = sent[:min(len(sent), 1<<12)]
		found, readings, rest := units(inspect.Client, sent, int(size)+1)
		at := 0
		for i, unit := range found {
			covers(t, readings[i].Fields([]byte(unit)), len(unit))
			at += len(unit)
		}
		if !bytes.Equal(sent[at:], rest) {
			t.Fatalf("left is %q", rest)
		}
		if len(rest) > 0 {
			covers(t, router.Protocol.Reader().Rest(inspect.Server, rest).Fields(rest), len(rest))
		}
		if whole, _, _ := units(inspect.Client, sent, len(sent)+1); !slices.Equal(whole, found) {
			t.Fatalf("%q at once, %q in pieces", whole, found)
		}
		decoder := json.NewDecoder(bytes.NewReader(sent))
		for i := 0; ; i++ {
			var object json.RawMessage
			if decoder.Decode(&object) != nil || object[0] != '{' {
				return
			}
			if i >= len(found) || strings.TrimLeft(found[i], " \t\r\n") != string(object) {
				t.Fatalf("package %d is %s, cut were %q", i, object, found)
			}
		}
	})
}

// Whatever a client sends, the server answers with JSON that has a code, gives no secret, and ends.
func FuzzServer(f *testing.F) {
	dir := f.TempDir()
	os.WriteFile(dir+"/notes.txt", []byte(secret), 0o644)
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { root.Close() })
	for _, seed := range []string{
		`{"url":"/login","hostname":"ana"}{"url":"/get_hashes","token":"x"}`, `{"url":"/get_file_data","name":"notes.txt","token":"` + strings.Repeat("0", 64) + `"}`, `{`, `GET`,
		`{"url":{}}{"url":null} {"url":"\ud800"}`, "\xff", strings.Repeat(`{"a":`, 20) + strings.Repeat("}", 20),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		server := router.NewServer(root)
		server.MaxRequest = 1 << 10
		server.OnRuntimeError(func(e kernel.RuntimeError) { t.Errorf("%v\n%s", e, e.Traceback) })
		client, end := net.Pipe()
		go func() {
			client.Write(sent)
			client.Close()
		}()
		heard := &recorder{Conn: end}
		server.ServeConn(t.Context(), heard)
		decoder := json.NewDecoder(&heard.answers)
		for {
			var answer map[string]any
			if err := decoder.Decode(&answer); err == io.EOF {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			if code, ok := answer["code"].(float64); !ok || code != 200 && code != 400 || answer["data"] != nil || answer["hashes"] != nil {
				t.Fatalf("%q was answered %v", sent, answer)
			}
		}
	})
}

// A recorder keeps what is answered, and sends nothing.
type recorder struct {
	net.Conn
	answers bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error) { return r.answers.Write(b) }

// Whatever a server answers, the client takes it or says what is wrong.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{`{"code":200,"hashes":{"a":"b"}}`, `{"code":400,"reason":"wrong_token","flawed":1}{"code":200}`, `{"code":`, "HTTP", `{"code":200,"data":"AA=="}`, ``} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		near, far := net.Pipe()
		go func() {
			far.Read(make([]byte, 1<<10))
			far.Write(answer)
			far.Close()
		}()
		defer near.Close()
		client := router.NewClient(near)
		hashes, err := client.Hashes(t.Context())
		if (hashes == nil) == (err == nil) {
			t.Fatalf("%v, %v", hashes, err)
		}
		if err != nil {
			for _, r := range router.Explain(docs.For("en"), err) {
				if r < ' ' || r == 0x7f || r == 0x202e {
					t.Fatalf("%q", fmt.Sprint(err))
				}
			}
		}
	})
}
