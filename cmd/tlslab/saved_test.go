package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"example.com/tlslab/docs"
	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"example.com/tlslab/inspect/lesson"
	"example.com/tlslab/inspect/report"
	"example.com/tlslab/kvs/stage"
	"example.com/tlslab/testdata/needs"
)

// A labSession is what the lab has recorded.
type labSession struct {
	name      string
	recording *inspect.Recording
}

// wires are what is done to a stage's session on its way, by name.
var wires = map[string]func() inspect.Gate{
	"alone":       func() inspect.Gate { return nil },
	"let through": func() inspect.Gate { return new(inspect.Rules) },
	"dropped":     func() inspect.Gate { return onSecond(inspect.FromServer, inspect.Drop) },
	"altered":     func() inspect.Gate { return onSecond(inspect.FromClient, inspect.Flip(-1, 0x01)) },
	"twice":       func() inspect.Gate { return onSecond(inspect.FromClient, inspect.Repeat(1)) },
	"held":        func() inspect.Gate { return onSecond(inspect.FromServer, inspect.Hold) },
	"cut":         func() inspect.Gate { return onSecond(inspect.FromServer, inspect.CutAfter(3)) },
}

func onSecond(from inspect.Sender, do inspect.Action) inspect.Gate {
	return &inspect.Rules{List: []inspect.Rule{{Match: inspect.Match{From: from, Nth: 2}, Do: do}}}
}

// labSessions are one of each scene on each of its channels, and of each stage, and each channel of kv, on each of the wires,
// on a clock that nobody has to wait for; and those that are kept.
func labSessions(t *testing.T) (all []labSession) {
	t.Helper()
	everyScene(t, func(t *testing.T, scene *lesson.Scene, channel string) {
		all = append(all, labSession{scene.Name + " on " + channel, playScene(t, scene, channel, false).Recording})
	})
	for _, name := range stage.Names() {
		channels := []string{""}
		if name == stage.NameKV {
			channels = stage.Channels()
		}
		for _, channel := range channels {
			for wire, gate := range wires {
				s := labSession{name: strings.TrimSpace(name+" "+channel) + ", " + wire}
				t.Run(s.name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { s.recording = conversed(t, name, channel, gate()) })
				})
				all = append(all, s)
			}
		}
	}
	for _, name := range []string{"tls12", "tls13", "refused", "tampered"} {
		all = append(all, labSession{"kept " + name, keptRecording(t, name)})
	}
	return all
}

// conversed has a stage play its own conversation, as far as it comes.
func conversed(t *testing.T, name, channel string, gate inspect.Gate) *inspect.Recording {
	t.Helper()
	entry, err := stage.New(name, stage.Options{Lang: docs.English, Keys: sealedKeys(), Channel: channel})
	if err != nil {
		t.Fatal(err)
	}
	tap := &inspect.Tap{Gate: gate}
	play, err := entry.Open(t.Context(), tap)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range entry.Conversation {
		ctx, done := context.WithTimeout(t.Context(), time.Minute)
		_, err := play.Do(ctx, command)
		done()
		if err != nil {
			break
		}
	}
	play.Close()
	tap.Close()
	return tap.Recording()
}

