package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/testdata/needs"
)

// A sharedField is one that tshark and the JSON lines both have.
type sharedField struct {
	tshark string
	as     string   // number, bytes or text
	ours   []string // ends of paths, or a member of a record
}

func sharedFields(t *testing.T) (all []sharedField) {
	t.Helper()
	list, err := os.ReadFile("../../testdata/tshark-fields.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if words := strings.Fields(line); len(words) > 2 && words[0] != "#" {
			all = append(all, sharedField{words[0], words[1], words[2:]})
		}
	}
	return all
}

// A direction is what one side of one connection sent: the values of each field, in order, as both are compared.
type direction struct {
	conn   int
	server bool
}

// What one of the two cannot do is left out, by capture: the lab decrypts neither CBC nor CCM, and tshark 4.0 takes the first
// Finished of a side for the end of its handshake, so that it does not read what is negotiated again or asked for afterwards.
var onlyRecords = []string{
	"tls12-cbc", "tls12-ccm", "tls12-psk", "tls12-renegotiation", "tls13-ccm", "tls13-post-handshake-authentication",
}

func TestTsharkAndTheJSONLinesAgreeInEachFieldOfTheList(t *testing.T) {
	program := needs.Program(t, "tshark")
	files, err := filepath.Glob("../../testdata/openssl/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatal("no captures", err)
	}
	fields := sharedFields(t)
	compared := make(map[string]int)
	var mu sync.Mutex
	t.Run("captures", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".pcapng")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				theirs, ours := asTshark(t, program, file, fields), asJSON(t, file, fields)
				if len(theirs) != len(ours) {
					t.Errorf("tshark has %d directions, the lines %d", len(theirs), len(ours))
				}
				mu.Lock()
				defer mu.Unlock()
				for d, want := range theirs {
					for _, f := range fields {
						if slices.Contains(onlyRecords, name) && f.ours[0] != "@version" && f.ours[0] != "@length" {
							continue
						}
						compared[f.tshark] += len(want[f.tshark])
						if diff := cmp.Diff(want[f.tshark], ours[d][f.tshark]); diff != "" {
							t.Errorf("%s of connection %d, server %t (-tshark +lines):\n%s", f.tshark, d.conn, d.server, diff)
						}
					}
				}
			})
		}
	})
	for _, f := range fields {
		if compared[f.tshark] == 0 {
			t.Errorf("no capture has %s: there is nothing to agree on", f.tshark)
		}
	}
}

func TestTheManualHasTheFieldsThatTsharkAgreesIn(t *testing.T) {
	for _, lang := range []string{"en", "pt-BR"} {
		page, err := os.ReadFile("../../docs/manual/" + lang + "/open.md")
		if err != nil {
			t.Fatal(err)
		}
		var have, want []string
		for line := range strings.Lines(string(page)) {
			if name := strings.TrimSpace(line); strings.HasPrefix(line, "    tls.") {
				have = append(have, name)
			}
		}
		for _, f := range sharedFields(t) {
			want = append(want, f.tshark)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Errorf("%s (-list +page):\n%s", lang, diff)
		}
	}
}

// asTshark asks tshark for the fields.
func asTshark(t *testing.T, program, file string, fields []sharedField) map[direction]map[string][]string {
	t.Helper()
	args := []string{"-r", file, "-2", "-T", "fields", "-e", "tcp.stream", "-e", "tcp.dstport"}
	for _, f := range fields {
		args = append(args, "-e", f.tshark)
	}
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[direction]map[string][]string)
	client := make(map[string]string) // by stream: the port that its first packet, the SYN, goes to is the server's
	for line := range strings.Lines(string(out)) {
		columns := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		conn, err := strconv.Atoi(columns[0])
		if err != nil || len(columns) != 2+len(fields) {
			t.Fatalf("tshark says %q", line)
		}
		if client[columns[0]] == "" {
			client[columns[0]] = columns[1]
		}
		d := direction{conn, columns[1] != client[columns[0]]}
		if all[d] == nil {
			all[d] = make(map[string][]string)
		}
		for i, f := range fields {
			for _, value := range strings.Split(columns[2+i], ",") {
				if value != "" && value != "<MISSING>" { // which is how tshark prints no bytes
					all[d][f.tshark] = append(all[d][f.tshark], normal(t, f.as, value))
				}
			}
		}
	}
	return all
}

