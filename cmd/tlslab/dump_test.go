package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/report"
)

// A dumpedLine is what this test reads of a JSON line.
type dumpedLine struct {
	Kind, Name, Dir, Lane, Plaintext string
	What, Value, Got, Outcome        string
	Conn                             int
	Seq                              *int
	Messages                         []dumpedMessage
	Sealed                           *struct{ Secret string }
	Inputs                           []struct{ Name, Value string }
	Covers                           []dumpedPlace
}

type dumpedMessage struct {
	In, Type, Bytes string
	Offset, Length  int
}

// A dumpedPlace leads to a message.
type dumpedPlace struct {
	Type, Dir, Lane string
	Seq, Message    int
}

// Whoever reads nothing but the JSON lines of what OpenSSL's programs said to
// each other finds every message that a transcript hash is over, and the secret
// of every record.
func TestTheLinesOfRecordedSessionsLeadToTheirMessagesAndSecrets(t *testing.T) {
	files, err := filepath.Glob("../../testdata/openssl/*.pcapng")
	if err != nil || len(files) == 0 {
		t.Fatal("no recordings", err)
	}
	hashes := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".pcapng"), func(t *testing.T) {
			var records, keys []dumpedLine
			for _, l := range dumped(t, file) {
				switch l.Kind {
				case "record":
					records = append(records, l)
				case "key":
					keys = append(keys, l)
				}
			}
			for _, l := range keys {
				for _, input := range l.Inputs {
					if !strings.HasPrefix(input.Name, "Transcript-Hash(") && input.Name != "Hash(handshake_messages)" {
						continue
					}
					hashes++
					if got := transcriptHash(t, records, l, strings.Contains(input.Name, "(Truncate("), len(input.Value)/2); hex.EncodeToString(got) != input.Value {
						t.Errorf("%s of %s is %s, its messages give %x", input.Name, l.Name, input.Value, got)
					}
				}
			}
			for _, r := range records {
				if r.Sealed != nil && !hasKey(keys, r.Conn, r.Sealed.Secret) {
					t.Errorf("record %d of the %s: no line has %s", *r.Seq, r.Dir, r.Sealed.Secret)
				}
			}
		})
	}
	if hashes < 200 {
		t.Errorf("only %d hashes were compared", hashes)
	}
}

func TestEachHandshakeOfARenegotiatedSessionHasItsFinishedAmongTheLines(t *testing.T) {
	computed := make(map[string]bool)
	proofs := 0
	for _, l := range dumped(t, "../../testdata/openssl/tls12-renegotiation.pcapng") {
		switch {
		case l.Kind == "key" && l.What == "schedule.verify_data" && l.Value != "":
			computed[l.Value] = true
		case l.Kind == "verification" && l.What == "finished":
			if proofs++; l.Outcome != "verified" || !computed[l.Got] {
				t.Errorf("the Finished %s is %s, and among the keys: %t", l.Got, l.Outcome, computed[l.Got])
			}
		}
	}
	if proofs != 6 || len(computed) != proofs {
		t.Errorf("%d Finished, %d verify_data", proofs, len(computed))
	}
}

func dumped(t *testing.T, name string) (lines []dumpedLine) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	recording, err := capture.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := report.NewJSON(&out).Close(inspect.NewSession(recording)); err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var l dumpedLine
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	return lines
}

// transcriptHash hashes the messages that a line covers (RFC 8446 section
// 4.4.1, RFC 5246 section 7.4.9); truncated, without the list of the one binder
// that the last of them ends with (RFC 8446 section 4.2.11.2).
func transcriptHash(t *testing.T, records []dumpedLine, key dumpedLine, truncated bool, size int) []byte {
	t.Helper()
	sum := func(b []byte) []byte {
		if size == sha512.Size384 {
			hash := sha512.Sum384(b)
			return hash[:]
		}
		hash := sha256.Sum256(b)
		return hash[:]
	}
	var transcript []byte
	for i, place := range key.Covers {
		if i == 1 && place.Type == "hello_retry_request" {
			transcript = append([]byte{0xfe, 0, 0, byte(size)}, sum(transcript)...)
		}
		message, err := messageAt(records, key.Conn, place)
		if err != nil {
			t.Errorf("%s: %v", key.Name, err)
		}
		transcript = append(transcript, message...)
	}
	if truncated {
		transcript = transcript[:len(transcript)-2-1-size]
	}
	return sum(transcript)
}

func messageAt(records []dumpedLine, conn int, at dumpedPlace) ([]byte, error) {
	for _, r := range records {
		if r.Conn != conn || r.Dir != at.Dir || r.Lane != at.Lane || r.Seq == nil || *r.Seq != at.Seq {
			continue
		}
		if at.Message >= len(r.Messages) || r.Messages[at.Message].Type != at.Type {
			return nil, fmt.Errorf("no %s is message %d of record %d of the %s", at.Type, at.Message, at.Seq, at.Dir)
		}
		m := r.Messages[at.Message]
		if m.In != "" {
			return hex.DecodeString(m.Bytes)
		}
		return hex.DecodeString(r.Plaintext[2*m.Offset:][:2*m.Length])
	}
	return nil, fmt.Errorf("there is no record %d of the %s", at.Seq, at.Dir)
}

func hasKey(keys []dumpedLine, conn int, name string) bool {
	for _, l := range keys {
		if l.Conn == conn && l.Name == name {
			return true
		}
	}
	return false
}