func saved(t *testing.T, rec *inspect.Recording) []byte {
	t.Helper()
	var file bytes.Buffer
	writer := capture.NewWriter(&file)
	if err := errors.Join(writer.Extend(rec), writer.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// reopened is a saved session as tlslab open reads it.
func reopened(t *testing.T, file []byte) *inspect.Recording {
	t.Helper()
	reader := capture.NewReader(nil)
	reader.Speaks(protocolNamed)
	opened := reader.Open(bytes.NewReader(file))
	for reader.Next() {
	}
	if err := opened.Err(); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	return reader.Recording()
}

func toldAsText(t *testing.T, rec *inspect.Recording) string {
	t.Helper()
	var out bytes.Buffer
	if err := (report.Text{Say: docs.For(docs.English)}).Writer(&out).Close(inspect.NewSession(rec)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestASavedSessionIsSavedAgainAsItWas(t *testing.T) {
	for _, s := range labSessions(t) {
		first := reopened(t, saved(t, s.recording))
		file := saved(t, first)
		second := reopened(t, file)
		if diff := cmp.Diff(toldAsText(t, first), toldAsText(t, second)); diff != "" {
			t.Errorf("%s (-opened +saved and opened again):\n%s", s.name, diff)
		}
		if !bytes.Equal(file, saved(t, second)) {
			t.Errorf("%s: saved again, the file is another", s.name)
		}
	}
}

// A connection that was tampered with is two. Each end's is held to what that end saw.
func TestASavedSessionSaysOfEachEndWhatItSawAndNothingThatItDidNot(t *testing.T) {
	divided := 0
	for _, s := range labSessions(t) {
		conns := make(map[string]*inspect.Connection)
		session, again := inspect.NewSession(s.recording), inspect.NewSession(reopened(t, saved(t, s.recording)))
		for _, c := range again.Connections() {
			conns[c.Opening.Addr[inspect.Client]] = c
		}
		for n, c := range session.Connections() {
			ends := [2]*inspect.Connection{conns[fmt.Sprintf("127.0.0.1:%d", 49152+n)]}
			if ends[inspect.Server] = conns[fmt.Sprintf("192.0.2.%d:%d", 1+n, 49152+n)]; ends[inspect.Server] == nil {
				ends[inspect.Server] = ends[inspect.Client]
			} else {
				divided++
			}
			if untouched := strings.HasSuffix(s.name, ", alone") || strings.HasSuffix(s.name, ", let through"); untouched && ends[0] != ends[1] {
				t.Errorf("%s: connection %d is divided", s.name, n)
			}
			for side, end := range ends {
				whose := inspect.Side(side)
				where := fmt.Sprintf("%s, connection %d, the %s's", s.name, n, whose)
				if end == nil {
					t.Fatalf("%s: is not in the file", where)
				}
				if end.Opening.Protocol != c.Opening.Protocol {
					t.Errorf("%s: speaks %s, and no longer %s", where, end.Opening.Protocol, c.Opening.Protocol)
				}
				sameRecords(t, where, c, end, whose)
				sameProofs(t, where, c.View(whose), end.View(whose))
				sameAlerts(t, where, alertsOf(session, c, whose), alertsOf(again, end, whose), ends[0] != ends[1])
			}
		}
	}
	if divided < 50 {
		t.Errorf("only %d connections are divided", divided)
	}
}

// sameRecords holds what one end sent, and what reached it, to what is saved: the same bytes, and as clear as they were. What
// was sent last and could not be delivered is saved as sent, and the file has the secrets of both ends.
func sameRecords(t *testing.T, where string, c, end *inspect.Connection, whose inspect.Side) {
	t.Helper()
	for _, from := range []inspect.Side{inspect.Client, inspect.Server} {
		want, got := c.View(whose).Records(from), end.View(whose).Records(from)
		if len(got) < len(want) || len(got) > len(want) && from == whose {
			t.Errorf("%s: %d records of the %s, %d saved", where, len(want), from, len(got))
			continue
		}
		inTurn := true
		for i, r := range want {
			inTurn = inTurn && r.Verdict == inspect.VerdictNone
			clear := r.Plaintext()
			if !inTurn { // of which the recording knows more than who received it
				clear = nil
			}
			if !bytes.Equal(r.Raw(), got[i].Raw()) || r.Name() != got[i].Name() || len(clear) > 0 && !bytes.Equal(clear, got[i].Plaintext()) {
				t.Errorf("%s: record %d of the %s is saved as another:\n%s %x %q\n%s %x %q", where, i, from, r.Name(), r.Raw(), clear, got[i].Name(), got[i].Raw(), got[i].Plaintext())
			}
		}
	}
}

// sameProofs holds the proofs of one end to those that are saved. Of a chain, a file does not know the roots.
func sameProofs(t *testing.T, where string, v, saved *inspect.View) {
	t.Helper()
	outcomes := func(v *inspect.View) map[string]inspect.Outcome {
		all := make(map[string]inspect.Outcome)
		for _, proof := range v.Verifications() {
			if proof.Kind != "certificate_chain" {
				all[fmt.Sprintf("%s in %x", proof.Kind, proof.Message.Bytes)] = proof.Outcome
			}
		}
		return all
	}
	again := outcomes(saved)
	for proof, outcome := range outcomes(v) {
		if again[proof] != outcome {
			t.Errorf("%s: %.40s was %s, and is %s", where, proof, outcome, again[proof])
		}
	}
}

// sameAlerts holds what is said of the alerts of one end to what became of them. Where the connection is divided, nothing is.
func sameAlerts(t *testing.T, where string, want, got []inspect.Item, divided bool) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%s: %d alerts, and %d", where, len(want), len(got))
		return
	}
	for i, alert := range got {
		if alert.Arrived && !want[i].Arrived && !alert.Record.Encrypted {
			continue // crypto/tls refuses one in clear where it awaits a protected one, and a file does not know that it was crypto/tls
		}
		if alert.Elsewhere != divided || !divided && alert.Arrived != want[i].Arrived {
			t.Errorf("%s: alert %d arrived: %t; said to: %t, elsewhere %t", where, i, want[i].Arrived, alert.Arrived, alert.Elsewhere)
		}
	}
}

// alertsOf are those that a side sent.
func alertsOf(s *inspect.Session, c *inspect.Connection, side inspect.Side) (all []inspect.Item) {
	for _, item := range s.Items() {
		if item.Kind == inspect.AlertItem && item.Conn == c.Conn && item.Side == side {
			all = append(all, item)
		}
	}
	return all
}

// allInOne is one recording of many, so that tshark is started once. Its connections keep the names of theirs.
func allInOne(sessions []labSession) (all *inspect.Recording, names []string) {
	all = new(inspect.Recording)
	for _, s := range sessions {
		firstConn, firstEvent := len(names), all.Len()
		for e := range s.recording.Events(0) {
			if e.Kind == inspect.Opened {
				names = append(names, fmt.Sprintf("%s, connection %d", s.name, e.Conn))
			}
			if e.Conn >= 0 {
				e.Conn += firstConn
			}
			if e.Cause >= 0 {
				e.Cause += firstEvent
			}
			all.Append(e)
		}
	}
	return all, names
}

// TestTsharkAndTheLabAgreeOnEverySavedSession: nothing but the file is given to tshark, which finds nothing wrong with it,
// the same connections and records, the same values in each field of the list, and the same clear text.
//
// Of a connection that was tampered with, each may stop where the other still reads on: tshark checks no tag, takes one
// secret of the two that were logged under one random, and shows no record that is cut off.
func TestTsharkAndTheLabAgreeOnEverySavedSession(t *testing.T) {
	program := needs.Program(t, "tshark")
	all, names := allInOne(labSessions(t))
	content := saved(t, all)
	file := filepath.Join(t.TempDir(), "all.pcapng")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	session := inspect.NewSession(reopened(t, content))
	fields := sharedFields(t)
	theirs, ours := asTshark(t, program, file, fields), asJSON(t, file, fields)
	if len(theirs) != len(ours) || len(theirs) != 2*len(session.Connections()) {
		t.Errorf("tshark has %d directions, the lines %d, the session %d connections", len(theirs), len(ours), len(session.Connections()))
	}
	whole := 0
	for _, c := range session.Connections() {
		name, touched := nameIn(t, names, c), tampered(session, c)
		for _, server := range []bool{false, true} {
			d := direction{c.Conn, server}
			if !touched && len(theirs[d]["tls.handshake.type"]) > 0 {
				whole++
			}
			for _, f := range fields {
				want, got := theirs[d][f.tshark], ours[d][f.tshark]
				if touched {
					want, got = asFarAsBoth(want, got)
				}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s of %s, server %t (-tshark +lines):\n%s", f.tshark, name, server, diff)
				}
			}
		}
	}
	if whole < 70 {
		t.Errorf("only %d directions with a handshake were compared as a whole", whole)
	}
	sameClearText(t, content, session, names)
	if out := tsharkOn(t, content, "-Y", `(tcp.analysis.flags && !tcp.analysis.window_update) || _ws.short || `+
		`ip.checksum.status == "Bad" || tcp.checksum.status == "Bad" || _ws.malformed && !tls || _ws.expert.severity == "Error" && !tls`); out != "" {
		t.Errorf("tshark remarks on:\n%s", out)
	}
}

// asFarAsBoth shortens two lists to where one of the two no longer decrypts: then a content type is that of the envelope.
func asFarAsBoth(theirs, ours []string) (a, b []string) {
	const applicationData = "23"
	n := min(len(theirs), len(ours))
	for i := range n {
		if theirs[i] != ours[i] && (theirs[i] == applicationData || ours[i] == applicationData) {
			n = i
			break
		}
	}
	return theirs[:n], ours[:n]
}

// nameIn is the name of the session and the connection that became this one, or a half of it.
func nameIn(t *testing.T, names []string, c *inspect.Connection) string {
	t.Helper()
	address, err := netip.ParseAddrPort(c.Opening.Addr[inspect.Client])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (%s)", names[address.Port()-49152], address)
}

// tampered reports whether a connection is one half of a divided one, or has a record that is cut off.
func tampered(s *inspect.Session, c *inspect.Connection) bool {
	for _, item := range s.Items() {
		if item.Conn == c.Conn && (item.Kind == inspect.NoteItem && (item.Because.Key == inspect.ClientsPart || item.Because.Key == inspect.ServersPart) ||
			item.Kind == inspect.RecordItem && item.Record.Truncated) {
			return true
		}
	}
	return false
}

// sameClearText holds the application data that tshark decrypts, by what stands in the file alone, to what the session has.
func sameClearText(t *testing.T, file []byte, session *inspect.Session, names []string) {
	t.Helper()
	var args []string
	for _, c := range session.Connections() {
		if c.WasTLS(session.Recording().Len()) && !tampered(session, c) {
			args = append(args, "-z", fmt.Sprintf("follow,tls,raw,%d", c.Conn))
		}
	}
	follow := regexp.MustCompile(`(?s)Filter: tcp\.stream eq (\d+)\nNode 0: [^\n]*:(\d+)\nNode 1: [^\n]*\n(.*?)={20}`)
	found := follow.FindAllStringSubmatch(tsharkOn(t, file, append([]string{"-q"}, args...)...), -1)
	if len(found) != len(args)/2 || len(found) < 70 {
		t.Errorf("tshark follows %d connections of %d", len(found), len(args)/2)
	}
	said := 0
	for _, stream := range found {
		n, _ := strconv.Atoi(stream[1])
		var theirs, ours [2]string
		for line := range strings.Lines(stream[3]) {
			side := inspect.Client
			if node0 := stream[2] == "8888"; strings.HasPrefix(line, "\t") != node0 {
				side = inspect.Server
			}
			theirs[side] += strings.TrimSpace(line)
		}
		c := session.Connections()[n]
		for _, side := range []inspect.Side{inspect.Client, inspect.Server} {
			for _, r := range c.View(side).Records(side) {
				if r.InnerType == inspect.ApplicationData {
					ours[side] += hex.EncodeToString(r.Plaintext())
				}
			}
		}
		said += len(ours[inspect.Client])
		if theirs != ours {
			t.Errorf("%s: tshark has the clear text %q, the session %q", nameIn(t, names, c), theirs, ours)
		}
	}
	if said == 0 {
		t.Error("nobody said anything")
	}
}

// tsharkOn has tshark read a file that no key log belongs to.
func tsharkOn(t *testing.T, file []byte, args ...string) string {
	t.Helper()
	program, name := needs.Program(t, "tshark"), filepath.Join(t.TempDir(), "session.pcapng")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, append([]string{"-r", name, "-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"}, args...)...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var complaints bytes.Buffer
	command.Stderr = &complaints
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	return string(out)
}