// normal is a value as both are compared.
func normal(t *testing.T, as, value string) string {
	t.Helper()
	switch as {
	case "bytes":
		return strings.ReplaceAll(value, ":", "")
	case "number":
		n, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			t.Fatalf("no number: %q", value)
		}
		return strconv.FormatUint(n, 10)
	}
	return value
}

// A treeLine is what this test reads of a line.
type treeLine struct {
	Kind, Dir, Lane, Plaintext, Type, Version string
	InnerType                                 *string `json:"inner_type"`
	Client, Server                            *string
	Conn                                      int
	Length                                    *int
	Fields                                    []treeField
	Messages                                  []treeMessage
}

type treeMessage struct {
	In, Type, Bytes string
	Fields          []treeField
}

type treeField struct {
	Name, Value    string
	Offset, Length int
	Children       []treeField
}

// asJSON reads the fields out of the JSON lines, each from the bytes where the line says that it lies.
func asJSON(t *testing.T, file string, fields []sharedField) map[direction]map[string][]string {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	recording, err := capture.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.NewJSON(&out).Close(inspect.NewSession(recording)); err != nil {
		t.Fatal(err)
	}
	all := make(map[direction]map[string][]string)
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var line treeLine
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		switch line.Kind {
		case "connection":
			for _, address := range []*string{line.Client, line.Server} {
				if _, _, err := net.SplitHostPort(*address); err != nil {
					t.Error(err)
				}
			}
			all[direction{line.Conn, false}] = make(map[string][]string)
			all[direction{line.Conn, true}] = make(map[string][]string)
		case "record":
			line.read(t, fields, all[direction{line.Conn, line.Dir == "server"}])
		}
	}
	return all
}

var contentTypes = map[string]string{"change_cipher_spec": "20", "alert": "21", "handshake": "22", "application_data": "23"}

func (l *treeLine) read(t *testing.T, fields []sharedField, into map[string][]string) {
	t.Helper()
	for _, f := range fields {
		add := func(value string) { into[f.tshark] = append(into[f.tshark], value) }
		switch f.ours[0] {
		case "@version":
			add(normal(t, f.as, l.Version))
			continue
		case "@length":
			if l.Length != nil { // else its header is cut off
				add(strconv.Itoa(*l.Length))
			}
			continue
		case "@content_type":
			what := l.Type
			if l.InnerType != nil {
				what = *l.InnerType
			}
			add(contentTypes[what])
			continue
		}
		for _, m := range l.Messages {
			text := l.Plaintext
			if m.In == "message" {
				text = m.Bytes
			}
			for _, field := range m.Fields {
				eachField(field, m.Type, func(path string, field treeField) {
					if !slices.ContainsFunc(f.ours, func(end string) bool { return endsWith(path, end) }) || field.Length == 0 {
						return
					}
					value := text[2*field.Offset:][:2*field.Length]
					if f.as == "number" {
						value = normal(t, f.as, "0x"+value)
					}
					if f.as == "text" {
						b, _ := hex.DecodeString(value)
						value = string(b)
					}
					add(value)
				})
			}
		}
	}
}

// endsWith reports whether a path ends as the list says; * is the message itself, // anything within one.
func endsWith(path, end string) bool {
	if rest, whole := strings.CutPrefix(end, "*/"); whole {
		_, name, _ := strings.Cut(path, "/")
		return name == rest
	}
	if message, rest, within := strings.Cut(end, "//"); within {
		return strings.HasPrefix(path, message+"/") && strings.HasSuffix(path, "/"+rest)
	}
	return strings.HasSuffix("/"+path, "/"+end)
}

func eachField(f treeField, under string, do func(path string, f treeField)) {
	path := fmt.Sprintf("%s/%s", under, f.Name)
	do(path, f)
	if f.Name == "cert_data" || f.Name == "signature" { // what is in these is not TLS
		return
	}
	for _, child := range f.Children {
		eachField(child, path, do)
	}
}
