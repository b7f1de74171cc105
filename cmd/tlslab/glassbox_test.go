package main

import (
	"bytes"
	"os"
	"testing"

	"example.com/tlslab/inspect"
	"example.com/tlslab/inspect/capture"
	"github.com/rogpeppe/go-internal/testscript"
)

// sessionIn reads a recording that the program has kept.
func sessionIn(ts *testscript.TestScript, name string) *inspect.Session {
	file, err := os.Open(ts.MkAbs(name))
	ts.Check(err)
	defer file.Close()
	recording, err := capture.Read(file)
	ts.Check(err)
	session := inspect.NewSession(recording)
	session.End()
	return session
}

// sameBytes is the command samebytes FILE FILE; how the two directions interleave does not matter.
func sameBytes(ts *testscript.TestScript, neg bool, args []string) {
	sent := [2][2][]byte{}
	for i, name := range args {
		for r := range sessionIn(ts, name).Records() {
			sent[i][r.Side] = append(sent[i][r.Side], r.Raw()...)
		}
		if len(sent[i][inspect.Client]) == 0 || len(sent[i][inspect.Server]) == 0 {
			ts.Fatalf("%s: a side has sent nothing", name)
		}
	}
	for side := range sent[0] {
		if bytes.Equal(sent[0][side], sent[1][side]) == neg {
			ts.Fatalf("what the %s sent is the same: %v", inspect.Side(side), neg)
		}
	}
}

// fromTheTop is the command fromthetop FILE: every value of each key schedule is known.
func fromTheTop(ts *testscript.TestScript, neg bool, args []string) {
	for _, c := range sessionIn(ts, args[0]).Connections() {
		values, missing := c.View(inspect.Client).Schedule(), 0
		for _, value := range values {
			if value.Bytes == nil {
				missing++
			}
		}
		if len(values) == 0 || (missing > 0) != neg {
			ts.Fatalf("connection %d: of %d values %d are not known", c.Conn, len(values), missing)
		}
	}
}

func TestWhatTheUserHasSetInGODEBUGStands(t *testing.T) {
	for before, after := range map[string]string{
		"":                                  "cryptocustomrand=1",
		"madvdontneed=1":                    "madvdontneed=1,cryptocustomrand=1",
		"cryptocustomrand=0":                "cryptocustomrand=0",
		"madvdontneed=1,cryptocustomrand=1": "madvdontneed=1,cryptocustomrand=1",
	} {
		t.Setenv("GODEBUG", before)
		if err := drawFromConfigRand(); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv("GODEBUG"); got != after {
			t.Errorf("%q became %q, want %q", before, got, after)
		}
	}
}

func TestLessonsUndoWhatGODEBUGChangesOfTLS(t *testing.T) {
	for before, after := range map[string]string{
		"":                                    "",
		"madvdontneed=1":                      "madvdontneed=1",
		"tlsmlkem=0":                          "",
		"madvdontneed=1,tlssha1=1,x509sha1=1": "madvdontneed=1",
		"cryptocustomrand=0":                  "",
		"cryptocustomrand=1,tlssecpmlkem=0,,": "cryptocustomrand=1",
	} {
		t.Setenv("GODEBUG", before)
		if err := teachDefaults(); err != nil {
			t.Fatal(err)
		}
		if got := os.Getenv("GODEBUG"); got != after {
			t.Errorf("%q became %q, want %q", before, got, after)
		}
	}
}
